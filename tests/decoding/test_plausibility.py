"""Readings that cannot be believed: jumps, standstill, numbers that are none."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoding.plausibility import PACES, Screen
from edge.domain.frames import ReadingFrame
from edge.domain.health import Absence, Component
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime

BOARD = SourceId("air", 0, Component.SERIAL_BOARD)
START = CaptureTime(1_700_000_000 * NS_PER_S, 50 * NS_PER_S)


def frame(second: float, **values: float) -> ReadingFrame:
    return ReadingFrame(BOARD, START.shifted(second), "board", values)


def screened(frames: list[ReadingFrame], unchanged_s: float = 3600) -> list[ReadingFrame]:
    screen = Screen(unchanged_s)
    return [screen.take(each) for each in frames]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_absent(wrong: float) -> None:
    (told,) = screened([frame(0, pm2_5_ugm3=wrong, pm10_ugm3=4.0)])
    assert told.values == {"pm10_ugm3": 4.0}
    assert told.absent == {"pm2_5_ugm3": Absence.SENSOR_FAULT}


def test_a_spike_is_absent_and_leaves_its_neighbours_alone() -> None:
    told = screened([frame(i, temperature_c=t) for i, t in enumerate([12.0, 12.1, 85.0, 12.2])])
    assert [each.values.get("temperature_c") for each in told] == [12.0, 12.1, None, 12.2]
    assert told[2].absent == {"temperature_c": Absence.JUMP}


def test_a_step_passes_once_a_second_reading_agrees() -> None:
    told = screened([frame(i, temperature_c=t) for i, t in enumerate([12.0, 30.0, 30.2, 30.1])])
    assert [each.values.get("temperature_c") for each in told] == [12.0, None, 30.2, 30.1]


def test_two_spikes_to_different_places_are_both_absent() -> None:
    told = screened([frame(i, temperature_c=t) for i, t in enumerate([12.0, 85.0, -40.0, 12.0])])
    assert [each.values.get("temperature_c") for each in told] == [12.0, None, None, 12.0]


def test_the_longer_the_pause_the_more_may_have_changed() -> None:
    told = screened([frame(0, temperature_c=2.0), frame(1800, temperature_c=20.0)])
    assert told[1].values == {"temperature_c": 20.0}


def test_a_wrong_first_reading_does_not_lock_the_right_ones_out() -> None:
    told = screened([frame(i, pressure_hpa=p) for i, p in enumerate([600.0, 1013.0, 1013.1])])
    assert told[2].values == {"pressure_hpa": 1013.1}


def test_a_board_that_repeats_every_value_is_stuck_until_one_changes() -> None:
    frames = [frame(i * 600, pm2_5_ugm3=7.0, temperature_c=3.0) for i in range(8)]
    told = screened([*frames, frame(4800, pm2_5_ugm3=7.0, temperature_c=3.1)])
    assert [bool(each.values) for each in told] == [True] * 6 + [False] * 2 + [True]
    assert set(told[6].absent.values()) == {Absence.STALE}


def test_one_value_that_moves_shows_that_the_board_lives() -> None:
    frames = [frame(i * 600, pm2_5_ugm3=0.0, n0_3_percm3=40.0 + i % 2) for i in range(20)]
    assert all(each.values for each in screened(frames))


def test_a_calm_without_rain_is_no_standstill() -> None:
    frames = [frame(i * 600, wind_speed_mps=0.0, rain_total_mm=12.0) for i in range(20)]
    assert all(each.values for each in screened(frames))


def test_a_board_of_what_rests_alone_is_never_stuck() -> None:
    screen = Screen(3600)
    for number in range(20):
        screen.take(frame(number * 600, wind_speed_mps=0.0, rain_total_mm=12.0))
    assert not screen.stuck


def test_a_board_is_stuck_only_when_all_its_messages_are() -> None:
    def polled(temperature: float) -> list[ReadingFrame]:
        return [
            frame(i * 600, **({"temperature_c": temperature * i} if i % 2 else {"supply_voltage_v": 12.0}))
            for i in range(12)
        ]

    assert all(each.values for each in screened(polled(0.1)))
    assert [bool(each.values) for each in screened(polled(0.0))] == [True] * 7 + [False] * 5


@given(
    st.sampled_from(sorted(PACES)),
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    st.floats(0.1, 1000),
)
def test_whatever_comes_nothing_is_invented_and_nothing_lost(
    name: str, values: list[float], period_s: float
) -> None:
    frames = [frame(i * period_s, **{name: value}) for i, value in enumerate(values)]
    for before, after in zip(frames, screened(frames), strict=True):
        assert after.values.get(name, values) == (before.values[name] if name in after.values else values)
        assert (name in after.values) != (name in after.absent)


@given(st.floats(-30, 30), st.lists(st.floats(-1.5, 1.5), max_size=40))
def test_slow_changes_always_pass(start: float, steps: list[float]) -> None:
    value, frames = start, []
    for second, step in enumerate(steps):
        value += step
        frames.append(frame(second, temperature_c=value))
    assert all(each.values for each in screened(frames))


def test_the_clock_of_the_wall_does_not_matter() -> None:
    stepped = replace(frame(1, temperature_c=30.0), time=CaptureTime(0, START.monotonic_ns + NS_PER_S))
    told = screened([frame(0, temperature_c=12.0), stepped])
    assert told[1].absent == {"temperature_c": Absence.JUMP}
