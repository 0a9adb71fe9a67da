"""The contract: everything that can leave a lamppost, and how precisely.

Closed on purpose: numbers, enumerations, booleans and times. Every number declares a `Quantity` and every
time a `TimeResolution`, and the gate rounds to them. Only `edge.privacy` makes a report, only `edge.delivery`
carries it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from edge.domain.health import Absence, Component, Reason, Status
from edge.domain.observations import Sound


@dataclass(frozen=True, slots=True)
class Quantity:
    """Unit and resolution of a number; the gate rounds to the resolution."""

    unit: str
    resolution: float


@dataclass(frozen=True, slots=True)
class TimeResolution:
    """Resolution of a time, seconds; the gate rounds down to it."""

    resolution_s: float


Level = Annotated[float, Field(ge=-200, le=200), Quantity("dB", 0.1)]
Probability = Annotated[float, Field(ge=0, le=1), Quantity("1", 0.01)]
Share = Annotated[float, Field(ge=0, le=1), Quantity("1", 0.001)]
Duration = Annotated[float, Field(ge=0, le=86_400), Quantity("s", 0.1)]
FineDuration = Annotated[float, Field(ge=0, le=600), Quantity("s", 0.001)]
Concentration = Annotated[float, Field(ge=0, le=10_000), Quantity("ug/m3", 0.1)]
Azimuth = Annotated[float, Field(ge=0, le=360), Quantity("deg", 0.1)]
Elevation = Annotated[float, Field(ge=-90, le=90), Quantity("deg", 0.1)]
AngleSpread = Annotated[float, Field(ge=0, le=180), Quantity("deg", 0.1)]
Count = Annotated[int, Field(ge=0, le=1_000_000), Quantity("1", 1)]
Days = Annotated[int, Field(ge=0, le=3650), Quantity("d", 1)]
CoarseTime = Annotated[AwareDatetime, TimeResolution(1.0)]
ExactTime = Annotated[AwareDatetime, TimeResolution(0.0001)]


class Purpose(StrEnum):
    """Why a city collects a kind of report."""

    NOISE_MONITORING = "noise_monitoring"
    PUBLIC_SAFETY = "public_safety"
    CROWD_SAFETY = "crowd_safety"
    AIR_QUALITY = "air_quality"
    PARKING = "parking"
    MAINTENANCE = "maintenance"


class LegalBasis(StrEnum):
    """GDPR article 6(1), letters c to f, and `no_personal_data` where the report holds none."""

    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"
    NO_PERSONAL_DATA = "no_personal_data"


class Trigger(StrEnum):
    """Kind of observation that an event rests on."""

    IMPULSE_ONSET = "impulse_onset"


class Topic(StrEnum):
    """Branch of the topic tree that a report is published on."""

    EVENT = "event"
    MEASURE = "measure"


class Priority(StrEnum):
    """What goes first when the outbox is full, lowest first."""

    MEASURE = "measure"
    HEALTH = "health"
    EVENT = "event"


class ReportBase(BaseModel):
    """What every report carries: what, when, how sure of the time, why, on what ground, for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    topic: ClassVar[Topic] = Topic.MEASURE
    priority: ClassVar[Priority] = Priority.MEASURE

    phenomenon_time: CoarseTime
    result_time: CoarseTime
    time_uncertainty_ms: Annotated[float, Field(ge=0, le=1e7), Quantity("ms", 0.1)] | None
    purpose: Purpose
    legal_basis: LegalBasis
    retention_days: Days


class SensorReport(ReportBase):
    """A report of one sensor."""

    sensor: Annotated[int, Field(ge=0, le=63), Quantity("1", 1)]


class SoundLevelReport(SensorReport):
    """Sound levels over one interval (IEC 61672-1); dB re 20 uPa when calibrated, else dB re full scale."""

    kind: Literal["sound_level"] = "sound_level"
    duration_s: Duration
    calibrated: bool
    clipped: bool
    laeq_db: Level
    lafmax_db: Level
    lasmax_db: Level
    lcpeak_db: Level
    la10_db: Level
    la50_db: Level
    la90_db: Level


class ImpulseReport(ReportBase):
    """A bang or a burst of them; what made it is not said. When clipped, the peak is at least this.

    The direction (azimuth clockwise from true north, elevation above the horizon, one standard deviation of
    each) is that of the loudest. Where `other_...` angles are given, the array cannot tell the two apart.
    """

    topic: ClassVar[Topic] = Topic.EVENT
    priority: ClassVar[Priority] = Priority.EVENT

    kind: Literal["impulse"] = "impulse"
    phenomenon_time: ExactTime
    confirmed: bool
    because: Annotated[tuple[Trigger, ...], Field(max_length=4)]
    calibrated: bool
    clipped: bool
    lcpeak_db: Level
    above_floor_db: Level
    rise_s: FineDuration
    duration_s: FineDuration
    impulses: Count
    azimuth_deg: Azimuth | None = None
    azimuth_uncertainty_deg: AngleSpread | None = None
    elevation_deg: Elevation | None = None
    elevation_uncertainty_deg: AngleSpread | None = None
    other_azimuth_deg: Azimuth | None = None
    other_elevation_deg: Elevation | None = None
    direction_absence: Absence | None = None


class StreetSoundReport(SensorReport):
    """What a model makes of one second of sound: an outcome and calibrated probabilities, no sound.

    A label that is switched off has no probability.
    """

    topic: ClassVar[Topic] = Topic.EVENT
    priority: ClassVar[Priority] = Priority.EVENT

    kind: Literal["street_sound"] = "street_sound"
    phenomenon_time: ExactTime
    outcome: Sound
    after_impulse: bool
    gunshot: Probability | None = None
    firework: Probability | None = None
    explosion: Probability | None = None
    glass_break: Probability | None = None
    scream: Probability | None = None
    raised_voice: Probability | None = None
    siren: Probability | None = None
    horn: Probability | None = None


class SceneMotionReport(SensorReport):
    """Shares of the picture that moved and that were occupied, the latter once the empty scene is known."""

    kind: Literal["scene_motion"] = "scene_motion"
    duration_s: Duration
    moving_share: Share
    frames: Count
    occupied_share: Share | None = None
    absence: Absence | None = None


class ParticulatesReport(SensorReport):
    """Mean mass concentrations over one interval; a value not measured or not valid is absent."""

    kind: Literal["particulates"] = "particulates"
    duration_s: Duration
    readings: Count
    pm1_ugm3: Concentration | None = None
    pm2_5_ugm3: Concentration | None = None
    pm4_ugm3: Concentration | None = None
    pm10_ugm3: Concentration | None = None
    absence: Absence | None = None


class HealthReport(SensorReport):
    """How one component of the lamppost is."""

    priority: ClassVar[Priority] = Priority.HEALTH

    kind: Literal["health"] = "health"
    component: Component
    status: Status
    reason: Reason
    count: Count


Report = Annotated[
    SoundLevelReport
    | ImpulseReport
    | StreetSoundReport
    | SceneMotionReport
    | ParticulatesReport
    | HealthReport,
    Field(discriminator="kind"),
]

REPORT: TypeAdapter[Report] = TypeAdapter(Report)

REPORT_MODELS: Mapping[str, type[Report]] = MappingProxyType(
    {model.model_fields["kind"].default: model for model in get_args(get_args(Report)[0])}
)
"""Every kind of report with its model."""


class NodeState(BaseModel):
    """The retained state of a node: birth, heartbeat and will. Made by the publisher; holds no observation.

    Attributes:
        online: false in the will and on a clean stop.
        expires_s: a subscriber that has heard nothing for so long takes the node for gone.
        pending: reports waiting in the outbox.
        evicted: reports dropped from a full outbox, ever.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    online: bool
    time: datetime
    expires_s: Annotated[int, Field(ge=1, le=86_400)]
    pending: Annotated[int, Field(ge=0)] = 0
    delivered: Annotated[int, Field(ge=0)] = 0
    evicted: Annotated[int, Field(ge=0)] = 0
