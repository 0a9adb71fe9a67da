"""The network: inverted residual blocks over a log-mel picture; each learns from a layer of a teacher."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edge.dsp.log_mel import BANDS, SHAPE
from scripts.onnx_files import halve_weights, write_network
from scripts.street_sound.labels import OUTPUTS

EMBEDDING, TAGS, YAMNET_TAGS = 384, 527, 521
_SECOND = 256  # features for what YAMNet hears and mn04 does not
_TAUGHT = EMBEDDING + _SECOND
_INNER = 512  # between mn04's embedding and its tags
_FOR_TAGS = _TAUGHT + _INNER
_BRANCH = 12  # the layer from which the second features grow, and that of the spectrum
_SPECTRUM = 48 * BANDS // 16  # its channels at each of its heights, averaged over time
FEATURES = _TAUGHT + _SPECTRUM


class _Shape(NamedTuple):
    """Of a block: width inside, channels out, kernel, stride, whether gated, whether it bends softly."""

    wide: int
    outputs: int
    size: int
    stride: int
    gated: bool
    soft: bool


# Channels out, strides and gates are those of the teacher, so that each block has a layer to learn from.
_BLOCKS = (
    _Shape(8, 8, 3, 1, False, False),
    _Shape(24, 16, 3, 2, False, False),
    _Shape(40, 16, 3, 1, False, False),
    _Shape(40, 16, 5, 2, True, False),
    _Shape(56, 16, 5, 1, True, False),
    _Shape(56, 16, 5, 1, True, False),
    _Shape(120, 32, 3, 2, False, True),
    _Shape(96, 32, 3, 1, False, True),
    _Shape(88, 32, 3, 1, False, True),
    _Shape(88, 32, 3, 1, False, True),
    _Shape(240, 48, 3, 1, True, True),
    _Shape(336, 48, 3, 1, True, True),
    _Shape(336, 64, 5, 2, True, True),
    _Shape(480, 64, 5, 1, True, True),
    _Shape(480, 64, 5, 1, True, True),
)
_LARGE = 256  # weights in a tensor


def layout(device: torch.device) -> torch.memory_format:
    """Return how maps lie in memory: on a CPU channels last takes half the time."""
    return torch.channels_last if device.type == "cpu" else torch.contiguous_format


def _conv(inputs: int, outputs: int, size: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    kernel = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return [kernel, nn.BatchNorm2d(outputs)]


class _Gate(nn.Module):
    """Squeeze and excitation (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inside = max(8, channels // 32 * 8)
        self.squeeze, self.excite = nn.Conv2d(channels, inside, 1), nn.Conv2d(inside, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        inside = torch.relu(self.squeeze(x.mean(dim=(2, 3), keepdim=True)))
        return x * torch.sigmoid(self.excite(inside))


class _Block(nn.Module):
    """Inverted residual (Sandler et al. 2018; Howard et al. 2019)."""

    def __init__(self, inputs: int, shape: _Shape) -> None:
        super().__init__()
        wide, bend = shape.wide, nn.Hardswish if shape.soft else nn.ReLU
        parts = [*_conv(inputs, wide), bend()] if wide != inputs else []
        parts += [*_conv(wide, wide, shape.size, shape.stride, groups=wide), bend()]
        parts += [_Gate(wide)] if shape.gated else []
        self.main = nn.Sequential(*parts, *_conv(wide, shape.outputs))
        self.adds = shape.stride == 1 and inputs == shape.outputs

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.main(x)
        return x + change if self.adds else change


class StreetNet(nn.Module):
    """(n, 1, BANDS, FRAMES) to features, and in training to what the teachers say.

    `answer` says in training what simulated sounds are; what ships answers by Judge.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = [8, *(block.outputs for block in _BLOCKS)]
        blocks = [_Block(inputs, shape) for inputs, shape in zip(widths[:-1], _BLOCKS, strict=True)]
        stem = nn.Sequential(*_conv(1, 8, 3, 2), nn.Hardswish())
        top = nn.Sequential(*_conv(widths[-1], EMBEDDING), nn.Hardswish())
        self.layers = nn.ModuleList([stem, *blocks, top])
        branch = _Block(widths[_BRANCH], _Shape(192, 96, 5, 2, True, True))
        self.branch = nn.Sequential(branch, *_conv(96, _SECOND), nn.Hardswish())
        self.neck = nn.Sequential(nn.Linear(2 * _SECOND, _SECOND), nn.ReLU())
        self.drop = nn.Dropout(0.1)
        self.answer = nn.Linear(_TAUGHT, len(OUTPUTS))
        self.inner = nn.Sequential(nn.Linear(EMBEDDING, _INNER), nn.Hardswish())
        self.tags = nn.Linear(_FOR_TAGS, TAGS)
        self.yamnet = nn.Linear(_FOR_TAGS, YAMNET_TAGS)

    def forced(self, pictures: Tensor, layers: Sequence[Tensor], few: int, first: int) -> list[Tensor]:
        """Return each layer's output from what the teacher's layer before it gives.

        Args:
            pictures: (n, 1, BANDS, FRAMES).
            layers: the teacher's.
            few: how many of the pictures the layers below `first` see: their maps have many places.
            first: see `few`.
        """
        given = [pictures, *layers[:-1]]
        return [
            layer(x[:few] if k < first else x)
            for k, (layer, x) in enumerate(zip(self.layers, given, strict=True))
        ]

    def chain(self, pictures: Tensor) -> list[Tensor]:
        """Return each layer's output from what the layer before it gives."""
        found = []
        for layer in self.layers:
            pictures = layer(pictures)
            found.append(pictures)
        return found

    def gathered(self, layers: Sequence[Tensor]) -> Tensor:
        """Return the features that are taught, and those for the tags, from the layers' outputs."""
        second = self.branch(layers[_BRANCH])
        pooled = torch.cat([second.mean(dim=(2, 3)), second.amax(dim=(2, 3))], dim=1)
        embedding = layers[-1].mean(dim=(2, 3))
        return torch.cat([embedding, self.neck(pooled), self.inner(embedding)], dim=1)

    def features(self, pictures: Tensor) -> Tensor:
        """(n, 1, BANDS, FRAMES) to (n, FEATURES + more for the tags): taught, for the tags, the spectrum.

        The embedding is averaged over the picture, so it forgets where in frequency something was; the
        spectrum of a layer before it tells.
        """
        layers = self.chain(pictures)
        return torch.cat([self.gathered(layers), layers[_BRANCH].mean(dim=3).flatten(1)], dim=1)

    def said(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features, with the spectrum or without, to logits of OUTPUTS, mn04's tags, YAMNet's tags."""
        features = features[:, :_FOR_TAGS]
        return self.answer(self.drop(features[:, :_TAUGHT])), self.tags(features), self.yamnet(features)


class Judge(nn.Module):
    """Logits of OUTPUTS from the features and from the tags that the network itself has learned to give.

    The evidence is the features and, of each teacher, the largest logit among the tags of each of OUTPUTS.
    `answer`, the last layer, is what `head` fits.
    """

    def __init__(self, net: StreetNet, families: tuple[list[list[int]], list[list[int]]]) -> None:
        super().__init__()
        self.tags, self.sizes = nn.ModuleList(), [[len(f) for f in family] for family in families]
        for layer, family in zip((net.tags, net.yamnet), families, strict=True):
            rows = [k for columns in family for k in columns]
            chosen = nn.Linear(_FOR_TAGS, len(rows))
            chosen.weight.data.copy_(layer.weight.data[rows])
            chosen.bias.data.copy_(layer.bias.data[rows])
            self.tags.append(chosen.requires_grad_(requires_grad=False))
        self.answer = nn.Linear(FEATURES + 2 * len(OUTPUTS), len(OUTPUTS))

    def evidence(self, features: Tensor) -> Tensor:
        """Features to (n, FEATURES + 2 * len(OUTPUTS))."""
        found = [
            part.amax(dim=1, keepdim=True)
            for layer, sizes in zip(self.tags, self.sizes, strict=True)
            for part in torch.split(layer(features[:, :_FOR_TAGS]), sizes, dim=1)
        ]
        return torch.cat([features[:, :_TAUGHT], features[:, _FOR_TAGS:], *found], dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """Features to (n, len(OUTPUTS))."""
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
    write_network(whole, torch.zeros(2, *SHAPE), path, ("log_mel", "probabilities"), any_number=True)
    halve_weights(path, _LARGE)
