"""Where the lamppost is, from a GNSS receiver: coarsely, once a day, and at once when it has moved.

A lamppost that moves is one that was hit, or taken.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import Field, model_validator

from edge.decoding.intervals import Interval, Intervals, IntervalSection, slow_boards
from edge.domain.air_observations import Position
from edge.domain.frames import Frame, ReadingFrame
from edge.domain.sections import Section
from edge.domain.time import CaptureTime, seconds_between

FRAME = ReadingFrame

_LATITUDE, _LONGITUDE = "latitude_deg", "longitude_deg"
_M_PER_DEG = 111_195.0  # of latitude, on a sphere of 6371 km
_DAY_S = 86_400.0
_FEWEST = 0.5
"""Share of the readings of an interval that must have a position."""


class Config(IntervalSection):
    """Settings of `[detectors.position]`."""

    interval_s: float = Field(300.0, ge=10, le=3600, description="length of the median, s")
    latitude_deg: float | None = Field(
        None, ge=-90, le=90, description="where it should be; without it, where it was first after the start"
    )
    longitude_deg: float | None = Field(None, ge=-180, le=180, description="goes with latitude_deg")
    moved_m: float = Field(
        60.0, ge=20, le=10_000, description="so far away it has moved; between houses receivers err by 30 m"
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.latitude_deg is None) != (self.longitude_deg is None):
            raise ValueError("latitude_deg and longitude_deg go together; give both or neither")
        return self


@dataclass(frozen=True, slots=True)
class _Place:
    latitude_deg: float
    longitude_deg: float

    def metres_from(self, other: "_Place") -> float:
        """Return the distance on a sphere; exact enough for what is near."""
        north = self.latitude_deg - other.latitude_deg
        east = (self.longitude_deg - other.longitude_deg + 180) % 360 - 180
        shrink = math.cos(math.radians((self.latitude_deg + other.latitude_deg) / 2))
        return math.hypot(north, east * shrink) * _M_PER_DEG


class PositionWatch:
    """State: where it should be, and whether it was away in the interval before."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._intervals = Intervals((_LATITUDE,), config, beside=(_LONGITUDE,))
        self._home: _Place | None = None
        if config.latitude_deg is not None and config.longitude_deg is not None:
            self._home = _Place(config.latitude_deg, config.longitude_deg)
        self._away = False
        self._moved = False
        self._told: CaptureTime | None = None

    def accept(self, frame: Frame) -> Iterable[Position]:
        """Take one reading; answer now and then."""
        if isinstance(frame, ReadingFrame):
            for interval in self._intervals.accept(frame):
                yield from self._watch(interval)

    def finish(self) -> Iterable[Position]:
        """Give what the unfinished interval holds, where nothing was told yet."""
        for interval in self._intervals.finish():
            yield from self._watch(interval)

    def _watch(self, interval: Interval) -> Iterator[Position]:
        latitude_deg, longitude_deg = interval.median(_LATITUDE), interval.median(_LONGITUDE)
        if latitude_deg is None or longitude_deg is None or interval.valid_share < _FEWEST:
            return
        place = _Place(latitude_deg, longitude_deg)
        self._home = self._home or place
        away = place.metres_from(self._home) > self._config.moved_m
        # Two intervals in a row: one may be an echo from a lorry.
        moved = away if away == self._away else self._moved
        self._away = away
        due = self._told is None or seconds_between(self._told, interval.start) >= _DAY_S
        if due or moved != self._moved:
            self._told = interval.start
            yield Position(
                source=interval.source,
                time=interval.last,
                latitude_deg=latitude_deg,
                longitude_deg=longitude_deg,
                moved=moved,
            )
        self._moved = moved


def misfits(config: Config, sources: Mapping[str, Section]) -> Iterable[str]:
    """Return why the settings do not fit together; `sources` are the sections of the sources by name."""
    return slow_boards((_LATITUDE,), config, sources)


def build(config: Config) -> PositionWatch:
    """Return the detector."""
    return PositionWatch(config)
