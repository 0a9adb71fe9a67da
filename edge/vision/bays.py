"""Cuts the parking bays of the settings out of a picture, each as the square that the model of bays takes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.domain.polygon import Point
from edge.vision.opencv import opencv

SIDE = 64
"""Pixels; see models/parking."""
_SMALLEST_PX = 16
"""A bay whose picture is smaller shows nothing: its state is unknown."""


def cut(image: Image, bay: Sequence[Point]) -> Image | None:
    """Return one bay, uint8 (64, 64, 3), BGR; None when it is too small to be told.

    What is cut is the upright rectangle around the bay, as in the pictures that the model learnt from.
    """
    cv2 = opencv()
    height, width = image.shape[:2]
    corners = np.array(bay) * (width, height)
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    if min(right - left, bottom - top) < _SMALLEST_PX:
        return None
    piece = image[max(top, 0) : bottom, max(left, 0) : right]
    how = cv2.INTER_AREA if min(piece.shape[:2]) > SIDE else cv2.INTER_LINEAR
    found: Image = cv2.resize(piece, (SIDE, SIDE), interpolation=how)
    return found


def batch(crops: Sequence[Image]) -> NDArray[np.float32]:
    """Return crops as the model takes them: float32 (n, 3, 64, 64), BGR, 0..255."""
    return np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2), dtype=np.float32)
