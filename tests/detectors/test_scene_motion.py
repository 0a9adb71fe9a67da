from collections.abc import Iterator

import numpy as np
import pytest

from edge.detectors.scene_motion import FRAME, Config, build
from edge.domain.frames import Idle, VideoFrame
from edge.domain.health import Absence, Component
from edge.domain.identity import SourceId
from edge.domain.observations import SceneMotion
from edge.domain.time import NS_PER_S, CaptureTime

SOURCE = SourceId("front", 0, Component.CAMERA)
STREET = np.random.default_rng(5).integers(60, 120, (96, 128, 3), dtype=np.uint8).repeat(2, 0).repeat(2, 1)


def frame(seconds: float, image: np.ndarray) -> VideoFrame:
    ns = round(seconds * NS_PER_S)
    return VideoFrame(SOURCE, CaptureTime(1_700_000_000 * NS_PER_S + ns, ns), image)


def street(from_s: float, to_s: float, rate_hz: float = 5) -> Iterator[VideoFrame]:
    """A street on which, from 20 s on, something that covers a tenth of it walks to and fro."""
    for k in range(round(from_s * rate_hz), round(to_s * rate_hz)):
        image = STREET.copy()
        if k / rate_hz >= 20:
            left = 20 + 6 * (k % 20)
            image[40:136, left : left + 51] = (20, 200, 200)
        yield frame(k / rate_hz, image)


def watch(frames: Iterator[VideoFrame], **settings: object) -> list[SceneMotion]:
    detector = build(Config.model_validate(settings))
    told = [observation for f in frames for observation in detector.accept(f)]
    return [*told, *detector.finish()]


def test_an_empty_street_then_a_walker() -> None:
    learning, empty, walked, last = watch(street(0, 35))
    for k, observation in enumerate((learning, empty, walked, last)):
        assert observation.time == CaptureTime((1_700_000_000 + 10 * k) * NS_PER_S, 10 * k * NS_PER_S)
        assert observation.source == SOURCE
    assert [o.frames for o in (learning, empty, walked, last)] == [50, 50, 50, 25]
    assert [o.duration_s for o in (learning, empty, walked)] == [10.0] * 3
    assert last.duration_s == pytest.approx(4.8)
    # What is not known is not said; what is known is.
    assert (learning.occupied_share, learning.absence) == (None, Absence.WARMING_UP)
    assert learning.moving_share == 0.0
    assert (empty.occupied_share, empty.moving_share, empty.absence) == (0.0, 0.0, None)
    assert walked.occupied_share == pytest.approx(0.1, abs=0.01)
    assert 0.01 < walked.moving_share < 0.06


def test_a_clip_of_two_pictures_tells_its_motion() -> None:
    (told,) = watch(street(20, 20.4))
    assert told.frames == 2
    assert told.duration_s == pytest.approx(0.2)
    assert told.moving_share > 0
    assert told.absence is Absence.WARMING_UP


@pytest.mark.parametrize("pictures", [0, 1])
def test_from_one_picture_nothing_is_told(pictures: int) -> None:
    assert watch(street(0, pictures / 5)) == []


def test_after_a_long_gap_a_new_row_of_intervals_begins() -> None:
    def broken() -> Iterator[VideoFrame]:
        yield from street(0, 15)
        yield from street(103, 114)

    times = [observation.time.monotonic_ns / NS_PER_S for observation in watch(broken())]
    assert times == [0.0, 10.0, 103.0, 113.0]


def test_what_is_no_picture_is_not_its_business() -> None:
    assert FRAME is VideoFrame
    assert list(build(Config()).accept(Idle(SOURCE, CaptureTime(0, 0)))) == []


def test_a_camera_that_changes_its_picture_size_goes_on() -> None:
    def changing() -> Iterator[VideoFrame]:
        yield from street(0, 15)
        yield from (frame(15 + k / 5, np.zeros((480, 640, 3), np.uint8)) for k in range(125))

    before, change, _, after = watch(changing())
    assert before.occupied_share is None
    assert change.moving_share == 0.0
    assert after.occupied_share == 0.0
