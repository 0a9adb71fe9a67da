from pathlib import Path

import numpy as np
import pytest

from edge.vision.opencv import opencv
from edge.vision.visibility import visibility

SHARED = Path(__file__).parents[2] / "../shared/data/vision"


def patches(height: int = 240, width: int = 320) -> np.ndarray:
    rng = np.random.default_rng(3)
    image = rng.integers(20, 230, (height // 20 + 1, width // 20 + 1, 3)).repeat(20, 0).repeat(20, 1)
    return image[:height, :width].astype(np.uint8)


def test_a_clear_picture() -> None:
    seen = visibility(patches())
    assert seen.brightest > 150
    assert seen.contrast > 80
    assert seen.white_share == 0
    assert seen.blur < 0.3


def test_blur_grows_with_the_blur_and_not_with_the_size() -> None:
    cv2 = opencv()
    for scale in (1, 3):
        image = cv2.resize(patches(240, 320), None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
        blurs = [visibility(image).blur]
        blurs += [visibility(cv2.GaussianBlur(image, (0, 0), s * scale)).blur for s in (1, 2, 4, 8)]
        assert blurs[:4] == sorted(blurs[:4])
        assert blurs[0] < 0.3 < 0.7 < min(blurs[3:])


def test_noise_does_not_make_a_blurred_picture_sharp() -> None:
    blurred = opencv().GaussianBlur(patches(480, 640), (0, 0), 6).astype(float)
    noisy = np.clip(blurred + np.random.default_rng(1).normal(0, 1, blurred.shape), 0, 255).astype(np.uint8)
    assert visibility(noisy).blur > 0.7


@pytest.mark.parametrize(("grey", "white"), [(0, 0.0), (128, 0.0), (255, 1.0)])
def test_a_blank_picture_shows_nothing(grey: int, white: float) -> None:
    seen = visibility(np.full((48, 64, 3), grey, np.uint8))
    assert (seen.brightest, seen.contrast, seen.white_share, seen.blur) == (grey, 0.0, white, 1.0)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 700, 3), (700, 1, 3), (3, 5, 3), (2160, 3840, 3)])
def test_pictures_of_any_size_are_judged(shape: tuple[int, int, int]) -> None:
    seen = visibility(np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8))
    assert 0 <= seen.blur <= 1


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the pictures in ../shared/data/vision")
def test_real_street_pictures_are_clear_and_blurred_ones_are_not() -> None:
    cv2 = opencv()
    pictures = [cv2.imread(str(path)) for path in sorted((SHARED / "street").iterdir())[::40]]
    seen = [visibility(picture) for picture in pictures]
    assert len(seen) > 40
    assert min(s.brightest for s in seen) > 60
    assert max(s.white_share for s in seen) < 0.5
    assert min(s.contrast for s in seen) > 25
    assert max(s.blur for s in seen) < 0.6
    blurred = [visibility(cv2.GaussianBlur(p, (0, 0), p.shape[1] / 80)).blur for p in pictures]
    assert np.mean(np.array(blurred) > 0.7) > 0.95
