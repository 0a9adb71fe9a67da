"""Weather per interval: temperature, humidity, pressure, wind and rain, from the readings of one board."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from pydantic import Field

from edge.decoding.intervals import Interval, Intervals, IntervalSection, slow_boards
from edge.decoding.wind import WindSample, gust_ms, vector_mean_from_deg
from edge.domain.air_observations import Weather
from edge.domain.frames import Frame, ReadingFrame
from edge.domain.sections import Section

FRAME = ReadingFrame

_SPEED, _DIRECTION, _GUST = "wind_speed_mps", "wind_direction_deg", "wind_gust_mps"
_RAIN_TOTAL, _RAIN_RATE = "rain_total_mm", "rain_intensity_mmh"
_MEASURED = (
    "temperature_c",
    "humidity_percent",
    "pressure_hpa",
    _SPEED,
    _DIRECTION,
    _GUST,
    _RAIN_TOTAL,
    _RAIN_RATE,
)
_S_PER_H = 3600.0


class Config(IntervalSection):
    """Settings of `[detectors.weather]`."""

    interval_s: float = Field(600.0, ge=1, le=3600, description="length of the mean, s; WMO: 10 minutes")
    north_deg: float = Field(
        0.0, ge=-360, le=360, description="azimuth of the wind sensor's north mark, clockwise from true north"
    )


class WeatherMean:
    """Averages the weather of one board; readings without weather are not its business."""

    def __init__(self, config: Config) -> None:
        self._intervals = Intervals(_MEASURED, config)
        self._north_deg = config.north_deg
        self._rain_before_mm = 0.0
        self._rain_until_ns = -1

    def accept(self, frame: Frame) -> Iterable[Weather]:
        """Take one reading; an interval is told by the first reading behind its end."""
        if isinstance(frame, ReadingFrame):
            yield from map(self._told, self._intervals.accept(frame))

    def finish(self) -> Iterable[Weather]:
        """Give what the unfinished interval holds, up to its last reading."""
        yield from map(self._told, self._intervals.finish())

    def _told(self, interval: Interval) -> Weather:
        samples = list(self._wind(interval))
        speeds = [sample.speed_ms for sample in samples]
        return Weather(
            source=interval.source,
            time=interval.start,
            duration_s=interval.duration_s,
            readings=interval.readings,
            temperature_c=interval.mean("temperature_c"),
            humidity_percent=interval.mean("humidity_percent"),
            pressure_hpa=interval.mean("pressure_hpa"),
            wind_speed_ms=sum(speeds) / len(speeds) if speeds else None,
            wind_gust_ms=max(interval.values(_GUST), default=gust_ms(samples)),
            wind_from_deg=vector_mean_from_deg(samples),
            rain_mm=self._rain_mm(interval),
            absence=interval.absence,
        )

    def _wind(self, interval: Interval) -> Iterator[WindSample]:
        for time_ns, row in interval.rows:
            if _SPEED in row:
                direction = row.get(_DIRECTION)
                from_deg = None if direction is None else (direction + self._north_deg) % 360
                yield WindSample(time_ns, row[_SPEED], from_deg)

    def _rain_mm(self, interval: Interval) -> float | None:
        """Return what fell: the growth of the board's total, else its intensity over the interval.

        What fell between two intervals that do not follow one another is nobody's.
        """
        totals = interval.values(_RAIN_TOTAL)
        if totals:
            follows = interval.start.monotonic_ns <= self._rain_until_ns
            known = [self._rain_before_mm, *totals] if follows else totals
            self._rain_before_mm = totals[-1]
            self._rain_until_ns = interval.start.shifted(interval.duration_s).monotonic_ns
            return sum(_growth(before, after) for before, after in pairwise(known))
        rate = interval.mean(_RAIN_RATE)
        return None if rate is None else rate * interval.duration_s / _S_PER_H


def _growth(before_mm: float, after_mm: float) -> float:
    # A total that falls was reset, by a power cut or at midnight: what it shows fell since then.
    return after_mm - before_mm if after_mm >= before_mm else after_mm


def misfits(config: Config, sources: Mapping[str, Section]) -> Iterable[str]:
    """Return why the settings do not fit together; `sources` are the sections of the sources by name."""
    return slow_boards(_MEASURED, config, sources)


def build(config: Config) -> WeatherMean:
    """Return the detector."""
    return WeatherMean(config)
