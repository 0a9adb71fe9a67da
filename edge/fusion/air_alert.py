"""Rule: the air is above a limit, and where the wind comes from while it is.

`air_exceedance` follows each limit at each board; this is the one alarm of a pollutant, with the wind that
tells where to look. A second board in the same air confirms it, and so does a mean over another time. The
same mean above a second limit does not, nor that it is told again while it lasts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from pydantic import Field

from edge.domain.air_observations import AirExceedance, Weather
from edge.domain.air_quality import Pollutant
from edge.domain.events import AirAlert, Lasting
from edge.domain.health import Absence
from edge.domain.identity import SourceId
from edge.domain.observations import Observation
from edge.domain.rule import Rule
from edge.domain.time import NS_PER_S, nanoseconds
from edge.domain.trigger import Trigger
from edge.fusion.episode import EpisodeCourse, EpisodeSection, Telling, event, evidence

_WEATHER_S = 3600.0
"""Older wind says nothing of where the air comes from now."""


class Config(EpisodeSection):
    """Settings of `[fusion.air_alert]`."""

    window_s: float = Field(300.0, ge=0, le=86_400, description="warnings so close together belong together")
    hold_s: float = Field(60.0, ge=0.5, le=3600, description="it is over so long after the warning is")
    maximum_s: float = Field(259_200.0, ge=1, le=604_800, description="told as over after so long, at most")
    refractory_s: float = Field(0.0, ge=0, le=3600, description="nothing new for so long after its end")
    update_s: float = Field(3600.0, ge=1, le=86_400, description="told again at most so often")


class AirAlertRule:
    """State: for each pollutant its episode and the last warning; the weather."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._courses = {pollutant: EpisodeCourse(config) for pollutant in Pollutant}
        self._warnings: dict[Pollutant, AirExceedance] = {}
        self._weather: Weather | None = None
        self._now_ns = 0

    def accept(self, observation: Observation) -> Iterator[Lasting]:
        """Take any observation."""
        if isinstance(observation, Weather):
            self._weather = observation
            self._now_ns = max(self._now_ns, _end_ns(observation))
        elif isinstance(observation, AirExceedance):
            self._warnings[observation.pollutant] = observation
            over = not observation.over
            item = evidence(
                replace(observation, source=_mean_at(observation)),
                Trigger.AIR_EXCEEDANCE,
                part=observation.table,
                alone=not over,
                lasts=not over,
                over=over,
            )
            yield from self._events(observation.pollutant, self._courses[observation.pollutant].take(item))

    def elapse(self, now_ns: int) -> Iterator[Lasting]:
        """It is `now_ns`, monotonic."""
        self._now_ns = max(self._now_ns, now_ns)
        for pollutant, course in self._courses.items():
            yield from self._events(pollutant, course.elapse(now_ns))

    def finish(self) -> Iterator[Lasting]:
        """End what is open."""
        for pollutant, course in self._courses.items():
            yield from self._events(pollutant, course.finish())

    def _events(self, pollutant: Pollutant, tellings: Iterable[Telling]) -> Iterator[Lasting]:
        for telling in tellings:
            warning = self._warnings[pollutant]
            yield event(
                AirAlert,
                telling,
                pollutant=pollutant,
                mean_ugm3=warning.mean_ugm3,
                limit_ugm3=warning.limit_ugm3,
                **self._wind(),
            )

    def _wind(self) -> dict[str, Any]:
        weather = self._weather
        if weather is None:
            return {"wind_absence": Absence.NO_READING}
        if (self._now_ns - _end_ns(weather)) / NS_PER_S > _WEATHER_S:
            return {"wind_absence": Absence.STALE}
        if weather.wind_speed_ms is None:
            return {"wind_absence": weather.absence or Absence.NO_READING}
        return {"wind_from_deg": weather.wind_from_deg, "wind_speed_ms": weather.wind_speed_ms}


def _mean_at(warning: AirExceedance) -> SourceId:
    """Return the mean and the board as one witness."""
    return replace(warning.source, name=f"{warning.source.name} {warning.averaging}")


def _end_ns(weather: Weather) -> int:
    return weather.time.monotonic_ns + nanoseconds(weather.duration_s)


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    yield ("fusion.air_exceedance",)


def build(config: Config) -> Rule:
    """Return the rule."""
    return AirAlertRule(config)
