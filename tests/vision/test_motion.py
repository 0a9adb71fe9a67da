from collections.abc import Callable

import numpy as np
import pytest

from edge.vision.background import Pace
from edge.vision.motion import MotionMeter, Shares

HEIGHT, WIDTH = 240, 320
RATE_HZ = 5.0
Picture = np.ndarray
Change = Callable[[Picture, int], Picture]


def scene(seed: int = 3) -> Picture:
    """A street: patches of different colours, a few grey levels of texture."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(60, 160, (6, 8, 3)).repeat(40, 0).repeat(40, 1)
    street: Picture = np.clip(patches + rng.normal(0, 4, (HEIGHT, WIDTH, 3)), 0, 255)
    return street


NOISES = np.random.default_rng(2).standard_normal((16, HEIGHT, WIDTH, 3)).astype(np.float32)


def as_picture(image: Picture, rng: np.random.Generator, noise: float = 2.0) -> Picture:
    noisy = image.astype(np.float32) + noise * NOISES[rng.integers(len(NOISES))]
    picture: Picture = np.clip(noisy, 0, 255).astype(np.uint8)
    return picture


def people(image: Picture, lefts: list[int]) -> Picture:
    """Put dark, textured figures of 20 x 60 pixels, each 1.56 % of the picture, on it."""
    image = image.copy()
    for left in lefts:
        image[100:160, left : left + 20] = np.random.default_rng(left).integers(0, 40, (60, 20, 1))
    return image


def watch(
    pictures: int, change: Change, pace: Pace | None = None, noise: float = 2.0, rate_hz: float = RATE_HZ
) -> list[Shares]:
    """Show the empty scene for 6 s, then `change` of it."""
    rng = np.random.default_rng(9)
    meter = MotionMeter(pace or Pace(learn_s=4))
    empty, learnt = scene(), round(6 * rate_hz)
    shown: list[Shares] = []
    for k in range(learnt + pictures):
        image = empty if k < learnt else change(empty, k - learnt)
        shown.append(meter.measure(as_picture(image, rng, noise), k / rate_hz))
    return shown[learnt:]


def occupied(shares: list[Shares]) -> list[float]:
    return [share.occupied for share in shares if share.occupied is not None]


ONE = 20 * 60 / (WIDTH * HEIGHT)


def test_nothing_is_said_before_it_is_known() -> None:
    meter, rng = MotionMeter(Pace(learn_s=10)), np.random.default_rng(0)
    shares = [meter.measure(as_picture(scene(), rng), k / RATE_HZ) for k in range(60)]
    assert shares[0].moving is None
    assert all(share.moving is not None and share.moving < 1e-3 for share in shares[1:])
    known = [share.occupied is not None for share in shares]
    assert known == [False] * 51 + [True] * 9
    assert max(occupied(shares)) < 1e-3


@pytest.mark.parametrize("figures", [[100], [40, 100, 160, 260]])
def test_people_are_measured_by_their_area(figures: list[int]) -> None:
    shares = watch(10, lambda empty, _: people(empty, figures))
    assert occupied(shares)[1:] == pytest.approx([len(figures) * ONE] * 9, rel=0.1)


def test_walking_moves_and_standing_does_not() -> None:
    walking = watch(20, lambda empty, k: people(empty, [40 + 6 * k]))
    standing = watch(20, lambda empty, _: people(empty, [40]))
    assert all(0.1 * ONE < share.moving < 2 * ONE for share in walking[1:] if share.moving is not None)
    assert all(share.moving == 0 for share in standing[1:])


def test_a_standing_crowd_is_not_taken_for_the_scene() -> None:
    crowd = list(range(10, 300, 40))
    shares = occupied(watch(120, lambda empty, _: people(empty, crowd), rate_hz=1))
    assert shares[-1] == pytest.approx(len(crowd) * ONE, rel=0.15)


def test_what_stays_for_long_becomes_the_scene() -> None:
    pace = Pace(learn_s=4, absorb_s=60)
    shares = occupied(watch(200, lambda empty, _: people(empty, [100]), pace, rate_hz=1))
    assert shares[1] == pytest.approx(ONE, rel=0.1)
    assert shares[-1] < 0.1 * ONE


def test_who_stood_there_while_it_was_learnt_leaves_no_ghost() -> None:
    meter, rng = MotionMeter(Pace(learn_s=2)), np.random.default_rng(4)
    for k in range(15):
        meter.measure(as_picture(people(scene(), [100]), rng), k / RATE_HZ)
    shares = [meter.measure(as_picture(scene(), rng), k / RATE_HZ) for k in range(15, 30)]
    assert occupied(shares)[0] == pytest.approx(ONE, rel=0.1)
    assert occupied(shares)[-1] < 0.05 * ONE


@pytest.mark.parametrize("gain", [0.6, 0.8, 1.2, 1.5])
def test_a_camera_that_sets_its_exposure_sees_nobody_come(gain: float) -> None:
    def exposed(empty: Picture, k: int) -> Picture:
        return empty * (1 + (gain - 1) * min(1, k / 10))

    shares = watch(40, exposed)
    assert max(occupied(shares)) < 5e-3
    assert len(occupied(shares)) == 40
    assert max(share.moving or 0 for share in shares) < 5e-3


def test_evening_comes_slowly_and_occupies_nothing() -> None:
    def evening(empty: Picture, k: int) -> Picture:
        darker = empty.copy()
        # Not evenly: a wall keeps the light.
        darker[:, :160] *= 1 - 0.4 * k / 100
        return darker

    assert max(occupied(watch(100, evening, rate_hz=1))) < 0.01


def test_a_shadow_is_not_somebody() -> None:
    def shadowed(empty: Picture, _: int) -> Picture:
        darker = empty.copy()
        darker[100:200, 60:200] *= 0.7
        return darker

    assert max(occupied(watch(10, shadowed))) < 0.02


def test_when_the_light_is_switched_the_scene_is_learnt_anew() -> None:
    other = scene(seed=8)
    shares = watch(30, lambda _, __: other)
    unknown = [share.occupied is None for share in shares]
    assert unknown == [True] * 21 + [False] * 9
    assert max(occupied(shares)) < 1e-3


def test_a_crowd_that_comes_bit_by_bit_is_no_upheaval() -> None:
    columns = list(range(0, 320, 20))

    def fill(empty: Picture, k: int) -> Picture:
        image = empty.copy()
        for left in columns[: k // 5]:
            image[10:230, left : left + 20] = np.random.default_rng(left).integers(0, 40, (220, 20, 1))
        return image

    shares = watch(90, fill)
    assert len(occupied(shares)) == 90
    assert occupied(shares)[-1] > 0.8


def test_the_noise_of_the_night_occupies_nothing() -> None:
    shares = watch(30, lambda empty, _: empty * 0.3, noise=12.0)
    assert max(occupied(shares)[-10:]) < 5e-3
    assert max(share.moving or 0 for share in shares[10:]) < 5e-3


def test_salt_and_pepper_occupies_nothing() -> None:
    def spiced(empty: Picture, k: int) -> Picture:
        rng = np.random.default_rng(k)
        image, spice = empty.copy(), rng.random((HEIGHT, WIDTH))
        image[spice < 0.02], image[spice > 0.98] = 0, 255
        return image

    shares = watch(30, spiced)
    assert max(occupied(shares)) < 5e-3
    assert max(share.moving or 0 for share in shares[1:]) < 5e-3


def test_pictures_far_apart_are_not_compared() -> None:
    meter, rng = MotionMeter(Pace()), np.random.default_rng(0)
    assert meter.measure(as_picture(scene(), rng), 0.0).moving is None
    assert meter.measure(as_picture(scene(), rng), 1.0).moving == 0.0
    assert meter.measure(as_picture(scene(8), rng), 9.0).moving is None


def test_a_slow_camera_needs_longer_to_learn() -> None:
    meter, rng = MotionMeter(Pace(learn_s=10)), np.random.default_rng(0)
    shares = [meter.measure(as_picture(scene(), rng), 8.0 * k) for k in range(7)]
    assert [share.occupied is not None for share in shares] == [False] * 5 + [True] * 2


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 4000, 3), (700, 1, 3), (17, 23, 3), (577, 769, 3)])
def test_pictures_of_any_size_are_measured(shape: tuple[int, int, int]) -> None:
    meter, rng = MotionMeter(Pace(learn_s=1)), np.random.default_rng(1)
    shares = [meter.measure(rng.integers(0, 99, shape, dtype=np.uint8), k / RATE_HZ) for k in range(7)]
    last = shares[-1]
    assert last.moving is not None
    assert last.occupied is None or 0 <= last.occupied <= 1
    assert 0 <= last.moving <= 1


def test_a_4k_picture_is_measured() -> None:
    meter = MotionMeter(Pace())
    picture = np.zeros((2160, 3840, 3), np.uint8)
    meter.measure(picture, 0.0)
    picture[:540] = 200
    assert meter.measure(picture, 0.2).moving == pytest.approx(0.25, abs=0.01)


def test_a_new_picture_size_is_a_new_scene() -> None:
    meter, rng = MotionMeter(Pace(learn_s=2)), np.random.default_rng(2)
    for k in range(15):
        shares = meter.measure(as_picture(scene(), rng), k / RATE_HZ)
    assert shares.occupied is not None
    assert meter.measure(np.zeros((480, 640, 3), np.uint8), 12.0) == Shares(None, None)


def test_black_pictures_are_nothing() -> None:
    meter = MotionMeter(Pace())
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    shares = [meter.measure(black, k / RATE_HZ) for k in range(60)]
    assert shares[-1] == Shares(0.0, 0.0)
