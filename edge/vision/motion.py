"""How much of a scene moves, and how much of it is occupied, as shares of the picture."""

from dataclasses import dataclass

import numpy as np

from edge.domain.frames import Image
from edge.vision.background import Background, Pace
from edge.vision.opencv import opencv
from edge.vision.picture import shrunk

_WIDTH = 320
# Differences below are compression, not motion; the noise of the night raises it.
_SMALLEST_CHANGE = 12.0
_NOISE_FACTOR = 5.0
# Pictures further apart do not show one motion but two scenes.
_LONGEST_GAP_S = 2.0


@dataclass(frozen=True, slots=True)
class Shares:
    """What one picture shows.

    Attributes:
        moving: share of the picture that changed since the one before; None for the first and after a gap.
        occupied: share that differs from the empty scene; None while that is being learnt.
    """

    moving: float | None
    occupied: float | None


class MotionMeter:
    """Measures picture after picture of one camera. A new picture size begins a new scene."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._background = Background(pace)
        self._shape: tuple[int, ...] = ()
        self._before: Image | None = None
        self._before_s = 0.0

    def measure(self, image: Image, seconds: float) -> Shares:
        """Measure one picture, uint8, shape (height, width, 3), BGR, taken at `seconds`."""
        if image.shape != self._shape:
            self._shape, self._before, self._background = image.shape, None, Background(self._pace)
        picture = reduced(image)
        grey: Image = opencv().cvtColor(picture, opencv().COLOR_BGR2GRAY)
        moving = None
        if self._before is not None and seconds - self._before_s <= _LONGEST_GAP_S:
            moving = _changed_share(self._before, grey)
        self._before, self._before_s = grey, seconds
        mask = self._background.occupied(picture, seconds)
        return Shares(moving, None if mask is None else float(np.count_nonzero(mask) / mask.size))


def reduced(image: Image) -> Image:
    """Return the picture at most 320 wide, reduced by a whole number, freed of single noisy pixels."""
    small: Image = opencv().medianBlur(shrunk(image, _WIDTH), 3)
    return small


def _changed_share(before: Image, now: Image) -> float:
    """Return the share of pixels that changed by more than noise, the change of exposure taken out."""
    cv2 = opencv()
    change = cv2.subtract(now, before, dtype=cv2.CV_16S)
    sample = change[::2, ::2]
    middle = int(np.median(sample))
    # Of normal noise, half lies within 0.6745 standard deviations.
    noise = float(np.median(np.abs(sample - middle))) / 0.6745
    most = round(max(_SMALLEST_CHANGE, _NOISE_FACTOR * noise))
    steady = cv2.inRange(change, middle - most, middle + most)
    return 1.0 - float(np.count_nonzero(cv2.medianBlur(steady, 5)) / steady.size)
