"""The life cycle of a polled board."""

from pathlib import Path

import pytest

from edge.decoding.catalogue import FOLDER, load_known, parse
from edge.decoding.polling import Polling
from edge.domain.shipped import shipped

SPS30 = load_known("sensirion_sps30")
SDS011 = load_known("nova_sds011")
WAKE_PULSE, WAKE, START = "ff", "7e007d3100ee7e", "7e0000020103f97e"
READ, STATUS, STOP, VERSION = "7e000300fc7e", "7e00d201002c7e", "7e000100fe7e", "7e00d1002e7e"
ASK_VERSION, ASK_MODE = "aab407000000000000000000000000ffff05ab", "aab402000000000000000000000000ffff00ab"


def sent(polling: Polling, *times_s: float) -> list[tuple[float, str]]:
    return [(time_s, command.hex()) for time_s in times_s for command in polling.due(time_s)]


def test_opening_then_polling() -> None:
    polling = Polling(SPS30, 100.0)
    ticks = [100 + i / 100 for i in range(320)]
    assert sent(polling, *ticks) == [
        (100.0, WAKE_PULSE),
        (100.02, WAKE),
        (100.07, START),
        (100.17, VERSION),
        (100.27, READ),
        (100.37, STATUS),
        (101.27, READ),
        (102.27, READ),
    ]


def test_rest_is_until_the_next_command() -> None:
    polling = Polling(SPS30, 100.0)
    assert polling.rest_s(99.5) == 0.5
    sent(polling, 100.2)
    assert polling.rest_s(100.2) == pytest.approx(0.07)
    assert polling.rest_s(101.0) == 0.0


def test_polls_that_were_missed_are_not_made_up_for() -> None:
    polling = Polling(SPS30, 0.0)
    sent(polling, 0.5)
    assert [command for _, command in sent(polling, 30.0)].count(READ) <= 2
    assert [command for _, command in sent(polling, 31.0)].count(READ) == 1


def test_status_comes_once_a_minute() -> None:
    polling = Polling(SPS30, 0.0)
    found = sent(polling, *[i / 10 for i in range(1300)])
    assert [round(time_s) for time_s, command in found if command == STATUS] == [0, 60, 120]


def test_a_streaming_board_is_asked_at_the_start_and_when_it_is_silent() -> None:
    polling = Polling(SDS011, 0.0)
    assert sent(polling, 0.0, 0.1) == [(0.0, ASK_VERSION), (0.1, ASK_MODE)]
    assert polling.rest_s(0.1) is None
    assert sent(polling, 100.0) == []
    polling.restart(5.0, revive=True)
    assert [time_s for time_s, _ in sent(polling, 5.0, 5.1, 5.2, 5.8)] == [5.0, 5.1, 5.2, 5.8]


def test_farewell() -> None:
    assert [command.hex() for command in Polling(SPS30, 0.0).farewell()] == [STOP]


def test_a_text_command() -> None:
    polling = Polling(load_known("spec_dgs_no2"), 0.0)
    assert list(polling.due(0.0)) == [b"\r"]


def test_two_polls_in_one_period() -> None:
    text = (shipped(FOLDER) / "sensirion_sps30.toml").read_text()
    profile = parse(text.replace('poll = ["read"]', 'poll = ["read", "status"]'), Path("two.toml"))
    found = [command for _, command in sent(Polling(profile, 0.0), *[i / 10 for i in range(25)])]
    assert found == [WAKE_PULSE, WAKE, START, VERSION, READ, STATUS, STATUS, READ, STATUS, READ, STATUS]
