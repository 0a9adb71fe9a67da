"""The day profile: what it reads of reports, and what it refuses."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scripts.day_profile import ReportsError, main, mean_db, read, runs
from scripts.simulate_day import simulated

START = datetime(2026, 6, 19, tzinfo=UTC)


def report(minute: int, **changes: Any) -> str:
    time = (START + timedelta(minutes=minute)).isoformat()
    levels = {"laeq_db": 50.0, "lafmax_db": 60.0, "la10_db": 53.0, "la90_db": 41.0}
    given = {"kind": "sound_level", "phenomenon_time": time, "duration_s": 300.0, "sensor": 0}
    return json.dumps({"data": given | {"calibrated": True, "clipped": False} | levels | changes})


def test_intervals_come_in_order_once_each_and_of_one_sensor() -> None:
    lines = [report(10), report(0), report(0), report(5, sensor=1), "", json.dumps({"kind": "impulse"})]
    found = read(lines, 0)
    assert [i.begins for i in found] == [START, START + timedelta(minutes=10)]
    plain = json.dumps(json.loads(report(5))["data"])
    assert read([plain], 0)[0].begins == START + timedelta(minutes=5)


def test_a_gap_is_not_drawn_over() -> None:
    found = read([report(m) for m in (0, 5, 10, 30, 35)], 0)
    assert [len(run) for run in runs(found)] == [3, 2]


def test_the_mean_is_that_of_the_energy() -> None:
    found = read([report(0, laeq_db=60.0), report(5, laeq_db=0.0)], 0)
    assert mean_db(found) == pytest.approx(57, abs=0.02)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "no sound_level of sensor 0"),
        (["{"], "line 1: no report"),
        (["[1]"], "line 1: no report"),
        ([report(0), '{"kind": "sound_level"}'], "line 2: no report"),
        ([report(0), report(5, calibrated=False)], "some levels are calibrated and some are not"),
    ],
)
def test_what_cannot_be_drawn_is_said(lines: list[str], said: str) -> None:
    with pytest.raises(ReportsError, match=said):
        read(lines, 0)


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere.jsonl", "--out", "day.png"]) == 2
    assert "nowhere.jsonl" in capsys.readouterr().err


def test_a_simulated_night_is_quiet_but_for_cars_and_the_same_from_its_seed() -> None:
    lines = list(simulated(3, 300))
    assert lines == list(simulated(3, 300))
    found = read(lines, 0)
    assert [len(run) for run in runs(found)] == [1]
    for interval in found:
        assert 30 < interval.la90_db < 40
        assert interval.la90_db <= interval.la10_db <= interval.lafmax_db
        assert interval.calibrated
