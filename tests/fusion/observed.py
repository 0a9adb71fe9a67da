"""Observations as detectors make them, for tests of rules."""

from typing import Any

from edge.domain.air_observations import Weather
from edge.domain.contact_observations import Contact, ContactState, Role
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, ImpulseOnset, SceneMotion, Sound, StreetSound
from edge.domain.scene_observations import CrowdCue, Cue, Flash, Stage
from edge.domain.time import CaptureTime

MIC = SourceId("mic", 0, Component.MICROPHONE)
MIC_2 = SourceId("roof", 1, Component.MICROPHONE)
CAMERA = SourceId("camera", 0, Component.CAMERA)
CAMERA_2 = SourceId("corner", 1, Component.CAMERA)
BOARD = SourceId("board", 0, Component.SERIAL_BOARD)
BUTTON = SourceId("button", 1, Component.SERIAL_BOARD)
START = CaptureTime(1_767_225_600_000_000_000, 1_000_000_000_000, 2.0)
"""2026-01-01 00:00 UTC."""


def at(after_s: float) -> CaptureTime:
    """Return a time so long after the start."""
    return START.shifted(after_s)


def monotonic(after_s: float) -> int:
    """Return the monotonic clock so long after the start."""
    return at(after_s).monotonic_ns


def _known(after_s: float, later_s: float) -> int:
    return at(after_s + later_s).utc_ns


def onset(after_s: float, *, source: SourceId = MIC, **more: Any) -> ImpulseOnset:
    """Return a bang."""
    given: dict[str, Any] = {
        "calibrated": True,
        "clipped": False,
        "lcpeak_db": 110.0,
        "above_floor_db": 40.0,
        "rise_s": 0.001,
        "duration_s": 0.05,
    }
    return ImpulseOnset(
        source=source, time=at(after_s), result_time_ns=_known(after_s, 0.4), **(given | more)
    )


def sound(after_s: float, outcome: Sound, *, source: SourceId = MIC, **more: Any) -> StreetSound:
    """Return what the model made of a second of sound; the outcome's probability is 0.97 unless given."""
    named = {} if outcome in (Sound.OTHER, Sound.UNCLEAR) else {outcome.value: 0.97}
    given: dict[str, Any] = {
        "after_impulse": outcome in (Sound.GUNSHOT, Sound.FIREWORK, Sound.EXPLOSION),
        **named,
    }
    return StreetSound(
        source=source,
        time=at(after_s),
        result_time_ns=_known(after_s, 1.1),
        outcome=outcome,
        **(given | more),
    )


def cue(
    after_s: float, what: Cue, stage: Stage = Stage.ONSET, *, source: SourceId = CAMERA, score: float = 0.9
) -> CrowdCue:
    """Return what the movement of people looks like."""
    return CrowdCue(
        source=source,
        time=at(after_s),
        result_time_ns=_known(after_s, 0.3),
        cue=what,
        stage=stage,
        score=score,
        lasted_s=0.0,
    )


def flash(after_s: float, *, source: SourceId = CAMERA, rise: float = 0.5) -> Flash:
    """Return a flash."""
    return Flash(
        source=source,
        time=at(after_s),
        result_time_ns=_known(after_s, 0.2),
        duration_s=0.1,
        rise=rise,
        share=0.01,
    )


def weather(after_s: float, temperature_c: float = 0.0, wind_m_s: float = 0.0) -> Weather:
    """Return a minute of weather."""
    return Weather(
        source=BOARD,
        time=at(after_s),
        result_time_ns=_known(after_s, 60),
        duration_s=60,
        readings=60,
        temperature_c=temperature_c,
        wind_speed_ms=wind_m_s,
    )


def motion(after_s: float, share: float, *, duration_s: float = 5.0) -> SceneMotion:
    """Return how much of the picture moved."""
    return SceneMotion(
        source=CAMERA,
        time=at(after_s),
        result_time_ns=_known(after_s, duration_s),
        duration_s=duration_s,
        moving_share=share,
        occupied_share=None,
        frames=25,
    )


def contact(
    after_s: float, role: Role, state: ContactState = ContactState.ACTIVE, *, source: SourceId = BUTTON
) -> Contact:
    """Return a change of a contact."""
    return Contact(
        source=source, time=at(after_s), result_time_ns=_known(after_s, 0.1), role=role, state=state
    )


def health(after_s: float, source: SourceId, reason: Reason, status: Status = Status.DEGRADED) -> Health:
    """Return how a sensor is."""
    return Health(
        source=source,
        time=at(after_s),
        result_time_ns=_known(after_s, 0.1),
        component=source.component,
        status=status,
        reason=reason,
    )
