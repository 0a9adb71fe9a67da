"""Rule: means over hours, 8 and 24 hours and days, each with the share of the time that it covers.

An hour is one of UTC, a day one of the city (`City.timezone`). A mean needs three quarters: of an hour its
seconds, of anything longer its hours (Directive 2008/50/EC, annex XI; 2024/2881, annex I). With less it is
absent. An hour is told once the board's next one has begun, or 65 minutes after its end when the board has
fallen silent.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import fmean
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from edge.domain.air_observations import AirMean, CorrectedParticulates, Gases
from edge.domain.air_quality import Averaging, Correction, Pollutant
from edge.domain.city import City
from edge.domain.health import Absence, Component
from edge.domain.identity import SourceId
from edge.domain.observations import Observation, Particulates
from edge.domain.rule import Rule
from edge.domain.sections import Section
from edge.domain.time import NS_PER_S, CaptureTime

ENOUGH = 0.75
"""Share of the time that must be covered."""

_HOUR_S = 3600
_HOUR_NS = _HOUR_S * NS_PER_S
_LATE_NS = 65 * 60 * NS_PER_S
_REMEMBERED_H = 26  # the longest day has 25 hours
_SILENT_H = 24
_Measured = Particulates | CorrectedParticulates | Gases
_PARTICLES = (Pollutant.PM2_5, Pollutant.PM10)
_GASES = (Pollutant.NO2, Pollutant.O3, Pollutant.SO2, Pollutant.CO)
_EIGHT_HOURS_OF = (Pollutant.O3, Pollutant.CO)


class Config(Section):
    """Settings of `[fusion.air_means]`."""

    particulates: Literal["raw", "corrected"] = Field(
        "raw",
        description="corrected: means, and so index and exceedances, of [fusion.particulates_correction]",
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one observation says of one pollutant."""

    pollutant: Pollutant
    ugm3: float
    indicative: bool = False
    correction: Correction | None = None


@dataclass(frozen=True, slots=True)
class _Now:
    """When something is known: the clocks then, and the time that the report will say."""

    time: CaptureTime
    result_ns: int


@dataclass(frozen=True, slots=True)
class _Window:
    """Hours from number `first` on, their mean, and the share of them that is covered."""

    first: int
    hours: int
    mean_ugm3: float | None
    capture_share: float


@dataclass
class _Series:
    """One pollutant at one board.

    Attributes:
        sums: of each hour that is not told yet, by its number since 1970: value times seconds, and seconds.
        means: of each hour told, its mean, None where too little of it is covered.
        open_from: number of the first hour that is not told yet.
        heard: number of the latest hour with a value.
    """

    source: SourceId
    pollutant: Pollutant
    open_from: int
    heard: int
    indicative: bool = False
    correction: Correction | None = None
    sums: dict[int, tuple[float, float]] = field(default_factory=dict)
    means: dict[int, float | None] = field(default_factory=dict)

    def add(self, begin_ns: int, end_ns: int, ugm3: float, share: float) -> None:
        """Spread a value over the hours it belongs to; those already told are past changing."""
        for hour in range(begin_ns // _HOUR_NS, (end_ns - 1) // _HOUR_NS + 1):
            if hour < self.open_from:
                continue
            inside_ns = min(end_ns, (hour + 1) * _HOUR_NS) - max(begin_ns, hour * _HOUR_NS)
            covered_s = inside_ns / NS_PER_S * share
            total, seconds = self.sums.get(hour, (0.0, 0.0))
            self.sums[hour] = (total + ugm3 * covered_s, seconds + covered_s)
            self.heard = max(self.heard, hour)

    def close(self) -> _Window:
        """Settle the first open hour."""
        hour = self.open_from
        total, seconds = self.sums.pop(hour, (0.0, 0.0))
        # A clock that was set back may have counted some minutes twice.
        share = min(1.0, seconds / _HOUR_S)
        self.means[hour] = total / seconds if share >= ENOUGH else None
        self.means.pop(hour - _REMEMBERED_H, None)
        self.open_from = hour + 1
        return _Window(hour, 1, self.means[hour], share)

    def last(self, hours: int) -> _Window:
        """Return the mean of the last settled hours."""
        first = self.open_from - hours
        valid = [x for hour in range(first, self.open_from) if (x := self.means.get(hour)) is not None]
        share = len(valid) / hours
        return _Window(first, hours, fmean(valid) if share >= ENOUGH else None, share)


class AirMeans:
    """State: of each pollutant at each board the sums of open hours and the means of the last 26."""

    def __init__(self, config: Config) -> None:
        self._corrected = config.particulates == "corrected"
        self._zone: ZoneInfo = ZoneInfo("UTC")
        self._series: dict[tuple[str, Pollutant], _Series] = {}
        self._latest: _Now | None = None

    def obey(self, city: City) -> None:
        """Take the city's time zone: it says when a day begins."""
        self._zone = ZoneInfo(city.timezone)

    def accept(self, observation: Observation) -> Iterator[AirMean]:
        """Take any observation: its values, and its time, which settles the hours before it."""
        if not isinstance(observation, _Measured):
            return
        now = _Now(observation.time, observation.result_time_ns)
        self._latest = now
        self._begin_anew_after(now.time.utc_ns)
        # Only of what it measures itself: the intervals of another detector on this board may end later.
        for pollutant in _GASES if isinstance(observation, Gases) else _PARTICLES:
            if (series := self._series.get((observation.source.name, pollutant))) is not None:
                yield from self._settle(series, now.time.utc_ns // _HOUR_NS, now)
        for piece in self._pieces(observation):
            self._add(piece, observation)

    def elapse(self, now_ns: int) -> Iterator[AirMean]:
        """Settle the hours of boards that have fallen silent."""
        if self._latest is None:
            return
        later_ns = max(0, now_ns - self._latest.time.monotonic_ns)
        time = CaptureTime(self._latest.time.utc_ns + later_ns, now_ns, self._latest.time.uncertainty_ms)
        now = _Now(time, time.utc_ns)
        for series in self._series.values():
            yield from self._settle(series, (time.utc_ns - _LATE_NS) // _HOUR_NS, now)

    def finish(self) -> Iterable[AirMean]:
        """Tell nothing: an hour that has not ended has no mean, and is remembered."""
        return ()

    def _add(self, piece: _Piece, observation: _Measured) -> None:
        begin_ns, hour = observation.time.utc_ns, observation.time.utc_ns // _HOUR_NS
        end_ns = begin_ns + max(1, round(observation.duration_s * NS_PER_S))
        key = observation.source.name, piece.pollutant
        series = self._series.get(key)
        if series is None or series.correction is not piece.correction:
            series = self._series[key] = _Series(observation.source, piece.pollutant, hour, hour)
        series.source = observation.source
        series.indicative, series.correction = piece.indicative, piece.correction
        series.add(begin_ns, end_ns, piece.ugm3, observation.valid_share)

    def _pieces(self, observation: _Measured) -> Iterator[_Piece]:
        if isinstance(observation, Gases):
            for gas in _GASES:
                if (ugm3 := getattr(observation, f"{gas}_ugm3")) is not None:
                    yield _Piece(gas, ugm3, observation.indicative)
        elif isinstance(observation, CorrectedParticulates) and self._corrected:
            for pollutant in _PARTICLES:
                if (ugm3 := getattr(observation, f"{pollutant}_corrected_ugm3")) is not None:
                    yield _Piece(pollutant, ugm3, correction=observation.formula)
        elif isinstance(observation, Particulates) and not self._corrected:
            for pollutant in _PARTICLES:
                if (ugm3 := getattr(observation, f"{pollutant}_ugm3")) is not None:
                    yield _Piece(pollutant, ugm3)

    def _begin_anew_after(self, now_ns: int) -> None:
        """Forget series whose told hours lie more than an hour ahead: the clock was wrong, now or then."""
        hour = now_ns // _HOUR_NS
        self._series = {k: s for k, s in self._series.items() if s.open_from <= hour + 2}

    def _settle(self, series: _Series, until: int, by: _Now) -> Iterator[AirMean]:
        """Tell every hour before number `until`; of a board silent for a day nothing more is told."""
        while series.open_from < until:
            if series.open_from - series.heard > _SILENT_H:
                series.open_from, series.means = until, {}
                return
            yield _told(series, Averaging.HOUR, series.close(), by)
            if series.pollutant in _EIGHT_HOURS_OF:
                yield _told(series, Averaging.EIGHT_HOURS, series.last(8), by)
            yield _told(series, Averaging.TWENTY_FOUR_HOURS, series.last(24), by)
            if hours := self._hours_of_day_before(series.open_from):
                yield _told(series, Averaging.DAY, series.last(hours), by)

    def _hours_of_day_before(self, hour: int) -> int:
        """Return how many hours the city's day had that this hour follows upon; 0 within a day."""
        before, day = (
            datetime.fromtimestamp(each * _HOUR_S, UTC).astimezone(self._zone).date()
            for each in (hour - 1, hour)
        )
        if before == day:
            return 0
        begin = datetime.combine(before, datetime.min.time(), self._zone)
        return hour - math.ceil(begin.timestamp() / _HOUR_S)

    def remember(self) -> Mapping[str, Any]:
        """Return the sums and means."""
        return {"series": [_remembered(series) for series in self._series.values()]}

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take sums and means of an earlier run. Raises KeyError, TypeError or ValueError."""
        found = [_recalled(each) for each in state["series"]]
        self._series = {(series.source.name, series.pollutant): series for series in found}


def _told(series: _Series, averaging: Averaging, window: _Window, by: _Now) -> AirMean:
    begin_ns = window.first * _HOUR_NS
    monotonic_ns = by.time.monotonic_ns - (by.time.utc_ns - begin_ns)
    return AirMean(
        source=series.source,
        time=CaptureTime(begin_ns, monotonic_ns, by.time.uncertainty_ms),
        result_time_ns=by.result_ns,
        ended_ns=begin_ns + window.hours * _HOUR_NS,
        pollutant=series.pollutant,
        averaging=averaging,
        mean_ugm3=window.mean_ugm3,
        capture_share=window.capture_share,
        indicative=series.indicative,
        correction=series.correction,
        absence=Absence.LOW_CAPTURE if window.mean_ugm3 is None else None,
    )


def _remembered(series: _Series) -> dict[str, Any]:
    return {
        "source": [series.source.name, series.source.sensor, series.source.component],
        "pollutant": series.pollutant,
        "open_from": series.open_from,
        "heard": series.heard,
        "indicative": series.indicative,
        "correction": series.correction,
        "sums": {str(hour): sums for hour, sums in series.sums.items()},
        "means": {str(hour): mean for hour, mean in series.means.items()},
    }


def _recalled(state: Mapping[str, Any]) -> _Series:
    name, sensor, component = state["source"]
    correction = state["correction"]
    sums = {int(hour): (_finite(total), _finite(seconds)) for hour, (total, seconds) in state["sums"].items()}
    return _Series(
        source=SourceId(str(name), int(sensor), Component(component)),
        pollutant=Pollutant(state["pollutant"]),
        open_from=int(state["open_from"]),
        heard=int(state["heard"]),
        indicative=bool(state["indicative"]),
        correction=None if correction is None else Correction(correction),
        sums=sums,
        means={int(hour): None if x is None else _finite(x) for hour, x in state["means"].items()},
    )


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is no mean")
    return number


def needs(config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    if config.particulates == "corrected":
        yield ("fusion.particulates_correction", "detectors.gases")
    else:
        yield ("detectors.particulates", "detectors.gases")


def build(config: Config) -> Rule:
    """Return the rule."""
    return AirMeans(config)
