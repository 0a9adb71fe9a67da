"""How much of an interval readings cover."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoding.intervals import Interval, Intervals, IntervalSection
from edge.domain.frames import ReadingFrame
from edge.domain.health import Absence, Component
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime

BOARD = SourceId("air", 0, Component.SERIAL_BOARD)
START = CaptureTime(1_700_000_000 * NS_PER_S, 50 * NS_PER_S)
approx: Any = pytest.approx


def frame(second: float, *, valid: bool = True) -> ReadingFrame:
    values = {"x_ppb": second} if valid else {}
    return ReadingFrame(BOARD, START.shifted(second), "b", values, {} if valid else {"x_ppb": Absence.STALE})


def cut(frames: list[ReadingFrame], interval_s: float = 60) -> list[Interval]:
    intervals = Intervals(["x_ppb"], IntervalSection(interval_s=interval_s))
    return [*(each for given in frames for each in intervals.accept(given)), *intervals.finish()]


def first_share(frames: list[ReadingFrame]) -> float:
    return cut([*frames, frame(60)])[0].valid_share


def test_regular_readings_cover_all_of_it() -> None:
    assert first_share([frame(i) for i in range(60)]) == approx(1.0)
    assert first_share([frame(5.0 * i) for i in range(12)]) == approx(1.0)
    assert first_share([frame(0)]) == approx(1.0)


def test_a_board_that_fell_silent_covers_nothing() -> None:
    stale = [frame(second, valid=False) for second in (40, 45, 50, 55)]
    assert first_share([*(frame(i) for i in range(30)), *stale]) == approx(32 / 60)
    assert first_share([frame(i) for i in range(30)]) == approx(32 / 60)
    assert first_share(stale) == 0.0


def test_readings_that_take_turns_cover_half() -> None:
    assert first_share([frame(i, valid=i % 2 == 0) for i in range(60)]) == approx(0.5)


def test_the_last_interval_and_one_reading_alone() -> None:
    assert cut([frame(0)])[0].valid_share == 1.0
    assert cut([frame(0, valid=False)])[0].valid_share == 0.0
    assert cut([frame(0), frame(10), frame(20)])[0].valid_share == approx(1.0)


@given(st.lists(st.tuples(st.floats(0.001, 200), st.booleans()), max_size=60))
def test_a_share_is_a_share(steps: list[tuple[float, bool]]) -> None:
    second, frames = 0.0, []
    for step, valid in steps:
        second += step
        frames.append(frame(second, valid=valid))
    for interval in cut(frames):
        assert 0 <= interval.valid_share <= 1
        assert interval.rows or interval.valid_share == 0
