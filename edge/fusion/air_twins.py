"""Rule: two boards in the same air are held against each other: whether one has drifted, told once a day.

Which of the two is wrong nobody can say from here, so both are told to be degraded.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field, model_validator

from edge.decoding.agreement import Fit, agree, fit
from edge.domain.air_observations import AirMean, SensorAgreement
from edge.domain.air_quality import Averaging, Pollutant
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.rule import Rule
from edge.domain.sections import Section
from edge.domain.time import NS_PER_S

_HOUR_NS = 3600 * NS_PER_S
_DAY_H = 24
_LEAST_AGREEING = 0.5
_LEAST_CORRELATION = 0.7
"""Below it the line says nothing, and the boards do not follow each other."""


class Config(Section):
    """Settings of `[fusion.air_twins]`. It needs `[fusion.air_means]`."""

    one: str = Field(min_length=1, description="name of a board")
    other: str = Field(min_length=1, description="name of another board in the same air")
    pollutant: Pollutant = Field(Pollutant.PM2_5, description="what both measure")
    days: int = Field(14, ge=3, le=60, description="so many days are looked back")
    least_hours: int = Field(48, ge=12, le=1000, description="hours that both must have measured")
    slope_tolerance: float = Field(0.3, gt=0, le=2, description="the slope may differ from 1 by so much")
    offset_tolerance_ugm3: float = Field(5.0, gt=0, le=100, description="the offset may be so large, ug/m3")

    @model_validator(mode="after")
    def _two(self) -> "Config":
        if self.one == self.other:
            raise ValueError("one and other are the same board")
        return self


class AirTwins:
    """State: the hourly means of both boards over the last days."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._means: dict[str, dict[int, float]] = {config.one: {}, config.other: {}}
        self._sources: dict[str, SourceId] = {}
        self._told_day = 0
        self._drifted = False

    def accept(self, observation: Observation) -> Iterator[Observation]:
        """Take any observation; answer once a day, with the first hour of both boards in it."""
        if not isinstance(observation, AirMean) or not self._wanted(observation):
            return
        if observation.mean_ugm3 is None:
            return
        hour, name = observation.time.utc_ns // _HOUR_NS, observation.source.name
        self._sources[name] = observation.source
        self._means[name][hour] = observation.mean_ugm3
        self._forget(hour)
        day = hour // _DAY_H
        if day == self._told_day or len(self._sources) < 2:
            return
        pairs = self._pairs()
        if len(pairs) >= self._config.least_hours:
            self._told_day = day
            yield from self._told(observation, pairs)

    def _wanted(self, mean: AirMean) -> bool:
        return (
            mean.averaging is Averaging.HOUR
            and mean.pollutant is self._config.pollutant
            and mean.source.name in self._means
        )

    def _forget(self, now: int) -> None:
        oldest = now - self._config.days * _DAY_H
        for name, means in self._means.items():
            self._means[name] = {hour: mean for hour, mean in means.items() if oldest < hour <= now}

    def _pairs(self) -> list[tuple[float, float]]:
        ones, others = self._means[self._config.one], self._means[self._config.other]
        return [(ones[hour], others[hour]) for hour in sorted(ones) if hour in others]

    def _told(self, by: AirMean, pairs: list[tuple[float, float]]) -> Iterator[Observation]:
        line = fit(pairs)
        agreeing = sum(agree(*pair) for pair in pairs) / len(pairs)
        follows = line is not None and line.correlation >= _LEAST_CORRELATION
        told = SensorAgreement(
            source=self._sources[self._config.one],
            time=by.time,
            result_time_ns=by.result_time_ns,
            other_sensor=self._sources[self._config.other].sensor,
            pollutant=self._config.pollutant,
            hours=len(pairs),
            agreeing_share=agreeing,
            correlation=None if line is None else line.correlation,
            slope=line.slope if line is not None and follows else None,
            offset_ugm3=line.offset_ugm3 if line is not None and follows else None,
        )
        yield told
        drifted = self._has_drifted(line, agreeing)
        if drifted or self._drifted:
            yield from self._health(told, drifted)
        self._drifted = drifted

    def _has_drifted(self, line: Fit | None, agreeing_share: float) -> bool:
        if line is None:
            return agreeing_share < _LEAST_AGREEING
        return (
            line.correlation < _LEAST_CORRELATION
            or abs(line.slope - 1) > self._config.slope_tolerance
            or abs(line.offset_ugm3) > self._config.offset_tolerance_ugm3
        )

    def _health(self, told: SensorAgreement, drifted: bool) -> Iterator[Health]:
        detail = f"{self._config.one} and {self._config.other}: "
        if not drifted:
            detail += "agree again"
        elif told.slope is None or told.offset_ugm3 is None:
            detail += "do not follow each other; compare both with a third, clean or replace one"
        else:
            line = f"slope {told.slope:.2f}, offset {told.offset_ugm3:.1f} ug/m3"
            detail += f"have drifted apart ({line}); compare both with a third, clean or replace one"
        one = Health(
            source=self._sources[self._config.one],
            time=told.time,
            result_time_ns=told.result_time_ns,
            component=Component.SERIAL_BOARD,
            status=Status.DEGRADED if drifted else Status.OK,
            reason=Reason.DRIFT if drifted else Reason.RECOVERED,
            detail=detail,
        )
        yield one
        yield replace(one, source=self._sources[self._config.other])

    def remember(self) -> Mapping[str, Any]:
        """Return the means of both boards."""
        return {
            "means": {name: {str(h): m for h, m in means.items()} for name, means in self._means.items()},
            "told_day": self._told_day,
            "drifted": self._drifted,
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take them of an earlier run. Raises KeyError, TypeError or ValueError."""
        found = {name: _means(state["means"].get(name, {})) for name in self._means}
        told_day, drifted = int(state["told_day"]), bool(state["drifted"])
        self._means, self._told_day, self._drifted = found, told_day, drifted


def _means(kept: Mapping[str, Any]) -> dict[int, float]:
    found = {int(hour): float(mean) for hour, mean in kept.items()}
    if not all(map(math.isfinite, found.values())):
        raise ValueError("a mean is no number")
    return found


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    yield ("fusion.air_means",)


def build(config: Config) -> Rule:
    """Return the rule."""
    return AirTwins(config)
