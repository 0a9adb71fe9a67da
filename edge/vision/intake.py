"""The first function that touches a picture: makes it like all others, and blacks out the privacy zones.

Every source of pictures hands on what comes out of here and nothing else.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.domain.polygon import Point
from edge.vision.drawn import mask_of
from edge.vision.picture import as_bgr, shrunk

LARGEST_WIDTH = 1920
"""A larger picture is averaged down: 4K holds nothing that a lamppost may want to see, and 25 MB."""


class Intake:
    """Takes pictures of one camera. Keeps the zones' mask for the size that they have."""

    def __init__(self, zones: Sequence[Sequence[Point]]) -> None:
        self._zones = tuple(zones)
        self._mask: Image = np.zeros((0, 0), np.uint8)

    def __call__(self, picture: NDArray[Any] | None) -> Image:
        """Return the picture as uint8 (height, width, 3), BGR, at most 1920 wide, its privacy zones black.

        Raises:
            ValueError: there is no picture in it, or none of a known kind.
        """
        image = as_bgr(picture)
        if self._zones:
            # Before it is made smaller: no average may hold what is inside.
            self._blacken(image)
        return shrunk(image, LARGEST_WIDTH)

    def _blacken(self, image: Image) -> None:
        if self._mask.shape != image.shape[:2]:
            self._mask = mask_of(self._zones, *image.shape[:2])
        image[self._mask > 0] = 0
