"""Which parking bays are free: each bay of the settings now and then, by the model `models/parking`.

The camera's own scores, of the latest looks at all its bays, tell where free ends and occupied begins on it.
A bay changes its state only after it has looked the other way for a while, and is unknown while it looks like
neither, or while the camera sees nothing. What leaves is how many are free, never which.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from edge.domain.frames import Frame, VideoFrame
from edge.domain.health import Component, Status
from edge.domain.observations import Health, Observation
from edge.domain.polygon import Polygon
from edge.domain.scene_observations import Parking
from edge.domain.stages import Detector, DetectorSection
from edge.domain.time import NS_PER_S
from edge.vision.bays import batch, camera_shift, cut, shifted

if TYPE_CHECKING:
    from edge.inference.session import Model

FRAME = VideoFrame

_SCORES_KEPT = 2000
_KEEP_EVERY_S = 900.0
"""So that they are of many cars and of many lights, not of one car a thousand times."""
_TOGETHER = 8
"""Bays that the model is asked about at once: 256 of them took 390 MB, and no less time each."""


class Bay(StrEnum):
    """How a bay is."""

    FREE = "free"
    OCCUPIED = "occupied"
    UNKNOWN = "unknown"


class Config(DetectorSection):
    """Settings of `[detectors.parking]`."""

    model: str = Field("parking", pattern=r"^[a-z][a-z0-9_]*$", description="folder below models/")
    bays: tuple[Polygon, ...] = Field(
        min_length=1, max_length=256, description="polygons around each bay with a car in it; shares 0..1"
    )
    interval_s: float = Field(60.0, ge=1, le=3600, description="how often the numbers are told, s")
    look_every_s: float = Field(5.0, ge=0.2, le=600, description="how often the bays are looked at, s")
    settle_s: float = Field(20.0, ge=0, le=3600, description="so long a bay must look otherwise to change, s")
    free_below: float = Field(
        0.35, gt=0, lt=1, description="score of `occupied` below which a bay looks free"
    )
    occupied_above: float = Field(0.65, gt=0, lt=1, description="score above which it looks occupied")

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        if self.free_below > self.occupied_above:
            raise ValueError("`free_below` is above `occupied_above`: a bay would be both")
        return self


@dataclass
class _Course:
    """One bay: its state, and what it has looked like since when."""

    state: Bay = Bay.UNKNOWN
    looks: Bay = Bay.UNKNOWN
    since_s: float = 0.0

    def follow(self, looks: Bay, now_s: float, settle_s: float) -> None:
        if looks is not self.looks:
            self.looks, self.since_s = looks, now_s
        if now_s - self.since_s >= settle_s or self.state is Bay.UNKNOWN:
            self.state = looks


class ParkingDetector:
    """Looks at the bays of one camera and follows each."""

    def __init__(self, config: Config, model: "Model") -> None:
        self._config = config
        self._model = model
        self._courses = [_Course() for _ in config.bays]
        # What the bays of this camera scored over the last looks tells how far its scores are shifted.
        self._scores: deque[float] = deque(maxlen=_SCORES_KEPT)
        self._shift = 0.0
        self._kept_s: float | None = None
        self._looked_s: float | None = None
        self._told: VideoFrame | None = None
        self._last: VideoFrame | None = None
        self._blind = False

    def notice(self, observation: Observation) -> None:
        """Remember whether the camera sees: what looks at something else knows no bay."""
        if isinstance(observation, Health) and observation.component is Component.CAMERA:
            self._blind = observation.status is not Status.OK

    def accept(self, frame: Frame) -> Iterator[Observation]:
        """Look at the bays when it is time; tell the numbers once an interval."""
        if not isinstance(frame, VideoFrame):
            return
        now_s = frame.time.monotonic_ns / NS_PER_S
        if self._looked_s is None or now_s - self._looked_s >= self._config.look_every_s:
            self._looked_s = now_s
            for course, looks in zip(self._courses, self._look(frame, now_s), strict=True):
                course.follow(looks, now_s, self._config.settle_s)
        self._told = self._told or frame
        self._last = frame
        if now_s - self._told.time.monotonic_ns / NS_PER_S >= self._config.interval_s:
            self._told = frame
            yield self._numbers(frame)

    def finish(self) -> Iterator[Observation]:
        """Give how the bays were in the last picture."""
        if self._last is not None and self._last is not self._told:
            yield self._numbers(self._last)

    def _look(self, frame: VideoFrame, now_s: float) -> list[Bay]:
        crops = [None if self._blind else cut(frame.image, bay) for bay in self._config.bays]
        seen = [crop for crop in crops if crop is not None]
        parts = (seen[first : first + _TOGETHER] for first in range(0, len(seen), _TOGETHER))
        found = [float(score) for part in parts for score in self._model.run(batch(part))[0][:, 0]]
        if self._kept_s is None or now_s - self._kept_s >= _KEEP_EVERY_S:
            self._kept_s = now_s
            self._scores.extend(found)
            self._shift = camera_shift(self._scores)
        scores = iter([shifted(score, self._shift) for score in found])
        return [Bay.UNKNOWN if crop is None else self._state(next(scores)) for crop in crops]

    def _state(self, score: float) -> Bay:
        if score < self._config.free_below:
            return Bay.FREE
        return Bay.OCCUPIED if score > self._config.occupied_above else Bay.UNKNOWN

    def _numbers(self, frame: VideoFrame) -> Parking:
        states = [course.state for course in self._courses]
        return Parking(
            source=frame.source,
            time=frame.time,
            free=states.count(Bay.FREE),
            occupied=states.count(Bay.OCCUPIED),
            unknown=states.count(Bay.UNKNOWN),
        )


def build(config: Config) -> Detector:
    """Open the model and return the detector. Raises ModelError."""
    from edge.domain.shipped import shipped
    from edge.inference.session import open_model

    return ParkingDetector(config, open_model(shipped("models") / config.model))
