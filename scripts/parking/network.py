"""The network over one bay, 64x64: five parts of inverted residual blocks, each with a layer to learn."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from scripts.onnx_files import halve_weights, write_network


class _Shape(NamedTuple):
    """Of a block: how many times as wide inside, channels out, kernel, stride."""

    wider: int
    outputs: int
    size: int
    stride: int


CHANNELS = (24, 40, 80, 112, 192)
"""Of the maps at the ends of the parts: those of the teacher, at the same places."""
FEATURES = sum(CHANNELS[1:])
_STEM = 32
_FIRST = (_Shape(1, 24, 3, 1), _Shape(3, 24, 3, 1))
_PARTS = (
    (_Shape(4, 40, 5, 2), _Shape(4, 40, 5, 1)),
    (_Shape(4, 80, 3, 2), _Shape(4, 80, 3, 1), _Shape(4, 80, 3, 1)),
    (_Shape(4, 112, 5, 1), _Shape(4, 112, 5, 1), _Shape(4, 112, 5, 1)),
    (_Shape(6, 192, 5, 2), _Shape(3, 192, 5, 1), _Shape(3, 192, 5, 1), _Shape(3, 192, 5, 1)),
)
_LARGE = 256  # weights in a tensor
_FARTHEST = 4.0


def _conv(inputs: int, outputs: int, size: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    kernel = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return [kernel, nn.BatchNorm2d(outputs)]


class _Block(nn.Module):
    """Inverted residual (Sandler et al., MobileNetV2, 2018)."""

    def __init__(self, inputs: int, shape: _Shape) -> None:
        super().__init__()
        wide = inputs * shape.wider
        self.residual = shape.stride == 1 and inputs == shape.outputs
        widening = [*_conv(inputs, wide), nn.ReLU()] if shape.wider > 1 else []
        self.layers = nn.Sequential(
            *widening,
            *_conv(wide, wide, shape.size, shape.stride, groups=wide),
            nn.ReLU(),
            *_conv(wide, shape.outputs),
        )

    def forward(self, found: Tensor) -> Tensor:
        inner: Tensor = self.layers(found)
        return found + inner if self.residual else inner


def _part(inputs: int, shapes: tuple[_Shape, ...]) -> list[nn.Module]:
    blocks = []
    for shape in shapes:
        blocks.append(_Block(inputs, shape))
        inputs = shape.outputs
    return [*blocks]


def pooled(maps: list[Tensor]) -> Tensor:
    """Return the means of all maps but the first over the picture, (n, 424)."""
    return torch.cat([each.mean(dim=(2, 3)) for each in maps[1:]], dim=1)


def scaled(features: Tensor, level: Tensor, spread: Tensor) -> Tensor:
    """Return pooled features around 0, spread by 1, nothing farther than 4."""
    return ((features - level) / spread).clamp(-_FARTHEST, _FARTHEST)


class Bay(nn.Module):
    """float32 (n, 3, 64, 64), 0..255, BGR, to logits of `occupied` (n,)."""

    def __init__(self) -> None:
        super().__init__()
        first = [*_conv(3, _STEM, 5, 2), nn.ReLU(), *_part(_STEM, _FIRST)]
        later = [_part(given, shapes) for given, shapes in zip(CHANNELS[:-1], _PARTS, strict=True)]
        self.parts = nn.ModuleList([nn.Sequential(*first), *(nn.Sequential(*each) for each in later)])
        self.head = nn.Linear(FEATURES, 1)
        self.level: Tensor
        self.spread: Tensor
        self.register_buffer("level", torch.zeros(FEATURES))
        self.register_buffer("spread", torch.ones(FEATURES))

    def maps(self, images: Tensor, given: list[Tensor] | None = None) -> list[Tensor]:
        """Return the maps at the ends of the parts; each begins from the one before it, or from `given`."""
        found: list[Tensor] = []
        for number, part in enumerate(self.parts):
            if number == 0:
                before = (images - 127) / 128
            else:
                before = given[number - 1] if given else found[number - 1]
            found.append(part(before))
        return found

    def features(self, maps: list[Tensor]) -> Tensor:
        """Return the pooled maps around 0, spread by 1, (n, 424), as the linear layer takes them."""
        return scaled(pooled(maps), self.level, self.spread)

    def judged(self, maps: list[Tensor]) -> Tensor:
        """Return the logits of `occupied` (n,)."""
        logits: Tensor = self.head(self.features(maps))[:, 0]
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of `occupied` (n,)."""
        return self.judged(self.maps(images))


class _Exported(nn.Module):
    """The network with its sigmoid, (n, 1)."""

    def __init__(self, network: Bay) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.network(images))[:, None]


def export(network: Bay, path: Path) -> None:
    """Write the network as ONNX, its weights with half their size."""
    example = torch.zeros(1, 3, 64, 64)
    write_network(_Exported(network).eval(), example, path, ("bay", "occupied"), any_number=True)
    halve_weights(path, _LARGE)
