"""Bays change their state after a while, and are unknown where nothing can be told."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from pydantic import ValidationError

from edge.detectors.parking import Config, ParkingDetector
from edge.domain.frames import VideoFrame
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health
from edge.domain.scene_observations import Parking
from edge.domain.shipped import shipped
from edge.domain.time import CaptureTime
from edge.inference.session import Model, open_model
from edge.vision.bays import SIDE, batch, camera_shift, cut, shifted

SOURCE = SourceId("camera", 0, Component.CAMERA)
START = CaptureTime(1_767_225_600_000_000_000, 1_000_000_000, 1.0)
BAYS = [
    [(0.1 + 0.2 * n, 0.2), (0.25 + 0.2 * n, 0.2), (0.25 + 0.2 * n, 0.8), (0.1 + 0.2 * n, 0.8)]
    for n in range(4)
]


class Brightness:
    """A model that takes what is bright for a car."""

    card = SimpleNamespace(name="parking")

    def run(self, crops: np.ndarray) -> list[np.ndarray]:
        assert crops.shape[1:] == (3, SIDE, SIDE)
        assert 1 <= len(crops) <= 8  # what is given at once is held in memory at once
        return [crops.mean(axis=(1, 2, 3))[:, None] / 255]


def picture(*bays: float, height: int = 240, width: int = 400) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    for number, bright in enumerate(bays):
        left, right = int((0.1 + 0.2 * number) * width), int((0.25 + 0.2 * number) * width)
        image[:, left - 2 : right + 2] = round(255 * bright)
    return image


def played(*parts: tuple[np.ndarray, float], **settings: Any) -> list[tuple[int, int, int]]:
    config = Config(**({"bays": BAYS, "interval_s": 10, "look_every_s": 1, "settle_s": 5} | settings))
    detector = ParkingDetector(config, cast("Model", Brightness()))
    told: list[Any] = []
    second = 0
    for image, lasts_s in parts:
        for _ in range(round(lasts_s)):
            told += detector.accept(VideoFrame(SOURCE, START.shifted(second), image))
            second += 1
    told += detector.finish()
    assert all(isinstance(observation, Parking) for observation in told)
    return [(p.free, p.occupied, p.unknown) for p in told]


def test_free_occupied_and_unknown_are_told_as_numbers() -> None:
    assert played((picture(0.1, 0.9, 0.5, 0.9), 21)) == [(1, 2, 1), (1, 2, 1)]


def test_all_bays_of_a_large_car_park_are_told() -> None:
    image = picture(0.9, 0.1, 0.5, 0.1)
    many = [BAYS[number % 4] for number in range(35)]
    assert played((image, 11), bays=many)[-1] == (17, 9, 9)


def test_who_walks_past_changes_no_bay_but_a_car_does() -> None:
    empty, car = picture(0, 0, 0, 0), picture(0.9, 0, 0, 0)
    assert played((empty, 8), (car, 3), (empty, 10)) == [(4, 0, 0), (4, 0, 0)]
    assert played((empty, 8), (car, 8)) == [(4, 0, 0), (3, 1, 0)]


def test_what_stays_unclear_becomes_unknown() -> None:
    assert played((picture(0, 0, 0, 0), 8), (picture(0.5, 0, 0, 0), 8))[-1] == (3, 0, 1)


def test_a_blind_camera_and_bays_of_few_pixels_know_nothing() -> None:
    assert played((picture(0.1, 0.9, 0.5, 0.9, height=20, width=40), 11))[-1] == (0, 0, 4)
    detector = ParkingDetector(Config(bays=BAYS, interval_s=1), cast("Model", Brightness()))
    detector.notice(
        Health(
            source=SOURCE, time=START, component=Component.CAMERA, status=Status.DEGRADED, reason=Reason.MOVED
        )
    )
    list(detector.accept(VideoFrame(SOURCE, START, picture(0, 0, 0, 0))))
    told = list(detector.accept(VideoFrame(SOURCE, START.shifted(1), picture(0, 0, 0, 0))))
    assert [cast("Parking", t).unknown for t in told] == [4]


def test_another_resolution_is_the_same_bay() -> None:
    small = cut(picture(0.9, 0, 0, 0), BAYS[0])
    large = cut(picture(0.9, 0, 0, 0, height=1080, width=1920), BAYS[0])
    assert small is not None
    assert large is not None
    assert small.shape == large.shape == (SIDE, SIDE, 3)
    assert abs(float(small.mean()) - float(large.mean())) < 3


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"bays": []}, "at least 1"),
        ({"bays": [[(0, 0), (1, 1), (1, 0), (0, 1)]]}, "crosses itself"),
        ({"bays": [[(0, 0), (300, 0), (300, 200)]]}, "outside"),
        ({"bays": BAYS, "free_below": 0.8}, "both"),
    ],
)
def test_impossible_bays_are_refused(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        Config(**settings)


def scored(seed: int, *groups: tuple[float, int]) -> list[float]:
    dice = np.random.default_rng(seed)
    return [
        float(1 / (1 + np.exp(-dice.normal(middle, 0.7)))) for middle, count in groups for _ in range(count)
    ]


def test_a_camera_s_own_scores_tell_where_free_ends() -> None:
    free, cars = scored(1, (0.0, 60)), scored(2, (4.5, 40))
    shift = camera_shift([*free, *cars])
    assert 1.5 < shift <= 2.5
    assert np.mean([shifted(score, shift) < 0.5 for score in free]) > 0.95
    assert np.mean([shifted(score, shift) > 0.5 for score in cars]) > 0.95


@pytest.mark.parametrize("occupied", [True, False])
@pytest.mark.parametrize("moved", [-1.0, 0.0, 1.0])
def test_a_full_and_an_empty_car_park_stay_so(occupied: bool, moved: float) -> None:
    scores = scored(3, ((3.0 if occupied else -3.0) + moved, 400))
    shift = camera_shift(scores)
    assert np.mean([(shifted(score, shift) > 0.5) == occupied for score in scores]) > 0.99
    # The first that comes, or leaves, is seen too.
    other = 0.05 if occupied else 0.95
    assert (shifted(other, shift) > 0.5) != occupied


@pytest.mark.parametrize("middle", [-1.0, -0.3, 0.0, 0.3, 1.0])
def test_bays_that_are_all_undecided_are_not_made_free_or_occupied(middle: float) -> None:
    assert camera_shift(scored(4, (middle, 200))) == 0
    assert camera_shift([0.45] * 40) == camera_shift([0.51] * 40) == 0


@pytest.mark.parametrize("scores", [[], [0.9] * 39, [0.1, 0.9] * 10])
def test_few_bays_tell_no_shift(scores: list[float]) -> None:
    assert camera_shift(scores) == 0
    assert shifted(0.7, 0.0) == pytest.approx(0.7)


@pytest.mark.parametrize("score", [0.0, 0.3, 0.5, 1.0])
def test_scores_that_are_all_the_same_break_nothing(score: float) -> None:
    assert abs(camera_shift([score] * 100)) <= 2.5


@pytest.mark.parametrize("grey", [0, 90, 255])
@pytest.mark.parametrize("drawn", ["nothing", "line", "shadow", "noise"])
def test_the_shipped_model_takes_neither_flat_ground_nor_lines_for_cars(grey: int, drawn: str) -> None:
    crop = np.full((SIDE, SIDE, 3), grey, np.float64)
    if drawn == "line":
        crop[:, 28:33] = 230
    if drawn == "shadow":
        crop[:, :32] *= 0.4
    if drawn == "noise":
        crop += np.random.default_rng(1).normal(0, 6, crop.shape)
    model = open_model(shipped("models") / "parking")
    score = float(model.run(batch([crop.clip(0, 255).astype(np.uint8)]))[0][0, 0])
    assert 0 <= score < Config(bays=BAYS).free_below
