"""Indices and grades of odours and volatile compounds per interval, as a board itself gives them."""

from collections.abc import Iterable, Mapping

from edge.decoding.intervals import Interval, Intervals, IntervalSection, slow_boards
from edge.domain.air_observations import GasIndices
from edge.domain.frames import Frame, ReadingFrame
from edge.domain.sections import Section

FRAME = ReadingFrame

_MEASURED = ("voc_grade", "odour_grade", "voc_index", "nox_index", "odour_index")


class Config(IntervalSection):
    """Settings of `[detectors.gas_indices]`."""


class GasIndexMean:
    """Averages the indices of one board; readings without one are not its business."""

    def __init__(self, config: Config) -> None:
        self._intervals = Intervals(_MEASURED, config)

    def accept(self, frame: Frame) -> Iterable[GasIndices]:
        """Take one reading; an interval is told by the first reading behind its end."""
        if isinstance(frame, ReadingFrame):
            yield from map(_told, self._intervals.accept(frame))

    def finish(self) -> Iterable[GasIndices]:
        """Give what the unfinished interval holds, up to its last reading."""
        yield from map(_told, self._intervals.finish())


def _told(interval: Interval) -> GasIndices:
    return GasIndices(
        source=interval.source,
        time=interval.start,
        duration_s=interval.duration_s,
        readings=interval.readings,
        voc_grade=interval.highest("voc_grade"),
        odour_grade=interval.highest("odour_grade"),
        voc_index=interval.mean("voc_index"),
        nox_index=interval.mean("nox_index"),
        odour_index=interval.mean("odour_index"),
        absence=interval.absence,
    )


def misfits(config: Config, sources: Mapping[str, Section]) -> Iterable[str]:
    """Return why the settings do not fit together; `sources` are the sections of the sources by name."""
    return slow_boards(_MEASURED, config, sources)


def build(config: Config) -> GasIndexMean:
    """Return the detector."""
    return GasIndexMean(config)
