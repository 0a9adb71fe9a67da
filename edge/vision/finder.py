"""Finds people and vehicles in a picture with a network: in the whole picture, or also in tiles of it.

The network is whatever a model's card describes; this file knows how its input is made and its output read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.vision.boxes import Boxes, Floats, joined, suppressed
from edge.vision.yolox import decoded, letterboxed

Network = Callable[[NDArray[Any]], Sequence[Floats]]
Tiling = tuple[int, int]
"""Columns and rows of tiles; (1, 1) is the whole picture only."""

_MOST_OVERLAP = 0.5
# Halves of people at the edges of tiles: chosen on street crowds, scripts/measure_seeing.py.
_MOST_COVERED = 0.75
# Of a tile's side, shared with its neighbour: about a person's width, so that one of them sees all of it.
_TILE_OVERLAP = 0.2
# What touches the cut edge of a tile, within this many pixels, is a part of something.
_EDGE = 3.0


@dataclass(frozen=True, slots=True)
class Finder:
    """A network with what its card says of it.

    Attributes:
        network: float32 (1, 3, height, width) to its outputs.
        size: height and width of the input.
        labels: names, in the order in which `Boxes.labels` counts.
        classes: the network's class for each label.
        lowest: score of each label from which on it counts.
    """

    network: Network
    size: tuple[int, int]
    labels: tuple[str, ...]
    classes: NDArray[np.intp]
    lowest: Floats

    def find(self, image: Image, tiling: Tiling = (1, 1)) -> Boxes:
        """Return what is in a picture, uint8 (height, width, 3), BGR; without doubles."""
        whole = suppressed(self._look(image), _MOST_OVERLAP)
        if tiling == (1, 1):
            return whole
        parts = [self._look_at_tile(image, tile) for tile in tiles(image.shape[1], image.shape[0], tiling)]
        return suppressed(joined([whole, *parts]), _MOST_OVERLAP, _MOST_COVERED)

    def _look(self, image: Image) -> Boxes:
        canvas, scale = letterboxed(image, *self.size)
        output = np.asarray(self.network(canvas)[0][0], np.float32)
        found = decoded(output, self.size, scale, self.classes, self.lowest)
        height, width = image.shape[:2]
        edges = np.array([width, height, width, height], np.float32)
        return Boxes(np.clip(found.corners, 0, edges), found.scores, found.labels)

    def _look_at_tile(self, image: Image, tile: "Tile") -> Boxes:
        piece = np.ascontiguousarray(image[tile.top : tile.bottom, tile.left : tile.right])
        found = suppressed(self._look(piece), _MOST_OVERLAP)
        return _uncut(found.moved(tile.left, tile.top), tile, image.shape[1], image.shape[0])


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of a picture, pixels."""

    left: int
    top: int
    right: int
    bottom: int


def tiles(width: int, height: int, tiling: Tiling) -> Iterator[Tile]:
    """Yield overlapping tiles that cover a picture, row by row."""
    across, down = _cuts(width, tiling[0]), _cuts(height, tiling[1])
    for top, bottom in down:
        for left, right in across:
            yield Tile(left, top, right, bottom)


def _cuts(length: int, pieces: int) -> list[tuple[int, int]]:
    side = length / (pieces - (pieces - 1) * _TILE_OVERLAP)
    step = side * (1 - _TILE_OVERLAP)
    return [(int(i * step), min(length, int(i * step + side) + 1)) for i in range(pieces)]


def _uncut(boxes: Boxes, tile: Tile, width: int, height: int) -> Boxes:
    """Return the boxes that no inner edge of a tile cuts: the neighbour, or the whole picture, has them."""
    left, top, right, bottom = boxes.corners.T
    cut = (left < tile.left + _EDGE) & (tile.left > 0)
    cut |= (right > tile.right - _EDGE) & (tile.right < width)
    cut |= (top < tile.top + _EDGE) & (tile.top > 0)
    cut |= (bottom > tile.bottom - _EDGE) & (tile.bottom < height)
    return boxes.only(~cut)
