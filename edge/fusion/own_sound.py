"""What microphones heard while the lamppost itself sounded is not the street."""

from collections import deque
from dataclasses import replace

from edge.domain.actuator import OwnSound
from edge.domain.observations import ImpulseOnset, Observation, SoundBands, SoundLevel, StreetSound
from edge.domain.time import NS_PER_S

_BEFORE_S = 0.1
"""An onset may be dated a little before the loudspeaker's clock has it."""

_WINDOW_S = 1.0
"""Of the model that names sounds."""

_MOST_SOUNDS = 32


class OwnSounds:
    """State: when the lamppost sounded lately.

    Attributes:
        ignored: observations of its own sounds so far.
    """

    def __init__(self) -> None:
        self.ignored = 0
        self._sounds: deque[OwnSound] = deque(maxlen=_MOST_SOUNDS)

    def sift(self, observation: Observation) -> Observation | None:
        """Return an observation as it may go on: marked where own sound is in it, None where it is all."""
        if isinstance(observation, OwnSound):
            self._sounds.append(observation)
        elif isinstance(observation, SoundLevel | SoundBands):
            if self._heard(observation, observation.duration_s):
                return replace(observation, own_sound=True)
        elif isinstance(observation, ImpulseOnset | StreetSound):
            lasts_s = _WINDOW_S if isinstance(observation, StreetSound) else 0.0
            if self._heard(observation, lasts_s):
                self.ignored += 1
                return None
        return observation

    def _heard(self, observation: Observation, lasts_s: float) -> bool:
        begin_ns = observation.time.monotonic_ns
        end_ns = begin_ns + round(lasts_s * NS_PER_S)
        return any(
            begin_ns <= sound.time.monotonic_ns + round(sound.duration_s * NS_PER_S)
            and end_ns >= sound.time.monotonic_ns - round(_BEFORE_S * NS_PER_S)
            for sound in self._sounds
        )
