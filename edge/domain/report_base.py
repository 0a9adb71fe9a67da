"""What the contract is made of: quantities with their resolutions, grounds, and the bases of every report.

A report's model says with a field's type how precise it leaves; the gate does the rest:

    laeq_db: Level                  a number, rounded to its `Quantity`
    people: PeopleCount | None      below the policy's k it leaves as `below_k`
    speed_ms: Annotated[Speed, Tied("people")] | None = None    its default while `people` is below k
    phenomenon_time: CrowdTime      a time, rounded down to its `TimeResolution`

Bases: `SensorReport` for what one sensor measures, `EventReport` for alarms (says `time_unsynchronised`),
`CrowdReport` for whatever counts people (coarse times, says `k`); an alarm that counts people has the bases
`CrowdReport, EventReport`, in this order.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Quantity:
    """Unit and resolution of a number; the gate rounds to it.

    Attributes:
        digits: significant digits, where the resolution would be finer than that: 83 s of 0.1 s and 1 digit
            leave as 80 s.
    """

    unit: str
    resolution: float
    digits: int | None = None

    def step(self, number: float) -> float:
        """Return what a number of this size is rounded to multiples of."""
        if self.digits is None or number == 0:
            return self.resolution
        return max(self.resolution, 10.0 ** (math.floor(math.log10(abs(number))) - self.digits + 1))


@dataclass(frozen=True, slots=True)
class TimeResolution:
    """Resolution of a time, seconds; the gate rounds down to it."""

    resolution_s: float


@dataclass(frozen=True, slots=True)
class Coarsened:
    """Marks a count of people: below the policy's k it leaves as `BelowK`."""


@dataclass(frozen=True, slots=True)
class Tied:
    """Marks what would tell a count of people: the field's default while that count is below the policy's k.

    Attributes:
        count: the field with the count.
    """

    count: str


class BelowK(StrEnum):
    """Instead of a small count."""

    BELOW_K = "below_k"


UNCERTAINTY = Quantity("ms", 0.1, digits=1)
Uncertainty = Annotated[float, Field(ge=0, le=1e7), UNCERTAINTY]
Level = Annotated[float, Field(ge=-200, le=200), Quantity("dB", 0.1)]
BandLevel = Annotated[float, Field(ge=-200, le=200), Quantity("dB", 0.5)]
Probability = Annotated[float, Field(ge=0, le=1), Quantity("1", 0.01)]
Share = Annotated[float, Field(ge=0, le=1), Quantity("1", 0.001)]
Duration = Annotated[float, Field(ge=0, le=86_400), Quantity("s", 0.1, digits=3)]
FineDuration = Annotated[float, Field(ge=0, le=600), Quantity("s", 0.001, digits=3)]
Concentration = Annotated[float, Field(ge=0, le=10_000), Quantity("ug/m3", 0.1, digits=3)]
Azimuth = Annotated[float, Field(ge=0, le=360), Quantity("deg", 0.1)]
Elevation = Annotated[float, Field(ge=-90, le=90), Quantity("deg", 0.1)]
AngleSpread = Annotated[float, Field(ge=0, le=180), Quantity("deg", 0.1, digits=2)]
Count = Annotated[int, Field(ge=0, le=1_000_000), Quantity("1", 1, digits=3)]
Days = Annotated[int, Field(ge=0, le=3650), Quantity("d", 1)]
CoarseTime = Annotated[AwareDatetime, TimeResolution(1.0)]
ExactTime = Annotated[AwareDatetime, TimeResolution(0.0001)]
CrowdTime = Annotated[AwareDatetime, TimeResolution(60.0)]
CueTime = Annotated[AwareDatetime, TimeResolution(10.0)]
PeopleCount = Annotated[int, Field(ge=0, le=10_000), Quantity("1", 1), Coarsened()] | BelowK
Epsilon = Annotated[float, Field(ge=0, le=100), Quantity("1", 0.01)]
Threshold = Annotated[int, Field(ge=2, le=1000), Quantity("1", 1)]


def marker(field: FieldInfo, declared: type[T]) -> T | None:
    """Return what a field declares (a `Quantity`, say), also inside `... | None` and lists; else None."""
    return next((m for m in (*field.metadata, *_metadata(field.annotation)) if isinstance(m, declared)), None)


def _metadata(annotation: Any) -> Iterator[Any]:
    parts = get_args(annotation)
    if get_origin(annotation) is Annotated:
        yield from parts[1:]
        parts = parts[:1]
    for part in parts:
        yield from _metadata(part)


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


class Topic(StrEnum):
    """Branch of the topic tree that a report is published on."""

    EVENT = "event"
    MEASURE = "measure"


class Priority(StrEnum):
    """What goes first when the outbox is full, lowest first. A call is for somebody to come."""

    MEASURE = "measure"
    HEALTH = "health"
    EVENT = "event"
    CALL = "call"


class ReportBase(BaseModel):
    """What every report carries: what, when, how sure of the time, why, on what ground, for how long.

    Attributes:
        per_minute: so many reports of a kind leave a lamppost in any minute, at most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    topic: ClassVar[Topic] = Topic.MEASURE
    priority: ClassVar[Priority] = Priority.MEASURE
    per_minute: ClassVar[int] = 120

    phenomenon_time: CoarseTime
    result_time: CoarseTime
    time_uncertainty_ms: Uncertainty | None
    purpose: Purpose
    legal_basis: LegalBasis
    retention_days: Days


class SensorReport(ReportBase):
    """A report of one sensor."""

    sensor: Annotated[int, Field(ge=0, le=63), Quantity("1", 1)]


class EventReport(ReportBase):
    """An alarm. `time_unsynchronised`: nothing disciplines the clock, so its times may be far off."""

    topic: ClassVar[Topic] = Topic.EVENT
    priority: ClassVar[Priority] = Priority.EVENT
    per_minute: ClassVar[int] = 60

    time_unsynchronised: bool


class CrowdReport(SensorReport):
    """Counts people. Counts below `k` are told as `below_k`, and times are coarse: it times nobody.

    With `epsilon` the counts have noise: differential privacy, of all counts of the report together.
    """

    phenomenon_time: CrowdTime
    result_time: CrowdTime
    k: Threshold
    epsilon: Epsilon | None = None

    @model_validator(mode="after")
    def _tells_no_small_count(self) -> "CrowdReport":
        counts, tied = _of_people(type(self))
        for name in counts:
            value = getattr(self, name)
            if value is not None and value != BelowK.BELOW_K and value < self.k:
                raise ValueError(f"{name}: {value} is below k = {self.k}")
        for name, (count, absent) in tied.items():
            if getattr(self, name) != absent and getattr(self, count) == BelowK.BELOW_K:
                raise ValueError(f"{name}: would tell how many {count} are below k = {self.k}")
        return self


@cache
def _of_people(model: type[BaseModel]) -> tuple[tuple[str, ...], Mapping[str, tuple[str, Any]]]:
    """Return a model's counts of people, and its tied fields, each with its count and its default."""
    fields = model.model_fields
    tied = {name: (t.count, field.default) for name, field in fields.items() if (t := marker(field, Tied))}
    return tuple(name for name, field in fields.items() if marker(field, Coarsened)), tied
