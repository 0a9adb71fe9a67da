"""What actuators are told, what they tell, and their protocol; free of frames.

A module `edge/actuators/<name>.py` holds a `Config` (a `Section`), `COMPONENT` and
`build(config, source: SourceId) -> Actuator`; the section `[actuators.<name>]` loads it. One with an `obey`
(`edge.domain.city.Obedient`) is told the city's policy.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol

from edge.domain.check import Check
from edge.domain.city import LampScene
from edge.domain.complaint import Complaint
from edge.domain.events import Event
from edge.domain.health import Reason
from edge.domain.observations import Observation
from edge.domain.time import CaptureTime


class ActuatorError(Complaint):
    """A device does not do what it is told. The message says what is wrong, where, and what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Cause(StrEnum):
    """Why an actuator did something."""

    EVENT = "event"
    COMMAND = "command"
    ENDED = "ended"
    MAXIMUM = "maximum"
    OVERRIDE = "override"
    CONTROL_LOST = "control_lost"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneCommand(Observation):
    """The centre asks for a scene, for so long; `normal` takes back what events asked for."""

    kind: ClassVar[str] = "scene_command"
    scene: LampScene
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LampAction(Observation):
    """A lamp began to change to a scene.

    Attributes:
        level_percent: of the scene, of full light; it is reached as fast as the lamp may change.
    """

    kind: ClassVar[str] = "lamp"
    scene: LampScene
    level_percent: float
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class LampRequest(Observation):
    """The lighting system of the city is asked for a scene.

    Attributes:
        fade_s: over how long it is to change.
        expires_s: after so long without another request it is to return to normal by itself.
    """

    kind: ClassVar[str] = "lamp_request"
    scene: LampScene
    level_percent: float
    fade_s: float
    expires_s: float
    cause: Cause


class Announcement(StrEnum):
    """What a loudspeaker can play."""

    CHIME = "chime"
    RECORDING = "recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback(Observation):
    """A loudspeaker began to play.

    Attributes:
        peak_db: highest sample, dB re full scale of the loudspeaker.
    """

    kind: ClassVar[str] = "loudspeaker"
    announcement: Announcement
    duration_s: float
    peak_db: float
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSound(Observation):
    """The lamppost itself sounds from `time` on for `duration_s`: microphones do not hear the street."""

    kind: ClassVar[str] = "own_sound"
    duration_s: float


class Actuator(Protocol):
    """A device that does something, and the limits of what it may do. Used by one thread."""

    def notice(self, finding: Event | Observation, now: CaptureTime) -> None:
        """Take an event, a contact or a command; what comes of it is done in `step`."""
        ...

    def step(self, now: CaptureTime, heard_ns: int) -> Iterable[Observation]:
        """Do the next bit: called about ten times a second, and returns within about a second.

        Args:
            now: the present.
            heard_ns: when the main loop gave its last sign of life, monotonic.
        """
        ...

    def release(self, now: CaptureTime) -> Iterable[Observation]:
        """Go to the safe state: called instead of `step` at the end, until `at_rest`."""
        ...

    @property
    def at_rest(self) -> bool:
        """Whether it is in its safe state."""
        ...

    def close(self) -> None:
        """Close the device."""
        ...

    def check(self) -> Check:
        """Try the device, while the daemon is not running."""
        ...
