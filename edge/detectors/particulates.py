"""Mean mass concentrations of particulate matter per interval, from the readings of one board."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import Field

from edge.domain.frames import Frame, ReadingFrame
from edge.domain.health import Absence
from edge.domain.identity import SourceId
from edge.domain.observations import Particulates
from edge.domain.stages import DetectorSection
from edge.domain.time import NS_PER_S, CaptureTime

FRAME = ReadingFrame

_FRACTIONS = ("pm1_ugm3", "pm2_5_ugm3", "pm4_ugm3", "pm10_ugm3")


class Config(DetectorSection):
    """How long is averaged."""

    interval_s: float = Field(60.0, ge=1, le=3600, description="length of the mean, s")


@dataclass
class _Interval:
    """What was read since `start`."""

    source: SourceId
    start: CaptureTime
    last: CaptureTime
    readings: int = 0
    values: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _FRACTIONS})
    absences: Counter[Absence] = field(default_factory=Counter)

    def take(self, frame: ReadingFrame) -> None:
        self.last = frame.time
        found = [name for name in _FRACTIONS if name in frame.values]
        for name in found:
            self.values[name].append(frame.values[name])
        self.readings += bool(found)
        self.absences.update(frame.absent[name] for name in _FRACTIONS if name in frame.absent)

    def result(self, duration_s: float) -> Particulates:
        """Return the means; of what has no valid reading None, and why when nothing has one."""
        means = {name: sum(found) / len(found) if found else None for name, found in self.values.items()}
        absence = None
        if not self.readings:
            absence = self.absences.most_common(1)[0][0] if self.absences else Absence.NO_READING
        return Particulates(
            source=self.source,
            time=self.start,
            duration_s=duration_s,
            readings=self.readings,
            absence=absence,
            pm1_ugm3=means["pm1_ugm3"],
            pm2_5_ugm3=means["pm2_5_ugm3"],
            pm4_ugm3=means["pm4_ugm3"],
            pm10_ugm3=means["pm10_ugm3"],
        )


class ParticulateMean:
    """Averages the readings of one board; readings without particulate matter are not its business."""

    def __init__(self, config: Config) -> None:
        self._interval_s = config.interval_s
        self._open: _Interval | None = None

    def accept(self, frame: Frame) -> Iterable[Particulates]:
        """Take one reading; an interval is told by the first reading behind its end."""
        if not isinstance(frame, ReadingFrame) or not _measures_particulates(frame):
            return
        if self._open is not None:
            past_s = _seconds(self._open.start, frame.time)
            if past_s >= self._interval_s:
                yield self._open.result(self._interval_s)
                # Intervals follow one another; after a gap without any reading a new row begins.
                next_start = self._open.start.shifted(self._interval_s)
                row = past_s < 2 * self._interval_s
                self._open = _Interval(frame.source, next_start if row else frame.time, frame.time)
        if self._open is None:
            self._open = _Interval(frame.source, frame.time, frame.time)
        self._open.take(frame)

    def finish(self) -> Iterable[Particulates]:
        """Give what the unfinished interval holds, up to its last reading."""
        if self._open is not None:
            yield self._open.result(_seconds(self._open.start, self._open.last))
            self._open = None


def _measures_particulates(frame: ReadingFrame) -> bool:
    return any(name in frame.values or name in frame.absent for name in _FRACTIONS)


def _seconds(earlier: CaptureTime, later: CaptureTime) -> float:
    return (later.monotonic_ns - earlier.monotonic_ns) / NS_PER_S


def build(config: Config) -> ParticulateMean:
    """Return the detector."""
    return ParticulateMean(config)
