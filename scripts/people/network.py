"""The network of models/people: partial stages of plain convolutions, a pyramid of three levels, light heads.

All activations are ReLU, which the convolution before it does on its way; the outputs of stages are linear.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from scripts.people.corpus import CLASSES


def conv(given: int, made: int, size: int = 1, stride: int = 1, active: bool = True) -> Any:
    """Return a convolution with its normalisation and, if active, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(given, made, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(made),
    ]
    if active:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def split(given: int, made: int, stride: int = 1) -> Any:
    """Return 3x3 of each channel by itself, then 1x1 of all with ReLU."""
    each = nn.Conv2d(given, given, 3, stride, 1, groups=given, bias=False)
    return nn.Sequential(each, conv(given, made))


class Unit(nn.Module):
    """1x1, then 3x3 and 1x1; around them what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(conv(width, width), split(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Float32 (n, width, h, w) to the same."""
        made: Tensor = x + self.inner(x)
        return made


class Partial(nn.Module):
    """Half of the channels pass through units, the other half past them."""

    def __init__(self, given: int, made: int, units: int) -> None:
        super().__init__()
        half = made // 2
        self.past, self.enter = conv(given, half), conv(given, half)
        self.units = nn.Sequential(*(Unit(half) for _ in range(units)))
        self.leave = conv(made, made, active=False)

    def forward(self, x: Tensor) -> Tensor:
        """Float32 (n, given, h, w) to (n, made, h, w)."""
        made: Tensor = self.leave(torch.cat([self.past(x), self.units(self.enter(x))], dim=1))
        return made


class Widened(nn.Module):
    """Pools of three sizes beside what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter = conv(width, width // 2)
        self.leave = conv(width * 2, width)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Float32 (n, width, h, w) to the same."""
        levels = [self.enter(x)]
        for _ in range(3):
            levels.append(self.pool(levels[-1]))
        made: Tensor = self.leave(torch.cat(levels, dim=1))
        return made


class Neck(nn.Module):
    """Down the pyramid and up again."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral5, self.lateral4 = conv(256, 128), conv(128, 64)
        self.mix4, self.mix3 = Partial(256, 128, 2), Partial(128, 64, 2)
        self.down3, self.down4 = split(64, 64, 2), split(128, 128, 2)
        self.out4, self.out5 = Partial(128, 128, 2), Partial(256, 256, 2)

    def forward(self, c3: Tensor, c4: Tensor, c5: Tensor) -> list[Tensor]:
        """Levels of strides 8, 16, 32 with 64, 128, 256 channels, to the same shapes."""
        t5 = self.lateral5(c5)
        t4 = self.lateral4(self.mix4(torch.cat([_twice(t5), c4], dim=1)))
        p3 = self.mix3(torch.cat([_twice(t4), c3], dim=1))
        p4 = self.out4(torch.cat([self.down3(p3), t4], dim=1))
        p5 = self.out5(torch.cat([self.down4(p4), t5], dim=1))
        return [p3, p4, p5]


def _twice(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


class Head(nn.Module):
    """One level's rows: box, objectness, classes."""

    def __init__(self, given: int) -> None:
        super().__init__()
        self.stem = conv(given, 64)
        self.box = nn.Sequential(split(64, 64), split(64, 64))
        self.kind = nn.Sequential(split(64, 64), split(64, 64))
        self.box_out, self.kind_out = nn.Conv2d(64, 5, 1), nn.Conv2d(64, len(CLASSES), 1)
        nn.init.constant_(self.kind_out.bias, -3.0)
        nn.init.constant_(self.box_out.bias[4:], -4.0)

    def forward(self, x: Tensor) -> Tensor:
        """Float32 (n, given, h, w) to logits (n, 11, h, w)."""
        x = self.stem(x)
        return torch.cat([self.box_out(self.box(x)), self.kind_out(self.kind(x))], dim=1)


class People(nn.Module):
    """The whole network."""

    def __init__(self) -> None:
        super().__init__()
        self.stage2 = nn.Sequential(conv(3, 16, 3, 2), conv(16, 32, 3, 2), Partial(32, 32, 2))
        self.stage3 = nn.Sequential(split(32, 64, 2), Partial(64, 64, 4))
        self.stage4 = nn.Sequential(split(64, 128, 2), Partial(128, 128, 6))
        self.stage5 = nn.Sequential(split(128, 256, 2), Widened(256), Partial(256, 256, 4))
        self.neck = Neck()
        self.heads = nn.ModuleList([Head(64), Head(128), Head(256)])

    def forward(self, pictures: Tensor) -> Tensor:
        """BGR 0..255, (n, 3, h, w), to rows of logits (n, rows, 11)."""
        c2 = self.stage2(pictures / 255)
        c3 = self.stage3(c2)
        c4 = self.stage4(c3)
        c5 = self.stage5(c4)
        levels = self.neck(c3, c4, c5)
        return self.rows(levels)

    def rows(self, levels: Sequence[Tensor]) -> Tensor:
        """Levels of the neck to rows of logits (n, rows, 11)."""
        parts = [head(level).flatten(2) for head, level in zip(self.heads, levels, strict=True)]
        return torch.cat(parts, dim=2).transpose(1, 2)


class Shipped(nn.Module):
    """The network as it ships: probabilities in place of logits."""

    def __init__(self, network: People) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """(1, 3, 416, 416) to (1, 3549, 11), as edge.vision.yolox.decoded reads it."""
        rows = self.network(pictures)
        return torch.cat([rows[..., :4], rows[..., 4:].sigmoid()], dim=2)
