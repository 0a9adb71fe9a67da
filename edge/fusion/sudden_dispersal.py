"""Rule: people run apart soon after a bang.

The bang has been told already; a crowd that disperses by itself is going home. Only both, in this order, are
an event, and it is confirmed by its nature: heard and seen. A bang that the model calls something else (a
door) is none; without the model every loud one is.
"""

from collections import deque
from collections.abc import Iterator

from pydantic import Field

from edge.domain.events import SuddenDispersal
from edge.domain.observations import ImpulseOnset, Observation, Sound, StreetSound
from edge.domain.rule import Rule
from edge.domain.scene_observations import CrowdCue, Cue, Stage
from edge.domain.time import NS_PER_S
from edge.domain.trigger import Trigger
from edge.fusion.episode import LATE_S, EpisodeRule, EpisodeSection, Evidence, evidence

_CUES = {Cue.DISPERSAL: Trigger.DISPERSAL, Cue.RUNNING: Trigger.RUNNING}
_BANGS = {Sound.GUNSHOT, Sound.FIREWORK, Sound.EXPLOSION, Sound.UNCLEAR}
_MOST_BANGS = 16


class Config(EpisodeSection):
    """Settings of `[fusion.sudden_dispersal]`."""

    window_s: float = Field(20.0, ge=1, le=120, description="people run within so long after the bang")
    early_s: float = Field(0.5, ge=0, le=5, description="a cue may be dated so much too early by its camera")
    least_above_floor_db: float = Field(20.0, ge=0, le=80, description="of the bang above the street")
    least_score: float = Field(0.5, ge=0, le=1, description="of the camera's cue")


class _Evidence:
    """State: the last bangs, and the cues that may have been seen before their bang was known."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._bangs: deque[ImpulseOnset] = deque(maxlen=_MOST_BANGS)
        self._cues: deque[CrowdCue] = deque(maxlen=_MOST_BANGS)

    def __call__(self, observation: Observation) -> Iterator[Evidence]:
        if isinstance(observation, ImpulseOnset):
            if observation.above_floor_db >= self._config.least_above_floor_db:
                self._bangs.append(observation)
                for cue in [c for c in self._cues if self._follows(observation, c, LATE_S)]:
                    self._cues.remove(cue)
                    yield from self._both(observation, cue)
        elif isinstance(observation, StreetSound) and observation.outcome not in _BANGS:
            for bang in [b for b in self._bangs if b.time == observation.time]:
                self._bangs.remove(bang)
        elif isinstance(observation, CrowdCue) and observation.cue in _CUES:
            yield from self._of_cue(observation)

    def _of_cue(self, cue: CrowdCue) -> Iterator[Evidence]:
        if cue.stage is Stage.END:
            yield evidence(cue, _CUES[cue.cue], over=True)
        elif cue.stage is Stage.ONSET and cue.score >= self._config.least_score:
            before = [bang for bang in self._bangs if self._follows(bang, cue, self._config.window_s)]
            if before:
                yield from self._both(before[-1], cue)
            else:
                self._cues.append(cue)

    def _follows(self, bang: ImpulseOnset, cue: CrowdCue, within_s: float) -> bool:
        after_s = (cue.time.monotonic_ns - bang.time.monotonic_ns) / NS_PER_S
        return -self._config.early_s <= after_s <= within_s

    def _both(self, bang: ImpulseOnset, cue: CrowdCue) -> Iterator[Evidence]:
        yield evidence(bang, Trigger.IMPULSE_ONSET, score=0.0)
        yield evidence(cue, _CUES[cue.cue], score=cue.score, alone=True, lasts=True, anew=True)


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    yield ("detectors.impulse",)
    yield ("detectors.crowd",)


def build(config: Config) -> Rule:
    """Return the rule."""
    return EpisodeRule(config, SuddenDispersal, _Evidence(config))
