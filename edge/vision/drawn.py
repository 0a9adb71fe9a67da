"""What the settings draw on the picture, as pixels."""

from collections.abc import Iterable, Sequence

import numpy as np

from edge.domain.frames import Image
from edge.domain.polygon import Point
from edge.vision.opencv import opencv


def mask_of(polygons: Iterable[Sequence[Point]], height: int, width: int) -> Image:
    """Return where any polygon is, uint8 (height, width): 255 inside and on its edge, else 0."""
    mask = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        # Rounded outwards by filling with the edge: a window's frame is black too.
        corners = np.round(np.array(polygon) * (width - 1, height - 1)).astype(np.int32)
        opencv().fillPoly(mask, [corners], 255)
    return mask
