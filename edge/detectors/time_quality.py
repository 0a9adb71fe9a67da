"""How well a GNSS receiver sees the sky per interval: whether its time could be relied upon, not the time."""

from collections.abc import Iterable, Mapping

from pydantic import Field

from edge.decoding.intervals import Interval, Intervals, IntervalSection, slow_boards
from edge.domain.air_observations import FixGrade, TimeQuality
from edge.domain.frames import Frame, ReadingFrame
from edge.domain.sections import Section

FRAME = ReadingFrame

_POSITION, _SATELLITES, _DILUTION = "latitude_deg", "satellites", "hdop"
# Time from one satellite suffices once the position is known; four make position and time, six with a good
# geometry leave room for one that errs.
_GOOD_SHARE, _GOOD_SATELLITES, _GOOD_DILUTION = 0.95, 6, 2.0


class Config(IntervalSection):
    """Settings of `[detectors.time_quality]`."""

    interval_s: float = Field(600.0, ge=10, le=3600, description="length of the interval, s")


class TimeQualityWatch:
    """Follows the fixes of one receiver."""

    def __init__(self, config: Config) -> None:
        self._intervals = Intervals((_POSITION,), config, beside=(_SATELLITES, _DILUTION))

    def accept(self, frame: Frame) -> Iterable[TimeQuality]:
        """Take one reading; an interval is told by the first reading behind its end."""
        if isinstance(frame, ReadingFrame):
            yield from map(_told, self._intervals.accept(frame))

    def finish(self) -> Iterable[TimeQuality]:
        """Give what the unfinished interval holds, up to its last reading."""
        yield from map(_told, self._intervals.finish())


def _told(interval: Interval) -> TimeQuality:
    satellites, hdop = interval.median(_SATELLITES), interval.median(_DILUTION)
    return TimeQuality(
        source=interval.source,
        time=interval.start,
        duration_s=interval.duration_s,
        readings=interval.readings,
        fix_share=interval.valid_share,
        grade=_grade(interval.valid_share, satellites, hdop),
        satellites=satellites,
        hdop=hdop,
    )


def _grade(fix_share: float, satellites: float | None, hdop: float | None) -> FixGrade:
    if fix_share == 0:
        return FixGrade.NONE
    seen = satellites is not None and satellites >= _GOOD_SATELLITES
    sharp = hdop is not None and hdop <= _GOOD_DILUTION
    return FixGrade.GOOD if fix_share >= _GOOD_SHARE and seen and sharp else FixGrade.POOR


def misfits(config: Config, sources: Mapping[str, Section]) -> Iterable[str]:
    """Return why the settings do not fit together; `sources` are the sections of the sources by name."""
    return slow_boards((_POSITION,), config, sources)


def build(config: Config) -> TimeQualityWatch:
    """Return the detector."""
    return TimeQualityWatch(config)
