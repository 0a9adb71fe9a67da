"""What comes out of the intake is alike, small enough, and black where nobody may look."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from edge.domain.polygon import Polygon, hull
from edge.vision.drawn import mask_of
from edge.vision.intake import LARGEST_WIDTH, Intake

ZONE = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))
WHITE = np.full((120, 160, 3), 255, np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        WHITE.copy(),
        WHITE[:, :, 0].copy(),
        np.full((120, 160, 4), 255, np.uint8),
        np.full((120, 160), 65535, np.uint16),
    ],
    ids=["bgr", "grey", "bgra", "16 bit"],
)
def test_every_kind_of_picture_comes_out_alike_and_blacked_out(picture: np.ndarray) -> None:
    image = Intake([ZONE])(picture)
    assert image.shape == (120, 160, 3)
    assert image.dtype == np.uint8
    assert (image[:60, :80] == 0).all()
    assert (image[62:, 82:] == 255).all()


def test_the_zone_follows_another_resolution() -> None:
    intake = Intake([ZONE])
    for height, width in ((120, 160), (480, 640), (120, 160)):
        image = intake(np.full((height, width, 3), 255, np.uint8))
        assert (image[: height // 2, : width // 2] == 0).all()
        assert image[-1, -1].tolist() == [255, 255, 255]


def test_a_4k_picture_is_reduced_after_it_was_blacked_out() -> None:
    image = Intake([ZONE])(np.full((2160, 3840, 3), 255, np.uint8))
    assert image.shape == (1080, LARGEST_WIDTH, 3)
    assert (image[:540, :960] == 0).all()
    assert (image[545:, 965:] == 255).all()


@pytest.mark.parametrize("picture", [None, np.zeros((0, 0, 3), np.uint8)])
def test_a_picture_without_pixels_is_refused(picture: np.ndarray | None) -> None:
    with pytest.raises(ValueError, match="pixel"):
        Intake([])(picture)


@pytest.mark.parametrize(
    ("points", "what"),
    [
        ([(0, 0), (1.2, 0), (1, 1)], "outside of the picture"),
        ([(0, 0), (640, 0), (640, 480)], "pixels divided"),
        ([(0, 0), (1, 1), (1, 0), (0, 1)], "crosses itself"),
        ([(0, 0), (1, 1)], "at least three"),
        ([(0, 0), (0.5, 0.5), (1, 1)], "no inside"),
        ([(0, float("nan")), (0.5, 0.5), (1, 1)], "finite"),
    ],
)
def test_impossible_polygons_are_refused(points: list[tuple[float, float]], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        TypeAdapter(Polygon).validate_python(points)


def test_settings_name_the_line_of_a_wrong_zone(tmp_path: Path) -> None:
    from edge.runtime.settings import SettingsError, load_settings

    file = tmp_path / "lamppost.toml"
    file.write_text(
        '[node]\ncity = "a"\nid = "b"\n[sources.camera]\nprivacy_zones = [[[0, 0], [1, 1], [1, 0], [0, 1]]]\n'
    )
    with pytest.raises(SettingsError, match=r"lamppost.toml:5: .*crosses itself"):
        load_settings(file, fed=False, environment={})


def test_hull_and_mask() -> None:
    corners = hull([(0, 0), (1, 0), (1, 1), (0, 1), (0.5, 0.5)])
    assert sorted(corners) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert mask_of([corners], 10, 20).min() == 255
    assert not mask_of([], 10, 20).any()
