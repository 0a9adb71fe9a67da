"""Exponential time weightings: Fast and Slow (IEC 61672-1:2013, 5.8), Impulse (its 2002 edition, annex C)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Float = NDArray[np.float64]

FAST_S = 0.125
SLOW_S = 1.0
IMPULSE_RISE_S = 0.035
IMPULSE_DECAY_S = 1.5


class ExponentialAverages:
    """Several exponential averages of one stream of squares, given once per `step` samples, exactly.

    Within a step the recursion is one product with fixed weights; only its result per step is fed back, so
    the averages at the end of each step are those of the sample-by-sample recursion.
    """

    def __init__(self, channels: int, rate_hz: int, step: int, time_constants_s: Sequence[float]) -> None:
        decay = np.exp(-1.0 / (rate_hz * np.asarray(time_constants_s)))
        age = np.arange(step - 1, -1, -1)
        each = decay[:, np.newaxis]
        self._step = step
        self._weights: Float = (1.0 - each) * each**age
        self._carry: Float = decay**step
        self._state = np.zeros((len(self._carry), channels))
        self._rest = np.empty((channels, 0))

    def add(self, squares: Float) -> Float:
        """Take squares, shape (channels, n); return averages, shape (constants, channels, steps ended)."""
        joined = np.concatenate([self._rest, squares], axis=1) if self._rest.size else squares
        channels, length = joined.shape
        steps = length // self._step
        self._rest = joined[:, steps * self._step :].copy()
        if not steps:
            return np.empty((len(self._carry), channels, 0))
        grouped = joined[:, : steps * self._step].reshape(channels, steps, self._step)
        # einsum, not matmul: it is as fast here, and does not wake the threads of a linear algebra library.
        fresh: Float = np.einsum("csj,kj->kcs", grouped, self._weights)
        averages = np.empty_like(fresh)
        for index, carry in enumerate(self._carry):
            start = (carry * self._state[index])[:, np.newaxis]
            averages[index], _ = signal.lfilter([1.0], [1.0, -carry], fresh[index], zi=start)
        self._state = averages[:, :, -1].copy()
        return averages


def hold_and_decay(averages: Float, seconds_per_value: float, decay_s: float = IMPULSE_DECAY_S) -> Float:
    """Return the decaying peak hold of mean squares along the last axis: the Impulse weighting's second half.

    held[n] = max(value[n], held[n - 1] * exp(-dt / decay)), written as a running maximum.
    """
    growth = np.arange(averages.shape[-1]) * (seconds_per_value / decay_s)
    tiny = np.finfo(np.float64).tiny
    held = np.maximum.accumulate(np.log(np.maximum(averages, tiny)) + growth, axis=-1)
    return np.asarray(np.exp(held - growth))
