"""Rule: people come together and stay; a second camera, people walking there, or repetition confirms it.

That it is told again while it lasts is no repetition. A small one is told when it has grown.
"""

from collections.abc import Iterator

from pydantic import Field

from edge.domain.events import Gathering
from edge.domain.observations import Observation
from edge.domain.rule import Rule
from edge.domain.scene_observations import CrowdCue, Cue, Stage
from edge.domain.trigger import Trigger
from edge.fusion.episode import EpisodeRule, EpisodeSection, Evidence, evidence


class Config(EpisodeSection):
    """Settings of `[fusion.gathering]`."""

    window_s: float = Field(30.0, ge=0, le=300, description="cues so close together belong together")
    hold_s: float = Field(30.0, ge=0.5, le=3600, description="it is over so long after the camera says so")
    maximum_s: float = Field(3600.0, ge=1, le=86_400, description="it is told as over after so long, at most")
    refractory_s: float = Field(120.0, ge=0, le=3600, description="nothing new for so long after its end")
    update_s: float = Field(60.0, ge=1, le=3600, description="told again at most so often, unless confirmed")
    least_score: float = Field(0.5, ge=0, le=1, description="of the camera's cue, to begin")


class _Evidence:
    def __init__(self, config: Config) -> None:
        self._least = config.least_score

    def __call__(self, observation: Observation) -> Iterator[Evidence]:
        if not isinstance(observation, CrowdCue):
            return
        over = observation.stage is Stage.END
        if observation.cue is Cue.GATHERING:
            alone = observation.score >= self._least
            yield evidence(
                observation,
                Trigger.GATHERING,
                score=observation.score,
                alone=alone,
                lasts=True,
                anew=observation.stage is Stage.ONSET,
                over=over,
            )
        elif observation.cue is Cue.CONVERGENCE and observation.stage is Stage.ONSET:
            yield evidence(observation, Trigger.CONVERGENCE, score=observation.score)


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    yield ("detectors.crowd",)


def build(config: Config) -> Rule:
    """Return the rule."""
    return EpisodeRule(config, Gathering, _Evidence(config))
