"""Means of particulate matter per interval."""

import pytest

from edge.detectors.particulates import FRAME, Config, build
from edge.domain.frames import Idle, ReadingFrame
from edge.domain.health import Absence, Component
from edge.domain.identity import SourceId
from edge.domain.observations import Particulates
from edge.domain.time import NS_PER_S, CaptureTime

BOARD = SourceId("air", 0, Component.SERIAL_BOARD)
START = CaptureTime(1_700_000_000 * NS_PER_S, 50 * NS_PER_S)


def frame(second: float, absent: dict[str, Absence] | None = None, **values: float) -> ReadingFrame:
    return ReadingFrame(BOARD, START.shifted(second), "board", values, absent or {})


def run(frames: list[ReadingFrame], interval_s: float = 10) -> list[Particulates]:
    detector = build(Config(interval_s=interval_s))
    told = [observation for each in frames for observation in detector.accept(each)]
    return [*told, *detector.finish()]


def test_it_reads_readings() -> None:
    assert FRAME is ReadingFrame
    assert Config().interval_s == 60


def test_the_mean_of_an_interval_is_told_by_the_reading_behind_it() -> None:
    frames = [frame(i, pm2_5_ugm3=float(i), pm10_ugm3=20.0) for i in range(11)]
    first, rest = run(frames)
    assert first.pm2_5_ugm3 == pytest.approx(4.5)
    assert first.pm10_ugm3 == 20
    assert first.pm1_ugm3 is None
    assert first.absence is None
    assert (first.readings, first.duration_s, first.time) == (10, 10, START)
    assert (rest.readings, rest.duration_s, rest.time) == (1, 0, START.shifted(10))


def test_zero_counts() -> None:
    (only,) = run([frame(0, pm2_5_ugm3=0.0), frame(1, pm2_5_ugm3=0.0)])
    assert only.pm2_5_ugm3 == 0.0
    assert only.absence is None


def test_absent_values_leave_the_mean_alone() -> None:
    gone = {"pm2_5_ugm3": Absence.OUT_OF_RANGE, "pm10_ugm3": Absence.OUT_OF_RANGE}
    (only,) = run([frame(0, pm2_5_ugm3=4.0), frame(1, gone), frame(2, pm2_5_ugm3=6.0)])
    assert only.pm2_5_ugm3 == 5.0
    assert only.pm10_ugm3 is None
    assert only.readings == 2


def test_without_a_valid_reading_there_is_a_reason_and_no_value() -> None:
    stale, fault = {"pm2_5_ugm3": Absence.STALE}, {"pm2_5_ugm3": Absence.SENSOR_FAULT}
    (only,) = run([frame(0, stale), frame(1, fault), frame(2, fault)])
    assert only.absence is Absence.SENSOR_FAULT
    assert only.readings == 0
    assert only.pm2_5_ugm3 is None


def test_intervals_follow_one_another_without_drift() -> None:
    told = run([frame(i * 3.0, pm2_5_ugm3=1.0) for i in range(12)])
    assert [round((each.time.monotonic_ns - START.monotonic_ns) / NS_PER_S) for each in told] == [
        0,
        10,
        20,
        30,
    ]
    assert [each.readings for each in told] == [4, 3, 3, 2]
    assert told[-1].duration_s == 3


def test_after_a_gap_a_new_row_begins() -> None:
    told = run([frame(0, pm2_5_ugm3=1.0), frame(95, pm2_5_ugm3=2.0), frame(100, pm2_5_ugm3=4.0)])
    assert [each.time for each in told] == [START, START.shifted(95)]
    assert [each.pm2_5_ugm3 for each in told] == [1.0, 3.0]


def test_a_stepped_utc_clock_does_not_matter() -> None:
    stepped = CaptureTime(START.utc_ns + 3600 * NS_PER_S, START.monotonic_ns + 5 * NS_PER_S)
    frames = [frame(0, pm2_5_ugm3=1.0), ReadingFrame(BOARD, stepped, "board", {"pm2_5_ugm3": 3.0})]
    (only,) = run(frames)
    assert only.pm2_5_ugm3 == 2.0
    assert only.duration_s == 5


def test_boards_without_particulates_are_not_observed() -> None:
    assert run([frame(0, co2_ppm=400.0), frame(70, {"co2_ppm": Absence.STALE})]) == []
    detector = build(Config())
    assert list(detector.accept(Idle(BOARD, START))) == []


def test_two_sensors_of_one_board_are_averaged_when_they_agree() -> None:
    (only,) = run([frame(0, pm2_5_ugm3=10.0, pm2_5_b_ugm3=14.0)])
    assert only.pm2_5_ugm3 == 12.0


def test_two_sensors_that_contradict_each_other_give_nothing() -> None:
    (only,) = run([frame(0, pm2_5_ugm3=10.0, pm2_5_b_ugm3=40.0, pm10_ugm3=15.0)])
    assert (only.pm2_5_ugm3, only.pm10_ugm3, only.readings) == (None, None, 0)
    assert only.absence is Absence.DISAGREEMENT


def test_humidity_and_the_other_column_of_a_plantower_board_are_kept_beside() -> None:
    (only,) = run([frame(0, pm2_5_ugm3=10.0, pm2_5_cf1_ugm3=12.0, humidity_percent=60.0)])
    assert (only.pm2_5_cf1_ugm3, only.humidity_percent) == (12.0, 60.0)
    gone = {"pm2_5_ugm3": Absence.WARMING_UP}
    (without,) = run([frame(0, gone, humidity_percent=60.0)])
    assert (without.readings, without.valid_share, without.absence) == (0, 0.0, Absence.WARMING_UP)


def test_a_spike_is_left_out_of_the_mean() -> None:
    (only,) = run([frame(i, pm2_5_ugm3=p) for i, p in enumerate([4.0, 999.0, 6.0])])
    assert only.pm2_5_ugm3 == 5.0
    assert only.readings == 2
