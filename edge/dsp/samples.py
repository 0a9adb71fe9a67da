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
    rows = np.asarray(samples, dtype=np.float64)
    rows = np.ascontiguousarray(rows.T) if rows.ndim == 2 else rows[np.newaxis].copy()
    good = np.abs(rows) <= LIMIT
    if good.all():
        return rows, None
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
        joined = np.concatenate([self._last, rows], axis=1)
        self._last = joined[:, -1:].copy()
        if joined.max(initial=0.0) < self._rail and joined.min(initial=0.0) > -self._rail:
            return np.zeros(len(rows), dtype=np.int64)
        high = joined >= self._rail
        low = joined <= -self._rail
        pairs = (high[:, 1:] & high[:, :-1]) | (low[:, 1:] & low[:, :-1])
        return np.asarray(pairs.sum(axis=1, dtype=np.int64))
