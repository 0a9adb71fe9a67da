"""Cues from the movement of people: gathering, convergence, dispersal, running, counter-flow.

It reads no picture. It is told by [detectors.people] who is in view (`Movers`), in metres with a ground
plane, else in units of the people themselves, taken to be 1.7 m tall: then the distances of a deep view are
rough. A cue begins, goes on and ends by how clearly the movement has its shape; what is told is the
probability that it truly has, calibrated on simulated walkers (docs/crowd_cues.md).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from pydantic import Field

from edge.domain.course import CueCourse, Pace, Turn
from edge.domain.frames import Frame, VideoFrame
from edge.domain.identity import SourceId
from edge.domain.observations import Observation
from edge.domain.scene_observations import CrowdCue, Cue, Kind, Mover, Movers, Stage
from edge.domain.stages import Detector, DetectorSection
from edge.domain.time import NS_PER_S, CaptureTime
from edge.vision.crowd import Calibration, Metres, Shape, counter_flow, gathering, radial, running

FRAME = VideoFrame

_BODY_M = 1.7
# Who has been followed for less has no reliable speed.
_KNOWN_S = 0.8


CALIBRATIONS: Mapping[Cue, Calibration] = {
    Cue.GATHERING: Calibration(0.89, 3.65),
    Cue.CONVERGENCE: Calibration(2.88, -0.22),
    Cue.DISPERSAL: Calibration(3.49, -0.67),
    Cue.RUNNING: Calibration(0.15, 2.59),
    Cue.COUNTER_FLOW: Calibration(0.1, 1.79),
}
"""What a score at a limit, and beyond, is worth: by scripts/measure_crowd.py."""


class Config(DetectorSection):
    """Limits of the cues: from where on a movement has the shape, as the camera sees it."""

    gathering_people: int = Field(8, ge=3, le=1000, description="so many within the radius gather")
    gathering_radius_m: float = Field(3.0, gt=0, le=50)
    gathering_s: float = Field(20.0, ge=1, le=3600, description="so long, s")
    moving_people: int = Field(
        5, ge=3, le=1000, description="fewest for convergence, dispersal, counter-flow"
    )
    rate_per_s: float = Field(0.2, gt=0, le=5, description="growth or shrinkage of the ground between them")
    running_m_s: float = Field(2.5, ge=1.5, le=8, description="faster is running; a brisk walk is 2 m/s")
    running_share: float = Field(0.3, gt=0, le=1, description="share of the people in view")
    running_people: int = Field(3, ge=1, le=1000, description="fewest who run")
    counter_share: float = Field(0.3, gt=0, le=0.5, description="share of the smaller stream")
    begin_s: float = Field(2.0, ge=0.2, le=60, description="so long a movement holds before it is told, s")
    release_s: float = Field(5.0, ge=1, le=600, description="so long it is away before it ends, s")
    update_s: float = Field(30.0, ge=5, le=600, description="how often it is told while it lasts, s")
    maximum_s: float = Field(900.0, ge=30, le=86_400, description="it ends after so long, s")


class CrowdDetector:
    """Follows the course of each cue of one camera.

    Args:
        config: the limits.
        calibrations: from the score of a shape to what is told.
    """

    def __init__(self, config: Config, calibrations: Mapping[Cue, Calibration] = CALIBRATIONS) -> None:
        self._config = config
        self._calibrations = calibrations
        self._movers: Movers | None = None
        self._source: SourceId | None = None
        self._time: CaptureTime | None = None
        self._courses = {cue: CueCourse(self._pace(cue)) for cue in _SHAPES}

    def _pace(self, cue: Cue) -> Pace:
        begin_s = self._config.gathering_s if cue is Cue.GATHERING else self._config.begin_s
        return Pace(
            begin_s=begin_s,
            release_s=self._config.release_s,
            update_s=self._config.update_s,
            maximum_s=self._config.maximum_s,
        )

    def notice(self, observation: Observation) -> None:
        """Take who is in view."""
        if isinstance(observation, Movers):
            self._movers = observation

    def accept(self, frame: Frame) -> Iterator[Observation]:
        """Give what changed in the courses of the cues. A camera that sees nobody, or nothing, ends them."""
        if not isinstance(frame, VideoFrame):
            return
        movers, self._movers = self._movers, None
        self._source, self._time = frame.source, frame.time
        places, velocities = on_ground(movers.movers if movers else ())
        for cue, shape_of in _SHAPES.items():
            shape = shape_of(self._config, places, velocities)
            turn = self._courses[cue].follow(shape.score, frame.time.monotonic_ns / NS_PER_S, shape.people)
            yield from self._calibrated(cue, turn, frame.source, frame.time)

    def finish(self) -> Iterator[Observation]:
        """End what goes on."""
        if self._time is None or self._source is None:
            return
        for cue, course in self._courses.items():
            turn = course.finish(self._time.monotonic_ns / NS_PER_S)
            yield from self._calibrated(cue, turn, self._source, self._time)

    def _calibrated(
        self, cue: Cue, turn: Turn | None, source: SourceId, now: CaptureTime
    ) -> Iterator[CrowdCue]:
        if turn is not None:
            turn = replace(turn, score=self._calibrations[cue].probability(turn.score))
        yield from told(cue, turn, source, now)


def told(cue: Cue, turn: Turn | None, source: SourceId, now: CaptureTime) -> Iterator[CrowdCue]:
    """Yield the observation of a turn in the course of a cue, if there is one."""
    if turn is None:
        return
    yield CrowdCue(
        source=source,
        time=now.shifted(-turn.lasted_s) if turn.stage is Stage.ONSET else now,
        cue=cue,
        stage=turn.stage,
        score=turn.score,
        lasted_s=turn.lasted_s,
        people=turn.people,
    )


def on_ground(movers: tuple[Mover, ...]) -> tuple[Metres, Metres]:
    """Return places and velocities of the people who have a speed, (n, 2) each, m and m/s."""
    people = [m for m in movers if m.what is Kind.PERSON and m.since_s >= _KNOWN_S]
    placed = [m for m in people if m.ground_m is not None and m.moved_m_s is not None]
    if placed:
        return (
            np.array([m.ground_m for m in placed], float).reshape(-1, 2),
            np.array([m.moved_m_s for m in placed], float).reshape(-1, 2),
        )
    if not people or any(m.ground_m is not None for m in movers):
        return np.zeros((0, 2)), np.zeros((0, 2))
    metres_per_px = _BODY_M / float(np.median([m.box[3] - m.box[1] for m in people]))
    feet = np.array([[(m.box[0] + m.box[2]) / 2, -m.box[3]] for m in people])
    moved = np.array([[m.moved_px_s[0], -m.moved_px_s[1]] for m in people])
    return feet * metres_per_px, moved * metres_per_px


_SHAPES: Mapping[Cue, Callable[[Config, Metres, Metres], Shape]] = {
    Cue.GATHERING: lambda c, places, _: gathering(places, c.gathering_people, c.gathering_radius_m),
    Cue.CONVERGENCE: lambda c, places, moved: radial(places, moved, c.moving_people, -c.rate_per_s),
    Cue.DISPERSAL: lambda c, places, moved: radial(places, moved, c.moving_people, c.rate_per_s),
    Cue.RUNNING: lambda c, _, moved: running(moved, c.running_people, c.running_share, c.running_m_s),
    Cue.COUNTER_FLOW: lambda c, _, moved: counter_flow(moved, c.moving_people, c.counter_share),
}


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would see nobody."""
    yield ("detectors.people",)


def build(config: Config) -> Detector:
    """Return the detector."""
    return CrowdDetector(config)
