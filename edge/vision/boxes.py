"""Boxes around things, in pixels of a picture: overlap, suppression of doubles, what lies in a mask."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Things found in one picture.

    Attributes:
        corners: float32 (n, 4): left, top, right, bottom, pixels.
        scores: float32 (n,), 0..1.
        labels: (n,), number of the label in the model's card.
    """

    corners: Floats
    scores: Floats
    labels: Indices

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, chosen: NDArray[np.bool_] | Indices) -> "Boxes":
        """Return some of them."""
        return Boxes(self.corners[chosen], self.scores[chosen], self.labels[chosen])

    def moved(self, right: float, down: float) -> "Boxes":
        """Return them in the picture of which this one is a piece that begins at (right, down)."""
        shift = np.array([right, down, right, down], np.float32)
        return Boxes(self.corners + shift, self.scores, self.labels)

    @property
    def feet(self) -> Floats:
        """Return where they stand, float32 (n, 2): the middle of the lower edge."""
        left, _, right, bottom = self.corners.T
        return np.stack([(left + right) / 2, bottom], axis=1)


def no_boxes() -> Boxes:
    """Return nothing found."""
    return Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.intp))


def joined(parts: list[Boxes]) -> Boxes:
    """Return all boxes of several lists."""
    parts = [no_boxes(), *parts]
    return Boxes(
        np.concatenate([part.corners for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def areas(corners: Floats) -> Floats:
    """Return the area of each box, (n,)."""
    sides = np.maximum(corners[:, 2:] - corners[:, :2], 0)
    found: Floats = sides[:, 0] * sides[:, 1]
    return found


def intersections(one: Floats, other: Floats) -> Floats:
    """Return the area that each pair shares, (n, m)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    sides = np.maximum(high - low, 0)
    found: Floats = sides[..., 0] * sides[..., 1]
    return found


def overlaps(one: Floats, other: Floats) -> Floats:
    """Return intersection over union of each pair, (n, m); 0 for boxes without an area."""
    shared = intersections(one, other)
    union = areas(one)[:, None] + areas(other)[None, :] - shared
    found: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return found


def suppressed(boxes: Boxes, most_overlap: float, most_covered: float = 1.0) -> Boxes:
    """Return the boxes without the weaker doubles of a stronger one with the same label.

    Args:
        boxes: of one picture.
        most_overlap: intersection over union above which two are one thing.
        most_covered: share of the smaller one's area that lies in a stronger one, above which they are one
            thing: the half of a person at the edge of a tile. 1 switches it off.
    """
    order = np.argsort(-boxes.scores, kind="stable")
    boxes = boxes.only(order)
    shared = intersections(boxes.corners, boxes.corners)
    size = areas(boxes.corners)
    union = size[:, None] + size[None, :] - shared
    smaller = np.minimum(size[:, None], size[None, :])
    doubles = shared > most_overlap * union
    if most_covered < 1:
        doubles |= shared > most_covered * smaller
    doubles &= boxes.labels[:, None] == boxes.labels[None, :]
    kept = np.ones(len(boxes), bool)
    for number in range(len(boxes)):
        if kept[number]:
            kept[number + 1 :] &= ~doubles[number, number + 1 :]
    return boxes.only(kept)


def standing_in(boxes: Boxes, mask: Image) -> NDArray[np.bool_]:
    """Return which boxes stand on a set pixel of a mask, uint8 (height, width)."""
    height, width = mask.shape
    across, down = np.nan_to_num(boxes.feet).T.astype(np.intp)
    found: NDArray[np.bool_] = mask[np.clip(down, 0, height - 1), np.clip(across, 0, width - 1)] > 0
    return found
