"""Levels: how a square or a peak of samples becomes dB.

Level 0 is the RMS of a full-scale sine; a calibration adds `full_scale_db`, the sound pressure level of
such a sine.
"""

import math

import numpy as np
from numpy.typing import NDArray

# Below the noise of any converter (24 bits: -146 dB). Digital silence reads as this, never as -inf.
FLOOR_DB = -150.0
_FLOOR_SQUARE = 10.0 ** (FLOOR_DB / 10.0) / 2.0


def level_db(mean_square: float) -> float:
    """Level of a mean square of samples, dB re the RMS of a full-scale sine; never below `FLOOR_DB`."""
    return 10.0 * math.log10(2.0 * max(mean_square, _FLOOR_SQUARE))


def levels_db(mean_square: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels of mean squares, any shape; see `level_db`."""
    return np.asarray(10.0 * np.log10(2.0 * np.maximum(mean_square, _FLOOR_SQUARE)))


def mean_squares(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean squares of levels, the inverse of `levels_db`."""
    return np.asarray(10.0 ** (levels / 10.0) / 2.0)


def peak_db(peak: float) -> float:
    """Level of a peak: that of a full-scale sine is 3.01 dB above the sine's own level."""
    return level_db(peak * peak)
