"""Remembers what an array heard lately, so that the direction of an onset can be found once it is told."""

from collections import deque

import numpy as np

from edge.domain.array import MicrophoneArray
from edge.domain.frames import Samples
from edge.domain.health import Absence
from edge.dsp.direction import AFTER_S, BEFORE_S, Direction, find_direction

# An impulse is told at most 0.6 s after its onset.
_KEPT_S = 1.0
# A direction costs 20 to 80 ms: a jackhammer must not take the lane's time from everything else.
_AT_ONCE = 8.0
_PER_S = 2.0


class Aim:
    """Finds directions of onsets in a stream: `_AT_ONCE` in a row, `_PER_S` in the long run."""

    def __init__(self, rate_hz: int, array: MicrophoneArray) -> None:
        self._rate_hz = rate_hz
        self._array = array
        self._recent: deque[tuple[int, Samples]] = deque()
        self._heard = 0
        self._credit = _AT_ONCE
        self._latest = 0.0

    def add(self, samples: Samples) -> None:
        """Take the next samples, shape (n, channels). They are kept, not copied."""
        kept = round(_KEPT_S * self._rate_hz)
        while self._recent and self._recent[0][0] + len(self._recent[0][1]) < self._heard - kept:
            self._recent.popleft()
        self._recent.append((self._heard, samples))
        self._heard += len(samples)

    def direction(self, sample: float) -> Direction:
        """Return the direction of the onset at this sample, counted from the first one of the stream."""
        self._credit = min(_AT_ONCE, self._credit + (sample - self._latest) / self._rate_hz * _PER_S)
        self._latest = sample
        if self._credit < 1.0:
            return Direction(absence=Absence.NO_READING)
        self._credit -= 1.0
        first = max(self._recent[0][0], round(sample - 1.5 * BEFORE_S * self._rate_hz))
        last = round(sample + AFTER_S * self._rate_hz)
        parts = [
            part[max(0, first - start) : last - start]
            for start, part in self._recent
            if start < last and start + len(part) > first
        ]
        return find_direction(np.concatenate(parts), sample - first, self._rate_hz, self._array)
