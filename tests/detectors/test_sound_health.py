from collections.abc import Callable, Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.detectors import sound_health
from edge.domain.frames import AudioFrame, Idle
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health
from edge.domain.time import CaptureTime

SOURCE = SourceId("front", 0, Component.MICROPHONE)
START = CaptureTime(1_700_000_000_000_000_000, 5_000_000_000)
RATE = 8000
Sound = NDArray[np.float32]


def noise(seconds: float, channels: int = 1, amplitude: float = 0.01) -> Sound:
    samples = np.random.default_rng(0).standard_normal((round(seconds * RATE), channels))
    return (amplitude * samples).astype(np.float32)


def nan(seconds: float, channels: int = 1) -> Sound:
    samples = noise(seconds, channels)
    samples[::1000] = np.nan
    return samples


FAULTS: dict[Reason, Callable[[float], Sound]] = {
    Reason.SILENT: lambda s: np.zeros((round(s * RATE), 1), dtype=np.float32),
    Reason.CONSTANT: lambda s: np.full((round(s * RATE), 1), 0.25, dtype=np.float32),
    Reason.CLIPPED: lambda s: np.clip(noise(s, amplitude=2.0), -1, 1),
    Reason.OFFSET: lambda s: noise(s) + np.float32(0.4),
    Reason.INVALID_SAMPLES: nan,
}


class Listener:
    """Feeds sound in frames of 0.1 s and keeps what was said, with the second it was said in."""

    def __init__(self) -> None:
        self.detector = sound_health.build(sound_health.Config())
        self.said: list[tuple[float, Health]] = []
        self.now_s = 0.0

    def hear(self, sound: Sound, lost_s: float = 0.0, block: int = RATE // 10) -> "Listener":
        for start in range(0, len(sound), block):
            piece = sound[start : start + block]
            frame = AudioFrame(SOURCE, START.shifted(self.now_s), piece, RATE, None, lost_s)
            self.now_s += len(piece) / RATE
            for health in self.detector.accept(frame):
                assert isinstance(health, Health)
                self.said.append((self.now_s, health))
        return self

    @property
    def course(self) -> list[tuple[Status, Reason]]:
        return [(health.status, health.reason) for _, health in self.said]


def degraded(*reasons: Reason) -> list[tuple[Status, Reason]]:
    return [(Status.DEGRADED, reason) for reason in reasons]


RECOVERED = (Status.OK, Reason.RECOVERED)


@pytest.mark.parametrize("reason", FAULTS)
def test_a_fault_is_told_within_60_s_and_its_end_within_10(reason: Reason) -> None:
    listener = Listener().hear(noise(20))
    assert listener.said == []
    listener.hear(FAULTS[reason](30))
    assert listener.course == degraded(reason)
    told_s, health = listener.said[0]
    assert told_s - 20 <= 12
    assert (health.component, health.source) == (Component.MICROPHONE, SOURCE)
    assert "channel 0" in health.detail
    assert health.detail.startswith("front:")
    listener.hear(noise(20))
    assert listener.course == [*degraded(reason), RECOVERED]
    assert listener.said[1][0] - 50 <= 10


@pytest.mark.parametrize("reason", FAULTS)
def test_a_fault_from_the_start_is_told_too(reason: Reason) -> None:
    assert Listener().hear(FAULTS[reason](15)).course == degraded(reason)


@pytest.mark.parametrize("reason", FAULTS)
def test_a_fault_that_lasts_is_told_again_every_minute(reason: Reason) -> None:
    assert Listener().hear(FAULTS[reason](200)).course == degraded(reason, reason, reason, reason)


@pytest.mark.parametrize("reason", [Reason.SILENT, Reason.CONSTANT, Reason.CLIPPED, Reason.OFFSET])
def test_what_passes_soon_is_no_fault(reason: Reason) -> None:
    listener = Listener()
    for _ in range(10):
        listener.hear(FAULTS[reason](2)).hear(noise(20))
    assert listener.said == []


def test_a_quiet_night_is_not_silence() -> None:
    # A 16-bit converter's own noise would be -98 dB; a street at night is far above it.
    assert Listener().hear(noise(60, amplitude=5e-5)).said == []


def test_the_flicker_of_a_converter_is_silence() -> None:
    flicker = np.random.default_rng(1).integers(0, 2, (20 * RATE, 1)) / 32768
    assert Listener().hear(flicker.astype(np.float32)).course == degraded(Reason.SILENT)


def test_a_dead_channel_among_four_is_named() -> None:
    for dead in (np.zeros(20 * RATE), 1e-5 * np.random.default_rng(1).standard_normal(20 * RATE)):
        samples = noise(20, 4)
        samples[:, 2] = dead
        listener = Listener().hear(samples)
        assert listener.course == degraded(Reason.SILENT)
        assert "channel 2:" in listener.said[0][1].detail
        assert listener.said[0][1].count == 1


def test_invalid_samples_are_counted() -> None:
    listener = Listener().hear(nan(1))
    assert listener.said[0][1].count == 8


def test_a_value_near_the_limit_does_not_come_and_go() -> None:
    listener = Listener()
    for n in range(200):
        listener.hear(noise(1) + np.float32(0.1 + 0.01 * (-1) ** (n // 15)))
    reasons = [reason for _, reason in listener.course]
    assert reasons == [Reason.OFFSET] * len(reasons)


def test_a_loose_contact_makes_few_reports() -> None:
    listener = Listener()
    for _ in range(100):  # a bad second every 7 s for 12 minutes
        listener.hear(nan(1)).hear(noise(6))
    assert len(listener.said) <= 20
    assert listener.course.count(RECOVERED) <= 2
    listener.hear(noise(70))
    assert listener.course[-1] == RECOVERED


def test_the_worst_fault_is_told_and_then_what_is_left() -> None:
    listener = Listener().hear(FAULTS[Reason.OFFSET](20))
    worse = nan(20) + np.float32(0.4)
    listener.hear(worse).hear(FAULTS[Reason.OFFSET](20)).hear(noise(10))
    assert listener.course == [
        *degraded(Reason.OFFSET, Reason.INVALID_SAMPLES, Reason.OFFSET),
        RECOVERED,
    ]


def test_two_faults_in_turn_are_not_told_in_turn() -> None:
    listener = Listener().hear(FAULTS[Reason.OFFSET](20))
    for _ in range(20):
        listener.hear(nan(1) + np.float32(0.4)).hear(FAULTS[Reason.OFFSET](2))
    assert len(listener.said) <= 4


def test_still_deaf_after_a_replug_is_told_again() -> None:
    listener = Listener().hear(FAULTS[Reason.SILENT](20))
    listener.now_s += 15
    listener.hear(FAULTS[Reason.SILENT](15))
    assert listener.course == degraded(Reason.SILENT, Reason.SILENT)
    listener.now_s += 15
    replugged_s = listener.now_s
    listener.hear(noise(10))
    assert listener.course[-1] == RECOVERED
    assert listener.said[-1][0] - replugged_s <= 10


def test_a_new_channel_count_is_survived() -> None:
    listener = Listener().hear(noise(3)).hear(noise(3, 4)).hear(noise(3, 8))
    assert listener.said == []


def test_lost_sound_does_not_keep_it_from_judging() -> None:
    assert Listener().hear(FAULTS[Reason.SILENT](15), lost_s=0.05).course == degraded(Reason.SILENT)


@pytest.mark.parametrize("block", [100, 8000, 160_000])
def test_the_size_of_frames_does_not_matter(block: int) -> None:
    listener = Listener().hear(FAULTS[Reason.CONSTANT](20), block=block)
    assert listener.course == degraded(Reason.CONSTANT)
    assert listener.said[0][1].time.monotonic_ns == START.shifted(9).monotonic_ns


def test_nothing_comes_of_nothing() -> None:
    detector = sound_health.build(sound_health.Config())
    empty = AudioFrame(SOURCE, START, np.empty((0, 1), dtype=np.float32), RATE)
    seen: Iterable[object] = [
        *detector.accept(empty),
        *detector.accept(Idle(SOURCE, START)),
        *detector.finish(),
    ]
    assert list(seen) == []
