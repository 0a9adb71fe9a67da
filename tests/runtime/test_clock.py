"""The system's clock and the clock of recordings."""

import time

import pytest

from edge.runtime import clock
from edge.runtime.clock import SystemClock, kernel_uncertainty_ms
from edge.runtime.recording_clock import RecordingClock

START_NS = 1_767_225_600_000_000_000


def test_the_kernel_says_how_sure_it_is_or_that_it_is_not() -> None:
    uncertainty_ms = kernel_uncertainty_ms()
    assert uncertainty_ms is None or 0 <= uncertainty_ms < 1e7


def test_the_kernel_is_not_asked_for_every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def uncertainty_ms() -> float:
        asked.append(time.monotonic())
        return 2.5

    monkeypatch.setattr(clock, "kernel_uncertainty_ms", uncertainty_ms)
    system = SystemClock()
    assert {system.now().uncertainty_ms for _ in range(1000)} == {2.5}
    assert len(asked) == 1


def test_the_system_clock_runs() -> None:
    system = SystemClock()
    before = system.now()
    system.sleep(-1)
    system.sleep(0.001)
    after = system.now()
    assert after.monotonic_ns - before.monotonic_ns >= 1_000_000
    assert abs(after.utc_ns - time.time_ns()) < 10**9


def test_a_standing_clock_neither_runs_nor_sleeps() -> None:
    standing = RecordingClock(START_NS, standing=True)
    before = standing.now()
    standing.sleep(3600)
    assert standing.now() == before
    assert (before.utc_ns, before.uncertainty_ms) == (START_NS, 0.0)


def test_a_running_clock_begins_at_its_start() -> None:
    running = RecordingClock(START_NS, standing=False)
    running.sleep(0.002)
    assert 2_000_000 <= running.now().utc_ns - START_NS < 5 * 10**9
