"""Where a sudden sound came from, heard by an array of 2..8 microphones, and how sure that is.

What arrives first came straight; what the street answers comes later. So the shortest gate after the onset
that gives a sharp direction is used, and the difference to what the next longer one says counts as
uncertainty.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.domain.array import MicrophoneArray
from edge.domain.health import Absence
from edge.dsp.air import relative_uncertainty, speed_of_sound_m_s
from edge.dsp.bearing import Bearing, bearings
from edge.dsp.gates import GUARD_S, LEAD_S, NOISE_S, Gate
from edge.dsp.samples import clean
from edge.dsp.steering import Fit, Steering, align, fit, search, weights

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]

GATES_S = (0.0005, 0.001, 0.002, 0.004, 0.008)
"""Lengths of the gates after the onset."""

BEFORE_S = NOISE_S + 0.02
"""So much sound before the onset is of use."""

AFTER_S = GATES_S[-1] + 0.01
"""So much sound after the onset is of use."""

# A direction this sharp needs no longer gate; one more blurred than the other is none.
_SHARP_DEG = 1.0
_BLURRED_DEG = 25.0
# By so much log-likelihood a direction must beat any other.
_LEAD = 6.0
# Of the extent of an array: less in one direction is none.
_THIN = 0.01
_DEAD_DB = 20.0
_NOISY_DB = 12.0
_QUIETEST = 1e-12
# A channel that agrees less than half as well with the others as is usual among them hears something else.
_STRANGE = 0.5


@dataclass(frozen=True, slots=True)
class Direction:
    """A direction; angles are None where they are not known.

    Attributes:
        azimuth_deg: clockwise from true north, 0..360.
        azimuth_uncertainty_deg: one standard deviation.
        elevation_deg: above the horizon.
        elevation_uncertainty_deg: one standard deviation.
        other_azimuth_deg: the sound may as well have come from there, `other_elevation_deg` high: a plane of
            microphones does not tell one of its sides from the other. None when there is no other.
        left_out: channels that heard something else, or nothing.
        absence: why neither angle is known; None when one is.
    """

    azimuth_deg: float | None = None
    azimuth_uncertainty_deg: float | None = None
    elevation_deg: float | None = None
    elevation_uncertainty_deg: float | None = None
    other_azimuth_deg: float | None = None
    other_elevation_deg: float | None = None
    left_out: tuple[int, ...] = ()
    absence: Absence | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Geometry:
    """Positions as steering takes them.

    Attributes:
        axes: of the coordinates that the array can tell apart, shape (3, rank).
        slack: covariance of a direction by what is not known of the positions, shape (rank, rank).
    """

    steering: Steering
    axes: Float
    slack: Float


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """What one gate says.

    Attributes:
        rivals: other directions that fit as well.
    """

    fit: Fit
    rivals: tuple[Float, ...]

    @property
    def blur_deg(self) -> float:
        """The larger standard deviation across the direction."""
        v = self.fit.v
        across = self.fit.covariance
        if len(v) == 3:
            tangents = np.linalg.svd(v[np.newaxis])[2][1:]
            across = tangents @ across @ tangents.T
        return float(np.degrees(np.sqrt(np.linalg.eigvalsh(across)[-1])))


def find_direction(sound: ArrayLike, onset: float, rate_hz: int, array: MicrophoneArray) -> Direction:
    """Return where a sound came from.

    Args:
        sound: shape (n, channels), full scale -1..1; from `BEFORE_S` before the onset, better more, to
            `AFTER_S` after it.
        onset: index of the sample at which it begins, the median over the channels.
        rate_hz: samples per second.
        array: the geometry; its channels are columns of `sound`.
    """
    given, invalid = clean(sound)
    used = np.array(array.used)
    good = np.ones(len(used), dtype=np.bool_) if invalid is None else ~invalid[used].any(axis=1)
    # Differences: a sudden sound has less power the higher the frequency, and wind still more.
    spread_s = _geometry(array, np.arange(len(used))).steering.spread_s
    rows, hears = _levelled(np.diff(given[used], axis=1), good, round(onset), rate_hz, spread_s)
    kept = np.flatnonzero(hears)
    while len(kept) >= 2:
        geometry = _geometry(array, kept)
        heard = list(_listen(rows[kept], round(onset), rate_hz, geometry.steering))
        best = min(heard, key=_quality, default=None)
        stranger = _stranger(best.fit) if best else None
        if stranger is None:
            told = _told(heard, best, geometry, array)
            return replace(told, left_out=_channels(np.delete(used, kept)))
        kept = np.delete(kept, stranger)
    return Direction(left_out=_channels(np.delete(used, kept)), absence=Absence.SENSOR_FAULT)


def _channels(used: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(channel) for channel in used)


def _levelled(rows: Float, good: Flags, onset: int, rate_hz: int, spread_s: float) -> tuple[Float, Flags]:
    """Return the channels at equal level after the onset, and which of them heard it."""
    first, last = (round(onset + seconds * rate_hz) for seconds in (-LEAD_S - spread_s / 2, GATES_S[-1]))
    before = max(1, first - round(GUARD_S * rate_hz))
    sound = np.square(rows[:, max(0, first) : last]).sum(axis=1) / (last - first)
    noise = np.square(rows[:, :before]).mean(axis=1)
    above = sound / np.maximum(noise, max(_QUIETEST * sound.max(), np.finfo(np.float64).tiny))
    hears = good & (sound > 0.0)
    for figure, range_db in ((sound, _DEAD_DB), (above, _NOISY_DB)):
        if hears.any():
            usual = np.sort(figure[hears])[int(hears.sum()) // 2]
            hears = hears & (figure >= usual * 10.0 ** (-range_db / 10.0))
    return rows / np.sqrt(np.where(hears, sound, 1.0))[:, np.newaxis], hears


def _geometry(array: MicrophoneArray, kept: Indices) -> _Geometry:
    positions = np.asarray(array.positions_m, dtype=np.float64)[kept]
    positions = positions - positions.mean(axis=0)
    _, extent, turned = np.linalg.svd(positions, full_matrices=False)
    axes = turned[extent > _THIN * extent[0]].T
    inside = positions @ axes
    slack = array.position_uncertainty_m**2 * np.linalg.inv(inside.T @ inside)
    radial = relative_uncertainty(array.temperature_c, array.temperature_uncertainty_c)
    return _Geometry(Steering(inside / speed_of_sound_m_s(array.temperature_c), radial), axes, slack)


def _listen(rows: Float, onset: int, rate_hz: int, steering: Steering) -> Iterator[_Heard]:
    """Yield what each gate says, shortest first, up to the one after the first that is clear and sharp."""
    enough = False
    for gate_s in GATES_S:
        heard = _hear(rows, onset, rate_hz, steering, gate_s)
        if heard is None:
            continue
        yield heard
        if enough:
            return
        enough = not heard.rivals and heard.blur_deg <= _SHARP_DEG


def _hear(rows: Float, onset: int, rate_hz: int, steering: Steering, gate_s: float) -> _Heard | None:
    """Search all directions in a gate that holds them all, then look closer in one that fits the best."""
    wide = Gate(gate_s, rate_hz, steering.spread_s)
    tight = Gate(gate_s, rate_hz)
    noise = wide.noise(rows, onset), tight.noise(rows, onset)
    if not tight.usable or noise[0] is None or noise[1] is None:
        return None
    all_round = wide.cut(rows, onset, np.zeros(len(rows)), noise[0].mean(axis=0))
    weight = None if all_round is None else weights(all_round)
    if all_round is None or weight is None or not weight.any():
        return None
    (score, v), *others = search(all_round, weight, steering)
    gated = tight.cut(rows, onset, -steering.delays @ v, noise[1].mean(axis=0))
    if gated is None:
        return None
    _, v = search(gated, weights(gated), steering, around=v)[0]
    fitted = fit(gated, weights(gated, align(gated, steering, v)), steering, v)
    near = _LEAD * max(1.0, fitted.misfit)
    return _Heard(fitted, tuple(other for rival, other in others if rival > score - near))


def _quality(heard: _Heard) -> tuple[int, bool, float]:
    """Sort the clear before the doubtful, the sharp as they come, the blurred by how much they are."""
    blur_deg = heard.blur_deg
    return len(heard.rivals), blur_deg > _SHARP_DEG, blur_deg if blur_deg > _SHARP_DEG else 0.0


def _stranger(fitted: Fit) -> int | None:
    """Return the microphone that did not hear what the others heard."""
    agreement = fitted.agreement
    worst = int(np.argmin(agreement))
    usual = float(np.sort(agreement)[len(agreement) // 2])
    return worst if len(agreement) > 2 and agreement[worst] < _STRANGE * usual else None


def _told(heard: list[_Heard], best: _Heard | None, geometry: _Geometry, array: MicrophoneArray) -> Direction:
    if best is None or best.blur_deg > _BLURRED_DEG:
        return Direction(absence=Absence.FAINT)
    # Only a body has mirror images that fit nearly as well; a plane's are in `bearings`.
    if len(best.rivals) > (1 if geometry.steering.rank == 3 else 0):
        return Direction(absence=Absence.AMBIGUOUS)
    following = heard[heard.index(best) + 1 :]
    covariance = best.fit.covariance + geometry.slack
    if following:
        shift = following[0].fit.v - best.fit.v
        covariance = covariance + np.outer(shift, shift)
    sides = [
        side
        for v in (best.fit.v, *best.rivals)
        for side in bearings(v, covariance, geometry.axes, geometry.steering.radial)
    ]
    return _on_the_map(sides, array)


def _on_the_map(sides: list[Bearing], array: MicrophoneArray) -> Direction:
    if not sides:
        # The delays are longer than sound needs from one microphone to the other.
        return Direction(absence=Absence.OUT_OF_RANGE)
    first, other = sides[0], sides[1] if len(sides) > 1 else None
    wide_deg = first.azimuth_uncertainty_deg
    known = first.azimuth_deg is not None or first.elevation_deg is not None
    return Direction(
        azimuth_deg=_turned(first, array),
        azimuth_uncertainty_deg=None
        if wide_deg is None
        else float(np.hypot(wide_deg, array.heading_uncertainty_deg)),
        elevation_deg=first.elevation_deg,
        elevation_uncertainty_deg=first.elevation_uncertainty_deg,
        other_azimuth_deg=_turned(other, array) if other else None,
        other_elevation_deg=other.elevation_deg if other else None,
        absence=None if known else Absence.FAINT,
    )


def _turned(bearing: Bearing, array: MicrophoneArray) -> float | None:
    azimuth_deg = bearing.azimuth_deg
    return None if azimuth_deg is None else (azimuth_deg + array.heading_deg) % 360.0
