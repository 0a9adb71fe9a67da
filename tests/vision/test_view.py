"""A camera that was turned is found; people, light and weather are no turning."""

import numpy as np
import pytest

from edge.domain.frames import Image
from edge.vision.opencv import opencv
from edge.vision.view import View

RNG = np.random.default_rng(11)
WORLD: Image = opencv().GaussianBlur(
    RNG.integers(20, 230, (40, 50, 3)).repeat(16, 0).repeat(16, 1).astype(np.uint8), (0, 0), 1.5
)


def seen(right: int = 0, down: int = 0, light: float = 1.0) -> Image:
    piece = WORLD[60 + down : 540 + down, 60 + right : 700 + right].astype(np.float32) * light
    return np.clip(piece + RNG.normal(0, 3, piece.shape), 0, 255).astype(np.uint8)


def busy(at: int) -> Image:
    picture = seen()
    for walker in range(6):
        left = (40 * at + 100 * walker) % 600
        picture[100 + 50 * walker : 220 + 50 * walker, left : left + 40] = 20 * walker
    return picture


def learnt() -> View:
    view = View()
    for at in range(25):
        assert not view.moved(busy(at))
    return view


def test_people_and_light_are_no_turning() -> None:
    view = learnt()
    assert not any(view.moved(busy(at)) for at in range(20))
    assert not any(view.moved(seen(light=light)) for light in np.linspace(1, 0.4, 20))
    assert not any(view.moved(seen(right=int(sway))) for sway in 4 * np.sin(np.arange(20)))


@pytest.mark.parametrize(("right", "down"), [(40, 0), (0, -40), (-50, 30)])
def test_a_turned_camera_is_found_within_seconds(right: int, down: int) -> None:
    view = learnt()
    assert [view.moved(seen(right, down)) for _ in range(30)][-1]
    assert not [view.moved(seen()) for _ in range(30)][-1]  # turned back


@pytest.mark.parametrize("roll_deg", [-4, 5])
def test_a_rolled_camera_is_found(roll_deg: int) -> None:
    cv2, view = opencv(), View()
    large = RNG.integers(20, 230, (3, 4, 3)).repeat(200, 0).repeat(200, 1).astype(np.uint8)
    houses = cv2.GaussianBlur(large, (0, 0), 8)  # soft edges keep much of their likeness when turned
    turn = cv2.getRotationMatrix2D((400, 300), roll_deg, 1.0)
    rolled = cv2.warpAffine(houses, turn, (800, 600))[60:540, 80:720]
    assert not any(view.moved(houses[60:540, 80:720]) for _ in range(25))
    assert [view.moved(rolled) for _ in range(30)][-1]
    assert not [view.moved(houses[60:540, 80:720]) for _ in range(30)][-1]  # straightened


def test_a_camera_that_looks_at_something_else_is_found() -> None:
    view = learnt()
    other = np.rot90(WORLD[:480, :480]).copy()
    other = opencv().resize(other, (640, 480))
    assert [view.moved(other) for _ in range(30)][-1]


def test_another_resolution_is_learnt_anew_and_a_wall_never_moves() -> None:
    view = learnt()
    small = opencv().resize(seen(right=40), (320, 240))
    assert not any(view.moved(small) for _ in range(10))
    wall = View()
    assert not any(wall.moved(np.full((48, 64, 3), 90, np.uint8)) for _ in range(40))
