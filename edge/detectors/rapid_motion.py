"""Rapid motion inside or between people: a cue by the model `models/rapid_motion`, over two seconds.

It needs [detectors.people] to be told where people are, and a camera of five pictures a second or more,
better ten. It looks for movement, not for what it means.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from edge.detectors.crowd import told
from edge.domain.course import CueCourse, Pace
from edge.domain.frames import Frame, VideoFrame
from edge.domain.identity import SourceId
from edge.domain.observations import Observation
from edge.domain.scene_observations import Cue, Kind, Movers
from edge.domain.stages import Detector, DetectorSection
from edge.domain.time import NS_PER_S, CaptureTime
from edge.vision.rapid import RapidMotion

if TYPE_CHECKING:
    from edge.inference.session import Model

FRAME = VideoFrame

# Below the threshold by so much it goes on.
_KEEP = 0.8


class Config(DetectorSection):
    """Settings of `[detectors.rapid_motion]`; the threshold is the model card's unless given."""

    model: str = Field("rapid_motion", pattern=r"^[a-z][a-z0-9_]*$", description="folder below models/")
    threshold: float | None = Field(None, gt=0, lt=1, description="probability from which on it is told")
    every_s: float = Field(0.5, ge=0.1, le=10, description="how often the model is asked, s")
    begin_s: float = Field(1.0, ge=0, le=30, description="so long it must last, s")
    release_s: float = Field(4.0, ge=0.5, le=600, description="so long it is away before it ends, s")
    update_s: float = Field(15.0, ge=2, le=600, description="how often it is told while it lasts, s")
    maximum_s: float = Field(300.0, ge=10, le=86_400, description="it ends after so long, s")


class RapidMotionDetector:
    """Follows the movement of one camera's people, and the course of the cue."""

    def __init__(self, config: Config, model: "Model") -> None:
        self._config = config
        self._model = model
        threshold = config.threshold or model.card.labels[0].threshold
        self._course = CueCourse(
            Pace(
                begin=threshold,
                keep=_KEEP * threshold,
                begin_s=config.begin_s,
                release_s=config.release_s,
                update_s=config.update_s,
                maximum_s=config.maximum_s,
            )
        )
        self._motion = RapidMotion()
        self._movers: Movers | None = None
        self._asked_s = 0.0
        self._source: SourceId | None = None
        self._time: CaptureTime | None = None

    def notice(self, observation: Observation) -> None:
        """Take where people are."""
        if isinstance(observation, Movers):
            self._movers = observation

    def accept(self, frame: Frame) -> Iterator[Observation]:
        """Take a picture; now and then ask the model. Without people there is nothing to ask."""
        if not isinstance(frame, VideoFrame):
            return
        movers, self._movers = self._movers, None
        self._source, self._time = frame.source, frame.time
        now_s = frame.time.monotonic_ns / NS_PER_S
        boxes = [m.box for m in movers.movers if m.what is Kind.PERSON and m.seen] if movers else []
        people = np.array(boxes, np.float32).reshape(-1, 4)
        self._motion.take(frame.image, people, now_s)
        if now_s - self._asked_s < self._config.every_s:
            return
        self._asked_s = now_s
        features = self._motion.features() if len(people) else None
        score = 0.0 if features is None else float(self._model.run(features[None])[0][0, 0])
        turn = self._course.follow(score, now_s, len(people))
        yield from told(Cue.RAPID_MOTION, turn, frame.source, frame.time)

    def finish(self) -> Iterator[Observation]:
        """End what goes on."""
        if self._time is not None and self._source is not None:
            turn = self._course.finish(self._time.monotonic_ns / NS_PER_S)
            yield from told(Cue.RAPID_MOTION, turn, self._source, self._time)


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would see nobody."""
    yield ("detectors.people",)


def build(config: Config) -> Detector:
    """Open the model and return the detector. Raises ModelError."""
    from edge.domain.shipped import shipped
    from edge.inference.session import open_model

    return RapidMotionDetector(config, open_model(shipped("models") / config.model))
