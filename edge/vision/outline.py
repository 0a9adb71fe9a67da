"""A scene as outlines: enough to point at a kerb, nothing to know anybody by.

Of several pictures only what stands still in them is drawn, so that passers-by are not.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.vision.opencv import opencv

_WIDTH = 320
# Canny's limits, as shares of the picture's median grey level.
_WEAK, _STRONG = 0.5, 1.2
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of the dots of a Braille character, Unicode 2800, by row and column."""


def outlines(pictures: Sequence[Image]) -> Image:
    """Return the edges of a scene, uint8 (height, 320): 255 on an edge, else 0.

    Args:
        pictures: of one camera and one size, a few seconds apart at best; at least one.
    """
    cv2 = opencv()
    scene = pictures[0] if len(pictures) == 1 else np.median(np.stack(pictures), axis=0).astype(np.uint8)
    height, width = scene.shape[:2]
    size = (_WIDTH, max(4, round(height * _WIDTH / width)))
    grey = cv2.cvtColor(cv2.resize(scene, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.4)
    level = max(20.0, float(np.median(grey)))
    edges: Image = cv2.Canny(grey, _WEAK * level, _STRONG * level)
    return edges


def braille(edges: Image, columns: int) -> list[str]:
    """Return outlines as lines of Braille characters, two dots wide and four high each."""
    rows = max(1, round(edges.shape[0] / edges.shape[1] * columns / 2))
    dots = _shrunk_to(edges, 4 * rows, 2 * columns)
    return [
        "".join(
            chr(0x2800 + _bits(dots[4 * row : 4 * row + 4, 2 * column : 2 * column + 2]))
            for column in range(columns)
        )
        for row in range(rows)
    ]


def _shrunk_to(edges: Image, height: int, width: int) -> NDArray[np.bool_]:
    small = opencv().resize(edges, (width, height), interpolation=opencv().INTER_AREA)
    found: NDArray[np.bool_] = small > 50
    return found


def _bits(dots: NDArray[np.bool_]) -> int:
    return sum(
        bit for row, bits in zip(dots, _DOTS, strict=True) for dot, bit in zip(row, bits, strict=True) if dot
    )
