from collections.abc import Callable, Iterator

import numpy as np
import pytest

from edge.detectors.picture_health import FRAME, Config, build
from edge.domain.frames import Idle, VideoFrame
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health
from edge.domain.time import NS_PER_S, CaptureTime
from edge.vision.opencv import opencv

SOURCE = SourceId("front", 2, Component.CAMERA)
RATE_HZ = 2.0
_RNG = np.random.default_rng(3)
STREET = _RNG.integers(20, 230, (12, 16, 3)).repeat(20, 0).repeat(20, 1).astype(np.uint8)
NOISES = _RNG.integers(0, 4, (16, *STREET.shape), dtype=np.uint8)

Picture = np.ndarray
Scene = Callable[[int], Picture]


def clear(k: int) -> Picture:
    picture: Picture = STREET + NOISES[k % 16]
    return picture


def dark(k: int) -> Picture:
    picture: Picture = clear(k) // 10
    return picture


def white(k: int) -> Picture:
    picture: Picture = np.maximum(clear(k), 252 + NOISES[k % 16])
    return picture


def covered(k: int) -> Picture:
    picture: Picture = 120 + NOISES[k % 16]
    return picture


def blurred(k: int) -> Picture:
    picture: Picture = opencv().GaussianBlur(clear(k), (0, 0), 8)
    return picture


def frozen(_: int) -> Picture:
    return STREET


def frames(*parts: tuple[Scene, float], from_s: float = 0, rate_hz: float = RATE_HZ) -> Iterator[VideoFrame]:
    """Show each scene for so many seconds."""
    k = 0
    for scene, seconds in parts:
        for _ in range(round(seconds * rate_hz)):
            ns = round((from_s + k / rate_hz) * NS_PER_S)
            yield VideoFrame(SOURCE, CaptureTime(ns, ns), scene(k))
            k += 1


def watch(shown: Iterator[VideoFrame], **settings: object) -> list[Health]:
    detector = build(Config.model_validate(settings))
    return [*(told for frame in shown for told in detector.accept(frame)), *detector.finish()]


def course(told: list[Health]) -> list[tuple[Status, Reason]]:
    return [(observation.status, observation.reason) for observation in told]


def at_s(observation: Health) -> float:
    return observation.time.monotonic_ns / NS_PER_S


RECOVERED = (Status.OK, Reason.RECOVERED)


def test_a_camera_that_sees_says_nothing() -> None:
    assert watch(frames((clear, 120))) == []


@pytest.mark.parametrize(
    ("scene", "reason"),
    [
        (dark, Reason.DARK),
        (white, Reason.OVEREXPOSED),
        (covered, Reason.OBSTRUCTED),
        (blurred, Reason.DEFOCUSED),
        (frozen, Reason.FROZEN),
    ],
)
def test_each_fault_is_told_within_a_minute_and_its_end_within_ten_seconds(
    scene: Scene, reason: Reason
) -> None:
    fault, end = watch(frames((clear, 10), (scene, 50), (clear, 20)))
    assert course([fault, end]) == [(Status.DEGRADED, reason), RECOVERED]
    assert 10 < at_s(fault) - 10 <= 60
    assert 1 < at_s(end) - 60 <= 10
    for told in (fault, end):
        assert told.source == SOURCE
        assert told.component is Component.CAMERA
        assert told.detail.startswith("front: ")


def test_a_fault_that_lasts_is_told_again_every_minute() -> None:
    told = watch(frames((dark, 205)))
    assert course(told) == [(Status.DEGRADED, Reason.DARK)] * 4
    assert [at_s(o) for o in told] == pytest.approx([20, 80, 140, 200], abs=2)


def test_a_short_fault_is_not_told() -> None:
    assert watch(frames((clear, 10), (dark, 15), (clear, 10), (frozen, 25), (clear, 10))) == []


def test_a_worse_fault_is_told_over_a_lesser_one_and_not_the_other_way_round() -> None:
    def dark_and_frozen(_: int) -> Picture:
        return dark(0)

    told = watch(frames((dark, 25), (dark_and_frozen, 40), (dark, 40), (clear, 20)))
    assert course(told) == [
        (Status.DEGRADED, Reason.DARK),
        (Status.DEGRADED, Reason.FROZEN),
        (Status.DEGRADED, Reason.DARK),
        RECOVERED,
    ]


def test_a_fault_that_comes_and_goes_makes_few_reports() -> None:
    blinking = [part for _ in range(20) for part in ((dark, 22.0), (clear, 7.0))]
    told = watch(frames(*blinking))
    assert 5 <= len(told) <= 16
    # Told, ended, told again; then the end has to last longer than the lamp is off.
    assert course(told).count(RECOVERED) <= 3


def test_a_value_at_its_limit_does_not_come_and_go() -> None:
    def dusk(k: int) -> Picture:
        wave = 30 + 2 * np.sin(2 * np.pi * k / RATE_HZ / 20)
        picture: Picture = np.clip(NOISES[k % 16] * 3.0 + wave - 9, 0, 255).astype(np.uint8)
        return picture

    told = watch(frames((dark, 25), (dusk, 50)))
    assert course(told) == [(Status.DEGRADED, Reason.DARK)]


def test_what_was_before_a_gap_does_not_count() -> None:
    shown = [*frames((dark, 15)), *frames((dark, 15), from_s=100)]
    assert watch(iter(shown)) == []
    fault, end = watch(iter([*frames((dark, 25)), *frames((clear, 8), from_s=100)]))
    assert course([fault, end]) == [(Status.DEGRADED, Reason.DARK), RECOVERED]
    assert 105 <= at_s(end) <= 107


def test_a_slow_camera_is_judged_too() -> None:
    told = watch(frames((dark, 40), (clear, 20), rate_hz=0.25))
    assert course(told) == [(Status.DEGRADED, Reason.DARK), RECOVERED]


def test_a_change_of_resolution_is_not_frozen() -> None:
    sizes = [STREET, STREET[:120], STREET[:, :160]]
    assert watch(frames((lambda k: sizes[k // 2 % 3], 60))) == []


def test_what_is_no_picture_is_not_its_business() -> None:
    assert FRAME is VideoFrame
    assert list(build(Config()).accept(Idle(SOURCE, CaptureTime(0, 0)))) == []


def turned(k: int) -> Picture:
    picture: Picture = np.roll(clear(k), 30, axis=1)
    return picture


def test_a_turned_camera_is_told_and_is_well_when_turned_back() -> None:
    told = watch(frames((clear, 40), (turned, 60), (clear, 30)))
    assert course(told) == [
        (Status.DEGRADED, Reason.MOVED),
        (Status.OK, Reason.RECOVERED),
    ]
