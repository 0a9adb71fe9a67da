"""Rule: a scream or rapid motion is told at once, unconfirmed; what is heard and what is seen agree.

A raised voice or running alone is a child or a jogger: told only when the other sense agrees. The event says
what was heard and seen, never what anybody feels or intends.
"""

from collections.abc import Iterator

from pydantic import Field

from edge.domain.events import DisturbanceCue
from edge.domain.observations import Observation, Sound, StreetSound
from edge.domain.rule import Rule
from edge.domain.scene_observations import CrowdCue
from edge.domain.trigger import Trigger
from edge.fusion.cues import MOVEMENTS, of_movement
from edge.fusion.episode import EpisodeRule, EpisodeSection, Evidence, evidence

_VOICES = {Sound.SCREAM: Trigger.SCREAM, Sound.RAISED_VOICE: Trigger.RAISED_VOICE}


class Config(EpisodeSection):
    """Settings of `[fusion.disturbance_cue]`."""

    scream_alone: float = Field(
        0.8, ge=0, le=1.01, description="so probable a scream is told alone; 1.01: never"
    )
    rapid_motion_alone: float = Field(
        0.9, ge=0, le=1.01, description="rapid motion of such a score is told alone; 1.01: never"
    )


class _Evidence:
    def __init__(self, config: Config) -> None:
        self._alone = {
            Trigger.SCREAM: config.scream_alone,
            Trigger.RAPID_MOTION: config.rapid_motion_alone,
        }

    def __call__(self, observation: Observation) -> Iterator[Evidence]:
        if isinstance(observation, StreetSound) and observation.outcome in _VOICES:
            trigger = _VOICES[observation.outcome]
            score = getattr(observation, observation.outcome) or 0.0
            alone = score >= self._alone.get(trigger, 1.01)
            yield evidence(observation, trigger, score=score, alone=alone)
        elif isinstance(observation, CrowdCue) and observation.cue in MOVEMENTS:
            alone_from = self._alone.get(MOVEMENTS[observation.cue], 1.01)
            yield of_movement(observation, alone_from=alone_from)


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    yield ("detectors.street_sound", "detectors.rapid_motion")


def build(config: Config) -> Rule:
    """Return the rule."""
    return EpisodeRule(config, DisturbanceCue, _Evidence(config), together=True)
