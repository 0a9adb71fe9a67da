"""Finds a brief bright point or area: what lights up within a picture or two and is gone within a second.

Headlights come and stay, the sun comes slowly, a lamp stays on: none of them is gone so soon.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.vision.opencv import opencv
from edge.vision.picture import shrunk

_WIDTH = 160
# The luminance before is the median of so many pictures.
_BEFORE = 7
# Noise, as a standard deviation from the median absolute change; a flash is far above it.
_NOISE_FACTOR = 8.0

Luminance = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FlashSeen:
    """A flash that has ended.

    Attributes:
        began_s: time of its first picture.
        duration_s: until the first picture in which it is below half its height.
        rise: of its brightest block of pixels above the luminance before, 0..1.
        share: of the picture that was above half the rise, 0..1.
    """

    began_s: float
    duration_s: float
    rise: float
    share: float


@dataclass
class _Open:
    began_s: float
    before: Luminance
    rise: float
    share: float


class FlashFinder:
    """Looks at picture after picture of one camera; another size, or a gap, begins anew.

    Args:
        least_rise: of luminance, 0..1, that counts.
        longest_s: what stays longer is no flash.
    """

    def __init__(self, least_rise: float, longest_s: float) -> None:
        self._least_rise = least_rise
        self._longest_s = longest_s
        self._shape: tuple[int, ...] = ()
        self._before: list[Luminance] = []
        self._open: _Open | None = None
        self._seen_s = 0.0

    def look(self, image: Image, seconds: float) -> FlashSeen | None:
        """Take a picture, uint8 (height, width, 3), BGR; return a flash that is over in it."""
        cv2 = opencv()
        now = cv2.cvtColor(shrunk(image, _WIDTH), cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
        if image.shape != self._shape or seconds - self._seen_s > self._longest_s:
            self._shape, self._before, self._open = image.shape, [], None
        self._seen_s = seconds
        if self._open is not None:
            return self._go_on(self._open, now, seconds)
        if len(self._before) == _BEFORE:
            before = np.median(np.stack(self._before), axis=0).astype(np.float32)
            rise, share = _rise(before, now)
            if rise >= max(self._least_rise, _NOISE_FACTOR * self._noise(before)):
                self._open = _Open(seconds, before, rise, share)
                return None
        self._before = [*self._before[-(_BEFORE - 1) :], now]
        return None

    def _go_on(self, flash: _Open, now: Luminance, seconds: float) -> FlashSeen | None:
        rise, share = _rise(flash.before, now)
        if rise > flash.rise:
            flash.rise, flash.share = rise, share
        lasted_s = seconds - flash.began_s
        if rise < flash.rise / 2:
            self._open = None
            return FlashSeen(flash.began_s, lasted_s, flash.rise, flash.share)
        if lasted_s > self._longest_s:
            # A lamp that was switched on: from now on it belongs to the scene.
            self._open, self._before = None, []
        return None

    def _noise(self, before: Luminance) -> float:
        return float(np.median(np.abs(self._before[-1] - before))) / 0.6745


def _rise(before: Luminance, now: Luminance) -> tuple[float, float]:
    """Return how far the brightest place rose, and the share of the picture that rose half as far."""
    change = opencv().blur(now - before, (3, 3))
    highest = float(change.max())
    return max(0.0, highest), float(
        np.count_nonzero(change > highest / 2) / change.size
    ) if highest > 0 else 0.0
