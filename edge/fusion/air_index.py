"""Rule: indices of air quality of each hour, from the hourly means of all boards.

Of a pollutant that several boards measure, the mean of their means counts. An index is told a quarter of an
hour after its hour, with the pollutants that were missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import fmean

from pydantic import Field

from edge.decoding.air_indices import INDICES, AirIndexValue
from edge.domain.air_observations import AirMean
from edge.domain.air_quality import Averaging, IndexName, Pollutant
from edge.domain.events import AirIndex
from edge.domain.observations import Observation
from edge.domain.rule import Rule
from edge.domain.sections import Section
from edge.domain.time import NS_PER_S, CaptureTime

_WAIT_NS = 15 * 60 * NS_PER_S


class Config(Section):
    """Settings of `[fusion.air_index]`."""

    indices: tuple[IndexName, ...] = Field(tuple(IndexName), min_length=1, description="which are told")
    sources: tuple[str, ...] = Field((), description="names of the boards that count; empty: all")
    indicative_gases: bool = Field(
        False, description="also use gases of electrochemical cells, and say so; else they are missing"
    )


@dataclass
class _Hour:
    time: CaptureTime
    ended_ns: int
    means: dict[Pollutant, list[float]] = field(default_factory=dict)
    indicative: bool = False


class AirIndexRule:
    """State: the hour whose means are coming in."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._hour: _Hour | None = None

    def accept(self, observation: Observation) -> Iterator[AirIndex]:
        """Take any observation; hourly means matter."""
        if not isinstance(observation, AirMean) or not self._counts(observation):
            return
        if self._hour is None or observation.ended_ns > self._hour.ended_ns:
            yield from self._told(observation.result_time_ns)
            self._hour = _Hour(observation.time, observation.ended_ns)
        if observation.ended_ns == self._hour.ended_ns and observation.mean_ugm3 is not None:
            self._hour.means.setdefault(observation.pollutant, []).append(observation.mean_ugm3)
            self._hour.indicative |= observation.indicative

    def elapse(self, now_ns: int) -> Iterator[AirIndex]:
        """Tell the hour once no more means of it will come."""
        if self._hour is not None:
            utc_ns = self._hour.time.utc_ns + now_ns - self._hour.time.monotonic_ns
            if utc_ns >= self._hour.ended_ns + _WAIT_NS:
                yield from self._told(utc_ns)

    def finish(self) -> Iterator[AirIndex]:
        """Tell the hour with the means that have come."""
        if self._hour is not None:
            yield from self._told(self._hour.ended_ns)

    def _counts(self, mean: AirMean) -> bool:
        wanted = not self._config.sources or mean.source.name in self._config.sources
        sure = self._config.indicative_gases or not mean.indicative
        return mean.averaging is Averaging.HOUR and wanted and sure

    def _told(self, known_ns: int) -> Iterator[AirIndex]:
        hour, self._hour = self._hour, None
        if hour is None:
            return
        means = {pollutant: fmean(found) for pollutant, found in hour.means.items()}
        for name in self._config.indices:
            found = INDICES[name](means)
            if found is not None:
                yield _event(found, hour, known_ns)


def _event(found: AirIndexValue, hour: _Hour, known_ns: int) -> AirIndex:
    return AirIndex(
        time=hour.time,
        result_time_ns=known_ns,
        confirmed=False,
        because=(AirMean.kind,),
        index=found.name,
        value=found.value,
        worst=found.worst,
        used=found.used,
        missing=found.missing,
        indicative=hour.indicative,
    )


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    yield ("fusion.air_means",)


def build(config: Config) -> Rule:
    """Return the rule."""
    return AirIndexRule(config)
