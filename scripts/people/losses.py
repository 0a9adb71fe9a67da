"""What the network is wrong by: its features against the teacher's, its rows against their targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from scripts.people.network import People
from scripts.people.teachers import grid_of


@dataclass
class Batch:
    """What one step learns from.

    Attributes:
        seen: pictures as the network gets them, (n, 3, s, s).
        junctions: the teacher's features, normalised.
        rows, weight, near: as in `Target`, stacked.
    """

    seen: Tensor
    junctions: list[Tensor]
    rows: Tensor
    weight: Tensor
    near: Tensor
    size: int


def outputs_of(network: People, batch: Batch, forced: bool) -> tuple[list[Tensor], Tensor]:
    """Return the network's junctions and rows; forced, each stage gets the teacher's junction before it."""
    t2, t3, t4, t5, *neck = batch.junctions
    # The first stage soon knows what it can know, and is the dearest one.
    with torch.set_grad_enabled(network.stage2.training):
        c2 = network.stage2(batch.seen / 255)
    c3 = network.stage3(t2 if forced else c2)
    c4 = network.stage4(t3 if forced else c3)
    c5 = network.stage5(t4 if forced else c4)
    levels = network.neck(t3, t4, t5) if forced else network.neck(c3, c4, c5)
    rows = network.rows(neck if forced else levels)
    return [c2, c3, c4, c5, *levels], rows


def hint_loss(found: Sequence[Tensor], batch: Batch) -> tuple[Tensor, list[float]]:
    """Return the squared distance to the teacher's features, in their variances; boxes count threefold."""
    total, each = torch.zeros((), device=batch.seen.device), []
    masks = _masks(batch)
    for number, (one, wanted) in enumerate(zip(found, batch.junctions, strict=True)):
        wrong = (one - wanted).square().mean(dim=1)
        each.append(float(wrong.detach().mean()))
        if number >= 4:
            weight = 1 + 2 * masks[number - 4]
            total = total + 1.5 * (wrong * weight).sum() / weight.sum()
        else:
            total = total + wrong.mean()
    return total / 7, each


def _masks(batch: Batch) -> list[Tensor]:
    masks, first = [], 0
    for stride in (8, 16, 32):
        side = batch.size // stride
        masks.append(batch.near[:, first : first + side * side].reshape(-1, side, side))
        first += side * side
    return masks


def row_loss(rows: Tensor, batch: Batch) -> tuple[Tensor, list[float]]:
    """Return objectness, classes and boxes against the targets."""
    wanted, weight = batch.rows, batch.weight
    total = weight.sum().clamp(min=4.0)
    presence = functional.binary_cross_entropy_with_logits(rows[..., 4], wanted[..., 4], reduction="none")
    # What is left when all is right does not count.
    presence = (presence - _entropy(wanted[..., 4])).sum() / total
    kind = functional.binary_cross_entropy_with_logits(rows[..., 5:], wanted[..., 5:], reduction="none")
    kind = ((kind - _entropy(wanted[..., 5:])).sum(dim=2) * weight).sum() / total
    chosen = weight > 0.05
    cells, _ = (torch.from_numpy(part).to(rows.device) for part in grid_of((batch.size, batch.size)))
    place = cells.expand(len(rows), -1, -1)[chosen]
    overlap = _overlap_loss(rows[..., :4][chosen], wanted[..., :4][chosen], place)
    size = (rows[..., :4][chosen] - wanted[..., :4][chosen]).abs().clamp(max=3).mean(dim=1)
    box = ((overlap * 3 + size) * weight[chosen]).sum() / total
    return presence + kind + box, [float(part.detach()) for part in (presence, kind, box)]


def _entropy(p: Tensor) -> Tensor:
    p = p.clamp(1e-6, 1 - 1e-6)
    entropy: Tensor = -(p * p.log() + (1 - p) * (1 - p).log())
    return entropy


def _overlap_loss(found: Tensor, wanted: Tensor, place: Tensor) -> Tensor:
    """1 - generalised intersection over union, in cells."""
    a, b = (_corners(rows, place) for rows in (found, wanted))
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(dim=1)
    union = (a[:, 2:] - a[:, :2]).prod(dim=1) + (b[:, 2:] - b[:, :2]).prod(dim=1) - shared
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(dim=1)
    loss: Tensor = 1 - shared / (union + 1e-6) + (hull - union) / (hull + 1e-6)
    return loss


def _corners(rows: Tensor, place: Tensor) -> Tensor:
    centre, half = rows[:, :2] + place, rows[:, 2:].clamp(max=5).exp() / 2
    return torch.cat([centre - half, centre + half], 1)
