"""What the network is wrong by: its features against the teacher's, its rows against their targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from scripts.people.network import People
from scripts.people.targets import Targets, grid_on


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes:
        seen: pictures as the network gets them, (n, 3, s, s).
        junctions: the teacher's features, normalised.
    """

    seen: Tensor
    junctions: list[Tensor]
    targets: Targets

    @property
    def side(self) -> int:
        """Height and width of the pictures."""
        return int(self.seen.shape[2])


def outputs_of(network: People, batch: Batch, forced: bool) -> tuple[list[Tensor], Tensor]:
    """Return the network's junctions and rows; forced, each stage gets the teacher's junction before it."""
    t2, t3, t4, t5, *neck = batch.junctions
    c2 = network.stage2(batch.seen / 255)
    c3 = network.stage3(t2 if forced else c2)
    c4 = network.stage4(t3 if forced else c3)
    c5 = network.stage5(t4 if forced else c4)
    levels = network.neck(t3, t4, t5) if forced else network.neck(c3, c4, c5)
    rows = network.rows(neck if forced else levels)
    return [c2, c3, c4, c5, *levels], rows


def hint_loss(found: Sequence[Tensor], batch: Batch) -> tuple[Tensor, list[Tensor]]:
    """Return the squared distance to the teacher's features, in their variances; boxes count threefold."""
    total, each = torch.zeros((), device=batch.seen.device), []
    masks = _masks(batch)
    for number, (one, wanted) in enumerate(zip(found, batch.junctions, strict=True)):
        wrong = (one.float() - wanted).square().mean(dim=1)
        each.append(wrong.detach().mean())
        if number >= 4:
            weight = 1 + 2 * masks[number - 4]
            total = total + 1.5 * (wrong * weight).sum() / weight.sum()
        else:
            total = total + wrong.mean()
    return total / 7, each


def _masks(batch: Batch) -> list[Tensor]:
    masks, first = [], 0
    for stride in (8, 16, 32):
        side = batch.side // stride
        masks.append(batch.targets.near[:, first : first + side * side].reshape(-1, side, side))
        first += side * side
    return masks


def row_loss(rows: Tensor, batch: Batch) -> tuple[Tensor, list[Tensor]]:
    """Return objectness, classes and boxes against the targets."""
    rows, wanted, weight = rows.float(), batch.targets.rows, batch.targets.weight
    total = weight.sum().clamp(min=4.0)
    presence = functional.binary_cross_entropy_with_logits(rows[..., 4], wanted[..., 4], reduction="none")
    # What is left when all is right does not count.
    presence = (presence - _entropy(wanted[..., 4])).sum() / total
    kind = functional.binary_cross_entropy_with_logits(rows[..., 5:], wanted[..., 5:], reduction="none")
    kind = ((kind - _entropy(wanted[..., 5:])).sum(dim=2) * weight).sum() / total
    cells, _ = grid_on(batch.side, rows.device)
    overlap = _overlap_loss(rows[..., :4], wanted[..., :4], cells)
    size = (rows[..., :4] - wanted[..., :4]).abs().clamp(max=3).mean(dim=2)
    box = ((overlap * 3 + size) * weight).sum() / total
    return presence + kind + box, [part.detach() for part in (presence, kind, box)]


def _entropy(p: Tensor) -> Tensor:
    p = p.clamp(1e-6, 1 - 1e-6)
    entropy: Tensor = -(p * p.log() + (1 - p) * (1 - p).log())
    return entropy


def _overlap_loss(found: Tensor, wanted: Tensor, cells: Tensor) -> Tensor:
    """1 - generalised intersection over union, in cells, (n, rows)."""
    a, b = (_corners(rows, cells) for rows in (found, wanted))
    low, high = torch.maximum(a[0], b[0]), torch.minimum(a[1], b[1])
    shared = _area((high - low).clamp(min=0))
    union = _area(a[1] - a[0]) + _area(b[1] - b[0]) - shared
    hull = _area(torch.maximum(a[1], b[1]) - torch.minimum(a[0], b[0]))
    loss: Tensor = 1 - shared / (union + 1e-6) + (hull - union) / (hull + 1e-6)
    return loss


def _area(sides: Tensor) -> Tensor:
    # Not prod: its gradient looks for zeros, and waits for the GPU.
    return sides[..., 0] * sides[..., 1]


def _corners(rows: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    centre, half = rows[..., :2] + cells, rows[..., 2:].clamp(max=5).exp() / 2
    return centre - half, centre + half
