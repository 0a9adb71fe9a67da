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
from edge.dsp.bearing import Bearing, bearings
from edge.dsp.gates import GUARD_S, LEAD_S, NOISE_S, Gate, Gated
from edge.dsp.geometry import Geometry, Indices, geometry_of
from edge.dsp.samples import clean
from edge.dsp.steering import Fit, Steering, align, climb, fit, search, weights

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]

GATES_S = (0.0005, 0.001, 0.002, 0.004, 0.008)
"""Lengths of the gates after the onset."""

BEFORE_S = NOISE_S + 0.02
"""So much sound before the onset is of use."""

AFTER_S = GATES_S[-1] + 0.01
"""So much sound after the onset is of use."""

# A direction this sharp needs no longer gate; one more blurred than the other is none.
_SHARP_DEG = 1.0
_BLURRED_DEG = 25.0
# A longer gate lets more of the street in, and how sharp it seems varies by chance: taking whichever seemed
# sharpest gave a median of 1.02 degrees instead of 0.76 (diagonal 6.5 cm, 20 dB peak to noise).
_SHARPER = 0.5
# By so much log-likelihood a direction must beat any other.
_LEAD = 6.0
_DEAD_DB = 20.0
_NOISY_DB = 12.0
_QUIETEST = 1e-12
# A gate is moved by so much of the direction to see whether the answer follows it, and by how much at most.
_NUDGE = 0.03
_FOLLOWS = 0.9
# Where more is left than noise explains, a channel that agrees less than half as well with the others as is
# usual hears something else. Then so many others have to agree: two always do.
_MISFIT = 3.0
_STRANGE = 0.5
_FEWEST_AGREEING = 3
_SUSPECTS = 3


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


@dataclass(frozen=True, slots=True, eq=False)
class _Attempt:
    """What some of the microphones make of a sound; `kept` are their positions' indices."""

    kept: Indices
    geometry: Geometry
    heard: tuple[_Heard, ...]

    @property
    def best(self) -> _Heard | None:
        best: _Heard | None = None
        for heard in self.heard:
            if best is None or _is_better(heard, best):
                best = heard
        return best

    @property
    def agreement(self) -> float:
        """That of the microphone which agrees least with the others."""
        return float(self.best.fit.agreement.min()) if self.best else -1.0

    @property
    def suspects(self) -> list[int]:
        """Return those that agree least: a bad one spoils the agreement of others, too."""
        return [] if self.best is None else np.argsort(self.best.fit.agreement)[:_SUSPECTS].tolist()

    @property
    def is_doubtful(self) -> bool:
        """Whether one of them heard something else than the others."""
        if self.best is None or self.best.fit.misfit < _MISFIT:
            return False
        agreement = np.sort(self.best.fit.agreement)
        return len(agreement) > 2 and bool(agreement[0] < _STRANGE * agreement[len(agreement) // 2])


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
    spread_s = geometry_of(array, np.arange(len(used))).steering.spread_s
    rows, hears = _levelled(np.diff(given[used], axis=1), good, round(onset), rate_hz, spread_s)
    kept = np.flatnonzero(hears)
    if len(kept) < 2:
        return Direction(left_out=_channels(np.delete(used, kept)), absence=Absence.SENSOR_FAULT)
    attempt = _attempt(rows, round(onset), rate_hz, array, kept)
    while attempt.is_doubtful and len(attempt.kept) > _FEWEST_AGREEING:
        fewer = [np.delete(attempt.kept, index) for index in attempt.suspects]
        tries = [_attempt(rows, round(onset), rate_hz, array, kept) for kept in fewer]
        attempt = max(tries, key=lambda one: one.agreement)
    return replace(_told(attempt, array), left_out=_channels(np.delete(used, attempt.kept)))


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


def _attempt(rows: Float, onset: int, rate_hz: int, array: MicrophoneArray, kept: Indices) -> _Attempt:
    geometry = geometry_of(array, kept)
    return _Attempt(kept, geometry, tuple(_listen(rows[kept], onset, rate_hz, geometry.steering)))


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
    noise = wide.noise(rows, onset)
    all_round = None if noise is None else wide.cut(rows, onset, np.zeros(len(rows)), noise.mean(axis=0))
    weight = None if all_round is None else weights(all_round)
    if all_round is None or weight is None or not weight.any():
        return None
    (score, v), *others = search(all_round, weight, steering)
    closer = _Closer(rows, onset, rate_hz, steering, gate_s)
    fitted = closer.fit(v)
    if fitted is None:
        return None
    near = _LEAD * max(1.0, fitted.misfit)
    return _Heard(fitted, tuple(other for rival, other in others if rival > score - near))


class _Closer:
    """Looks at one direction through gates that are cut where each microphone hears a sound from there.

    A smooth sound that goes on when its gate ends looks as if it came from where the gate was cut for. How
    much the answer follows the gate is tried out; what it would say of itself is extrapolated from that, and
    is less certain by as much.
    """

    def __init__(self, rows: Float, onset: int, rate_hz: int, steering: Steering, gate_s: float) -> None:
        self._rows, self._onset, self._steering = rows, onset, steering
        self._gate = Gate(gate_s, rate_hz)
        noise = self._gate.noise(rows, onset) if self._gate.usable else None
        self._noise = None if noise is None else noise.mean(axis=0)

    def fit(self, v: Float) -> Fit | None:
        """Return the direction near v; None when the sound does not reach, or only the gate was heard."""
        first = self._seen(v, around=True)
        again = None if first is None else self._seen(first)
        if first is None or again is None:
            return None
        follows = np.zeros((len(v), len(v)))
        for axis in range(len(v)):
            moved = self._seen(first + _NUDGE * np.eye(len(v))[axis], start=again)
            if moved is None:
                return None
            follows[:, axis] = (moved - again) / _NUDGE
        if np.abs(np.linalg.eigvals(follows)).max() > _FOLLOWS:
            return None
        free = np.linalg.inv(np.eye(len(v)) - follows)
        v = first + free @ (again - first)
        gated = self._cut(v)
        if gated is None:
            return None
        fitted = fit(gated, weights(gated, align(gated, self._steering, v)), self._steering, v)
        return replace(fitted, v=v, covariance=free @ fitted.covariance @ free.T)

    def _cut(self, v: Float) -> Gated | None:
        if self._noise is None:
            return None
        return self._gate.cut(self._rows, self._onset, -self._steering.delays @ v, self._noise)

    def _seen(self, v: Float, *, start: Float | None = None, around: bool = False) -> Float | None:
        """Return the direction that a gate cut for v shows."""
        gated = self._cut(v)
        if gated is None:
            return None
        weight = weights(gated)
        if not weight.any():
            return None
        if around:
            return search(gated, weight, self._steering, around=v)[0][1]
        return climb(gated, weight, self._steering, v if start is None else start)[1]


def _is_better(longer: _Heard, shorter: _Heard) -> bool:
    """Whether a longer gate is believed instead: it is clear where the shorter is not, or clearly sharper."""
    if len(longer.rivals) != len(shorter.rivals):
        return len(longer.rivals) < len(shorter.rivals)
    return shorter.blur_deg > _SHARP_DEG and longer.blur_deg < _SHARPER * shorter.blur_deg


def _told(attempt: _Attempt, array: MicrophoneArray) -> Direction:
    best, geometry = attempt.best, attempt.geometry
    if best is None or best.blur_deg > _BLURRED_DEG:
        return Direction(absence=Absence.FAINT)
    # Only a body has mirror images that fit nearly as well; a plane's are in `bearings`.
    if attempt.is_doubtful or len(best.rivals) > (1 if geometry.steering.rank == 3 else 0):
        return Direction(absence=Absence.AMBIGUOUS)
    following = attempt.heard[attempt.heard.index(best) + 1 :]
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
