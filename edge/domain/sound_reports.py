"""The contract: reports of sound."""

from typing import Annotated, Literal

from pydantic import Field

from edge.domain.health import Absence
from edge.domain.observations import Sound
from edge.domain.report_base import (
    AngleSpread,
    Azimuth,
    BandLevel,
    Count,
    Duration,
    Elevation,
    EventReport,
    ExactTime,
    FineDuration,
    Level,
    Probability,
    SensorReport,
)
from edge.domain.trigger import Trigger


class SoundLevelReport(SensorReport):
    """Sound levels over one interval (IEC 61672-1); dB re 20 uPa when calibrated, else dB re full scale.

    `own_sound`: the lamppost's own loudspeaker sounded within the interval.
    """

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
    own_sound: bool | None = None


class SoundBandsReport(SensorReport):
    """One-third-octave band levels of an interval (IEC 61260-1), named by nominal frequency in Hz.

    Not A-weighted; dB re 20 uPa when calibrated, else dB re full scale. A minute at least, and coarse:
    `docs/decisions/0008-bands.md`.
    """

    kind: Literal["sound_bands"] = "sound_bands"
    duration_s: Duration
    calibrated: bool
    clipped: bool
    l25_db: BandLevel | None = None
    l31_5_db: BandLevel | None = None
    l40_db: BandLevel | None = None
    l50_db: BandLevel | None = None
    l63_db: BandLevel | None = None
    l80_db: BandLevel | None = None
    l100_db: BandLevel | None = None
    l125_db: BandLevel | None = None
    l160_db: BandLevel | None = None
    l200_db: BandLevel | None = None
    l250_db: BandLevel | None = None
    l315_db: BandLevel | None = None
    l400_db: BandLevel | None = None
    l500_db: BandLevel | None = None
    l630_db: BandLevel | None = None
    l800_db: BandLevel | None = None
    l1000_db: BandLevel | None = None
    l1250_db: BandLevel | None = None
    l1600_db: BandLevel | None = None
    l2000_db: BandLevel | None = None
    l2500_db: BandLevel | None = None
    l3150_db: BandLevel | None = None
    l4000_db: BandLevel | None = None
    l5000_db: BandLevel | None = None
    l6300_db: BandLevel | None = None
    l8000_db: BandLevel | None = None
    l10000_db: BandLevel | None = None
    l12500_db: BandLevel | None = None
    l16000_db: BandLevel | None = None
    own_sound: bool | None = None


class ImpulseReport(EventReport):
    """A bang or a burst of them; what made it is not said. When clipped, the peak is at least this.

    The direction (azimuth clockwise from true north, elevation above the horizon, one standard deviation of
    each) is that of the loudest. Where `other_...` angles are given, the array cannot tell the two apart.
    """

    kind: Literal["impulse"] = "impulse"
    phenomenon_time: ExactTime
    confirmed: bool
    because: Annotated[tuple[Trigger, ...], Field(max_length=1)]
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


class StreetSoundReport(EventReport, SensorReport):
    """What a model makes of one second of sound: an outcome and calibrated probabilities, no sound.

    A label that is switched off has no probability. A node is demoted when too many of its alarms were
    reported as false: it tells gunshot, firework and explosion as `unclear`.
    """

    kind: Literal["street_sound"] = "street_sound"
    phenomenon_time: ExactTime
    outcome: Sound
    after_impulse: bool
    demoted: bool
    gunshot: Probability | None = None
    firework: Probability | None = None
    explosion: Probability | None = None
    glass_break: Probability | None = None
    scream: Probability | None = None
    raised_voice: Probability | None = None
    siren: Probability | None = None
    horn: Probability | None = None
