"""How hot the air feels per interval, from temperature, humidity and globe thermometer of one board."""

from collections.abc import Iterable, Mapping

from pydantic import Field

from edge.decoding.heat import grade_of, heat_index_c, wbgt_estimate_c
from edge.decoding.intervals import Interval, Intervals, IntervalSection, slow_boards
from edge.domain.air_observations import HeatStress
from edge.domain.frames import Frame, ReadingFrame
from edge.domain.health import Absence
from edge.domain.sections import Section

FRAME = ReadingFrame

_TEMPERATURE, _HUMIDITY, _GLOBE = "temperature_c", "humidity_percent", "globe_temperature_c"


class Config(IntervalSection):
    """Settings of `[detectors.heat_stress]`."""

    interval_s: float = Field(600.0, ge=1, le=3600, description="length of the mean, s")


class HeatMean:
    """Follows the boards that measure temperature and humidity."""

    def __init__(self, config: Config) -> None:
        self._intervals = Intervals((_TEMPERATURE,), config, beside=(_HUMIDITY, _GLOBE))

    def accept(self, frame: Frame) -> Iterable[HeatStress]:
        """Take one reading; an interval is told by the first reading behind its end."""
        if isinstance(frame, ReadingFrame) and (_HUMIDITY in frame.values or _HUMIDITY in frame.absent):
            yield from map(_told, self._intervals.accept(frame))

    def finish(self) -> Iterable[HeatStress]:
        """Give what the unfinished interval holds, up to its last reading."""
        yield from map(_told, self._intervals.finish())


def _told(interval: Interval) -> HeatStress:
    temperature_c, humidity, globe_c = (interval.mean(n) for n in (_TEMPERATURE, _HUMIDITY, _GLOBE))
    index_c = formula = wbgt_c = None
    absence = interval.absence
    if temperature_c is not None and humidity is not None:
        try:
            index_c, formula = heat_index_c(temperature_c, humidity)
            wbgt_c = None if globe_c is None else wbgt_estimate_c(temperature_c, humidity, globe_c)
        except ValueError:
            absence = Absence.OUT_OF_RANGE
    return HeatStress(
        source=interval.source,
        time=interval.start,
        duration_s=interval.duration_s,
        heat_index_c=index_c,
        formula=formula,
        grade=None if index_c is None else grade_of(index_c),
        wbgt_estimate_c=wbgt_c,
        absence=absence if index_c is not None or absence is not None else Absence.NO_READING,
    )


def misfits(config: Config, sources: Mapping[str, Section]) -> Iterable[str]:
    """Return why the settings do not fit together; `sources` are the sections of the sources by name."""
    return slow_boards((_TEMPERATURE,), config, sources)


def build(config: Config) -> HeatMean:
    """Return the detector."""
    return HeatMean(config)
