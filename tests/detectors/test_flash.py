"""A flash is told once, with the time at which it began; lamps, headlights and dawn are none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.detectors.flash import Config, build
from edge.domain.frames import VideoFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.scene_observations import Flash
from edge.domain.time import CaptureTime

SOURCE = SourceId("camera", 0, Component.CAMERA)
START = CaptureTime(1_767_225_600_000_000_000, 1_000_000_000, 1.0)
RNG = np.random.default_rng(5)
STREET = RNG.integers(20, 60, (24, 32, 3)).repeat(20, 0).repeat(20, 1).astype(np.uint8)


def played(
    light: Callable[[float, np.ndarray], None], until_s: float = 6, rate_hz: float = 10
) -> list[Flash]:
    detector = build(Config())
    told: list[Any] = []
    for number in range(round(until_s * rate_hz)):
        picture = STREET + RNG.integers(0, 6, STREET.shape, dtype=np.uint8)
        light(number / rate_hz, picture)
        told += detector.accept(VideoFrame(SOURCE, START.shifted(number / rate_hz), picture))
    return [*told, *detector.finish()]


def test_a_muzzle_flash_in_one_picture() -> None:
    def shot(s: float, picture: np.ndarray) -> None:
        if s == 3.0:
            picture[200:220, 300:320] = 250

    flash = played(shot)
    assert len(flash) == 1
    assert flash[0].time == START.shifted(3.0)
    assert flash[0].duration_s == pytest.approx(0.1)
    assert flash[0].rise > 0.5
    assert flash[0].share < 0.02


def test_a_firework_lights_the_whole_street_and_fades() -> None:
    def burst(s: float, picture: np.ndarray) -> None:
        if s >= 3.0:
            picture[:] = np.minimum(255, picture + 180 * np.exp(-(s - 3.0) / 0.25)).astype(np.uint8)

    flash = played(burst)
    assert len(flash) == 1
    assert flash[0].time == START.shifted(3.0)
    assert 0.1 <= flash[0].duration_s <= 0.3
    assert flash[0].share > 0.9


def test_lamps_headlights_and_dawn_are_no_flash() -> None:
    def lamp(s: float, picture: np.ndarray) -> None:
        if s >= 3.0:
            picture[100:160, 100:160] = 240

    def headlights(s: float, picture: np.ndarray) -> None:
        left = int(100 * s)
        picture[200:230, left : left + 40] = 250

    def dawn(s: float, picture: np.ndarray) -> None:
        picture[:] = np.minimum(255, picture.astype(int) + round(30 * s)).astype(np.uint8)

    assert played(lamp) == []
    assert played(dawn) == []
    assert len(played(headlights)) <= 1  # when they come into the picture, at most


def test_another_picture_size_and_a_gap_begin_anew() -> None:
    detector = build(Config())
    told: list[Any] = []
    for number, side in enumerate([100] * 10 + [200] * 10):
        picture = np.full((side, side, 3), 40 if side == 100 else 200, np.uint8)
        told += detector.accept(VideoFrame(SOURCE, START.shifted(number / 10), picture))
    for number in range(10):
        picture = np.full((200, 200, 3), 20 if number else 250, np.uint8)
        told += detector.accept(VideoFrame(SOURCE, START.shifted(60 + number / 10), picture))
    assert told == []
