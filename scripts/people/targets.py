"""What the network shall say of pictures: the teacher's rows, corrected by agreed boxes and labels."""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from scripts.people.corpus import CLASSES
from scripts.people.teachers import grid_of

LOWEST = 0.3
"""Score from which on a box is a target; weaker ones are left to what the teacher's rows say."""
_MOST_ROWS = 8
_SUMMED = 10
_NEAR = 2.5
_CONFIDENT = 0.15


@dataclass(frozen=True)
class Targets:
    """The rows of a batch.

    Attributes:
        rows: (n, rows, 11): centre and size as the network gives them, probabilities.
        weight: (n, rows): how much the box and the class of each row count.
        near: (n, rows): 1 in boxes, 0 outside.
    """

    rows: Tensor
    weight: Tensor
    near: Tensor


@functools.cache
def grid_on(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return cell (rows, 2) and stride (rows,) of each row of pictures of this side."""
    cells, strides = grid_of((side, side))
    return torch.from_numpy(cells).to(device), torch.from_numpy(strides[:, 0].copy()).to(device)


def targets_of(said: Tensor, boxes: Tensor, side: int) -> Targets:
    """Combine the teacher's rows (n, rows, 11) and boxes (n, most, 6) of pictures of this side.

    Args:
        said: float32, as `Guide.look` gives them.
        boxes: float32, corners, score, class; what fills up has the score 0.
        side: of the pictures, pixels.
    """
    cells, strides = grid_on(side, said.device)
    counted = (boxes[..., 4] > LOWEST)[..., None]
    inside, off = _places((cells + 0.5) * strides[:, None], strides, boxes)
    inside &= counted
    suited = ((off < 1) & counted) | (inside & (off < _NEAR))
    shared = _overlaps(boxes, _corners(said, cells, strides))
    owner, best = _owners(torch.where(suited, _quality(said, boxes, shared, strides), 0.0), shared)
    won = best > 0
    fits = shared.gather(1, owner[:, None])[:, 0]
    box = boxes.gather(1, owner[..., None].expand(-1, -1, boxes.shape[2]))
    presence = torch.maximum(said[..., 4], box[..., 4])
    kinds = functional.one_hot(box[..., 5].long(), len(CLASSES)) * (0.4 + 0.6 * fits)[..., None]
    told = torch.cat(
        [
            (box[..., :2] + box[..., 2:4]) / 2 / strides[:, None] - cells,
            ((box[..., 2:4] - box[..., :2]).clamp(min=1) / strides[:, None]).log(),
            presence[..., None],
            torch.maximum(0.6 * said[..., 5:], kinds),
        ],
        dim=2,
    )
    weight = torch.where(said[..., 4] > _CONFIDENT, said[..., 4], 0.0)
    return Targets(
        torch.where(won[..., None], told, said),
        torch.where(won, torch.maximum(weight, box[..., 4]), weight),
        inside.any(dim=1).float(),
    )


def _places(centre: Tensor, strides: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Return whether each centre is in each box, and how many cells from its middle, (n, most, rows)."""
    x, y = centre.T
    left, top, right, bottom = (boxes[..., number, None] for number in range(4))
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    off = torch.maximum((x - (left + right) / 2).abs(), (y - (top + bottom) / 2).abs()) / strides
    return inside, off


def _corners(said: Tensor, cells: Tensor, strides: Tensor) -> Tensor:
    centre = (said[..., :2] + cells) * strides[:, None]
    half = said[..., 2:4].clamp(max=8).exp() * strides[:, None] / 2
    return torch.cat([centre - half, centre + half], dim=2)


def _overlaps(boxes: Tensor, corners: Tensor) -> Tensor:
    """Return intersection over union, (n, most, rows); 0 for boxes without an area."""
    a, b = boxes[:, :, None], corners[:, None]
    wide = (torch.minimum(a[..., 2], b[..., 2]) - torch.maximum(a[..., 0], b[..., 0])).clamp(min=0)
    tall = (torch.minimum(a[..., 3], b[..., 3]) - torch.maximum(a[..., 1], b[..., 1])).clamp(min=0)
    shared = wide * tall
    union = _areas(a) + _areas(b) - shared
    return torch.where(union > 0, shared / union.clamp(min=1e-9), 0.0)


def _areas(corners: Tensor) -> Tensor:
    return (corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1])


def _quality(said: Tensor, boxes: Tensor, shared: Tensor, strides: Tensor) -> Tensor:
    """How well each row suits each box, (n, most, rows): teacher's score, overlap, the level for its size."""
    kinds = boxes[..., 5].long()[..., None].expand(-1, -1, said.shape[1])
    score = said[..., 4][:, None] * said[..., 5:].transpose(1, 2).gather(1, kinds)
    side = _areas(boxes).clamp(min=16).sqrt()[..., None]
    level = (-(side / (5 * strides)).log2().abs()).exp()
    return (0.02 + score) ** 0.4 * (0.05 + shared) * level**0.5


def _owners(quality: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
    """Return the box whose best rows a row is among, and its quality there, (n, rows); 0: none."""
    total = torch.where(quality > 0, shared, 0.0).topk(_SUMMED, dim=2).values.sum(dim=2)
    most = total.clamp(1, _MOST_ROWS).floor()[..., None]
    best, rows = quality.topk(_MOST_ROWS, dim=2)
    best = torch.where(torch.arange(_MOST_ROWS, device=best.device) < most, best, 0.0)
    kept = torch.zeros_like(quality).scatter(2, rows, best)
    strongest, owner = kept.max(dim=1)
    return owner, strongest
