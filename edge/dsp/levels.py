"""A sound-level meter for a stream (IEC 61672-1:2013), the same whatever the size of the blocks it is fed."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from edge.dsp.averaging import FAST_S, IMPULSE_RISE_S, SLOW_S, ExponentialAverages
from edge.dsp.bands import BandMeter
from edge.dsp.decibels import FLOOR_DB, level_db, levels_db, peak_db
from edge.dsp.samples import RAIL, ClipCounter, clean
from edge.dsp.weighting import settled_state, weighting_sos

Float = NDArray[np.float64]

# Between two looks at the Fast level it can have fallen by 34.7 dB/s * 0.5 ms = 0.02 dB from a maximum.
_STEPS_PER_S = 2000
_STATISTICS_PERIOD_S = 0.01
_BIN_DB = 0.01
_BIN_TOP_DB = 50.0
_COUNTED_TOGETHER = 16
_BINS = round((_BIN_TOP_DB - FLOOR_DB) / _BIN_DB) + 1
# After five time constants the Fast level is within 0.03 dB of a steady sound.
_SETTLING_S = 5 * FAST_S
_PEAK_RATE_HZ = 44100
# So many samples of all channels together are gathered before they are filtered: a call costs as much as
# filtering 240 of them, and many more no longer fit the processor's cache (4 channels: 120 times real time by
# 0.1 s, 100 by 0.5 s).
_GATHER = 19_200
# A constant offset shows in the mean of so long; nothing is filtered before.
_OFFSET_S = 0.2
# Under this a filter's memory is of no sound, only slow: processors crawl through denormal numbers.
_NEGLIGIBLE = 1e-30


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels of one channel over one interval, dB re the RMS of a full-scale sine plus the calibration.

    Attributes:
        duration_s: valid sound heard.
        laimax_db: highest level with the Impulse weighting's 35 ms rise.
        la10_db: Fast level exceeded in 10 % of the interval, from one value every 10 ms; la50_db and la90_db
            likewise. The first 0.625 s of a stream, while the Fast level rises from nothing, are left out
            when there is more.
        clipped: the true peak is at least `lcpeak_db`.
        silent: nothing but digital silence; every level is the floor, -150 dB re full scale.
        invalid: samples that were not numbers or beyond all reason, left out of `duration_s`.
        bands_db: level of each one-third-octave band of `edge.dsp.bands.NOMINAL_HZ`, not A-weighted; None
            where the rate is too low for it or nothing is in it; empty when bands were not asked for.
    """

    duration_s: float
    laeq_db: float
    lae_db: float
    lafmax_db: float
    lasmax_db: float
    laimax_db: float
    lcpeak_db: float
    la10_db: float
    la50_db: float
    la90_db: float
    clipped: bool
    silent: bool
    invalid: int
    bands_db: tuple[float | None, ...] = ()

    def calibrated(self, full_scale_db: float) -> "Levels":
        """Return the levels with the level of a full-scale sine added."""
        names = [name for name in self.__slots__ if name.endswith("_db") and name != "bands_db"]
        bands_db = tuple(None if level is None else level + full_scale_db for level in self.bands_db)
        sums = {name: getattr(self, name) + full_scale_db for name in names}
        return replace(self, bands_db=bands_db, **sums)


class LevelMeter:
    """Measures every channel of a stream; filters and time weightings run on from interval to interval.

    Rates below 44.1 kHz are measured as they are, since the weightings hold up to half the rate
    (`weighting_sos`); only their peaks are looked for between the samples.
    """

    def __init__(self, rate_hz: int, channels: int = 1, rail: float = RAIL, *, bands: bool = False) -> None:
        self._rate_hz = rate_hz
        self._channels = channels
        sos = weighting_sos("A", rate_hz)
        self._c_sos, self._a_sos = sos[:2], sos[2:]
        self._c_state: Float | None = None
        self._a_state = np.zeros((len(self._a_sos), channels, 2))
        self._between = _BetweenSamples(rate_hz, channels) if rate_hz < _PEAK_RATE_HZ else None
        self._bands = BandMeter(rate_hz, channels) if bands else None
        self._clips = ClipCounter(channels, rail)
        self._step = max(1, round(rate_hz / _STEPS_PER_S))
        self._averages = ExponentialAverages(channels, rate_hz, self._step, (FAST_S, SLOW_S, IMPULSE_RISE_S))
        self._statistics = _Statistics(rate_hz, channels, self._step)
        self._gathered: list[Float] = []
        self._clear()

    def _clear(self) -> None:
        self._heard = 0
        self._measured = 0
        self._invalid = np.zeros(self._channels, dtype=np.int64)
        self._clipped = np.zeros(self._channels, dtype=np.int64)
        self._energy = np.zeros(self._channels)
        self._peak = np.zeros(self._channels)
        self._highest = np.zeros((3, self._channels))
        self._statistics.clear()

    def add(self, samples: ArrayLike) -> None:
        """Take samples, shape (n, channels) or (n,), full scale -1..1."""
        rows, invalid = clean(samples)
        if not rows.size:
            return
        self._heard += rows.shape[1]
        if invalid is not None:
            self._invalid += invalid.sum(axis=1)
        self._gathered.append(rows)
        gathered = self._heard - self._measured
        settled = self._c_state is not None or gathered >= _OFFSET_S * self._rate_hz
        if settled and gathered * self._channels >= _GATHER:
            self._measure()

    def _measure(self) -> None:
        if not self._gathered:
            return
        rows = np.concatenate(self._gathered, axis=1)
        self._gathered.clear()
        self._measured = self._heard
        self._clipped += self._clips.add(rows)
        if self._bands is not None:
            self._bands.add(rows)
        c_weighted = self._c_weighted(rows)
        for extreme in (c_weighted.max(axis=1), -c_weighted.min(axis=1)):
            np.maximum(self._peak, extreme, out=self._peak)
        if self._between is not None:
            np.maximum(self._peak, self._between.peak(c_weighted), out=self._peak)
        a_weighted, self._a_state = signal.sosfilt(self._a_sos, c_weighted, zi=self._a_state)
        self._a_state[np.abs(self._a_state) < _NEGLIGIBLE] = 0.0
        squares = a_weighted * a_weighted
        self._energy += squares.sum(axis=1)
        averages = self._averages.add(squares)
        np.maximum(self._highest, averages.max(axis=2, initial=0.0), out=self._highest)
        self._statistics.add(averages[0])

    def _c_weighted(self, rows: Float) -> Float:
        if self._c_state is None:
            start = rows[:, : max(1, round(_OFFSET_S * self._rate_hz))]
            self._c_state = settled_state(self._c_sos, start.mean(axis=1))
        weighted, state = signal.sosfilt(self._c_sos, rows, zi=self._c_state)
        state[np.abs(state) < _NEGLIGIBLE] = 0.0
        self._c_state = state
        return np.asarray(weighted)

    def take(self) -> list[Levels]:
        """Return the levels of each channel since the last call and begin a new interval.

        Empty when no sample came. A channel without a single valid sample has duration 0 and is silent.
        """
        if not self._heard:
            return []
        self._measure()
        taken = [self._levels(channel) for channel in range(self._channels)]
        if self._bands is not None:
            bands = self._bands.take(self._heard - self._invalid)
            taken = [replace(one, bands_db=levels) for one, levels in zip(taken, bands, strict=True)]
        self._clear()
        return taken

    def _levels(self, channel: int) -> Levels:
        invalid = int(self._invalid[channel])
        valid = self._heard - invalid
        laeq_db = level_db(float(self._energy[channel]) / max(valid, 1))
        duration_s = valid / self._rate_hz
        fast, slow, impulse = (level_db(float(value)) for value in self._highest[:, channel])
        la10_db, la50_db, la90_db = self._statistics.exceeded_db(channel, (0.1, 0.5, 0.9))
        silent = laeq_db <= FLOOR_DB
        return Levels(
            duration_s=duration_s,
            laeq_db=laeq_db,
            lae_db=laeq_db + (0.0 if silent else 10.0 * float(np.log10(duration_s))),
            lafmax_db=fast,
            lasmax_db=slow,
            laimax_db=impulse,
            lcpeak_db=peak_db(float(self._peak[channel])),
            la10_db=la10_db,
            la50_db=la50_db,
            la90_db=la90_db,
            clipped=bool(self._clipped[channel]),
            silent=silent,
            invalid=invalid,
        )


class _Statistics:
    """Histogram of the Fast level, a value every 10 ms, in bins of 0.01 dB: it does not grow with time."""

    def __init__(self, rate_hz: int, channels: int, step: int) -> None:
        self._stride = max(1, round(_STATISTICS_PERIOD_S * rate_hz / step))
        self._settling = round(_SETTLING_S * rate_hz / step)
        self._seen = 0
        self._bins = np.zeros((channels, _BINS), dtype=np.int64)
        self._latest: Float = np.zeros(channels)
        self._unsettled: list[Float] = []
        self._uncounted: list[Float] = []

    def clear(self) -> None:
        self._bins[:] = 0
        self._unsettled.clear()
        self._uncounted.clear()

    def add(self, fast: Float) -> None:
        """Take the Fast mean square at the end of each step, shape (channels, steps)."""
        steps = fast.shape[1]
        if not steps:
            return
        first = -(self._seen + 1) % self._stride
        numbers = self._seen + 1 + np.arange(first, steps, self._stride)
        values = fast[:, first :: self._stride]
        self._latest = fast[:, -1]
        self._seen += steps
        settled = numbers > self._settling
        if not settled.all():
            self._unsettled.append(values[:, ~settled])
        self._uncounted.append(values[:, settled])
        if len(self._uncounted) >= _COUNTED_TOGETHER:
            self._count()

    def _count(self) -> None:
        if not self._uncounted:
            return
        values = levels_db(np.concatenate(self._uncounted, axis=1))
        self._uncounted.clear()
        index = np.rint((values - FLOOR_DB) / _BIN_DB).astype(np.int64).clip(0, _BINS - 1)
        for bins, row in zip(self._bins, index, strict=True):
            np.add.at(bins, row, 1)

    def exceeded_db(self, channel: int, shares: tuple[float, ...]) -> list[float]:
        """Return the levels exceeded for these shares of the time."""
        self._count()
        bins = self._bins[channel]
        count = int(bins.sum())
        if count:
            from_top = np.cumsum(bins[::-1])
            places = [_BINS - 1 - int(np.searchsorted(from_top, share * count)) for share in shares]
            return [FLOOR_DB + _BIN_DB * place for place in places]
        if self._unsettled:
            values = levels_db(np.concatenate(self._unsettled, axis=1)[channel])
            if values.size:
                return [float(np.quantile(values, 1.0 - share)) for share in shares]
        return [float(levels_db(self._latest)[channel])] * len(shares)


class _BetweenSamples:
    """Largest absolute value of a band-limited stream, between its samples too."""

    _HALF_WIDTH = 16

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._factor = -(-_PEAK_RATE_HZ // rate_hz)
        taps = 2 * self._HALF_WIDTH * self._factor + 1
        kernel = signal.firwin(taps, 1.0 / self._factor, window=("kaiser", 8.0))
        self._kernel: Float = np.asarray(kernel) * self._factor
        self._history = np.zeros((channels, 2 * self._HALF_WIDTH))

    def peak(self, rows: Float) -> Float:
        joined = np.concatenate([self._history, rows], axis=1)
        self._history = joined[:, -2 * self._HALF_WIDTH :].copy()
        dense = signal.upfirdn(self._kernel, joined, up=self._factor, axis=1)
        skip = 2 * self._HALF_WIDTH * self._factor
        return np.asarray(np.abs(dense[:, skip : skip + rows.shape[1] * self._factor]).max(axis=1))
