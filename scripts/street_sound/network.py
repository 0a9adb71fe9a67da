"""The network: a small residual CNN over a log-mel picture; heads learn from labels and from a teacher."""

from pathlib import Path

import torch
from torch import Tensor, nn

from edge.dsp.log_mel import SHAPE
from scripts.street_sound.labels import OUTPUTS

EMBEDDING, TAGS, YAMNET_TAGS = 384, 527, 521
FEATURES = 256
_HEIGHT = SHAPE[0] // 16  # of the last map, over the bands


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
    """(n, 1, BANDS, FRAMES) to logits of OUTPUTS, and in training what the teachers say."""

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
        self.over_bands = nn.Conv2d(256, 256, (_HEIGHT, 1), groups=256)
        nn.init.constant_(self.over_bands.weight, 1 / _HEIGHT)
        self.neck = nn.Sequential(nn.Linear(512, FEATURES), nn.ReLU())
        self.drop = nn.Dropout(0.1)
        self.answer = nn.Linear(FEATURES, len(OUTPUTS))
        self.embedding = nn.Linear(FEATURES, EMBEDDING)
        self.tags = nn.Linear(FEATURES, TAGS)
        self.yamnet = nn.Linear(FEATURES, YAMNET_TAGS)

    def features(self, pictures: Tensor) -> Tensor:
        """(n, FEATURES)."""
        maps = self.over_bands(self.trunk(pictures))[:, :, 0]
        return self.neck(torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(n, 1, BANDS, FRAMES) to logits, mn04's embedding, mn04's tags, YAMNet's tags."""
        features = self.features(pictures)
        answers = self.answer(self.drop(features))
        return answers, self.embedding(features), self.tags(features), self.yamnet(features)


_PRIOR = 0.3  # weight with which a class's own tags enter its logit before anything is fitted


class Judge(nn.Module):
    """Logits of OUTPUTS from the features and from the tags that the network itself has learned to give.

    The evidence is the features and, of each teacher, the largest logit among the tags of each of OUTPUTS.
    """

    def __init__(self, net: StreetNet, families: tuple[list[list[int]], list[list[int]]]) -> None:
        super().__init__()
        self.tags, self.sizes = nn.ModuleList(), [[len(f) for f in family] for family in families]
        for layer, family in zip((net.tags, net.yamnet), families, strict=True):
            rows = [k for columns in family for k in columns]
            chosen = nn.Linear(FEATURES, len(rows))
            chosen.weight.data.copy_(layer.weight.data[rows])
            chosen.bias.data.copy_(layer.bias.data[rows])
            self.tags.append(chosen.requires_grad_(requires_grad=False))
        self.answer = nn.Linear(FEATURES + 2 * len(OUTPUTS), len(OUTPUTS))
        self.answer.weight.data[:, :FEATURES] = net.answer.weight.data
        count = len(OUTPUTS)
        self.answer.weight.data[:, FEATURES:] = _PRIOR * torch.eye(count).repeat(1, 2)
        self.answer.bias.data.copy_(net.answer.bias.data)

    def evidence(self, features: Tensor) -> Tensor:
        """(n, FEATURES) to (n, FEATURES + 2 * len(OUTPUTS))."""
        found = [
            part.amax(dim=1, keepdim=True)
            for layer, sizes in zip(self.tags, self.sizes, strict=True)
            for part in torch.split(layer(features), sizes, dim=1)
        ]
        return torch.cat([features, *found], dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """(n, FEATURES) to (n, len(OUTPUTS))."""
        return self.answer(self.evidence(features))


class Shipped(nn.Module):
    """What is exported: calibrated probabilities, sigmoid(slope * logit + offset)."""

    def __init__(self, net: StreetNet, judge: Judge, slope: list[float], offset: list[float]) -> None:
        super().__init__()
        self.net, self.judge = net, judge
        self.register_buffer("slope", torch.tensor(slope))
        self.register_buffer("offset", torch.tensor(offset))

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, BANDS, FRAMES) to probabilities."""
        logits = self.judge(self.net.features(pictures[:, None]))
        return torch.sigmoid(self.slope * logits + self.offset)


def export(
    net: StreetNet,
    judge: Judge,
    path: Path,
    slope: list[float] | None = None,
    offset: list[float] | None = None,
) -> None:
    """Write ONNX: input `log_mel` (n, BANDS, FRAMES), output `probabilities` (n, len(OUTPUTS))."""
    count = len(OUTPUTS)
    whole = Shipped(net, judge, slope or [1.0] * count, offset or [0.0] * count).eval()
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
