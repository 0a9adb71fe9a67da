"""Mean concentrations of gases per interval, by volume and by mass, from the readings of one board."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field

from edge.decoding.gases import MOLAR_MASS_G, ugm3_of_ppb
from edge.decoding.intervals import Interval, Intervals, IntervalSection, slow_boards
from edge.domain.air_observations import Conversion, Gases
from edge.domain.frames import Frame, ReadingFrame
from edge.domain.sections import Section

FRAME = ReadingFrame

_TEMPERATURE, _PRESSURE, _CO2 = "temperature_c", "pressure_hpa", "co2_ppm"
_BY_MASS = tuple(f"{gas}_ugm3" for gas in MOLAR_MASS_G)
_BY_VOLUME = tuple(f"{gas}_ppb" for gas in MOLAR_MASS_G)
_PER_THOUSAND = {f"{gas}_ppm": f"{gas}_ppb" for gas in MOLAR_MASS_G}


class Config(IntervalSection):
    """Settings of `[detectors.gases]`."""

    conversion: Conversion = Field(
        Conversion.EU_293K,
        description="eu_293k: mass at 293 K and 101.3 kPa, as limits mean it; ambient: in the air as it is, "
        "by the board's own temperature and pressure",
    )
    analysers: tuple[str, ...] = Field(
        (),
        description="names of sources that are reference or equivalent analysers; all others are indicative",
    )


class GasMean:
    """Averages the gases of one board; readings without a gas are not its business."""

    def __init__(self, config: Config) -> None:
        beside = (_TEMPERATURE, _PRESSURE)
        self._intervals = Intervals((_CO2, *_BY_VOLUME, *_BY_MASS), config, beside)
        self._conversion = config.conversion
        self._analysers = config.analysers

    def accept(self, frame: Frame) -> Iterable[Gases]:
        """Take one reading; an interval is told by the first reading behind its end."""
        if isinstance(frame, ReadingFrame):
            yield from map(self._told, self._intervals.accept(_in_ppb(frame)))

    def finish(self) -> Iterable[Gases]:
        """Give what the unfinished interval holds, up to its last reading."""
        yield from map(self._told, self._intervals.finish())

    def _told(self, interval: Interval) -> Gases:
        means: dict[str, Any] = {name: interval.mean(name) for name in (_CO2, *_BY_VOLUME)}
        means |= {f"{gas}_ugm3": self._mass(gas, interval) for gas in MOLAR_MASS_G}
        return Gases(
            source=interval.source,
            time=interval.start,
            duration_s=interval.duration_s,
            readings=interval.readings,
            indicative=interval.source.name not in self._analysers,
            conversion=self._conversion,
            absence=interval.absence,
            valid_share=interval.valid_share,
            **means,
        )

    def _mass(self, gas: str, interval: Interval) -> float | None:
        """Return the mean mass: what the board says, else from the volume; None when neither is known."""
        said, ppb = interval.mean(f"{gas}_ugm3"), interval.mean(f"{gas}_ppb")
        if said is not None or ppb is None:
            return said
        if self._conversion is Conversion.EU_293K:
            return ugm3_of_ppb(gas, ppb)
        temperature_c, pressure_hpa = interval.mean(_TEMPERATURE), interval.mean(_PRESSURE)
        if temperature_c is None or pressure_hpa is None:
            return None
        try:
            return ugm3_of_ppb(gas, ppb, temperature_c, pressure_hpa)
        except ValueError:  # a profile without ranges let through what no air is like
            return None


def _in_ppb(frame: ReadingFrame) -> ReadingFrame:
    """Return the reading with its gases by volume in ppb."""
    if not any(name in _PER_THOUSAND for names in (frame.values, frame.absent) for name in names):
        return frame
    values = {_PER_THOUSAND.get(n, n): v * 1000 if n in _PER_THOUSAND else v for n, v in frame.values.items()}
    absent = {_PER_THOUSAND.get(name, name): why for name, why in frame.absent.items()}
    return replace(frame, values=values, absent=absent)


def misfits(config: Config, sources: Mapping[str, Section]) -> Iterator[str]:
    """Yield why the settings do not fit together; `sources` are the sections of the sources by name."""
    from edge.decoding.catalogue import load_known

    yield from slow_boards((*_BY_VOLUME, *_BY_MASS, *_PER_THOUSAND, _CO2), config, sources)
    for name in config.analysers:
        profile = getattr(sources.get(name), "profile", None)
        if profile is None:
            yield f"analysers: no board is called '{name}'; give the name of a serial board"
        elif load_known(profile).indicative:
            yield (
                f"analysers: '{name}' has the profile {profile}, whose cells cross-respond: "
                "it stays indicative; remove it from the list"
            )


def build(config: Config) -> GasMean:
    """Return the detector."""
    return GasMean(config)
