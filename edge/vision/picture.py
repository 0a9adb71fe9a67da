"""Pictures as they come from files and cameras, made alike."""

import math
from collections import deque
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.vision.opencv import opencv

_CHANNELS_OF_BGRA = 4


def as_bgr(picture: NDArray[Any] | None) -> Image:
    """Return a picture as uint8, shape (height, width, 3), BGR, contiguous.

    Takes grey, shape (height, width) or (height, width, 1), BGR and BGRA; 16 bit is reduced to 8.

    Raises:
        ValueError: there is no picture in it, or none of these kinds.
    """
    if picture is None or picture.size == 0:
        raise ValueError("a picture without a pixel")
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
        raise ValueError(f"not a picture: {picture.dtype}, shape {picture.shape}")
    if picture.ndim == 2:
        picture = picture[:, :, np.newaxis]
    if picture.shape[2] == 1:
        picture = np.repeat(picture, 3, axis=2)
    if picture.shape[2] not in (3, _CHANNELS_OF_BGRA):
        raise ValueError(f"not a picture: {picture.shape[2]} channels")
    return np.ascontiguousarray(picture[:, :, :3], dtype=np.uint8)


class Thinning:
    """Chooses which of a stream of pictures are handed on, by their time: the first of each period."""

    # Time stamps in whole milliseconds fall a little short of the period they belong to.
    _SLACK_PERIODS = 0.02

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._period = -1

    def wants(self, seconds: float) -> bool:
        """Whether the picture of this time, not earlier than the one before, is the first of its period."""
        period = int(seconds * self._rate_hz + self._SLACK_PERIODS)
        if period <= self._period:
            return False
        self._period = period
        return True


class DropCounter:
    """Counts the pictures that a camera took and nobody received, from the time stamps of those received.

    A picture's period is the median of the latest ones: a camera takes longer ones in the dark.
    """

    _PERIODS = 25
    # Fewer do not tell a period; a longer gap is a camera that was away, not pictures that were dropped.
    _FEWEST_PERIODS = 8
    _LONGEST_GAP_S = 5.0

    def __init__(self) -> None:
        self._before_s: float | None = None
        self._periods_s: deque[float] = deque(maxlen=self._PERIODS)

    def lost_before(self, stamp_s: float) -> int:
        """Return how many pictures are missing between the one before and this one."""
        before_s, self._before_s = self._before_s, stamp_s
        if before_s is None or not 0 < (gap_s := stamp_s - before_s) < self._LONGEST_GAP_S:
            return 0
        lost = 0
        if len(self._periods_s) >= self._FEWEST_PERIODS:
            lost = max(0, round(gap_s / median(self._periods_s)) - 1)
        self._periods_s.append(gap_s)
        return lost


def shrunk(image: Image, width: int) -> Image:
    """Return a picture, grey or colour, at most `width` wide, reduced by a whole number.

    Whole blocks of pixels are averaged several times faster than any other ratio.
    """
    cv2 = opencv()
    rows, columns = image.shape[:2]
    by = math.ceil(columns / width)
    if by <= 1:
        return image
    small_rows, small_columns = max(1, rows // by), columns // by
    block = image[: small_rows * by, : small_columns * by]
    small: Image = cv2.resize(block, (small_columns, small_rows), interpolation=cv2.INTER_AREA)
    return small
