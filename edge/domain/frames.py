"""Frames: what a source yields. They never pass the bridge."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.domain.array import MicrophoneArray
from edge.domain.contact_observations import ContactState, Role
from edge.domain.health import Absence, Component, Reason
from edge.domain.identity import SourceId
from edge.domain.time import CaptureTime

Samples = NDArray[np.float32]
Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class AudioFrame:
    """A block of sound.

    Attributes:
        samples: float32, shape (n, channels), full scale is -1..1.
        rate_hz: samples per second.
        full_scale_db: dB SPL of a full-scale sine's RMS; None when the microphone is not calibrated.
        lost_s: sound lost between the previous frame and this one, seconds.
        array: where the microphones are; None when that is not known.
    """

    source: SourceId
    time: CaptureTime
    samples: Samples
    rate_hz: int
    full_scale_db: float | None = None
    lost_s: float = 0.0
    array: MicrophoneArray | None = None

    @property
    def duration_s(self) -> float:
        """Length of the block."""
        return len(self.samples) / self.rate_hz


@dataclass(frozen=True, slots=True, eq=False)
class VideoFrame:
    """A picture.

    Attributes:
        image: uint8, shape (height, width, 3), BGR.
        lost: pictures dropped since the previous frame.
    """

    source: SourceId
    time: CaptureTime
    image: Image
    lost: int = 0


@dataclass(frozen=True, slots=True)
class ReadingFrame:
    """One decoded message of a serial board.

    Attributes:
        profile: identifier of the profile that decoded it.
        values: measurement name (unit at its end, such as `pm2_5_ugm3`) to value.
        absent: measurement name to the reason its value is missing.
    """

    source: SourceId
    time: CaptureTime
    profile: str
    values: Mapping[str, float]
    absent: Mapping[str, Absence] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContactFrame:
    """How a contact is, debounced: at every change, and about once a second in between.

    Attributes:
        time: of a change, when it had stopped bouncing.
    """

    source: SourceId
    time: CaptureTime
    role: Role
    state: ContactState


@dataclass(frozen=True, slots=True)
class Fault:
    """A source says, in band, that something is wrong and goes on.

    Attributes:
        detail: for the technician's log only; it never leaves the lamppost.
        count: how many times since the last frame that said so.
    """

    source: SourceId
    time: CaptureTime
    reason: Reason
    detail: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing came within the source's read timeout; time passed all the same."""

    source: SourceId
    time: CaptureTime


Frame = AudioFrame | VideoFrame | ReadingFrame | ContactFrame | Fault | Idle

FRAME_OF: Mapping[Component, type] = {
    Component.MICROPHONE: AudioFrame,
    Component.CAMERA: VideoFrame,
    Component.SERIAL_BOARD: ReadingFrame,
    Component.CONTACT: ContactFrame,
}
"""The class of frame that each kind of sensor yields."""
