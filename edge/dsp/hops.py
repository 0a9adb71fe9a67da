"""Cuts a stream of sound into weighted hops of 50 ms on a grid that begins with the stream."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from edge.dsp.averaging import FAST_S, ExponentialAverages
from edge.dsp.samples import ClipCounter, clean
from edge.dsp.weighting import weighting_sos

Float = NDArray[np.float64]

STEPS_PER_S = 1000
STEPS_PER_HOP = 50
# Under this a filter's memory is of no sound, only slow: processors crawl through denormal numbers.
_NEGLIGIBLE = 1e-30


@dataclass(frozen=True, slots=True, eq=False)
class Hop:
    """50 ms of every channel.

    Attributes:
        number: counted from the start of the stream.
        bad: it holds invalid samples (as 0) or begins after a gap.
        a: A-weighted, shape (channels, samples).
        c: C-weighted, likewise.
        energy: mean square of `a` in each step of 1 ms, shape (channels, 50).
        fast: mean square of `a` with time weighting Fast at the end of each step, likewise.
        clipped: clipped pairs of samples, shape (channels,).
    """

    number: int
    bad: bool
    a: Float
    c: Float
    energy: Float
    fast: Float
    clipped: NDArray[np.int64]


class HopStream:
    """Filters that run on from hop to hop.

    Attributes:
        step: samples in a step, 1 ms to the nearest sample.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self.step = max(1, round(rate_hz / STEPS_PER_S))
        self._channels = channels
        sos = weighting_sos("A", rate_hz)
        self._c_sos, self._a_sos = sos[:2], sos[2:]
        self._c_state: Float | None = None
        self._a_state: Float = np.zeros((len(self._a_sos), channels, 2))
        self._clips = ClipCounter(channels)
        self._averages = ExponentialAverages(channels, rate_hz, self.step, (FAST_S,))
        self._rest: Float = np.empty((channels, 0))
        self._rest_bad: NDArray[np.bool_] = np.empty(0, dtype=np.bool_)
        self._spliced = False
        self._count = 0

    def splice(self) -> None:
        """Say that sound is missing before the next sample."""
        self._spliced = True

    def add(self, samples: ArrayLike) -> list[Hop]:
        """Take samples, shape (n, channels) or (n,), full scale -1..1; return the hops they complete."""
        rows, invalid = clean(samples)
        bad = np.zeros(rows.shape[1], dtype=np.bool_)
        if invalid is not None:
            bad |= invalid.any(axis=0)
        if self._spliced and bad.size:
            bad[0] = True
            self._spliced = False
        rows = np.concatenate([self._rest, rows], axis=1)
        bad = np.concatenate([self._rest_bad, bad])
        length = self.step * STEPS_PER_HOP
        whole = rows.shape[1] // length * length
        self._rest, self._rest_bad = rows[:, whole:].copy(), bad[whole:].copy()
        return [
            self._hop(rows[:, start : start + length], bool(bad[start : start + length].any()))
            for start in range(0, whole, length)
        ]

    def _hop(self, rows: Float, bad: bool) -> Hop:
        if self._c_state is None:
            # Start as if the first value had stood for ever: a constant offset is then no bang.
            self._c_state = signal.sosfilt_zi(self._c_sos)[:, np.newaxis, :] * rows[np.newaxis, :, :1]
        c_weighted, self._c_state = signal.sosfilt(self._c_sos, rows, zi=self._c_state)
        a_weighted, self._a_state = signal.sosfilt(self._a_sos, c_weighted, zi=self._a_state)
        for state in (self._c_state, self._a_state):
            state[np.abs(state) < _NEGLIGIBLE] = 0.0
        squares = a_weighted * a_weighted
        self._count += 1
        return Hop(
            number=self._count - 1,
            bad=bad,
            a=a_weighted,
            c=c_weighted,
            energy=squares.reshape(self._channels, STEPS_PER_HOP, self.step).mean(axis=2),
            fast=self._averages.add(squares)[0],
            clipped=self._clips.add(rows),
        )
