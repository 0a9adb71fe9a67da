"""Level of water per interval, from a board that gives it or measures the distance down to it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from statistics import linear_regression, median

from pydantic import Field

from edge.decoding.intervals import Interval, Intervals, IntervalSection, slow_boards
from edge.domain.air_observations import WaterLevel
from edge.domain.frames import Frame, ReadingFrame
from edge.domain.sections import Section
from edge.domain.time import NS_PER_S

FRAME = ReadingFrame

_LEVEL, _DISTANCE = "water_level_m", "distance_m"
_S_PER_H = 3600.0
_FEWEST_FOR_A_SLOPE = 3


class Config(IntervalSection):
    """Settings of `[detectors.water_level]`."""

    interval_s: float = Field(300.0, ge=1, le=3600, description="length of the median, s")
    mounted_m: float | None = Field(
        None,
        ge=-100,
        le=100,
        description="height of a sensor that looks down on the water, above the zero of the level, m",
    )
    zero_m: float = Field(0.0, ge=-500, le=5000, description="added to a level that the board gives, m")


class WaterLevelMedian:
    """Follows the level at one board."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._intervals = Intervals((_LEVEL,), config)

    def accept(self, frame: Frame) -> Iterable[WaterLevel]:
        """Take one reading; an interval is told by the first reading behind its end."""
        if isinstance(frame, ReadingFrame):
            yield from map(_told, self._intervals.accept(self._as_level(frame)))

    def finish(self) -> Iterable[WaterLevel]:
        """Give what the unfinished interval holds, up to its last reading."""
        yield from map(_told, self._intervals.finish())

    def _as_level(self, frame: ReadingFrame) -> ReadingFrame:
        """Return the reading with its level above the zero of the settings."""
        values, absent = dict(frame.values), dict(frame.absent)
        if _LEVEL in values:
            values[_LEVEL] += self._config.zero_m
        elif self._config.mounted_m is not None and _DISTANCE in values:
            values[_LEVEL] = self._config.mounted_m - values[_DISTANCE]
            absent.pop(_LEVEL, None)
        elif self._config.mounted_m is not None and _DISTANCE in absent:
            absent[_LEVEL] = absent[_DISTANCE]
        return replace(frame, values=values, absent=absent)


def _told(interval: Interval) -> WaterLevel:
    levels = interval.values(_LEVEL)
    return WaterLevel(
        source=interval.source,
        time=interval.start,
        duration_s=interval.duration_s,
        readings=interval.readings,
        level_m=median(levels) if levels else None,
        lowest_m=min(levels, default=None),
        highest_m=max(levels, default=None),
        rise_m_per_h=_rise(interval, levels),
        absence=interval.absence,
    )


def _rise(interval: Interval, levels: list[float]) -> float | None:
    times_s = [(time_ns - interval.start.monotonic_ns) / NS_PER_S for time_ns, _ in interval.rows]
    if len(levels) < _FEWEST_FOR_A_SLOPE or times_s[0] == times_s[-1]:
        return None
    return linear_regression(times_s, levels).slope * _S_PER_H


def misfits(config: Config, sources: Mapping[str, Section]) -> Iterator[str]:
    """Yield why the settings do not fit together; `sources` are the sections of the sources by name."""
    from edge.decoding.catalogue import load_known

    yield from slow_boards((_LEVEL, _DISTANCE), config, sources)
    if config.mounted_m is not None:
        return
    for name, source in sources.items():
        profile = getattr(source, "profile", None)
        if profile is None or (config.sources and name not in config.sources):
            continue
        measured = load_known(profile).measurements
        if _DISTANCE in measured and _LEVEL not in measured:
            yield f"'{name}' measures the distance to the water: say in mounted_m how high it is mounted"


def build(config: Config) -> WaterLevelMedian:
    """Return the detector."""
    return WaterLevelMedian(config)
