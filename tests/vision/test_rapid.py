"""The numbers grow with how fast bodies move in themselves, whatever their size, and with nothing else."""

import numpy as np

from edge.domain.frames import Image
from edge.vision.rapid import FEATURES, RapidMotion

RNG = np.random.default_rng(2)
STREET: Image = RNG.integers(60, 120, (30, 40, 3)).repeat(12, 0).repeat(12, 1).astype(np.uint8)
BODY: Image = RNG.integers(0, 255, (20, 8, 3)).repeat(6, 0).repeat(6, 1).astype(np.uint8)
BOX = np.array([[200, 120, 248, 240]], np.float32)


def features(moved_px: float, *, shaking: bool = False, rate_hz: float = 10.0) -> np.ndarray | None:
    motion = RapidMotion()
    for number in range(20):
        picture = STREET.copy()
        left = 200 + round(moved_px * (number % 2))
        picture[120:240, left : left + 48] = BODY
        if shaking:
            picture = np.roll(picture, 6 * (number % 2), axis=1)
        motion.take(picture, BOX, number / rate_hz)
    return motion.features()


def named(found: np.ndarray | None, name: str) -> float:
    assert found is not None
    assert found.shape == (len(FEATURES),)
    assert np.isfinite(found).all()
    return float(found[FEATURES.index(name)])


def test_faster_is_more_and_a_shaking_camera_is_nothing() -> None:
    still, slow, fast = (named(features(px), "speed_p90_mean") for px in (0, 3, 12))
    assert still < 0.05 < slow < fast
    assert named(features(0, shaking=True), "speed_p90_mean") < slow


def test_few_pictures_and_slow_cameras_say_nothing() -> None:
    assert features(3, rate_hz=2.0) is None
    motion = RapidMotion()
    motion.take(STREET, BOX, 0.0)
    assert motion.features() is None


def test_without_people_and_after_another_picture_size_it_goes_on() -> None:
    motion = RapidMotion()
    nobody = np.zeros((0, 4), np.float32)
    for number in range(30):
        picture = STREET if number < 10 else STREET[:240, :320]
        motion.take(np.ascontiguousarray(picture), nobody, number / 10)
    assert named(motion.features(), "people_mean") == 0
