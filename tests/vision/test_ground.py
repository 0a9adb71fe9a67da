"""Point pairs give metres, and pairs that cannot are refused in words."""

import numpy as np
import pytest

from edge.vision.ground import GroundError, fit_ground

CAMERA = np.array([[0.05, 0.01, 0.5], [0.0, 0.02, 0.9], [0.0, 0.03, 1.0]])
"""From metres on the ground to shares of the picture, homogeneous: a camera that looks down a street."""
PLACES = [(-4.0, 2.0), (4.0, 2.0), (5.0, 14.0), (-5.0, 15.0), (0.0, 8.0)]


def seen(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    found = np.hstack([np.array(places), np.ones((len(places), 1))]) @ CAMERA.T
    return [(float(x / w), float(y / w)) for x, y, w in found]


def test_four_or_more_pairs_give_back_the_plane() -> None:
    for number in (4, 5):
        ground = fit_ground(seen(PLACES[:number]), PLACES[:number])
        assert ground.rms_m < 1e-6
        np.testing.assert_allclose(
            ground.metres(np.array(seen([(1, 5), (-2, 11)]))), [[1, 5], [-2, 11]], atol=1e-6
        )
        np.testing.assert_allclose(ground.picture(np.array([[1.0, 5.0]])), seen([(1, 5)]), atol=1e-9)


def test_a_wrong_pair_shows_in_the_error() -> None:
    places = [*PLACES[:-1], (0.0, 9.0)]
    assert fit_ground(seen(PLACES), places).rms_m > 0.1


def test_on_and_beyond_the_horizon_there_are_no_metres() -> None:
    ground = fit_ground(seen(PLACES), PLACES)
    far = ground.metres(np.array([[0.5, 0.05], [0.5, 0.6666]]))
    assert np.isnan(far).all()


@pytest.mark.parametrize(
    ("picture", "ground", "what"),
    [
        (seen(PLACES[:3]), PLACES[:3], "at least four"),
        ([(0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 0.4)], PLACES[:4], "one line in the picture"),
        (seen(PLACES[:4]), [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)], "one line on the ground"),
        (seen(PLACES[:3]) + seen(PLACES[:1]), PLACES[:4], "the same in the picture"),
        (
            [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.0, 1.0)],
            [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (0.0, 2.0)],
            "line",
        ),
        (
            [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)],
            [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)],
            "horizon",
        ),
    ],
)
def test_pairs_that_fix_no_plane_are_refused(
    picture: list[tuple[float, float]], ground: list[tuple[float, float]], what: str
) -> None:
    with pytest.raises(GroundError, match=what):
        fit_ground(picture, ground)


@pytest.mark.parametrize("ahead_m_s", [3.0, -3.0])
def test_who_comes_and_who_goes_is_as_fast_as_he_is(ahead_m_s: float) -> None:
    from scripts.crowd.camera import HEIGHT, WIDTH, Camera

    camera = Camera(high_m=6.0, tilt=0.4, focal_px=550.0)
    places = [(-4.0, 9.0), (4.0, 9.0), (-6.0, 20.0), (6.0, 20.0)]
    size = (WIDTH, HEIGHT)
    ground = fit_ground([(x, y) for x, y in camera.picture(np.array(places)) / size], places)

    def middle(now_s: float) -> np.ndarray:
        boxes, _ = camera.boxes(np.array([[1.0, 14.0 + ahead_m_s * now_s]]))
        return (boxes[:, :2] + boxes[:, 2:]) / 2 / size

    feet = camera.picture(np.array([[1.0, 14.0]])) / size
    speeds = (middle(0.01) - middle(-0.01)) / 0.02
    found = ground.velocities(feet, middle(0.0), speeds)
    np.testing.assert_allclose(found, [[0.0, ahead_m_s]], atol=0.15)
    assert np.isnan(ground.velocities(np.array([[0.5, -3.0]]), np.array([[0.5, -3.1]]), speeds)).all()
