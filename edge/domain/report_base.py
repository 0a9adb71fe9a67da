"""What the contract is made of: quantities with their resolutions, grounds, and the bases of every report."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


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
BandLevel = Annotated[float, Field(ge=-200, le=200), Quantity("dB", 0.5)]
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


class Recipient(StrEnum):
    """Who may receive a kind of report; the policy may name them for residents."""

    CITY_PLATFORM = "city_platform"
    CITY_ENFORCEMENT = "city_enforcement"
    ENVIRONMENT_AGENCY = "environment_agency"
    EMERGENCY_SERVICES = "emergency_services"
    POLICE = "police"
    TRAFFIC_CONTROL = "traffic_control"
    MAINTENANCE_CONTRACTOR = "maintenance_contractor"
    RESEARCH = "research"
    PUBLIC = "public"


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
