"""The contract: reports of what cameras see."""

from typing import Annotated, Literal

from pydantic import Field

from edge.domain.health import Absence
from edge.domain.report_base import (
    Count,
    CrowdReport,
    CueTime,
    Duration,
    EventReport,
    PeopleCount,
    Probability,
    Quantity,
    SensorReport,
    Share,
    Tied,
)
from edge.domain.scene_observations import Cue, ServiceLevel, Stage

Line = Annotated[int, Field(ge=0, le=63), Quantity("1", 1)]
Density = Annotated[float, Field(ge=0, le=100), Quantity("1/m2", 0.1)]
WalkingSpeed = Annotated[float, Field(ge=0, le=20), Quantity("m/s", 0.1)]
CoarseShare = Annotated[float, Field(ge=0, le=1), Quantity("1", 0.1)]
Headings = Annotated[tuple[CoarseShare, ...], Field(max_length=8)]


class SceneMotionReport(SensorReport):
    """Shares of the picture that moved and that were occupied, the latter once the empty scene is known."""

    kind: Literal["scene_motion"] = "scene_motion"
    duration_s: Duration
    moving_share: Share
    frames: Count
    occupied_share: Share | None = None
    absence: Absence | None = None


class PeopleCountReport(CrowdReport):
    """How many people and vehicles were in view, how dense, how fast and which way on the whole.

    The headings (shares of those who walked north, north-east, east ... north-west) are of five walkers or
    more, and like all that tells of people they are absent while fewer than k are counted.
    """

    kind: Literal["people_count"] = "people_count"
    duration_s: Duration
    frames: Count
    people: PeopleCount | None = None
    people_low: Annotated[Count, Tied("people")] | None = None
    people_high: Annotated[Count, Tied("people")] | None = None
    two_wheelers: PeopleCount | None = None
    vehicles: Count | None = None
    density_m2: Annotated[Density, Tied("people")] | None = None
    service_level: Annotated[ServiceLevel, Tied("people")] | None = None
    speed_ms: Annotated[WalkingSpeed, Tied("people")] | None = None
    headings: Annotated[Headings, Tied("people")] = ()
    absence: Absence | None = None


class LineCrossingReport(CrowdReport):
    """How many crossed a line of the settings, in each direction."""

    kind: Literal["line_crossing"] = "line_crossing"
    duration_s: Duration
    line: Line
    people_in: PeopleCount
    people_out: PeopleCount
    vehicles_in: Count
    vehicles_out: Count


class CrowdCueReport(CrowdReport, EventReport):
    """What the movement of people looks like: a cue, no judgement; `score` 0..1."""

    kind: Literal["crowd_cue"] = "crowd_cue"
    phenomenon_time: CueTime
    result_time: CueTime
    cue: Cue
    stage: Stage
    score: Probability
    lasted_s: Duration
    people: PeopleCount | None = None


class ParkingReport(SensorReport):
    """How many bays are free, occupied or not known. No bay is told apart."""

    kind: Literal["parking"] = "parking"
    free: Count
    occupied: Count
    unknown: Count
