"""The contract: what fusion concludes."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge.domain.air_quality import Pollutant
from edge.domain.events import Bang
from edge.domain.health import Absence
from edge.domain.report_base import (
    Concentration,
    Count,
    CueTime,
    Duration,
    EventReport,
    ExactTime,
    Level,
    Priority,
    Probability,
    Quantity,
)
from edge.domain.scene_observations import Stage
from edge.domain.trigger import Strength, Trigger

Because = Annotated[tuple[Trigger, ...], Field(max_length=8)]
WholeAzimuth = Annotated[float, Field(ge=0, le=360), Quantity("deg", 1)]
WholeElevation = Annotated[float, Field(ge=-90, le=90), Quantity("deg", 1)]
WholeSpread = Annotated[float, Field(ge=0, le=180), Quantity("deg", 1)]
Metres = Annotated[float, Field(ge=0, le=10_000), Quantity("m", 1, digits=2)]
WholeLevel = Annotated[float, Field(ge=-200, le=300), Quantity("dB", 1)]
LongDuration = Annotated[float, Field(ge=0, le=604_800), Quantity("s", 60, digits=2)]
WindFrom = Annotated[float, Field(ge=0, le=360), Quantity("deg", 10)]
WindSpeed = Annotated[float, Field(ge=0, le=120), Quantity("m/s", 1)]
TableNumber = Annotated[int, Field(ge=0, le=255), Quantity("1", 1)]


class LastingReport(EventReport):
    """What begins, goes on and ends: each report of one has the same `phenomenon_time`."""

    stage: Stage
    confirmed: bool
    because: Because
    lasted_s: Duration
    strength: Strength


class BangReport(EventReport):
    """What a bang probably was, from where, how far, and whether it was louder than permitted.

    It belongs to the `impulse` of the same time. Probabilities are those of the model, weighed with the
    city's `priors` and a high elevation; a bang that nobody named has none. `exceeded` is absent where it
    cannot be said, for the reason in `level_absence`.
    """

    kind: Literal["bang"] = "bang"
    phenomenon_time: ExactTime
    stage: Stage
    confirmed: bool
    because: Because
    lasted_s: Duration
    outcome: Bang
    impulses: Count
    calibrated: bool
    clipped: bool
    lcpeak_db: Level
    gunshot: Probability | None = None
    firework: Probability | None = None
    explosion: Probability | None = None
    glass: Probability | None = None
    priors: Annotated[tuple[TableNumber, ...], Field(max_length=4)] = ()
    azimuth_deg: WholeAzimuth | None = None
    azimuth_uncertainty_deg: WholeSpread | None = None
    elevation_deg: WholeElevation | None = None
    elevation_uncertainty_deg: WholeSpread | None = None
    distance_m: Metres | None = None
    distance_uncertainty_m: Metres | None = None
    distance_absence: Absence | None = None
    reference_distance_m: Metres | None = None
    reference_level_db: WholeLevel | None = None
    reference_level_uncertainty_db: WholeLevel | None = None
    permitted: TableNumber | None = None
    permitted_db: WholeLevel | None = None
    exceeded: bool | None = None
    level_absence: Absence | None = None


class GlassBreakReport(LastingReport):
    """Glass broke, by its sound; confirmed by movement or repetition."""

    kind: Literal["glass_break"] = "glass_break"


class DisturbanceCueReport(LastingReport):
    """Screams or raised voices, rapid motion or running: what was heard and seen, no intention."""

    kind: Literal["disturbance_cue"] = "disturbance_cue"
    phenomenon_time: CueTime
    result_time: CueTime


class GatheringReport(LastingReport):
    """People come together and stay. How many is in reports that count."""

    kind: Literal["gathering"] = "gathering"
    phenomenon_time: CueTime
    result_time: CueTime


class SuddenDispersalReport(LastingReport):
    """People ran apart soon after a bang."""

    kind: Literal["sudden_dispersal"] = "sudden_dispersal"


class HelpRequestReport(LastingReport):
    """Somebody pressed the help button."""

    priority: ClassVar[Priority] = Priority.CALL
    kind: Literal["help_request"] = "help_request"


class TamperReport(LastingReport):
    """Somebody is at the lamppost itself."""

    priority: ClassVar[Priority] = Priority.CALL
    kind: Literal["tamper"] = "tamper"


class AirAlertReport(LastingReport):
    """The air is above a limit of the city's tables, and where the wind comes from."""

    kind: Literal["air_alert"] = "air_alert"
    lasted_s: LongDuration
    pollutant: Pollutant
    mean_ugm3: Concentration
    limit_ugm3: Concentration
    wind_from_deg: WindFrom | None = None
    wind_speed_ms: WindSpeed | None = None
    wind_absence: Absence | None = None
