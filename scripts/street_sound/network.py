"""The network: a small residual CNN over a log-mel picture; heads learn from labels and from a teacher."""

from pathlib import Path

import torch
from torch import Tensor, nn

from edge.dsp.log_mel import SHAPE
from scripts.street_sound.labels import OUTPUTS

EMBEDDING, TAGS = 384, 527


def _conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)
    )


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(_conv(inputs, outputs, 3, stride), nn.ReLU(), _conv(outputs, outputs, 3))
        same = stride == 1 and inputs == outputs
        self.skip = nn.Identity() if same else _conv(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.main(x) + self.skip(x))


class _Separable(nn.Sequential):
    """Depthwise, then pointwise convolution (Howard et al. 2017)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        super().__init__(depthwise, nn.BatchNorm2d(inputs), nn.ReLU(), _conv(inputs, outputs, 1), nn.ReLU())


class StreetNet(nn.Module):
    """(n, 1, BANDS, FRAMES) to logits of OUTPUTS, and in training the teacher's embedding and tag logits."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            _conv(1, 16, 3, 2),
            nn.ReLU(),
            _Residual(16, 32, 2),
            _Residual(32, 64, 2),
            _Residual(64, 128, 2),
            _Separable(128, 256),
        )
        self.neck = nn.Sequential(nn.Linear(512, 256), nn.ReLU())
        self.drop = nn.Dropout(0.2)
        self.answer = nn.Linear(256, len(OUTPUTS))
        self.embedding = nn.Linear(256, EMBEDDING)
        self.tags = nn.Linear(256, TAGS)

    def features(self, pictures: Tensor) -> Tensor:
        """(n, 256)."""
        maps = self.trunk(pictures).mean(dim=2)
        return self.neck(torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, 1, BANDS, FRAMES) to logits, embedding, tags."""
        features = self.features(pictures)
        return self.answer(self.drop(features)), self.embedding(features), self.tags(features)


class Shipped(nn.Module):
    """What is exported: calibrated probabilities, sigmoid(slope * logit + offset)."""

    def __init__(self, net: StreetNet, slope: list[float], offset: list[float]) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("slope", torch.tensor(slope))
        self.register_buffer("offset", torch.tensor(offset))

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, BANDS, FRAMES) to probabilities."""
        logits = self.net.answer(self.net.features(pictures[:, None]))
        return torch.sigmoid(self.slope * logits + self.offset)


def export(
    net: StreetNet, path: Path, slope: list[float] | None = None, offset: list[float] | None = None
) -> None:
    """Write ONNX: input `log_mel` (n, BANDS, FRAMES), output `probabilities` (n, len(OUTPUTS))."""
    count = len(OUTPUTS)
    whole = Shipped(net, slope or [1.0] * count, offset or [0.0] * count).eval()
    torch.onnx.export(
        whole,
        (torch.zeros(2, *SHAPE),),
        str(path),
        input_names=["log_mel"],
        output_names=["probabilities"],
        dynamic_axes={"log_mel": {0: "n"}, "probabilities": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
