"""Rule: a mean that stays above a limit is told, told again while it lasts, and told when it is over.

A warning, not a verdict: whether a limit value is kept is for reference methods and whole years to say. One
mean is never enough, and it ends only a little below the limit. A limit for days is watched with the mean of
the last 24 hours. How often a limit was exceeded this year is counted by the means that the law counts.
Means of electrochemical cells are left alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from edge.decoding.air_limits import EU, Limit, limits_in_force
from edge.domain.air_observations import AirExceedance, AirMean
from edge.domain.air_quality import Averaging, LimitTable, Pollutant
from edge.domain.city import City
from edge.domain.observations import Observation
from edge.domain.rule import Rule
from edge.domain.sections import Section
from edge.domain.time import NS_PER_S

_WATCHED_WITH = {
    Averaging.HOUR: Averaging.HOUR,
    Averaging.EIGHT_HOURS: Averaging.EIGHT_HOURS,
    Averaging.DAY: Averaging.TWENTY_FOUR_HOURS,
}
_IN_A_ROW_S = 7200.0
"""Means of hours may be so far apart: one may be missing."""

_FORGET_S = 86_400.0
"""A warning whose board says nothing for so long is dropped, not ended: nobody knows how it ended."""


class Config(Section):
    """Settings of `[fusion.air_exceedance]`. The policy's `[air_limits]` say which limits; else the EU's."""

    sources: tuple[str, ...] = Field((), description="names of the boards that count; empty: all")
    least_means: int = Field(2, ge=2, le=48, description="means in a row above the limit that make a warning")
    hysteresis: float = Field(
        0.05, ge=0, le=0.5, description="share of the limit that the mean must fall below it to end a warning"
    )
    repeat_s: float = Field(
        21_600.0, ge=3600, le=604_800, description="a warning that lasts is told again after so long, s"
    )


@dataclass(frozen=True, slots=True)
class _Key:
    """Which limit, at which board."""

    source: str
    table: LimitTable
    pollutant: Pollutant
    averaging: Averaging
    ugm3: float


@dataclass(frozen=True, slots=True)
class _Course:
    """A mean above a limit: since when, how many in a row, when it was told last (0: not yet), UTC ns."""

    began_ns: int
    latest_ns: int
    means: int = 1
    told_ns: int = 0


@dataclass(frozen=True, slots=True)
class _Count:
    """Exceedances of a year; `day` is the last one that was counted, where a day counts once."""

    year: int
    count: int = 0
    day: int = 0


class AirExceedanceRule:
    """State: of each limit at each board what is above it now, and this year's count."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._tables: Mapping[str, Mapping[str, float]] = {EU: {}}
        self._zone: ZoneInfo = ZoneInfo("UTC")
        self._courses: dict[_Key, _Course] = {}
        self._counts: dict[_Key, _Count] = {}

    def obey(self, city: City) -> None:
        """Take the city's tables and time zone. Raises ValueError for one that does not exist."""
        tables = city.air_limits or {EU: {}}
        limits_in_force(tables, date.max)
        self._tables, self._zone = tables, ZoneInfo(city.timezone)

    def accept(self, observation: Observation) -> Iterator[AirExceedance]:
        """Take any observation; answer means that matter."""
        if not isinstance(observation, AirMean) or observation.indicative or observation.mean_ugm3 is None:
            return
        if self._config.sources and observation.source.name not in self._config.sources:
            return
        for limit in limits_in_force(self._tables, self._day(observation.time.utc_ns)):
            if limit.pollutant is not observation.pollutant:
                continue
            key = _Key(observation.source.name, limit.table, limit.pollutant, limit.averaging, limit.ugm3)
            if limit.averaging is observation.averaging and observation.mean_ugm3 > limit.ugm3:
                self._count(key, limit, observation)
            if _WATCHED_WITH[limit.averaging] is observation.averaging:
                yield from self._follow(key, limit, observation, observation.mean_ugm3)

    def _day(self, utc_ns: int) -> date:
        return datetime.fromtimestamp(utc_ns // NS_PER_S, UTC).astimezone(self._zone).date()

    def _count(self, key: _Key, limit: Limit, mean: AirMean) -> None:
        day = self._day(mean.ended_ns - 1)
        known = self._counts.get(key, _Count(day.year))
        if known.year != day.year:
            known = _Count(day.year)
        if not (limit.by_day and known.day == day.toordinal()):
            self._counts[key] = _Count(day.year, known.count + 1, day.toordinal())

    def _follow(self, key: _Key, limit: Limit, mean: AirMean, ugm3: float) -> Iterator[AirExceedance]:
        course = self._going_on(key, mean.ended_ns)
        floor = limit.ugm3 * (1 - self._config.hysteresis if course and course.told_ns else 1)
        if ugm3 <= floor:
            self._courses.pop(key, None)
            if course is not None and course.told_ns:
                yield self._told(key, limit, mean, course, over=False)
            return
        if course is None:
            self._courses[key] = _Course(mean.time.utc_ns, mean.ended_ns)
            return
        course = replace(course, means=course.means + 1, latest_ns=mean.ended_ns)
        if self._due(course):
            course = replace(course, told_ns=mean.ended_ns)
            yield self._told(key, limit, mean, course, over=True)
        self._courses[key] = course

    def _going_on(self, key: _Key, now_ns: int) -> _Course | None:
        """Return what is known of a mean above its limit, unless the means since are missing."""
        course = self._courses.get(key)
        if course is None:
            return None
        longest_s = _FORGET_S if course.told_ns else _IN_A_ROW_S
        return course if (now_ns - course.latest_ns) / NS_PER_S <= longest_s else None

    def _due(self, course: _Course) -> bool:
        if not course.told_ns:
            return course.means >= self._config.least_means
        return (course.latest_ns - course.told_ns) / NS_PER_S >= self._config.repeat_s

    def _told(self, key: _Key, limit: Limit, mean: AirMean, course: _Course, *, over: bool) -> AirExceedance:
        assert mean.mean_ugm3 is not None
        count = self._counts.get(key)
        this_year = count is not None and count.year == self._day(mean.ended_ns - 1).year
        return AirExceedance(
            source=mean.source,
            time=mean.time.shifted((mean.ended_ns - mean.time.utc_ns) / NS_PER_S),
            result_time_ns=mean.result_time_ns,
            pollutant=mean.pollutant,
            averaging_s=(mean.ended_ns - mean.time.utc_ns) / NS_PER_S,
            mean_ugm3=mean.mean_ugm3,
            limit_ugm3=limit.ugm3,
            over=over,
            lasted_s=(mean.ended_ns - course.began_ns) / NS_PER_S,
            table=limit.table,
            averaging=mean.averaging,
            exceedances=count.count if count is not None and this_year else 0,
            allowed=limit.allowed,
        )

    def remember(self) -> Mapping[str, Any]:
        """Return what is above a limit, and the counts."""
        return {
            "courses": [[asdict(key), asdict(course)] for key, course in self._courses.items()],
            "counts": [[asdict(key), asdict(count)] for key, count in self._counts.items()],
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take them of an earlier run. Raises KeyError, TypeError or ValueError."""
        courses = {_key(key): _Course(**_whole(course)) for key, course in state["courses"]}
        counts = {_key(key): _Count(**_whole(count)) for key, count in state["counts"]}
        self._courses, self._counts = courses, counts


def _key(kept: Mapping[str, Any]) -> _Key:
    return _Key(
        str(kept["source"]),
        LimitTable(kept["table"]),
        Pollutant(kept["pollutant"]),
        Averaging(kept["averaging"]),
        float(kept["ugm3"]),
    )


def _whole(kept: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(value) for name, value in kept.items()}


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    yield ("fusion.air_means",)


def build(config: Config) -> Rule:
    """Return the rule."""
    return AirExceedanceRule(config)
