"""Rule: particulate matter of an interval corrected for humidity, by a formula that the settings name.

The humidity is the board's own, or that of another board, whose latest weather must not be too old.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import Field

from edge.decoding.humidity import DEFAULT_KAPPA, EPA, FOG_PERCENT, Corrected, correct
from edge.domain.air_observations import CorrectedParticulates, Weather
from edge.domain.air_quality import Correction
from edge.domain.health import Absence
from edge.domain.observations import Observation, Particulates
from edge.domain.rule import Rule
from edge.domain.sections import Section
from edge.domain.time import NS_PER_S

_CF1, _ATM = "pm2_5_cf1_ugm3", "pm2_5_ugm3"


class BoardSection(Section):
    """One of `[[fusion.particulates_correction.boards]]`."""

    source: str = Field(min_length=1, description="name of the board that measures particulate matter")
    formula: Correction = Field(
        Correction.KAPPA_KOEHLER, description="those of the EPA only for Plantower boards: see docs/air.md"
    )
    humidity_from: str = Field("", description="name of the board whose humidity is used; empty: its own")
    kappa: float = Field(
        DEFAULT_KAPPA, ge=0, le=1.5, description="hygroscopicity of the particles, of kappa_koehler only"
    )
    humidity_age_s: float = Field(
        1800.0, ge=60, le=7200, description="humidity of another board may be so old, s"
    )


class Config(Section):
    """Settings of `[fusion.particulates_correction]`."""

    boards: tuple[BoardSection, ...] = Field(min_length=1, description="which boards, by which formula")


@dataclass(frozen=True, slots=True)
class _Humidity:
    percent: float
    until_ns: int


class ParticulatesCorrection:
    """State: the latest humidity of each board that is asked for it."""

    def __init__(self, config: Config) -> None:
        self._boards = {board.source: board for board in config.boards}
        self._humidity: dict[str, _Humidity] = {}

    def accept(self, observation: Observation) -> Iterator[CorrectedParticulates]:
        """Take any observation; answer the particulate matter of the boards in the settings."""
        name = observation.source.name
        if isinstance(observation, Weather) and observation.humidity_percent is not None:
            until_ns = observation.time.monotonic_ns + round(observation.duration_s * NS_PER_S)
            self._humidity[name] = _Humidity(observation.humidity_percent, until_ns)
        elif isinstance(observation, Particulates) and name in self._boards:
            board = self._boards[name]
            yield _corrected(observation, board, self._humidity_of(observation, board))

    def _humidity_of(self, particles: Particulates, board: BoardSection) -> float | None:
        if not board.humidity_from:
            return particles.humidity_percent
        known = self._humidity.get(board.humidity_from)
        if known is None:
            return None
        old_s = (particles.time.monotonic_ns - known.until_ns) / NS_PER_S
        return known.percent if old_s <= board.humidity_age_s else None


def _corrected(
    particles: Particulates, board: BoardSection, humidity_percent: float | None
) -> CorrectedParticulates:
    raw_2_5, raw_10 = _raw(particles, board.formula)
    absence = particles.absence or _why_not(humidity_percent, raw_2_5, raw_10)
    fine = coarse = None
    if absence is None and humidity_percent is not None:
        fine = _maybe(board, raw_2_5, humidity_percent)
        coarse = _maybe(board, raw_10, humidity_percent)
    return CorrectedParticulates(
        source=particles.source,
        time=particles.time,
        result_time_ns=particles.result_time_ns,
        duration_s=particles.duration_s,
        readings=particles.readings,
        formula=board.formula,
        pm2_5_ugm3=raw_2_5,
        pm2_5_corrected_ugm3=None if fine is None else fine.ugm3,
        pm10_ugm3=raw_10,
        pm10_corrected_ugm3=None if coarse is None else coarse.ugm3,
        humidity_percent=humidity_percent,
        clamped=any(each is not None and each.clamped for each in (fine, coarse)),
        fog=absence is Absence.FOG,
        absence=absence,
        valid_share=particles.valid_share,
    )


def _raw(particles: Particulates, formula: Correction) -> tuple[float | None, float | None]:
    """Return PM2.5 of the column that the formula is a fit to, and PM10 where it knows that."""
    if formula is Correction.KAPPA_KOEHLER:
        return particles.pm2_5_ugm3, particles.pm10_ugm3
    if formula is Correction.AIRNOW_FIRE_AND_SMOKE and particles.pm2_5_cf1_ugm3 is not None:
        return particles.pm2_5_ugm3, None  # the column cf_atm of a board that has a column cf_1: a Plantower
    return particles.pm2_5_cf1_ugm3, None


def _why_not(humidity_percent: float | None, *raw_ugm3: float | None) -> Absence | None:
    given = [value for value in raw_ugm3 if value is not None]
    if humidity_percent is None or not given:
        return Absence.NO_READING
    if humidity_percent < 0 or min(given) < 0:
        return Absence.OUT_OF_RANGE
    return Absence.FOG if humidity_percent > FOG_PERCENT else None


def _maybe(board: BoardSection, raw_ugm3: float | None, humidity_percent: float) -> Corrected | None:
    if raw_ugm3 is None:
        return None
    return correct(board.formula, raw_ugm3, humidity_percent, board.kappa)


def misfits(config: Config, sources: Mapping[str, Section]) -> Iterator[str]:
    """Yield why the settings do not fit together; `sources` are the sections of the sources by name."""
    named = [board.source for board in config.boards]
    for number, board in enumerate(config.boards):
        if board.source in named[:number]:
            yield f"boards: '{board.source}' is corrected twice; choose one formula"
        yield from _misfits_of(board, sources)


def _misfits_of(board: BoardSection, sources: Mapping[str, Section]) -> Iterator[str]:
    measured = _measured(sources, board.source)
    if measured is None:
        yield f"boards: no board is called '{board.source}'; give the name of a serial board"
        return
    if _ATM not in measured:
        yield f"boards: '{board.source}' measures no pm2_5"
    if board.formula in EPA and _CF1 not in measured:
        yield (
            f"boards: {board.formula} is a fit to Plantower sensors (column cf_1), which '{board.source}' is "
            f"not; use {Correction.KAPPA_KOEHLER}"
        )
    wet = _measured(sources, board.humidity_from or board.source)
    if wet is None or "humidity_percent" not in wet:
        yield (
            f"boards: '{board.humidity_from or board.source}' measures no humidity; "
            "name a board that does in humidity_from"
        )


def _measured(sources: Mapping[str, Section], name: str) -> tuple[str, ...] | None:
    """Return what a board measures; None when there is no such board."""
    from edge.decoding.catalogue import load_known

    profile = getattr(sources.get(name), "profile", None)
    return None if profile is None else load_known(profile).measurements


def needs(config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    yield ("detectors.particulates",)
    if any(board.humidity_from for board in config.boards):
        yield ("detectors.weather",)


def build(config: Config) -> Rule:
    """Return the rule."""
    return ParticulatesCorrection(config)
