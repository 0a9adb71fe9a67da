"""Mean mass concentrations of particulate matter per interval, from the readings of one board."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from statistics import fmean
from typing import Any

from edge.decoding.agreement import agree
from edge.decoding.intervals import Interval, Intervals, IntervalSection, slow_boards
from edge.domain.frames import Frame, ReadingFrame
from edge.domain.health import Absence
from edge.domain.observations import Particulates
from edge.domain.sections import Section

FRAME = ReadingFrame

_FRACTIONS = ("pm1_ugm3", "pm2_5_ugm3", "pm4_ugm3", "pm10_ugm3")
_CF1, _TWIN, _HUMIDITY = "pm2_5_cf1_ugm3", "pm2_5_b_ugm3", "humidity_percent"


class Config(IntervalSection):
    """Settings of `[detectors.particulates]`."""


class ParticulateMean:
    """Averages the readings of one board; readings without particulate matter are not its business."""

    def __init__(self, config: Config) -> None:
        self._intervals = Intervals(_FRACTIONS, config, beside=(_CF1, _TWIN, _HUMIDITY))

    def accept(self, frame: Frame) -> Iterable[Particulates]:
        """Take one reading; an interval is told by the first reading behind its end."""
        if isinstance(frame, ReadingFrame):
            yield from map(_told, self._intervals.accept(frame))

    def finish(self) -> Iterable[Particulates]:
        """Give what the unfinished interval holds, up to its last reading."""
        yield from map(_told, self._intervals.finish())


def _told(interval: Interval) -> Particulates:
    """Return the means; of what has no valid reading None, and why when nothing has one."""
    told = Particulates(
        source=interval.source,
        time=interval.start,
        duration_s=interval.duration_s,
        readings=interval.readings,
        pm1_ugm3=interval.mean("pm1_ugm3"),
        pm2_5_ugm3=interval.mean("pm2_5_ugm3"),
        pm4_ugm3=interval.mean("pm4_ugm3"),
        pm10_ugm3=interval.mean("pm10_ugm3"),
        pm2_5_cf1_ugm3=interval.mean(_CF1),
        humidity_percent=interval.mean(_HUMIDITY),
        absence=interval.absence,
        valid_share=interval.valid_share,
    )
    return _of_two_sensors(told, interval.mean(_TWIN))


def _of_two_sensors(told: Particulates, other_ugm3: float | None) -> Particulates:
    """Of a board with two sensors: the mean of both, and nothing when they contradict each other."""
    if told.pm2_5_ugm3 is None or other_ugm3 is None:
        return told
    if agree(told.pm2_5_ugm3, other_ugm3):
        return replace(told, pm2_5_ugm3=fmean((told.pm2_5_ugm3, other_ugm3)))
    gone: dict[str, Any] = dict.fromkeys((*_FRACTIONS, _CF1))
    return replace(told, readings=0, valid_share=0.0, absence=Absence.DISAGREEMENT, **gone)


def misfits(config: Config, sources: Mapping[str, Section]) -> Iterable[str]:
    """Return why the settings do not fit together; `sources` are the sections of the sources by name."""
    return slow_boards(_FRACTIONS, config, sources)


def build(config: Config) -> ParticulateMean:
    """Return the detector."""
    return ParticulateMean(config)
