"""Synthetic pictures to learn from."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from scripts.people.augment import Store, cutouts
from scripts.people.corpus import Image


def _picture(seed: int) -> Image:
    noise = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (320, 240)), np.uint8)


@pytest.fixture
def make_picture() -> Callable[[int], Image]:
    """Give what makes a picture of blurred noise from a seed."""
    return _picture


@pytest.fixture
def store() -> Store:
    """Give two pictures: a person and a car, a person."""
    boxes = [
        np.array([[40, 50, 80, 170, 0.9, 0], [150, 100, 260, 180, 0.8, 2]], np.float32),
        np.array([[10, 20, 50, 120, 0.8, 0]], np.float32),
    ]
    return Store([_picture(1), _picture(2)], boxes, np.array([0.5, 0.5]), cutouts(boxes))
