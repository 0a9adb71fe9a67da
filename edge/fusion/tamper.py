"""Rule: somebody is at the lamppost itself.

An opened cabinet, a tamper contact, a cut wire, a camera that was turned or a lamppost that has moved is told
at once. A blocked camera and a blocked or silent microphone are ill each by itself (`health` says so);
when both fall ill within `window_s` they are tampering: a camera that is dark all night says nothing of what
happens in the night.
"""

from collections.abc import Iterator

from pydantic import Field

from edge.domain.air_observations import Position
from edge.domain.contact_observations import Contact, ContactState, Role
from edge.domain.events import Tamper
from edge.domain.health import Component, Reason, Status
from edge.domain.observations import Health, Observation
from edge.domain.rule import Rule
from edge.domain.trigger import Trigger
from edge.fusion.episode import EpisodeRule, EpisodeSection, Evidence, evidence

_ROLES = {Role.CABINET_DOOR: Trigger.CABINET_DOOR, Role.TAMPER: Trigger.TAMPER_CONTACT}
_BROKEN_WIRE = {ContactState.CUT, ContactState.SHORTED}
_BLOCKED = {
    Component.CAMERA: (
        Trigger.CAMERA_BLOCKED,
        {Reason.DARK, Reason.OVEREXPOSED, Reason.OBSTRUCTED, Reason.DEFOCUSED},
    ),
    Component.MICROPHONE: (Trigger.MICROPHONE_BLOCKED, {Reason.SILENT, Reason.CONSTANT}),
}
_GONE = {Reason.NO_DEVICE, Reason.NO_FRAMES}
_OF_A_SENSOR = (
    Trigger.CAMERA_MOVED,
    Trigger.CAMERA_BLOCKED,
    Trigger.MICROPHONE_BLOCKED,
    Trigger.SENSOR_GONE,
)


class Config(EpisodeSection):
    """Settings of `[fusion.tamper]`."""

    window_s: float = Field(
        60.0, ge=0, le=300, description="troubles that begin so close together are one act"
    )
    hold_s: float = Field(30.0, ge=0.5, le=3600, description="it is over after so long without")
    maximum_s: float = Field(1800.0, ge=1, le=86_400, description="it is told as over after so long, at most")


def _evidence(observation: Observation) -> Iterator[Evidence]:
    if isinstance(observation, Contact):
        yield from _of_contact(observation)
    elif isinstance(observation, Position):
        away = observation.moved
        yield evidence(observation, Trigger.LAMPPOST_MOVED, alone=away, lasts=away, over=not away)
    elif isinstance(observation, Health) and observation.component in _BLOCKED:
        yield from _of_health(observation)


def _of_contact(contact: Contact) -> Iterator[Evidence]:
    broken = contact.state in _BROKEN_WIRE
    yield evidence(contact, Trigger.WIRE_FAULT, alone=broken, lasts=broken, over=not broken)
    if contact.role in _ROLES:
        active = contact.state is ContactState.ACTIVE
        yield evidence(contact, _ROLES[contact.role], alone=active, lasts=active, over=not active)


def _of_health(health: Health) -> Iterator[Evidence]:
    if health.status is Status.OK:
        for trigger in _OF_A_SENSOR:
            yield evidence(health, trigger, over=True)
        return
    if health.reason is Reason.MOVED:
        yield evidence(health, Trigger.CAMERA_MOVED, alone=True, lasts=True)
        # A camera that sees enough to know that it was moved is not blocked any more.
        yield evidence(health, Trigger.CAMERA_BLOCKED, over=True)
        return
    trigger, reasons = _BLOCKED[health.component]
    if health.reason in reasons:
        yield evidence(health, trigger, score=0.6, lasts=True)
    elif health.reason in _GONE:
        yield evidence(health, Trigger.SENSOR_GONE, score=0.6, lasts=True)


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    yield ("detectors.contact", "detectors.picture_health", "detectors.sound_health")


def build(config: Config) -> Rule:
    """Return the rule."""
    return EpisodeRule(config, Tamper, _evidence, together=True, from_begin=True)
