"""What the network shall say of a picture: the teacher's rows, corrected by agreed boxes and labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.vision.boxes import overlaps
from scripts.people.corpus import CLASSES
from scripts.people.teachers import corners_of, grid_of

Floats = NDArray[np.float32]

_LOWEST = 0.3
"""Score from which on a box is a target; weaker ones are left to what the teacher's rows say."""
_MOST_ROWS = 8
_NEAR = 2.5
_CONFIDENT = 0.15


@dataclass
class Target:
    """One picture's rows.

    Attributes:
        rows: (rows, 11): centre and size as the network gives them, objectness and classes as probabilities.
        weight: (rows,): how much the box and the class of each row count.
        near: (rows,): 1 in boxes, 0 outside.
    """

    rows: Floats
    weight: Floats
    near: Floats


def target_of(said: Floats, boxes: Floats, size: tuple[int, int]) -> Target:
    """Combine the teacher's rows (rows, 11) and boxes (n, 6) of one picture of this height and width."""
    rows = said.copy()
    weight = np.where(said[:, 4] > _CONFIDENT, said[:, 4], 0).astype(np.float32)
    cells, strides = grid_of(size)
    centre = (cells + 0.5) * strides
    near = np.zeros(len(rows), np.float32)
    boxes = boxes[boxes[:, 4] > _LOWEST]
    if not len(boxes):
        return Target(rows, weight, near)
    inside = _inside(centre, boxes)
    near[inside.any(axis=0)] = 1
    middle = (boxes[:, :2] + boxes[:, 2:4]) / 2
    off = np.abs(centre[None] - middle[:, None]).max(axis=2) / strides[:, 0]
    suited = (off < 1) | (inside & (off < _NEAR))
    taken = np.flatnonzero(suited.any(axis=0))
    corners = corners_of(said[None, :, :4], size)[0][taken]
    shared = overlaps(boxes[:, :4], corners)
    quality = np.where(suited[:, taken], _quality(said[taken], boxes, shared, strides[taken]), 0)
    owner, best = _owners(quality, shared)
    won = best > 0
    fits = shared[owner, np.arange(len(owner))][won]
    taken, owner = taken[won], owner[won]
    box = boxes[owner]
    rows[taken, 4] = np.maximum(rows[taken, 4], box[:, 4])
    kinds = np.eye(len(CLASSES), dtype=np.float32)[box[:, 5].astype(int)] * (0.4 + 0.6 * fits)[:, None]
    rows[taken, 5:] = np.maximum(0.6 * rows[taken, 5:], kinds)
    rows[taken, :2] = (box[:, :2] + box[:, 2:4]) / 2 / strides[taken] - cells[taken]
    rows[taken, 2:4] = np.log(np.maximum(box[:, 2:4] - box[:, :2], 1) / strides[taken])
    weight[taken] = np.maximum(weight[taken], box[:, 4])
    return Target(rows, weight, near)


def _inside(centre: Floats, boxes: Floats) -> NDArray[np.bool_]:
    x, y = centre.T
    within: NDArray[np.bool_] = (x > boxes[:, 0:1]) & (x < boxes[:, 2:3])
    within &= (y > boxes[:, 1:2]) & (y < boxes[:, 3:4])
    return within


def _quality(said: Floats, boxes: Floats, shared: Floats, strides: Floats) -> Floats:
    """How well each row suits each box, (n, rows): teacher's score, overlap, the level for its size."""
    kinds = boxes[:, 5].astype(int)
    score = said[:, 4][None] * said[:, 5 + kinds].T
    side = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))[:, None]
    level = np.exp(-np.abs(np.log2(np.maximum(side, 4) / (5 * strides[:, 0]))))
    return np.asarray((0.02 + score) ** 0.4 * (0.05 + shared) * level**0.5, np.float32)


def _owners(quality: Floats, shared: Floats) -> tuple[NDArray[np.intp], Floats]:
    kept = np.zeros_like(quality)
    for number, row in enumerate(quality):
        total = np.sort(np.where(row > 0, shared[number], 0))[-10:].sum()
        most = int(np.clip(total, 1, _MOST_ROWS))
        chosen = np.argsort(-row)[:most]
        kept[number, chosen] = row[chosen]
    return kept.argmax(axis=0), kept.max(axis=0)
