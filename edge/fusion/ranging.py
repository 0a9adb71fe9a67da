"""How far away a bang was, from the flash that was seen before it was heard."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge.domain.air_observations import Weather
from edge.domain.health import Absence
from edge.domain.scene_observations import Flash
from edge.domain.time import NS_PER_S
from edge.dsp.air import relative_uncertainty, speed_of_sound_m_s

_ASSUMED_C, _ASSUMED_UNCERTAINTY_C = 15.0, 10.0
"""Without a thermometer: the middle of a year and day in western Europe, one standard deviation."""

_MEASURED_UNCERTAINTY_C = 1.0
"""A sensor on the lamppost, in the sun or above warm asphalt."""

_ASSUMED_WIND_M_S = 4.0
"""It carries the sound, from a direction nobody knows: one standard deviation."""


@dataclass(frozen=True, slots=True)
class Air:
    """What carries the sound: its speed and one standard deviation of it."""

    speed_m_s: float
    uncertainty_m_s: float


@dataclass(frozen=True, slots=True)
class Distance:
    """How far, with one standard deviation; or why that is not known."""

    metres: float | None = None
    uncertainty_m: float | None = None
    absence: Absence | None = None
    flash: Flash | None = None


def air(weather: Weather | None) -> Air:
    """Return how fast sound is in what was measured of the air, or in what may be assumed of it."""
    temperature_c, spread_c, wind_m_s = _ASSUMED_C, _ASSUMED_UNCERTAINTY_C, _ASSUMED_WIND_M_S
    if weather is not None and weather.temperature_c is not None:
        temperature_c, spread_c = weather.temperature_c, _MEASURED_UNCERTAINTY_C
    if weather is not None and weather.wind_speed_ms is not None:
        wind_m_s = weather.wind_speed_ms
    speed_m_s = speed_of_sound_m_s(temperature_c)
    by_heat_m_s = speed_m_s * relative_uncertainty(temperature_c, spread_c)
    return Air(speed_m_s, math.hypot(by_heat_m_s, wind_m_s))


def distance(
    bang_ns: int, flashes: Sequence[Flash], carried_by: Air, *, timing_s: float, farthest_m: float
) -> Distance:
    """Return how far away a bang was.

    Args:
        bang_ns: when it was heard, monotonic.
        flashes: what was seen lately.
        carried_by: the air.
        timing_s: one standard deviation of the time from flash to bang: half the cameras' interval.
        farthest_m: a flash that would be farther is of something else.

    Returns:
        The distance; absent as `no_reading` without a flash, as `ambiguous` when several would do.
    """
    longest_s = farthest_m / carried_by.speed_m_s
    after_s = [((bang_ns - flash.time.monotonic_ns) / NS_PER_S, flash) for flash in flashes]
    fitting = [(late_s, flash) for late_s, flash in after_s if -2 * timing_s <= late_s <= longest_s]
    if not fitting:
        return Distance(absence=Absence.NO_READING)
    # Two cameras may see one flash: what differs by no more than their timing is one.
    late_s, flash = max(fitting, key=lambda one: one[1].rise)
    if any(abs(other_s - late_s) > 3 * timing_s for other_s, _ in fitting):
        return Distance(absence=Absence.AMBIGUOUS)
    passed_s = max(0.0, late_s)
    spread_m = math.hypot(carried_by.speed_m_s * timing_s, carried_by.uncertainty_m_s * passed_s)
    return Distance(carried_by.speed_m_s * passed_s, spread_m, flash=flash)
