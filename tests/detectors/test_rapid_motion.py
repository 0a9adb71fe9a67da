"""The cue comes when the model says so for a while, with the people it concerns, and never without people."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from edge.detectors.rapid_motion import Config, RapidMotionDetector
from edge.domain.frames import VideoFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.scene_observations import CrowdCue, Cue, Kind, Mover, Movers, Stage
from edge.domain.time import CaptureTime
from edge.inference.session import Model
from edge.vision.rapid import FEATURES

SOURCE = SourceId("camera", 0, Component.CAMERA)
START = CaptureTime(1_767_225_600_000_000_000, 1_000_000_000, 1.0)
STREET = np.random.default_rng(1).integers(60, 120, (120, 160, 3), np.uint8)


class Speed:
    """A model that answers with the 90th percentile of the speed."""

    card = SimpleNamespace(labels=[SimpleNamespace(threshold=0.5)])

    def run(self, features: np.ndarray) -> list[np.ndarray]:
        return [np.clip(features[:, [FEATURES.index("speed_p90_mean")]], 0, 1)]


def played(moved_px: int, people: int, until_s: float = 12) -> list[CrowdCue]:
    detector = RapidMotionDetector(Config(), cast("Model", Speed()))
    told: list[Any] = []
    for number in range(round(until_s * 10)):
        time = START.shifted(number / 10)
        picture = np.roll(STREET, moved_px * (number % 2), axis=0) if moved_px else STREET
        picture = np.concatenate([picture, STREET, STREET], axis=1)
        mover = Mover(1, Kind.PERSON, (10, 10, 100, 110), (0, 0), None, None, 5, seen=True)
        detector.notice(Movers(source=SOURCE, time=time, movers=(mover,) * people, width=480, height=120))
        told += detector.accept(VideoFrame(SOURCE, time, picture))
    return [*told, *detector.finish()]


def test_rapid_motion_is_told_once_and_ends() -> None:
    told = played(8, 2)
    assert [(t.cue, t.stage, t.people) for t in told] == [
        (Cue.RAPID_MOTION, Stage.ONSET, 2),
        (Cue.RAPID_MOTION, Stage.END, 2),
    ]
    assert 0.5 <= told[0].score <= 1


def test_calm_people_and_empty_streets_are_no_cue() -> None:
    assert played(0, 2) == []
    assert played(8, 0) == []
