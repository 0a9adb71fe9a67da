"""Rule: a pressed help button is told at once; presence, a scream or rapid motion beside it confirms it.

A wire that is cut or shorted is no press: `tamper` tells that.
"""

from collections.abc import Iterator

from pydantic import Field

from edge.domain.contact_observations import Contact, ContactState, Role
from edge.domain.events import HelpRequest
from edge.domain.observations import Observation, Sound, StreetSound
from edge.domain.rule import Rule
from edge.domain.scene_observations import CrowdCue
from edge.domain.trigger import Trigger
from edge.fusion.cues import MOVEMENTS, of_movement
from edge.fusion.episode import EpisodeRule, EpisodeSection, Evidence, evidence

_ROLES = {Role.HELP_BUTTON: Trigger.HELP_BUTTON, Role.PRESENCE: Trigger.PRESENCE}
_SOUNDS = {Sound.SCREAM: Trigger.SCREAM, Sound.RAISED_VOICE: Trigger.RAISED_VOICE}


class Config(EpisodeSection):
    """Settings of `[fusion.help_request]`."""

    window_s: float = Field(15.0, ge=0, le=300, description="what happens so close to the press confirms it")
    hold_s: float = Field(20.0, ge=0.5, le=3600, description="it is over so long after the button is let go")
    refractory_s: float = Field(0.0, ge=0, le=3600, description="nothing new for so long after its end")


def _evidence(observation: Observation) -> Iterator[Evidence]:
    if isinstance(observation, Contact) and observation.role in _ROLES:
        active = observation.state is ContactState.ACTIVE
        pressed = active and observation.role is Role.HELP_BUTTON
        trigger = _ROLES[observation.role]
        # Whoever stands there afterwards does not go on pressing.
        yield evidence(observation, trigger, alone=pressed, lasts=active, keeps=pressed, over=not active)
    elif isinstance(observation, StreetSound) and observation.outcome in _SOUNDS:
        score = getattr(observation, observation.outcome) or 0.0
        yield evidence(observation, _SOUNDS[observation.outcome], score=score)
    elif isinstance(observation, CrowdCue) and observation.cue in MOVEMENTS:
        yield of_movement(observation)


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    yield ("detectors.contact",)


def build(config: Config) -> Rule:
    """Return the rule."""
    return EpisodeRule(config, HelpRequest, _evidence)
