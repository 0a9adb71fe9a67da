"""One-third-octave bands of a stream (IEC 61260-1:2014, base ten), the same whatever its blocks."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from edge.dsp.decibels import FLOOR_DB, level_db
from edge.dsp.weighting import settled_state

Float = NDArray[np.float64]
_Stage = tuple[tuple[int, Float], ...]

NOMINAL_HZ = (
    *(25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000),
    *(2500, 3150, 4000, 5000, 6300, 8000, 10_000, 12_500, 16_000),
)
"""Names of the bands; the exact mid-band frequency of each is `exact_hz`."""

NAMES = tuple(f"l{hz:g}_db".replace(".", "_") for hz in NOMINAL_HZ)
"""What observations, reports and JSON call them."""

_REFERENCE = NOMINAL_HZ.index(1000)
# Four pole pairs keep every band within class 1, also the one of 16 kHz at 44.1 kHz, whose lower skirt the
# bilinear transform flattens; three pairs miss it there by 6 dB.
_ORDER = 4
# Up to this share of the rate a band stays within class 1; a higher one is not measured.
_HIGHEST = 0.42
# A band is filtered at the lowest rate, halved from the stream's, at which it ends below this share: there
# the filter that halves is down 80 dB where what it folds back would fall into the band, and 0.0003 dB below.
_HALVED = 0.25
_HALVING = (6, 80.0, 0.375)
_NEGLIGIBLE = 1e-30
# Sound is gathered so long before it is filtered: 37 calls cost as much as filtering half a second.
_GATHER_S = 1.0
# A constant offset shows in the mean of so long.
_OFFSET_S = 0.2


def exact_hz(band: int) -> float:
    """Return the exact mid-band frequency of a band of `NOMINAL_HZ` (5.2.1)."""
    return float(1000.0 * 10.0 ** ((band - _REFERENCE) / 10.0))


@lru_cache(maxsize=8)
def _stages(rate_hz: int) -> tuple[_Stage, ...]:
    """Return (band, filter) of each stage, the first at the stream's rate, each at half that of the last."""
    stages: list[list[tuple[int, Float]]] = [[]]
    for band in range(len(NOMINAL_HZ)):
        low_hz, high_hz = (exact_hz(band) * 10.0**half for half in (-0.05, 0.05))
        if high_hz > _HIGHEST * rate_hz:
            break
        depth = max(0, int(np.floor(np.log2(_HALVED * rate_hz / high_hz))))
        sos = signal.butter(_ORDER, [low_hz, high_hz], "bandpass", fs=rate_hz / 2**depth, output="sos")
        stages += [[] for _ in range(depth + 1 - len(stages))]
        stages[depth].append((band, np.asarray(sos)))
    return tuple(tuple(bands) for bands in stages)


class BandMeter:
    """Sums the squares of every band of every channel; filters run on from interval to interval."""

    def __init__(self, rate_hz: int, channels: int = 1) -> None:
        self._stages = _stages(rate_hz)
        self._halving: Float = np.asarray(signal.cheby2(*_HALVING, fs=1.0, output="sos"))
        self._band_states: dict[int, Float] = {}
        self._halving_states: list[Float] = []
        self._odd = [0] * len(self._stages)
        self._gathered: list[Float] = []
        self._missing = self._gather = round(_GATHER_S * rate_hz)
        self._started = False
        self._offset_length = max(1, round(_OFFSET_S * rate_hz))
        # How many samples of the stream one sample of a band stands for.
        self._weight = {band: 2**depth for depth, stage in enumerate(self._stages) for band, _ in stage}
        self._sums = np.zeros((len(NOMINAL_HZ), channels))

    def add(self, rows: Float) -> None:
        """Take samples fit for a filter, shape (channels, n)."""
        self._gathered.append(rows)
        self._missing -= rows.shape[1]
        if self._missing <= 0:
            self._measure()

    def _measure(self) -> None:
        self._missing = self._gather
        rows = np.concatenate(self._gathered, axis=1) if self._gathered else np.empty((0, 0))
        self._gathered.clear()
        if not rows.size:
            return
        if not self._started:
            self._settle(rows[:, : self._offset_length].mean(axis=1))
        for depth, stage in enumerate(self._stages):
            for band, sos in stage:
                filtered, self._band_states[band] = _filtered(sos, rows, self._band_states[band])
                self._sums[band] += np.einsum("cn,cn->c", filtered, filtered) * self._weight[band]
            if depth + 1 < len(self._stages):
                rows = self._halved(rows, depth)

    def take(self, valid: NDArray[np.int64]) -> list[tuple[float | None, ...]]:
        """Return the levels since the last call, for each channel in the order of `NOMINAL_HZ`.

        Args:
            valid: samples of each channel since the last call that are sound.

        Returns:
            dB re the RMS of a full-scale sine; None where the rate is too low for a band or nothing is in it.
        """
        self._measure()
        sums, self._sums = self._sums, np.zeros_like(self._sums)
        return [
            tuple(_level(float(total) / max(1, int(count))) for total in sums[:, channel])
            for channel, count in enumerate(valid)
        ]

    def _settle(self, offset: Float) -> None:
        """Begin as if the stream's offset had been there for ever: else its step would sound in all bands."""
        self._started = True
        for stage in self._stages:
            self._band_states |= {band: settled_state(sos, offset) for band, sos in stage}
        self._halving_states = [settled_state(self._halving, offset) for _ in self._stages[1:]]

    def _halved(self, rows: Float, depth: int) -> Float:
        low, self._halving_states[depth] = _filtered(self._halving, rows, self._halving_states[depth])
        kept = low[:, self._odd[depth] :: 2]
        self._odd[depth] = (self._odd[depth] + low.shape[1]) % 2
        return kept


def _level(mean_square: float) -> float | None:
    level = level_db(mean_square)
    return level if level > FLOOR_DB else None


def _filtered(sos: Float, rows: Float, state: Float) -> tuple[Float, Float]:
    if not rows.shape[1]:
        return rows, state
    filtered, state = signal.sosfilt(sos, rows, zi=state)
    state[np.abs(state) < _NEGLIGIBLE] = 0.0
    return np.asarray(filtered), np.asarray(state)
