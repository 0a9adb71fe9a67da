"""Cuts a stream of sound into weighted hops of 100 ms on a grid that begins with the stream."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from edge.dsp.averaging import FAST_S, ExponentialAverages
from edge.dsp.samples import ClipCounter, clean
from edge.dsp.weighting import settled_state, weighting_sos

Float = NDArray[np.float64]

STEPS_PER_S = 1000
STEPS_PER_HOP = 100
# Under this a filter's memory is of no sound, only slow: processors crawl through denormal numbers.
_NEGLIGIBLE = 1e-30


class Stretch:
    """Samples and the filter's state before them: C-weighted sound is made of them when it is asked for.

    Only impulses need it, and they are rare.
    """

    def __init__(self, rows: Float, sos: Float, state: Float) -> None:
        self._rows, self._sos, self._state = rows, sos, state
        self._weighted: Float | None = None

    def c_weighted(self) -> Float:
        """Return C-weighted samples, shape (channels, n)."""
        if self._weighted is None:
            self._weighted, _ = signal.sosfilt(self._sos, self._rows, zi=self._state)
        return self._weighted


@dataclass(frozen=True, slots=True, eq=False)
class Hop:
    """100 ms of every channel.

    Attributes:
        number: counted from the start of the stream.
        bad: it holds invalid samples (as 0) or begins after a gap.
        a: A-weighted, shape (channels, samples).
        energy: mean square of `a` in each step of 1 ms, shape (channels, 100).
        fast: mean square of `a` with time weighting Fast at the end of each step, likewise.
        clipped: clipped pairs of samples, shape (channels,).
        stretch: the samples that were filtered together with it.
        begins: its first sample in them.
    """

    number: int
    bad: bool
    a: Float
    energy: Float
    fast: Float
    clipped: NDArray[np.int64]
    stretch: Stretch
    begins: int

    def c_weighted(self) -> Float:
        """Return the hop's C-weighted samples, same shape as `a`."""
        return self.stretch.c_weighted()[:, self.begins : self.begins + self.a.shape[1]]


class HopStream:
    """Filters that run on from hop to hop.

    Attributes:
        step: samples in a step, 1 ms to the nearest sample.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self.step = max(1, round(rate_hz / STEPS_PER_S))
        self._channels = channels
        self._a_sos = weighting_sos("A", rate_hz)
        self._c_sos = weighting_sos("C", rate_hz)
        self._state: Float | None = None
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
        return self._hops(rows[:, :whole], bad[:whole]) if whole else []

    def finish(self) -> list[Hop]:
        """Return the last hop, filled up with its last sample; empty when nothing is left."""
        missing = self.step * STEPS_PER_HOP - self._rest.shape[1]
        return self.add(np.repeat(self._rest[:, -1:], missing, axis=1).T) if self._rest.size else []

    def _hops(self, rows: Float, bad: NDArray[np.bool_]) -> list[Hop]:
        stretch, a_weighted = self._filter(rows)
        squares = a_weighted * a_weighted
        energy = np.einsum("csj->cs", squares.reshape(self._channels, -1, self.step)) / self.step
        fast = self._averages.add(squares)[0]
        length = self.step * STEPS_PER_HOP
        hops = []
        for index in range(rows.shape[1] // length):
            samples = slice(index * length, (index + 1) * length)
            steps = slice(index * STEPS_PER_HOP, (index + 1) * STEPS_PER_HOP)
            hops.append(
                Hop(
                    number=self._count + index,
                    bad=bool(bad[samples].any()),
                    a=a_weighted[:, samples],
                    energy=energy[:, steps],
                    fast=fast[:, steps],
                    clipped=self._clips.add(rows[:, samples]),
                    stretch=stretch,
                    begins=index * length,
                )
            )
        self._count += len(hops)
        return hops

    def _filter(self, rows: Float) -> tuple[Stretch, Float]:
        if self._state is None:
            first = rows[:, : self.step * STEPS_PER_HOP]
            self._state = settled_state(self._a_sos, first.mean(axis=1))
        before = self._state
        a_weighted, self._state = signal.sosfilt(self._a_sos, rows, zi=before)
        self._state[np.abs(self._state) < _NEGLIGIBLE] = 0.0
        return Stretch(rows, self._c_sos, before[: len(self._c_sos)]), a_weighted
