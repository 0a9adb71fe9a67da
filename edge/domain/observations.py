"""Observations: one result by one source. Frozen, small, without a frame in them.

A field named like a field of the report of the same kind may leave, after the gate has quantised it;
every other field stays on the lamppost. See `edge.domain.reports`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edge.domain.health import Absence, Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.time import CaptureTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What every observation carries.

    Attributes:
        stays_in_lane: for the other detectors of the lane only; it never passes the bridge.
        time: phenomenon time, when it happened or when the interval began.
        result_time_ns: when we knew, UTC; set by the lane as the observation leaves it.
    """

    kind: ClassVar[str]
    stays_in_lane: ClassVar[bool] = False
    source: SourceId
    time: CaptureTime
    result_time_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundLevel(Observation):
    """Levels over one interval; dB re 20 uPa when `calibrated`, else dB re full scale (IEC 61672-1).

    Attributes:
        own_sound: the lamppost's own loudspeaker sounded within; None when it did not.
    """

    kind: ClassVar[str] = "sound_level"
    duration_s: float
    calibrated: bool
    clipped: bool
    laeq_db: float
    lafmax_db: float
    lasmax_db: float
    lcpeak_db: float
    la10_db: float
    la50_db: float
    la90_db: float
    own_sound: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundBands(Observation):
    """One-third-octave band levels over one interval, not A-weighted (IEC 61260-1); dB as in `SoundLevel`.

    A field is named by the band's nominal frequency in Hz; None where nothing was measured.
    """

    kind: ClassVar[str] = "sound_bands"
    duration_s: float
    calibrated: bool
    clipped: bool
    l25_db: float | None = None
    l31_5_db: float | None = None
    l40_db: float | None = None
    l50_db: float | None = None
    l63_db: float | None = None
    l80_db: float | None = None
    l100_db: float | None = None
    l125_db: float | None = None
    l160_db: float | None = None
    l200_db: float | None = None
    l250_db: float | None = None
    l315_db: float | None = None
    l400_db: float | None = None
    l500_db: float | None = None
    l630_db: float | None = None
    l800_db: float | None = None
    l1000_db: float | None = None
    l1250_db: float | None = None
    l1600_db: float | None = None
    l2000_db: float | None = None
    l2500_db: float | None = None
    l3150_db: float | None = None
    l4000_db: float | None = None
    l5000_db: float | None = None
    l6300_db: float | None = None
    l8000_db: float | None = None
    l10000_db: float | None = None
    l12500_db: float | None = None
    l16000_db: float | None = None
    own_sound: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpulseOnset(Observation):
    """A sudden loud sound began at `time`.

    Attributes:
        rise_s: 10 % to 90 % of the peak envelope.
        duration_s: time the envelope stays within 20 dB of its peak.
        above_floor_db: peak of the short-term level above the floor before it.
        clipped: the true peak is at least `lcpeak_db`.
        crest_db: A-weighted peak above the RMS of the duration; None when not measured.
        prominence: predicted prominence (ISO/PAS 1996-3); None when not measured.
        azimuth_deg: where it came from, clockwise from true north, 0..360; None without an array, or when
            it is not known.
        azimuth_uncertainty_deg: one standard deviation; elevation_uncertainty_deg likewise.
        elevation_deg: above the horizon.
        other_azimuth_deg: the array cannot tell whether it came from there instead, `other_elevation_deg`
            high; None when it can.
        direction_absence: why an array that heard it gives no direction.
        lafmax_db: highest Fast level while it lasted; None when not measured.
        left_out: channels of the array that heard something else, or nothing.
    """

    kind: ClassVar[str] = "impulse_onset"
    calibrated: bool
    clipped: bool
    lcpeak_db: float
    above_floor_db: float
    rise_s: float
    duration_s: float
    crest_db: float | None = None
    prominence: float | None = None
    azimuth_deg: float | None = None
    azimuth_uncertainty_deg: float | None = None
    elevation_deg: float | None = None
    elevation_uncertainty_deg: float | None = None
    other_azimuth_deg: float | None = None
    other_elevation_deg: float | None = None
    direction_absence: Absence | None = None
    lafmax_db: float | None = None
    left_out: tuple[int, ...] = ()


class Sound(StrEnum):
    """What a sound probably was.

    `other`: none of these. `unclear`: the model cannot tell a gunshot from a firework; or, see `demoted`.
    """

    GUNSHOT = "gunshot"
    FIREWORK = "firework"
    EXPLOSION = "explosion"
    GLASS_BREAK = "glass_break"
    SCREAM = "scream"
    RAISED_VOICE = "raised_voice"
    SIREN = "siren"
    HORN = "horn"
    OTHER = "other"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetSound(Observation):
    """What a model makes of one second of sound; probabilities are calibrated, independent, 0..1.

    A label that the model does not know or whose use is switched off has no probability. Where no impulse
    came before, labels that the model's card pools are of the seconds that end with this one.

    Attributes:
        demoted: too many false alarms were reported: gunshot, firework and explosion are told as `unclear`.
    """

    kind: ClassVar[str] = "street_sound"
    outcome: Sound
    after_impulse: bool
    demoted: bool = False
    gunshot: float | None = None
    firework: float | None = None
    explosion: float | None = None
    glass_break: float | None = None
    scream: float | None = None
    raised_voice: float | None = None
    siren: float | None = None
    horn: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneMotion(Observation):
    """How much of the picture moved and how much was occupied, over one interval.

    Attributes:
        moving_share: mean share of the picture that changed from frame to frame, 0..1.
        occupied_share: mean share of the picture that differs from the empty scene, 0..1; None while that
            is being learnt.
        frames: pictures seen in the interval.
        absence: why `occupied_share` is None.
    """

    kind: ClassVar[str] = "scene_motion"
    duration_s: float
    moving_share: float
    occupied_share: float | None
    frames: int
    absence: Absence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulates(Observation):
    """Mean mass concentrations over one interval, ug/m3; None when not measured or not valid.

    Attributes:
        pm2_5_cf1_ugm3: what a Plantower board says for CF=1, its calibration in the factory.
        humidity_percent: the board's own; None when it has none.
        valid_share: share of the readings that had a valid value, 0..1.
    """

    kind: ClassVar[str] = "particulates"
    duration_s: float
    readings: int
    pm1_ugm3: float | None = None
    pm2_5_ugm3: float | None = None
    pm4_ugm3: float | None = None
    pm10_ugm3: float | None = None
    absence: Absence | None = None
    pm2_5_cf1_ugm3: float | None = None
    humidity_percent: float | None = None
    valid_share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(Observation):
    """How a component is; `detail` is for the local log."""

    kind: ClassVar[str] = "health"
    component: Component
    status: Status
    reason: Reason
    count: int = 1
    detail: str = ""
