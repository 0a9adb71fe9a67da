"""Observations of cameras: counts, densities, cues, bays and flashes; never who."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edge.domain.health import Absence
from edge.domain.observations import Observation


class ServiceLevel(StrEnum):
    """How crowded, by Fruin's Level of Service for walking areas, from A (free) to F (jammed)."""

    A = "a"
    B = "b"
    C = "c"
    D = "d"
    E = "e"
    F = "f"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleCount(Observation):
    """How many people and vehicles were in view, smoothed over one interval.

    Attributes:
        people: median count; `people_low` and `people_high` hold it nine times in ten.
        density_m2: people per square metre of ground in view; None without a ground plane.
        service_level: from the density; None without one.
        speed_ms: mean walking speed of who was tracked; None without a ground plane or tracks.
        headings: share of the tracked that walked north, north-east, east ... north-west (8, sum 1); empty
            when unknown.
        absence: why the counts are None.
    """

    kind: ClassVar[str] = "people_count"
    duration_s: float
    frames: int
    people: float | None
    people_low: float | None
    people_high: float | None
    vehicles: float | None
    two_wheelers: float | None
    density_m2: float | None = None
    service_level: ServiceLevel | None = None
    speed_ms: float | None = None
    headings: tuple[float, ...] = ()
    absence: Absence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCrossing(Observation):
    """How many crossed a line of the settings over one interval, each track once, in each direction."""

    kind: ClassVar[str] = "line_crossing"
    duration_s: float
    line: int
    people_in: int
    people_out: int
    vehicles_in: int
    vehicles_out: int


class Cue(StrEnum):
    """What the movement of people looks like; never what anybody feels or intends."""

    GATHERING = "gathering"
    CONVERGENCE = "convergence"
    DISPERSAL = "dispersal"
    RUNNING = "running"
    COUNTER_FLOW = "counter_flow"
    RAPID_MOTION = "rapid_motion"


class Stage(StrEnum):
    """Where something that lasts is in its life."""

    ONSET = "onset"
    UPDATE = "update"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdCue(Observation):
    """A cue began, goes on or ended.

    Attributes:
        score: calibrated, 0..1.
        people: how many it concerns, at most as seen; None when not counted.
        lasted_s: since the onset.
    """

    kind: ClassVar[str] = "crowd_cue"
    cue: Cue
    stage: Stage
    score: float
    lasted_s: float
    people: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking(Observation):
    """How many bays of the settings are free, occupied or not known."""

    kind: ClassVar[str] = "parking"
    free: int
    occupied: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flash(Observation):
    """A brief bright point or area at `time`.

    Attributes:
        duration_s: how long it stayed above half its height.
        rise: peak luminance above the luminance before, 0..1.
        share: of the picture, 0..1.
    """

    kind: ClassVar[str] = "flash"
    duration_s: float
    rise: float
    share: float


class Kind(StrEnum):
    """What moves along a street, as far as it is told apart."""

    PERSON = "person"
    TWO_WHEELER = "two_wheeler"
    VEHICLE = "vehicle"


@dataclass(frozen=True, slots=True)
class Mover:
    """Somebody or something that is followed for as long as it is in view.

    Attributes:
        track: number of the track on its lane; means nothing elsewhere, nor once it has left the picture.
        box: left, top, right, bottom, pixels.
        moved_px_s: right and down, pixels per second.
        ground_m: right and ahead of the ground plane's origin, m; None without a ground plane, or beyond it.
        moved_m_s: the same per second; None likewise, and while it is too new to have a speed.
        since_s: how long it has been followed.
        seen: in this very picture, not only expected in it.
    """

    track: int
    what: Kind
    box: tuple[float, float, float, float]
    moved_px_s: tuple[float, float]
    ground_m: tuple[float, float] | None
    moved_m_s: tuple[float, float] | None
    since_s: float
    seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Movers(Observation):
    """Who and what is in view in one picture: for the other detectors of the lane, and for nobody else."""

    kind: ClassVar[str] = "movers"
    stays_in_lane: ClassVar[bool] = True
    movers: tuple[Mover, ...]
    width: int
    height: int
