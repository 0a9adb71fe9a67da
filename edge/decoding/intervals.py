"""Cutting the readings of one board into intervals: the common part of every detector that averages them."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median

from pydantic import Field

from edge.decoding.plausibility import Screen
from edge.domain.frames import ReadingFrame
from edge.domain.health import Absence
from edge.domain.identity import SourceId
from edge.domain.sections import DetectorSection, Section
from edge.domain.time import NS_PER_S, CaptureTime, seconds_between

_COVERS = 3
"""A reading stands for so many of the usual distances between two, at most."""


class IntervalSection(DetectorSection):
    """What the section of every detector that averages readings may say."""

    interval_s: float = Field(60.0, ge=1, le=3600, description="length of the mean, s")
    unchanged_s: float = Field(
        7200.0,
        ge=60,
        le=86_400,
        description="a board all of whose values stand still for so long is stuck, s",
    )


@dataclass
class Interval:
    """What was read from `start` on.

    Attributes:
        last: the latest reading.
        rows: of each reading its time (monotonic, ns) and those of its values that were asked for.
        missed: of each reading without a valid value its time (monotonic, ns).
        absences: how many values were absent, by reason.
        duration_s: set when the interval is closed.
    """

    source: SourceId
    start: CaptureTime
    last: CaptureTime
    rows: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)
    absences: Counter[Absence] = field(default_factory=Counter)
    missed: list[int] = field(default_factory=list)
    duration_s: float = 0.0

    @property
    def readings(self) -> int:
        """Readings with at least one valid value."""
        return len(self.rows)

    @property
    def valid_share(self) -> float:
        """Share of the interval that valid readings cover, 0..1.

        A reading stands for the time until the next one, but for no more than three of their usual distances:
        a board that falls silent covers nothing.
        """
        if not self.rows or self.duration_s <= 0:
            return float(bool(self.rows))
        begin_ns = self.start.monotonic_ns
        end_ns = begin_ns + round(self.duration_s * NS_PER_S)
        valid = {time_ns for time_ns, _ in self.rows}
        times = sorted({*valid, *self.missed})
        spacings = [after - before for before, after in pairwise(times)] or [end_ns - begin_ns]
        longest_ns = _COVERS * median(spacings)
        covered = min(times[0] - begin_ns, longest_ns) if times[0] in valid else 0
        for time_ns, next_ns in pairwise([*times, max(end_ns, times[-1])]):
            if time_ns in valid:
                covered += min(next_ns - time_ns, longest_ns)
        return min(1.0, covered / (end_ns - begin_ns))

    @property
    def absence(self) -> Absence | None:
        """Why there is no value at all; None when there is one."""
        if self.rows:
            return None
        return self.absences.most_common(1)[0][0] if self.absences else Absence.NO_READING

    def values(self, name: str) -> list[float]:
        """Return the valid values of one measurement, in order."""
        return [row[name] for _, row in self.rows if name in row]

    def mean(self, name: str) -> float | None:
        """Return the mean of one measurement; None without a valid value."""
        found = self.values(name)
        return fmean(found) if found else None

    def median(self, name: str) -> float | None:
        """Return the median of one measurement; None without a valid value."""
        found = self.values(name)
        return median(found) if found else None

    def highest(self, name: str) -> float | None:
        """Return the highest value of one measurement; None without a valid value."""
        return max(self.values(name), default=None)


class Intervals:
    """Cuts readings into intervals; those without any of the named measurements are not its business.

    Args:
        names: what is averaged.
        config: how long, and when a board is stuck.
        beside: what is kept where it comes with them, but makes no reading by itself.
    """

    def __init__(self, names: Collection[str], config: IntervalSection, beside: Collection[str] = ()) -> None:
        self._names = frozenset(names)
        self._kept = self._names | frozenset(beside)
        self._interval_s = config.interval_s
        self._screen = Screen(config.unchanged_s)
        self._open: Interval | None = None

    def accept(self, frame: ReadingFrame) -> Iterator[Interval]:
        """Take one reading; an interval is told by the first reading behind its end."""
        if not self._concerned(frame):
            return
        frame = self._screen.take(frame)
        if self._open is not None:
            past_s = seconds_between(self._open.start, frame.time)
            if past_s >= self._interval_s:
                self._open.duration_s = self._interval_s
                yield self._open
                # Intervals follow one another; after a gap without any reading a new row begins.
                next_start = self._open.start.shifted(self._interval_s)
                row = past_s < 2 * self._interval_s
                self._open = Interval(frame.source, next_start if row else frame.time, frame.time)
        if self._open is None:
            self._open = Interval(frame.source, frame.time, frame.time)
        self._take(self._open, frame)

    def _concerned(self, frame: ReadingFrame) -> bool:
        """Whether a reading tells of what is averaged; a board that never had a value for it does not."""
        if any(name in self._names for name in frame.values):
            return True
        reasons = [why for name, why in frame.absent.items() if name in self._names]
        return any(why is not Absence.NO_READING for why in reasons) or bool(reasons and self._open)

    def finish(self) -> Iterator[Interval]:
        """Give the unfinished interval, up to its last reading."""
        if self._open is not None:
            self._open.duration_s = seconds_between(self._open.start, self._open.last)
            yield self._open
            self._open = None

    def _take(self, interval: Interval, frame: ReadingFrame) -> None:
        interval.last = frame.time
        if any(name in self._names for name in frame.values):
            kept = {name: value for name, value in frame.values.items() if name in self._kept}
            interval.rows.append((frame.time.monotonic_ns, kept))
        else:
            interval.missed.append(frame.time.monotonic_ns)
        interval.absences.update(why for name, why in frame.absent.items() if name in self._names)


def slow_boards(
    names: Collection[str], config: IntervalSection, sources: Mapping[str, Section]
) -> Iterator[str]:
    """Yield which boards speak more slowly than an interval lasts, so that it would cover next to nothing.

    Args:
        names: what is averaged.
        config: of the detector.
        sources: the sections of the sources by name.
    """
    from edge.decoding.catalogue import load_known

    for name, source in sources.items():
        path = getattr(source, "profile", None)
        if path is None or (config.sources and name not in config.sources):
            continue
        profile = load_known(path)
        if set(names) & set(profile.measurements) and profile.timing.period_s > config.interval_s:
            yield (
                f"interval_s: '{name}' speaks every {profile.timing.period_s:g} s only; "
                f"give at least {4 * profile.timing.period_s:g}"
            )
