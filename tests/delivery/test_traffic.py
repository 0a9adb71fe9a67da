"""A day's traffic has a budget: the least important waits first, and a restart does not forget."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from edge.delivery.traffic import OVERHEAD_BYTES, Traffic

DAY = date(2026, 6, 1)
TOPIC = "lp/v1/c/n/event/x"
MESSAGE = bytes(1000 - OVERHEAD_BYTES - len(TOPIC))


def send(traffic: Traffic, messages: int, day: date = DAY) -> None:
    for _ in range(messages):
        traffic.sent(day, TOPIC, MESSAGE)


def test_measures_wait_first_then_health_and_alarms_never(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path / "traffic", 100_000)
    send(traffic, 79)
    assert not traffic.held(DAY)
    send(traffic, 1)
    assert "sound_level" in traffic.held(DAY)
    assert not {"health", "impulse"} & set(traffic.held(DAY))
    send(traffic, 10)
    assert "health" in traffic.held(DAY)
    assert "impulse" not in traffic.held(DAY)
    send(traffic, 500)
    assert not {"impulse", "help_request", "lamp", "rotation"} & set(traffic.held(DAY))
    assert not traffic.held(DAY + timedelta(days=1))
    assert traffic.bytes == 0


def test_a_restart_does_not_forget_more_than_a_hundredth(tmp_path: Path) -> None:
    send(Traffic(tmp_path / "traffic", 100_000), 80)
    again = Traffic(tmp_path / "traffic", 100_000)
    assert "sound_level" in again.held(DAY)
    assert 79_000 <= again.bytes <= 80_000
    assert not again.held(DAY + timedelta(days=1))


def test_a_clock_that_goes_back_begins_no_new_day(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path / "traffic", 100_000)
    send(traffic, 85)
    assert traffic.held(DAY - timedelta(days=1))


def test_a_clock_that_was_years_ahead_holds_nothing_for_years(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path / "traffic", 100_000)
    send(traffic, 100, date(2099, 1, 1))
    assert "sound_level" in traffic.held(date(2099, 1, 1))
    assert not traffic.held(DAY)
    send(traffic, 85)
    assert "sound_level" in traffic.held(DAY)
    assert not traffic.held(DAY + timedelta(days=1))


def test_without_a_budget_it_only_counts(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path / "traffic", 0)
    send(traffic, 500)
    assert (traffic.bytes, list(traffic.held(DAY))) == (500_000, [])
    assert not (tmp_path / "traffic").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"day": 3}', '{"day": "2026-06-01", "bytes": "x"}'])
def test_a_count_that_cannot_be_read_begins_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "traffic").write_text(content)
    traffic = Traffic(tmp_path / "traffic", 100_000)
    send(traffic, 1)
    assert traffic.bytes == 1000


def test_a_count_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path / "no" / "traffic", 100_000)
    send(traffic, 81)
    assert "sound_level" in traffic.held(DAY)
