"""Events: fusion's conclusions, explained by the kinds of observation they rest on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edge.domain.air_quality import IndexName, Pollutant
from edge.domain.health import Absence
from edge.domain.scene_observations import Stage
from edge.domain.time import CaptureTime
from edge.domain.trigger import Strength


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event carries.

    Attributes:
        time: phenomenon time of the first observation it rests on.
        confirmed: a second modality, a repetition or a second array agrees.
        because: what it rests on, names of `edge.domain.trigger.Trigger`.
    """

    kind: ClassVar[str]
    time: CaptureTime
    result_time_ns: int
    confirmed: bool
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Impulse(Event):
    """One bang or a burst of them.

    Attributes:
        lcpeak_db: of the loudest; "at least" when `clipped`.
        impulses: how many onsets so far.
        azimuth_deg: of the loudest, with all that follows; see `ImpulseOnset`.
    """

    kind: ClassVar[str] = "impulse"
    calibrated: bool
    clipped: bool
    lcpeak_db: float
    above_floor_db: float
    rise_s: float
    duration_s: float
    impulses: int
    azimuth_deg: float | None = None
    azimuth_uncertainty_deg: float | None = None
    elevation_deg: float | None = None
    elevation_uncertainty_deg: float | None = None
    other_azimuth_deg: float | None = None
    other_elevation_deg: float | None = None
    direction_absence: Absence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting(Event):
    """What begins, goes on and ends. All that is told of one has the same `time`.

    Attributes:
        lasted_s: from `time` to the latest evidence.
        strength: of the strongest evidence.
    """

    stage: Stage
    lasted_s: float
    strength: Strength


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassBreak(Lasting):
    """Glass broke, by its sound; movement confirms it."""

    kind: ClassVar[str] = "glass_break"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisturbanceCue(Lasting):
    """Screams or raised voices, rapid motion or running: what is heard and seen, not what anybody intends."""

    kind: ClassVar[str] = "disturbance_cue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering(Lasting):
    """People come together and stay."""

    kind: ClassVar[str] = "gathering"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuddenDispersal(Lasting):
    """People ran apart soon after a bang."""

    kind: ClassVar[str] = "sudden_dispersal"


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpRequest(Lasting):
    """Somebody pressed the help button; presence, a scream or rapid motion confirms it."""

    kind: ClassVar[str] = "help_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tamper(Lasting):
    """The lamppost was opened, a camera turned, or several sensors blocked together."""

    kind: ClassVar[str] = "tamper"


@dataclass(frozen=True, slots=True, kw_only=True)
class AirAlert(Lasting):
    """The air is above a limit.

    Attributes:
        mean_ugm3: of the last warning, as `limit_ugm3`.
        wind_from_deg: where the wind comes from, clockwise from true north; None in a calm.
        wind_absence: why there is no wind.
    """

    kind: ClassVar[str] = "air_alert"
    pollutant: Pollutant
    mean_ugm3: float
    limit_ugm3: float
    wind_from_deg: float | None = None
    wind_speed_ms: float | None = None
    wind_absence: Absence | None = None


class Bang(StrEnum):
    """What a bang probably was. `unclear`: gunshot and firework cannot be told apart, or nobody could say."""

    GUNSHOT = "gunshot"
    FIREWORK = "firework"
    EXPLOSION = "explosion"
    GLASS = "glass"
    OTHER = "other"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class BangEvent(Event):
    """What a bang, or a burst of them, probably was, from where, how far, and whether it was too loud.

    Attributes:
        impulses: how many so far.
        gunshot: probability after the priors and cues, as `firework`, `explosion` and `glass`; None when
            nothing named the bang.
        priors: numbers of the city's priors that were applied.
        azimuth_deg: of the loudest, with all that follows; see `ImpulseOnset`.
        distance_m: from flash to bang, one standard deviation in `distance_uncertainty_m`.
        distance_absence: why there is no distance.
        reference_distance_m: of the permitted level; the level there is `reference_level_db`, with one
            standard deviation. Without a distance, it is over all distances from which a bang is heard.
        permitted: number of the city's permitted level in force, `permitted_db` high.
        exceeded: whether it was louder than permitted; None when that cannot be said.
        level_absence: why there is no level at the reference distance, or why it cannot be compared.
    """

    kind: ClassVar[str] = "bang"
    stage: Stage
    lasted_s: float
    outcome: Bang
    impulses: int
    calibrated: bool
    clipped: bool
    lcpeak_db: float
    gunshot: float | None = None
    firework: float | None = None
    explosion: float | None = None
    glass: float | None = None
    priors: tuple[int, ...] = ()
    azimuth_deg: float | None = None
    azimuth_uncertainty_deg: float | None = None
    elevation_deg: float | None = None
    elevation_uncertainty_deg: float | None = None
    distance_m: float | None = None
    distance_uncertainty_m: float | None = None
    distance_absence: Absence | None = None
    reference_distance_m: float | None = None
    reference_level_db: float | None = None
    reference_level_uncertainty_db: float | None = None
    permitted: int | None = None
    permitted_db: float | None = None
    exceeded: bool | None = None
    level_absence: Absence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AirIndex(Event):
    """An index of air quality over one hour, which begins at `time`.

    Attributes:
        value: 1 is best.
        worst: the pollutant that decides.
        used: pollutants that had a valid mean.
        missing: pollutants of the index that had none; with one of them it could only be higher.
        indicative: a mean of cells that cross-respond is among them.
    """

    kind: ClassVar[str] = "air_index"
    index: IndexName
    value: int
    worst: Pollutant
    used: tuple[Pollutant, ...]
    missing: tuple[Pollutant, ...]
    indicative: bool


def _kinds(base: type[Event]) -> set[str]:
    own = {base.kind} if "kind" in vars(base) else set()
    return own.union(*(_kinds(derived) for derived in base.__subclasses__()))


EVENT_KINDS = tuple(sorted(_kinds(Event)))
"""Everything that fusion can conclude: what a lamp or a loudspeaker may be told to act upon."""
