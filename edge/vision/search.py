"""Searches the pictures of one camera: each as a whole, and at a slower pace also in tiles, for crowds.

By how much their counts differ is added to those of the whole picture until they are searched again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.domain.polygon import Point
from edge.vision.boxes import Boxes, Indices, standing_in
from edge.vision.drawn import mask_of
from edge.vision.finder import Finder, Tiling

FAINT = 0.5
"""Boxes down to this share of their threshold are found too: they may continue a track."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a camera's pictures are searched.

    Attributes:
        tiling: columns and rows of tiles; (1, 1): none.
        tiles_every_s: how often the tiles are searched.
        ignore: who stands in these polygons does not count.
        area: of `Found.on_area`; empty: none.
    """

    tiling: Tiling = (1, 1)
    tiles_every_s: float = 5.0
    ignore: Sequence[Sequence[Point]] = ()
    area: Sequence[Point] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What one picture shows.

    Attributes:
        boxes: labels are kinds; scores are in units of their thresholds, so that 1 counts.
        counts: of each kind.
        on_area: people on the area.
    """

    boxes: Boxes
    counts: Numbers
    on_area: float


class Search:
    """Searches picture after picture of one camera; another size begins anew.

    Args:
        finder: its thresholds are `FAINT` of those that count.
        kind_of: the kind of each of its labels; kind 0 is a person.
        kinds: how many kinds there are.
        plan: how.
    """

    def __init__(self, finder: Finder, kind_of: Indices, kinds: int, plan: Plan) -> None:
        self._finder = finder
        self._kind_of = kind_of
        self._kinds = kinds
        self._plan = plan
        self._begin((0, 0))

    def _begin(self, size: tuple[int, int]) -> None:
        self._size = size
        self._ignored = mask_of(self._plan.ignore, *size)
        self._area = mask_of([self._plan.area] if self._plan.area else [], *size)
        self._tiled_s: float | None = None
        self._beyond = np.zeros(self._kinds + 1)

    def look(self, image: Image, seconds: float) -> Found:
        """Return what a picture, taken at `seconds`, shows."""
        if image.shape[:2] != self._size:
            self._begin((image.shape[0], image.shape[1]))
        boxes = self._kept(self._finder.find(image))
        numbers = self._numbers(boxes)
        if self._plan.tiling != (1, 1):
            if self._tiled_s is None or seconds - self._tiled_s >= self._plan.tiles_every_s:
                boxes = self._kept(self._finder.find(image, self._plan.tiling))
                self._tiled_s = seconds
                self._beyond = self._numbers(boxes) - numbers
            numbers = np.maximum(0, numbers + self._beyond)
        return Found(boxes, numbers[: self._kinds], float(numbers[self._kinds]))

    def _kept(self, boxes: Boxes) -> Boxes:
        certain = self._finder.lowest[boxes.labels] / FAINT
        boxes = Boxes(boxes.corners, boxes.scores / certain, self._kind_of[boxes.labels])
        return boxes.only(~standing_in(boxes, self._ignored))

    def _numbers(self, boxes: Boxes) -> Numbers:
        """Return how many of each kind count, and then people on the area."""
        certain = boxes.only(boxes.scores >= 1)
        people = certain.only(certain.labels == 0)
        kinds = np.bincount(certain.labels, minlength=self._kinds)
        return np.append(kinds, np.count_nonzero(standing_in(people, self._area))).astype(float)
