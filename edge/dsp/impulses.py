"""Finds sudden sounds in a stream, whatever the size of the blocks it is fed."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.dsp.bang import ARRAY, ATTACK, LONGEST, Impulse, Onset, decay_steps, describe
from edge.dsp.decibels import levels_db, mean_squares
from edge.dsp.hops import STEPS_PER_HOP, Hop, HopStream

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]

_HOPS_KEPT = 8
_REFRACTORY = 50
# A level is the mean over so many steps, and is held against that of so many steps before them.
_SMOOTH = 5
_BEFORE = 20
# Facades answer within this time, weaker than the bang; the next shot is about as loud as the one before.
_ECHO = 300
_ECHO_DB = 10.0
_FLOOR_HOPS = 50
_FLOOR_HOPS_NEEDED = 2
_FLOOR_HIGH = 0.9
# While it bangs all the time, every so many-th hop still tells the floor that the street has become loud.
_FLOOR_EVERY = 4
_DEAD_DB = -140.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What makes a sound an impulse; all must be met.

    The defaults were chosen with `scripts/measure_impulses.py` on the `tune` half of the recordings. There,
    levels of 5 ms instead of 1 ms found 47 instead of 34 % of the shots 10 dB above the street with a third
    fewer false onsets; the shortest duration took the false onsets from 224 to 33 an hour of lively street,
    and the shots found from 71 to 65 % 10 dB above the street and from 96 to 95 % 15 dB above it.

    Attributes:
        above_floor_db: level of 5 ms above the floor, the median level of the last 5 s.
        spread: how many times the floor's own spread (its 90 % point less its median) is added to that.
        rise_db: level of 5 ms above the mean level of the 20 ms before it.
        prominence: least predicted prominence (ISO/PAS 1996-3, from where on impulses count).
        duration_s: shortest duration, unless it is strong: drops, clicks and crackle are shorter than the
            reverberation of a bang.
        strong_db: level of 5 ms above the floor from which on a bang may be as short as it likes.
    """

    above_floor_db: float = 10.0
    spread: float = 1.0
    rise_db: float = 8.0
    prominence: float = 5.0
    duration_s: float = 0.05
    strong_db: float = 25.0


class ImpulseFinder:
    """Finds impulses on every channel of a stream; half of the channels that live must agree."""

    def __init__(self, rate_hz: int, channels: int = 1, thresholds: Thresholds | None = None) -> None:
        self._rate_hz = rate_hz
        self._thresholds = thresholds or Thresholds()
        self._stream = HopStream(rate_hz, channels)
        self._hops: deque[Hop] = deque(maxlen=_HOPS_KEPT)
        self._floors: Float = np.zeros((channels, _FLOOR_HOPS))
        self._floors_known = 0
        self._before: Float = np.zeros((channels, _BEFORE + _SMOOTH))
        self._heard: Flags = np.zeros((channels, ARRAY), dtype=np.bool_)
        self._mute_until = 0
        self._open: Onset | None = None
        self._last_step = -_ECHO
        self._last_peak_db = -np.inf

    def splice(self) -> None:
        """Say that sound is missing before the next sample: the step in the waveform is no impulse."""
        self._stream.splice()

    def add(self, samples: ArrayLike) -> list[Impulse]:
        """Take samples, shape (n, channels) or (n,), full scale -1..1; return the impulses that are over."""
        return [impulse for hop in self._stream.add(samples) for impulse in self._take(hop)]

    def finish(self) -> list[Impulse]:
        """Return the impulses that were not over when the stream ended."""
        found = [impulse for hop in self._stream.finish() for impulse in self._take(hop)]
        return [*found, *self._close(self._end_step())]

    def _end_step(self) -> int:
        return (self._hops[-1].number + 1) * STEPS_PER_HOP if self._hops else 0

    def _take(self, hop: Hop) -> Iterator[Impulse]:
        self._hops.append(hop)
        if hop.bad:
            self._mute_until = hop.number + 2
        before = self._last_step
        banging = self._open is not None
        if self._floors_known >= _FLOOR_HOPS_NEEDED:
            yield from self._look(hop)
        self._before = hop.energy[:, -(_BEFORE + _SMOOTH) :]
        if self._open is not None:
            yield from self._close_if_over(self._open)
        if not (banging or self._last_step > before) or hop.number % _FLOOR_EVERY == 0:
            self._floors[:, self._floors_known % _FLOOR_HOPS] = levels_db(hop.energy.mean(axis=1))
            self._floors_known += 1

    def _look(self, hop: Hop) -> Iterator[Impulse]:
        floors = np.sort(self._floors[:, : self._floors_known], axis=1)
        known = floors.shape[1]
        floor = floors[:, known // 2]
        hits = self._hits(hop, floor, floors[:, int(_FLOOR_HIGH * known)] - floor)
        joined = np.concatenate([self._heard, hits], axis=1)
        self._heard = joined[:, -ARRAY:]
        if not joined.any():
            return
        windows = np.lib.stride_tricks.sliding_window_view(joined, ARRAY + 1, axis=1)
        heard: Flags = np.logical_or.reduce(windows, axis=2)
        needed = max(1, -(-int(np.count_nonzero(floor > _DEAD_DB)) // 2))
        for index in np.flatnonzero(heard.sum(axis=0) >= needed):
            step = hop.number * STEPS_PER_HOP + int(index)
            nearby = hop.energy[:, max(0, index - ARRAY - _SMOOTH) : index + _SMOOTH]
            if self._is_new(step, float(levels_db(nearby).max())):
                yield from self._close(step - ARRAY)
                by = tuple(int(channel) for channel in np.flatnonzero(heard[:, index]))
                self._open = Onset(step, by, floor)
                self._last_step = step

    def _hits(self, hop: Hop, floor: Float, spread: Float) -> Flags:
        """Which channel rises out of its floor in which step, shape (channels, 100)."""
        wanted = self._thresholds
        sums = np.cumsum(np.concatenate([self._before, hop.energy], axis=1), axis=1)
        now = (sums[:, _BEFORE + _SMOOTH :] - sums[:, _BEFORE:-_SMOOTH]) / _SMOOTH
        least = mean_squares(floor + wanted.above_floor_db + wanted.spread * spread)
        high: Flags = np.greater_equal(now, least[:, np.newaxis])
        if hop.number < self._mute_until:
            return np.zeros_like(high)
        if not high.any():
            return high
        before = (sums[:, _BEFORE:-_SMOOTH] - sums[:, : -_BEFORE - _SMOOTH]) / _BEFORE
        return np.asarray(high & (now >= before * 10.0 ** (wanted.rise_db / 10.0)))

    def _is_new(self, step: int, level: float) -> bool:
        since = step - self._last_step
        if since < _REFRACTORY:
            return False
        if self._open is not None:
            oldest = self._hops[0].number * STEPS_PER_HOP
            energy = np.concatenate([hop.energy for hop in self._hops], axis=1)
            loud = energy[:, self._open.step - ARRAY - oldest :][:, :ATTACK]
            self._last_peak_db = float(levels_db(loud).max())
        return since >= _ECHO or level >= self._last_peak_db - _ECHO_DB

    def _close_if_over(self, onset: Onset) -> Iterator[Impulse]:
        end = self._end_step()
        heard = end - onset.step
        if heard >= LONGEST or (heard > ATTACK and decay_steps(self._hops, onset, end) is not None):
            yield from self._close(end)

    def _close(self, until: int) -> Iterator[Impulse]:
        onset, self._open = self._open, None
        if onset is None:
            return
        lasted = decay_steps(self._hops, onset, until)
        impulse = describe(self._hops, onset, until, lasted, self._rate_hz)
        wanted = self._thresholds
        strong = impulse.above_floor_db >= wanted.strong_db
        if impulse.prominence >= wanted.prominence and (
            strong or lasted is None or impulse.duration_s >= wanted.duration_s
        ):
            yield impulse
