"""Each cue is told for the movement that it names, once, and not for ordinary walking."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.detectors.crowd import Config, CrowdDetector, build
from edge.domain.frames import VideoFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.scene_observations import CrowdCue, Cue, Kind, Mover, Movers, Stage
from edge.domain.stages import Attentive
from edge.domain.time import CaptureTime

SOURCE = SourceId("camera", 0, Component.CAMERA)
START = CaptureTime(1_767_225_600_000_000_000, 1_000_000_000, 1.0)
PICTURE = np.zeros((48, 64, 3), np.uint8)
RING = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4])
Walk = Callable[[float], tuple[np.ndarray, np.ndarray]]


def mover(number: int, place: np.ndarray, moved: np.ndarray, *, ground: bool) -> Mover:
    # Without a ground plane: 40 pixels a metre, and people 68 pixels tall.
    x, y = 400 + 40 * float(place[0]), 400 - 40 * float(place[1])
    return Mover(
        track=number,
        what=Kind.PERSON,
        box=(x - 12, y - 68, x + 12, y),
        moved_px_s=(40 * float(moved[0]), -40 * float(moved[1])),
        ground_m=(float(place[0]), float(place[1])) if ground else None,
        moved_m_s=(float(moved[0]), float(moved[1])) if ground else None,
        since_s=3.0,
        seen=True,
    )


def played(walk: Walk, until_s: float, *, ground: bool = True, **settings: Any) -> list[CrowdCue]:
    detector = build(Config(**settings))
    assert isinstance(detector, CrowdDetector)
    assert isinstance(detector, Attentive)
    told: list[Any] = []
    for step in range(round(until_s * 5)):
        time = START.shifted(step / 5)
        places, moved = walk(step / 5)
        people = tuple(
            mover(n, p, v, ground=ground) for n, (p, v) in enumerate(zip(places, moved, strict=True))
        )
        detector.notice(Movers(source=SOURCE, time=time, movers=people, width=800, height=600))
        told += detector.accept(VideoFrame(SOURCE, time, PICTURE))
    return [*told, *detector.finish()]


def walking(s: float) -> tuple[np.ndarray, np.ndarray]:
    """Eight people who walk the same way, one a little faster than the other."""
    speeds = np.stack([1.2 + 0.1 * np.arange(8) / 8, np.zeros(8)], axis=1)
    return np.stack([np.arange(8) * 4.0, np.arange(8) % 3.0], axis=1) + speeds * s, speeds


def dispersing(s: float) -> tuple[np.ndarray, np.ndarray]:
    return RING * (2 + 1.5 * s), RING * 1.5


def converging(s: float) -> tuple[np.ndarray, np.ndarray]:
    return RING * max(12 - 1.5 * s, 1), -RING * 1.5


def against(s: float) -> tuple[np.ndarray, np.ndarray]:
    ways = np.where(np.arange(8) % 2, 1.3, -1.3)
    moved = np.stack([ways, np.zeros(8)], axis=1)
    return np.stack([-ways * 8, np.arange(8) * 1.5], axis=1) + moved * s, moved


def running(s: float) -> tuple[np.ndarray, np.ndarray]:
    places, moved = walking(s)
    fast = moved.copy()
    fast[:4] *= 3
    return places + (fast - moved) * s, fast


def standing(s: float) -> tuple[np.ndarray, np.ndarray]:
    return np.array([[0.8 * (n % 3), 0.8 * (n // 3)] for n in range(9)]), np.zeros((9, 2))


@pytest.mark.parametrize("ground", [True, False], ids=["metres", "body heights"])
@pytest.mark.parametrize(
    ("walk", "cue"),
    [
        (dispersing, Cue.DISPERSAL),
        (converging, Cue.CONVERGENCE),
        (against, Cue.COUNTER_FLOW),
        (running, Cue.RUNNING),
    ],
)
def test_each_movement_is_told_as_what_it_is(walk: Walk, cue: Cue, ground: bool) -> None:
    told = played(walk, 6, ground=ground)
    # Two streams part and meet, too: what matters is that the cue comes, once, and that it ends.
    mine = [t for t in told if t.cue is cue]
    assert [t.stage for t in mine] == [Stage.ONSET, Stage.END]
    assert 0.5 <= mine[0].score <= 1
    assert (mine[0].people or 0) >= 4
    if cue in {Cue.DISPERSAL, Cue.CONVERGENCE, Cue.RUNNING}:
        assert {t.cue for t in told} == {cue}


def test_ordinary_walking_and_nobody_are_no_cue() -> None:
    assert played(walking, 30) == []
    assert played(lambda s: (np.zeros((0, 2)), np.zeros((0, 2))), 5) == []
    assert played(lambda s: (np.zeros((1, 2)), np.full((1, 2), 5.0)), 5) == []


def test_a_gathering_takes_its_time_goes_on_and_ends() -> None:
    def crowd(s: float) -> tuple[np.ndarray, np.ndarray]:
        return standing(s) if s < 65 else walking(s)

    told = played(crowd, 80, gathering_s=20)
    assert [t.stage for t in told] == [Stage.ONSET, Stage.UPDATE, Stage.END]
    assert told[0].lasted_s == pytest.approx(20, abs=0.3)
    assert told[0].time.monotonic_ns == START.monotonic_ns
    assert told[0].people == 9
    assert told[2].lasted_s == pytest.approx(70, abs=0.5)
    assert played(crowd, 60, gathering_people=10) == []


def test_a_camera_that_went_blind_ends_what_it_told() -> None:
    detector = build(Config())
    assert isinstance(detector, CrowdDetector)
    told: list[Any] = []
    for step in range(150):
        time = START.shifted(step / 5)
        if step < 50:
            places, moved = running(step / 5)
            people = tuple(
                mover(n, p, v, ground=True) for n, (p, v) in enumerate(zip(places, moved, strict=True))
            )
            detector.notice(Movers(source=SOURCE, time=time, movers=people, width=800, height=600))
        told += detector.accept(VideoFrame(SOURCE, time, PICTURE))
    assert [t.stage for t in told] == [Stage.ONSET, Stage.END]
