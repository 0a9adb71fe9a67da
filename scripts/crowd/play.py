"""Plays a scene to the real detectors of people and of crowds, and says what they told and what was so."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from edge.detectors import people
from edge.detectors.crowd import Config, CrowdDetector, on_ground
from edge.domain.frames import Image, VideoFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.scene_observations import CrowdCue, Cue, Mover, Movers, Stage
from edge.domain.time import NS_PER_S, CaptureTime
from edge.vision.boxes import Boxes, no_boxes
from edge.vision.crowd import AS_IT_IS, Calibration
from edge.vision.finder import Finder, Tiling
from edge.vision.search import FAINT
from scripts.crowd.camera import HEIGHT, WIDTH, some_camera
from scripts.crowd.scenes import LASTS_S, Rng, Walkers
from scripts.crowd.sight import RATE_HZ, Eye, Sight
from scripts.crowd.truth import Episode, episodes, holds
from scripts.crowd.walkers import STEP_S, Array, Street, Walker

CUES: tuple[Cue, ...] = tuple(cue for cue in Cue if cue is not Cue.RAPID_MOTION)
# What is told within so long of what was so is about it.
_NEAR_S = 1.5
# A track so near to somebody is his.
_NEAR_M = 1.5
SOURCE = SourceId("camera", 0, Component.CAMERA)
START = CaptureTime(1_767_225_600_000_000_000, 1_000_000_000)
_PICTURE: Image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


@dataclass(frozen=True)
class Shown(Finder):
    """A finder that finds what it is shown, whatever the picture."""

    shown: list[Boxes] = field(default_factory=lambda: [no_boxes()])

    def find(self, image: Image, tiling: Tiling = (1, 1)) -> Boxes:  # noqa: ARG002
        """Return what was shown; 1 is the score from which on a box counts."""
        return self.shown[0]


@dataclass(frozen=True, slots=True)
class Told:
    """One cue, as it was told: with the score of its shape, uncalibrated.

    Attributes:
        since_s: since when it is about.
        true: the undisturbed walkers did so at that time.
    """

    cue: Cue
    kind: str
    onset: bool
    score: float
    since_s: float
    at_s: float
    true: bool


@dataclass(frozen=True, slots=True)
class Missed:
    """What was so, and how long after it could have been told it was; None: never."""

    cue: Cue
    kind: str
    delay_s: float | None


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one scene."""

    told: tuple[Told, ...]
    so: tuple[Missed, ...]


def played(
    kind: str, scene: Callable[[Rng], Walkers], sight: Sight, seed: int, *, ground: bool = True
) -> Played:
    """Play a scene of a minute."""
    rng = np.random.default_rng(seed)
    walkers = tuple(scene(rng))
    camera, eye = some_camera(rng), Eye(sight, len(walkers), rng)
    finder = _shows_boxes()
    seen_by = people.PeopleDetector(
        people.Config(tiles=(1, 1), interval_s=3600, ground=camera.ground(rng) if ground else None), finder
    )
    config = Config()
    detector = CrowdDetector(config, dict.fromkeys(CUES, AS_IT_IS))
    times, cues = [], []
    held: Mapping[Cue, list[bool]] = {cue: [] for cue in CUES}
    for now in Street(walkers, rng).moments(LASTS_S, round(1 / RATE_HZ / STEP_S)):
        boxes, inside = camera.boxes(now.places)
        in_view = now.only(inside)
        times.append(now.seconds)
        for cue in CUES:
            held[cue].append(holds(cue, config, in_view))
        finder.shown[0] = eye.see(boxes[inside], in_view.who, WIDTH, HEIGHT)
        cues += _told(seen_by, detector, now.seconds)
    return _compared(kind, config, times, held, cues)


def told_of_boxes(pictures: Sequence[Boxes], calibrations: Mapping[Cue, Calibration]) -> list[CrowdCue]:
    """Return beginnings and ends of the cues told of pictures at `RATE_HZ`, without a ground plane."""
    finder = _shows_boxes()
    seen_by = people.PeopleDetector(people.Config(tiles=(1, 1), interval_s=3600), finder)
    detector = CrowdDetector(Config(), calibrations)
    cues: list[CrowdCue] = []
    for number, boxes in enumerate(pictures):
        finder.shown[0] = boxes
        cues += _told(seen_by, detector, number / RATE_HZ)
    cues += [cue for cue in detector.finish() if isinstance(cue, CrowdCue)]
    return [cue for cue in cues if cue.stage is not Stage.UPDATE]


def speeds_of_one(walker: Walker, sight: Sight, seed: int, until_s: float) -> tuple[list[float], list[float]]:
    """Return true speeds of somebody alone, and those that the lane has of him, m/s, wherever it has one."""
    rng = np.random.default_rng(seed)
    camera, eye, finder = some_camera(rng), Eye(sight, 1, rng), _shows_boxes()
    seen_by = people.PeopleDetector(people.Config(tiles=(1, 1), ground=camera.ground(rng)), finder)
    true: list[float] = []
    seen: list[float] = []
    for now in Street([walker], rng).moments(until_s, round(1 / RATE_HZ / STEP_S)):
        boxes, inside = camera.boxes(now.places)
        in_view = now.only(inside)
        finder.shown[0] = eye.see(boxes[inside], in_view.who, WIDTH, HEIGHT)
        for observation in seen_by.accept(VideoFrame(SOURCE, START.shifted(now.seconds), _PICTURE)):
            if isinstance(observation, Movers) and len(in_view.who):
                _, moved = on_ground(_near(observation.movers, in_view.places[0]))
                true += [float(np.hypot(*in_view.velocities[0]))] * len(moved)
                seen += [float(np.hypot(*one)) for one in moved]
    return true, seen


def _near(movers: Sequence[Mover], place: Array) -> tuple[Mover, ...]:
    return tuple(m for m in movers if m.ground_m and np.hypot(*(np.array(m.ground_m) - place)) < _NEAR_M)


def _shows_boxes() -> "Shown":
    return Shown(
        _no_network, (HEIGHT, WIDTH), ("person",), np.zeros(1, np.intp), np.full(1, FAINT, np.float32)
    )


def _no_network(_given: object) -> NoReturn:
    raise AssertionError("what is shown needs no network")


def _told(seen_by: people.PeopleDetector, detector: CrowdDetector, seconds: float) -> list[CrowdCue]:
    frame = VideoFrame(SOURCE, START.shifted(seconds), _PICTURE)
    for observation in seen_by.accept(frame):
        if isinstance(observation, Movers):
            detector.notice(observation)
    return [cue for cue in detector.accept(frame) if isinstance(cue, CrowdCue)]


def _compared(
    kind: str,
    config: Config,
    times: Sequence[float],
    held: Mapping[Cue, Sequence[bool]],
    cues: Sequence[CrowdCue],
) -> Played:
    told: list[Told] = []
    so: list[Missed] = []
    for cue in CUES:
        begin_s = config.gathering_s if cue is Cue.GATHERING else config.begin_s
        true = episodes(times, held[cue], begin_s, config.release_s)
        mine = [one for one in cues if one.cue is cue and one.stage is not Stage.END]
        here = [_as_told(kind, one, true, config) for one in mine]
        told += here
        so += [Missed(cue, kind, _delay_s(one, here, begin_s)) for one in true]
    return Played(tuple(told), tuple(so))


def _as_told(kind: str, cue: CrowdCue, true: Sequence[Episode], config: Config) -> Told:
    onset = cue.stage is Stage.ONSET
    at_s = (cue.time.monotonic_ns - START.monotonic_ns) / NS_PER_S + (cue.lasted_s if onset else 0)
    since_s = at_s - (cue.lasted_s if onset else config.update_s)
    about = any(one.begin_s <= at_s + _NEAR_S and one.end_s >= since_s - _NEAR_S for one in true)
    return Told(cue.cue, kind, onset, cue.score, since_s, at_s, about)


def _delay_s(one: Episode, told: Sequence[Told], begin_s: float) -> float | None:
    at = [t.at_s for t in told if t.at_s >= one.begin_s - _NEAR_S and t.since_s <= one.end_s + _NEAR_S]
    return max(0.0, min(at) - one.begin_s - begin_s) if at else None
