"""What a city's policy tells the rules and actuators of a lamppost, however it is written or signed.

Made by `edge.privacy` from the policy file, handed to each rule and actuator that has an `obey` (`Obedient`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from edge.domain.observations import Sound
from edge.domain.time import CaptureTime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """Days and hours of the day: from `first` to `last` day (both in), from `start` to `end` local time.

    Attributes:
        start: a span whose end is not after its start goes on past midnight.
        every_year: only month and day of `first` and `last` count.
    """

    first: date | None = None
    last: date | None = None
    start: time | None = None
    end: time | None = None
    every_year: bool = False


class LevelName(StrEnum):
    """A sound level that a policy may limit."""

    LAEQ_DB = "laeq_db"
    LAFMAX_DB = "lafmax_db"
    LASMAX_DB = "lasmax_db"
    LCPEAK_DB = "lcpeak_db"


class LampScene(StrEnum):
    """How a lamp shines."""

    NORMAL = "normal"
    CALM = "calm"
    BRIGHT = "bright"
    GUIDE = "guide"


@dataclass(frozen=True, slots=True)
class PermittedLevel:
    """A dated level that sudden sounds may reach, at a reference distance from their source.

    Attributes:
        number: its position in the policy file, told in reports.
        quantity: the level's name.
        level_db: dB re 20 uPa at `distance_m`.
    """

    number: int
    quantity: LevelName
    level_db: float
    distance_m: float
    during: Span = field(default_factory=Span)


@dataclass(frozen=True, slots=True)
class Prior:
    """Dated odds: how much likelier a sound is than usual (New Year's Eve: fireworks).

    Attributes:
        number: its position in the policy file, told in reports.
        odds: factor on the odds, above 0; 1 changes nothing.
    """

    number: int
    sound: Sound
    odds: float
    during: Span = field(default_factory=Span)


@dataclass(frozen=True, slots=True)
class City:
    """The parts of a policy that rules and actuators obey.

    Attributes:
        timezone: IANA name, for `Span`.
        quiet_hours: when nothing may sound from a loudspeaker.
        air_limits: name of the table of limits in force to the limits of its own, ug/m3; see the air rules.
        scenes: event kind to the scene it asks of the lamp.
    """

    timezone: str = "UTC"
    permitted_levels: tuple[PermittedLevel, ...] = ()
    priors: tuple[Prior, ...] = ()
    quiet_hours: tuple[Span, ...] = ()
    air_limits: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: MappingProxyType({}))
    scenes: Mapping[str, LampScene] = field(default_factory=lambda: MappingProxyType({}))


@runtime_checkable
class Obedient(Protocol):
    """A rule or an actuator that is told the city's policy, at the start and whenever it changes."""

    def obey(self, city: City) -> None:
        """Take the policy in force."""
        ...


def in_force(span: Span, city: City, time: CaptureTime) -> bool | None:
    """Whether a span holds at a time; None when it has days or hours and the clock is not synchronised."""
    if span == Span():
        return True
    if time.uncertainty_ms is None:
        return None
    utc = _EPOCH + timedelta(microseconds=time.utc_ns // 1000)
    return within(span, utc.astimezone(ZoneInfo(city.timezone)))


def within(span: Span, moment: datetime) -> bool:
    """Whether a local time is within the span.

    Args:
        span: days and hours.
        moment: local time of the city (`City.timezone`).
    """
    day, clock = moment.date(), moment.time()
    if span.start is not None and span.end is not None and span.end <= span.start and clock < span.end:
        day = date.fromordinal(day.toordinal() - 1)  # the small hours belong to the evening before
    return _day_within(span, day) and _hour_within(span, clock)


def _day_within(span: Span, day: date) -> bool:
    if not span.every_year:
        return (span.first is None or span.first <= day) and (span.last is None or day <= span.last)
    if span.first is None or span.last is None:
        return True
    first, last, at = ((d.month, d.day) for d in (span.first, span.last, day))
    return first <= at <= last if first <= last else at >= first or at <= last


def _hour_within(span: Span, clock: time) -> bool:
    start, end = span.start or time.min, span.end
    if end is None:
        return clock >= start
    return start <= clock < end if start < end else clock >= start or clock < end
