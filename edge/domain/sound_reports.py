"""The contract: reports of sound."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge.domain.health import Absence
from edge.domain.observations import Sound
from edge.domain.report_base import (
    AngleSpread,
    Azimuth,
    Count,
    Duration,
    Elevation,
    ExactTime,
    FineDuration,
    Level,
    Priority,
    Probability,
    ReportBase,
    SensorReport,
    Topic,
    Trigger,
)


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
