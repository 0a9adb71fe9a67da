"""A live sound-level meter: what a person reads off it, for each channel."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.dsp.decibels import FLOOR_DB
from edge.dsp.levels import LevelMeter, Levels

_TICKS_PER_S = 10
_FLOOR_TICKS = 30 * _TICKS_PER_S
_FLOOR_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Reading:
    """Levels of one channel, dB re the RMS of a full-scale sine; None for digital silence.

    Attributes:
        laf_db: highest Fast level of the last 0.1 s: the needle.
        laeq_db: mean over the last second.
        lafmax_db: highest Fast level of the last second; lcpeak_db, its highest peak.
        floor_db: exceeded 90 % of the last 30 s.
        clipped: within the last second; the peak is at least `lcpeak_db`.
    """

    laf_db: float | None
    laeq_db: float | None
    lafmax_db: float | None
    lcpeak_db: float | None
    floor_db: float | None
    clipped: bool


class Meter:
    """Takes a stream of sound; the same whatever the size of its blocks."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._meter = LevelMeter(rate_hz, channels)
        self._length = round(rate_hz / _TICKS_PER_S)
        self._missing = self._length
        self._second: deque[list[Levels]] = deque(maxlen=_TICKS_PER_S)
        self._floor: deque[list[float]] = deque(maxlen=_FLOOR_TICKS)

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take samples, shape (n, channels)."""
        while len(samples) >= self._missing:
            head, samples = samples[: self._missing], samples[self._missing :]
            self._meter.add(head)
            levels = self._meter.take()
            self._second.append(levels)
            self._floor.append([one.laeq_db for one in levels])
            self._missing = self._length
        if len(samples):
            self._meter.add(samples)
            self._missing -= len(samples)

    def readings(self) -> list[Reading]:
        """Return what each channel reads; empty in the first 0.1 s."""
        if not self._second:
            return []
        floors = np.quantile(np.array(self._floor), _FLOOR_SHARE, axis=0)
        return [
            _reading([tick[channel] for tick in self._second], float(floor))
            for channel, floor in enumerate(floors)
        ]


def _reading(ticks: list[Levels], floor_db: float) -> Reading:
    energy = float(np.mean([10.0 ** (tick.laeq_db / 10.0) for tick in ticks]))
    return Reading(
        laf_db=_heard(ticks[-1].lafmax_db),
        laeq_db=_heard(10.0 * float(np.log10(energy))),
        lafmax_db=_heard(max(tick.lafmax_db for tick in ticks)),
        lcpeak_db=_heard(max(tick.lcpeak_db for tick in ticks)),
        floor_db=_heard(floor_db),
        clipped=any(tick.clipped for tick in ticks),
    )


def _heard(value_db: float) -> float | None:
    return None if value_db <= FLOOR_DB + 0.01 else value_db
