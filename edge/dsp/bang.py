"""Describes one sudden sound from the hops around it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.dsp.decibels import level_db, levels_db, peak_db
from edge.dsp.hops import STEPS_PER_HOP, STEPS_PER_S, Hop
from edge.dsp.onset import pick_onset, prominence, rise_samples

Float = NDArray[np.float64]

LONGEST = 500
ATTACK = 50
# Sound crosses 1.4 m, the largest array one would hang on a post, in 4 ms.
ARRAY = 4
_SMOOTH = 5
_QUIET = 25
_SEARCH = 20
_PAUSE = 5
_DECAY_DB = 20.0
_FLOOR_MARGIN_DB = 3.0
_PROMINENCE_PERIOD = 10
_PROMINENCE_BEFORE = 50
_PROMINENCE_AFTER = 200


@dataclass(frozen=True, slots=True)
class Impulse:
    """A sudden sound. Figures are those of the channel that heard it best.

    Attributes:
        sample: its onset, counted from the first sample of the stream; the median over `channels`.
        lcpeak_db: C-weighted peak, dB re the RMS of a full-scale sine.
        lafmax_db: highest A-weighted Fast level while it lasts, dB re the same.
        above_floor_db: highest 5 ms level, A-weighted, above the floor before it.
        rise_s: from the onset to 90 % of the highest peak in the first 50 ms.
        duration_s: until the 5 ms level is 20 dB below its peak or 3 dB above the floor; at most 0.5 s.
        crest_db: A-weighted peak over the RMS of the duration.
        prominence: ISO/PAS 1996-3.
        clipped: the true peak is at least `lcpeak_db`.
        channels: those that heard it.
    """

    sample: float
    lcpeak_db: float
    lafmax_db: float
    above_floor_db: float
    rise_s: float
    duration_s: float
    crest_db: float
    prominence: float
    clipped: bool
    channels: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Onset:
    """A rise out of the floor.

    Attributes:
        step: in which it was seen, counted from the start of the stream.
        channels: those that heard it.
        floor_db: of every channel.
    """

    step: int
    channels: tuple[int, ...]
    floor_db: Float


def decay_steps(hops: Sequence[Hop], onset: Onset, until: int) -> int | None:
    """Return how many steps after the onset the sound had died away; None when it had not by step `until`."""
    channel, _ = _best(hops, onset, until)
    smooth = _smooth_db(hops, onset, until)[channel]
    peak = int(np.argmax(smooth[:ATTACK]))
    limit = max(smooth[peak] - _DECAY_DB, float(onset.floor_db[channel]) + _FLOOR_MARGIN_DB)
    below = np.flatnonzero(smooth[peak:] <= limit)
    return peak + int(below[0]) if below.size else None


def describe(hops: Sequence[Hop], onset: Onset, until: int, lasted: int | None, rate_hz: int) -> Impulse:
    """Return the figures of an onset, from hops that reach from 50 ms before it to step `until` after it.

    `lasted` is what `decay_steps` said of them.
    """
    step = hops[0].a.shape[1] // STEPS_PER_HOP
    origin = hops[0].number * STEPS_PER_HOP * step
    channel, above_floor_db = _best(hops, onset, until)
    a_weighted = np.concatenate([hop.a for hop in hops], axis=1)
    quiet_from = (onset.step - _SEARCH - _QUIET) * step - origin
    search_to = (onset.step + _SMOOTH) * step - origin
    picks = {
        index: quiet_from + pick_onset(a_weighted[index, quiet_from:search_to], _QUIET * step, _PAUSE * step)
        for index in onset.channels
    }
    start = picks[channel]
    end_step = min(onset.step + (LONGEST if lasted is None else max(1, lasted)), until)
    end = end_step * step - origin
    sound = a_weighted[channel, start:end]
    clipped = sum(int(hop.clipped[channel]) for hop in hops if hop.number * STEPS_PER_HOP < end_step)
    c_weighted = np.concatenate([hop.c_weighted()[channel] for hop in hops])[start:end]
    return Impulse(
        sample=origin + float(np.median(list(picks.values()))),
        lcpeak_db=peak_db(float(np.abs(c_weighted).max())),
        lafmax_db=_fast_max_db(hops, onset, end_step, channel),
        above_floor_db=above_floor_db,
        rise_s=rise_samples(sound[: ATTACK * step]) / rate_hz,
        duration_s=len(sound) / rate_hz,
        crest_db=peak_db(float(np.abs(sound).max())) - level_db(float(np.mean(sound**2))),
        prominence=_prominence(hops, onset, until, channel),
        clipped=clipped > 0,
        channels=onset.channels,
    )


def _best(hops: Sequence[Hop], onset: Onset, until: int) -> tuple[int, float]:
    """Return the channel that heard an onset best, and how far its 5 ms level rose above the floor."""
    above = _smooth_db(hops, onset, until)[:, :ATTACK].max(axis=1) - onset.floor_db
    channel = max(onset.channels, key=lambda index: float(above[index]))
    return channel, float(above[channel])


def _smooth_db(hops: Sequence[Hop], onset: Onset, until: int) -> Float:
    """Levels of 5 ms that begin with the onset's step and each after it, shape (channels, steps)."""
    oldest = hops[0].number * STEPS_PER_HOP
    energy = np.concatenate([hop.energy for hop in hops], axis=1)[:, : until - oldest]
    energy = energy[:, onset.step - ARRAY - oldest :]
    width = min(_SMOOTH, energy.shape[1])
    sums = np.cumsum(np.concatenate([np.zeros((len(energy), 1)), energy], axis=1), axis=1)
    return levels_db((sums[:, width:] - sums[:, :-width]) / width)


def _fast_max_db(hops: Sequence[Hop], onset: Onset, end_step: int, channel: int) -> float:
    # Fast only falls once the sound has ended: no higher level comes after it.
    oldest = hops[0].number * STEPS_PER_HOP
    fast = np.concatenate([hop.fast[channel] for hop in hops])
    return level_db(float(fast[onset.step - oldest : end_step - oldest].max()))


def _prominence(hops: Sequence[Hop], onset: Onset, until: int, channel: int) -> float:
    oldest = hops[0].number * STEPS_PER_HOP
    fast = np.concatenate([hop.fast[channel] for hop in hops])
    first = max(0, onset.step - _PROMINENCE_BEFORE - oldest)
    last = min(until, onset.step + _PROMINENCE_AFTER) - oldest
    values = levels_db(fast[first:last:_PROMINENCE_PERIOD])
    return prominence(values, _PROMINENCE_PERIOD / STEPS_PER_S) if len(values) > 1 else 0.0
