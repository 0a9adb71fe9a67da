"""Samples as they come from a converter: made safe for filters, and checked for clipping."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]

# 40 dB beyond full scale is no sound: integers read as floats, or memory gone bad.
LIMIT = 100.0
# The highest code of a 16-bit converter is 0.99997 of full scale.
RAIL = 0.9999


def clean(samples: ArrayLike) -> tuple[Float, Flags | None]:
    """Return samples fit for a filter, and which of them were not.

    Args:
        samples: shape (n, channels) or (n,), any real type.

    Returns:
        float64 of shape (channels, n), where NaN, infinity and values beyond 100 times full scale are 0;
        and the flags of those, same shape, or None when all are good.
    """
    given = np.asarray(samples)
    rows: Float = np.atleast_2d(given.T).astype(np.float64, order="C")
    # One look at the extremes is enough nearly always; a comparison with NaN is false.
    if not given.size or (given.max() <= LIMIT and given.min() >= -LIMIT):
        return rows, None
    good = np.abs(rows) <= LIMIT
    rows[~good] = 0.0
    return rows, ~good


class ClipCounter:
    """Counts clipped samples of a stream: at the rail for at least two samples on end.

    One sample at the rail is the top of a wave that just fits.
    """

    def __init__(self, channels: int, rail: float = RAIL) -> None:
        self._rail = rail
        self._last = np.zeros((channels, 1))

    def add(self, rows: Float) -> NDArray[np.int64]:
        """Take samples, shape (channels, n); return how many pairs of neighbours are clipped, per channel."""
        if not rows.size:
            return np.zeros(len(rows), dtype=np.int64)
        last, self._last = self._last, rows[:, -1:].copy()
        # A pair has both its samples here, or one here and one before.
        if rows.max() < self._rail and rows.min() > -self._rail:
            return np.zeros(len(rows), dtype=np.int64)
        joined = np.concatenate([last, rows], axis=1)
        high = joined >= self._rail
        low = joined <= -self._rail
        pairs = (high[:, 1:] & high[:, :-1]) | (low[:, 1:] & low[:, :-1])
        return np.asarray(pairs.sum(axis=1, dtype=np.int64))
