"""What other cameras, weathers and hours do to a bay: drawn anew for each picture of each epoch."""

import math

import torch
from torch.nn import functional


def augmented(images: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
    """Return float32 pictures (n, 3, h, w), 0..255, changed: place, lines, light, sharpness, noise.

    The dice lie where the pictures do.
    """
    images = _warped(images, dice)
    images = _lined(images, dice)
    images = _foreign_objects(images, dice)
    images = _lit(images, dice)
    return _grained(images, dice)


def _uniform(count: int, low: float, high: float, dice: torch.Generator) -> torch.Tensor:
    return low + (high - low) * torch.rand(count, generator=dice, device=dice.device)


def _chosen(count: int, share: float, dice: torch.Generator) -> torch.Tensor:
    return (torch.rand(count, generator=dice, device=dice.device) < share).float().view(-1, 1, 1, 1)


def _warped(images: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
    """Turn, scale, squeeze, shift, mirror: bays are drawn by hand."""
    n = len(images)
    turn = _uniform(n, -0.35, 0.35, dice)
    quarter = (torch.rand(n, generator=dice, device=dice.device) < 0.35).float() * (math.pi / 2)
    turn = turn + quarter
    zoom = _uniform(n, 0.75, 1.15, dice)
    squeeze = _uniform(n, 0.8, 1.25, dice)
    mirror = torch.where(torch.rand(n, generator=dice, device=dice.device) < 0.5, -1.0, 1.0)
    matrix = torch.zeros(n, 2, 3, device=dice.device)
    matrix[:, 0, 0] = turn.cos() * zoom * squeeze * mirror
    matrix[:, 0, 1] = -turn.sin() * zoom
    matrix[:, 1, 0] = turn.sin() * zoom * mirror
    matrix[:, 1, 1] = turn.cos() * zoom / squeeze
    matrix[:, 0, 2] = _uniform(n, -0.12, 0.12, dice)
    matrix[:, 1, 2] = _uniform(n, -0.12, 0.12, dice)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _lined(images: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
    """Paint bay markings and the edges of shadows over both states: a line is no car."""
    n, _, height, width = images.shape
    rows = torch.linspace(-1, 1, height, device=dice.device).view(1, 1, -1, 1)
    columns = torch.linspace(-1, 1, width, device=dice.device).view(1, 1, 1, -1)
    for number in range(5):
        # The first two run along the sides, as a bay's own markings do; the others anywhere.
        beside = number < 2
        angle = _uniform(n, -0.5, 0.5, dice) + (0 if beside else 1) * _uniform(n, 0, math.pi, dice)
        offset = (0.8 if number else -0.8) * torch.full((n,), float(beside), device=dice.device)
        offset = offset + _uniform(n, -0.25, 0.25, dice) * (1 if beside else 3)
        broad = _uniform(n, 0.01, 0.09, dice).view(-1, 1, 1, 1)
        across = columns * angle.cos().view(-1, 1, 1, 1) + rows * angle.sin().view(-1, 1, 1, 1)
        across = across - offset.view(-1, 1, 1, 1)
        line = (broad - across.abs()).mul(24).clamp(0, 1) * _chosen(n, 0.35 if beside else 0.2, dice)
        paint = _uniform(n, 140, 255, dice).view(-1, 1, 1, 1)
        images = images + line * (paint - images).clamp(min=0)
    angle = _uniform(n, 0, 2 * math.pi, dice).view(-1, 1, 1, 1)
    side = (columns * angle.cos() + rows * angle.sin() - _uniform(n, -1, 1, dice).view(-1, 1, 1, 1)).mul(8)
    shade = 1 - side.sigmoid() * _uniform(n, 0.2, 0.65, dice).view(-1, 1, 1, 1) * _chosen(n, 0.4, dice)
    return images * shade


def _foreign_objects(images: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
    """Copy a strip at the border from another picture of any state: a neighbour is not in the bay."""
    n, _, height, width = images.shape
    others = images[torch.randperm(n, generator=dice, device=dice.device)]
    rows = torch.linspace(-1, 1, height, device=dice.device).view(1, 1, -1, 1)
    columns = torch.linspace(-1, 1, width, device=dice.device).view(1, 1, 1, -1)
    angle = _uniform(n, 0, 2 * math.pi, dice).view(-1, 1, 1, 1)
    from_here = _uniform(n, 0.6, 0.95, dice).view(-1, 1, 1, 1)
    strip = ((columns * angle.cos() + rows * angle.sin()) > from_here).float() * _chosen(n, 0.35, dice)
    return images * (1 - strip) + others * strip


def _lit(images: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
    n = len(images)
    grey = images.mean(dim=1, keepdim=True)
    colour = _uniform(n, 0.0, 1.3, dice).view(-1, 1, 1, 1)
    images = grey + (images - grey) * colour
    tint = 1 + 0.15 * (torch.rand(n, 3, 1, 1, generator=dice, device=dice.device) - 0.5) * 2
    gain = _uniform(n, 0.35, 1.5, dice).view(-1, 1, 1, 1)
    lift = _uniform(n, -30, 30, dice).view(-1, 1, 1, 1)
    gamma = _uniform(n, 0.6, 1.8, dice).view(-1, 1, 1, 1)
    return 255 * ((images * tint * gain + lift).clamp(1, 255) / 255) ** gamma


def _grained(images: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
    n, _, height, width = images.shape
    small = functional.interpolate(images, scale_factor=0.35, mode="area")
    small = functional.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)
    images = torch.where(_chosen(n, 0.35, dice) > 0, small, images)
    noise = torch.randn(images.shape, generator=dice, device=dice.device) * _uniform(n, 0, 12, dice).view(
        -1, 1, 1, 1
    )
    return (images + noise).clamp(0, 255)
