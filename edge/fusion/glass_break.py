"""Rule: glass breaks by its sound; something that moves nearby confirms it.

The movement is rapid motion or running, or a camera's picture that moves much more than it did in the last
intervals: a street that always moves says nothing.
"""

from collections import deque
from collections.abc import Iterator
from statistics import median

from pydantic import Field

from edge.domain.events import GlassBreak
from edge.domain.identity import SourceId
from edge.domain.observations import Observation, SceneMotion, Sound, StreetSound
from edge.domain.rule import Rule
from edge.domain.scene_observations import CrowdCue
from edge.domain.trigger import Trigger
from edge.fusion.cues import MOVEMENTS, of_movement
from edge.fusion.episode import EpisodeRule, EpisodeSection, Evidence, evidence

_INTERVALS = 30
_MOST_CAMERAS = 8


class Config(EpisodeSection):
    """Settings of `[fusion.glass_break]`."""

    window_s: float = Field(10.0, ge=0, le=300, description="movement so close in time confirms it")
    hold_s: float = Field(
        75.0, ge=0.5, le=3600, description="over after so long; an interval of motion fits in"
    )
    maximum_s: float = Field(300.0, ge=1, le=86_400, description="it is told as over after so long, at most")
    least_moving_share: float = Field(0.02, ge=0, le=1, description="of the picture, to count as movement")
    times_usual: float = Field(3.0, ge=1, le=100, description="so often the median of the last 30 intervals")


class _Evidence:
    """State: how much each camera's picture usually moves."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._usual: dict[SourceId, deque[float]] = {}

    def __call__(self, observation: Observation) -> Iterator[Evidence]:
        if isinstance(observation, StreetSound) and observation.outcome is Sound.GLASS_BREAK:
            yield evidence(observation, Trigger.GLASS_BREAK, score=observation.glass_break or 0.0, alone=True)
        elif isinstance(observation, CrowdCue) and observation.cue in MOVEMENTS:
            yield of_movement(observation)
        elif isinstance(observation, SceneMotion) and self._unusual(observation):
            yield evidence(observation, Trigger.SCENE_MOTION, score=0.0, duration_s=observation.duration_s)

    def _unusual(self, motion: SceneMotion) -> bool:
        if motion.source not in self._usual and len(self._usual) >= _MOST_CAMERAS:
            return False
        usual = self._usual.setdefault(motion.source, deque(maxlen=_INTERVALS))
        limit = max(
            self._config.least_moving_share, self._config.times_usual * median(usual) if usual else 1.0
        )
        usual.append(motion.moving_share)
        return motion.moving_share >= limit


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing: an impulse has the model name it."""
    yield ("detectors.street_sound",)
    yield ("detectors.impulse",)


def build(config: Config) -> Rule:
    """Return the rule."""
    return EpisodeRule(config, GlassBreak, _Evidence(config))
