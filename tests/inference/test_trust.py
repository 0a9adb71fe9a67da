"""False alarms that people reported: counted, kept, forgotten, and never half written."""

from pathlib import Path

import pytest

from edge.inference.trust import TrustError, false_alarms, judge, overspent, report_false_alarm, reset

DAY = 86_400
NS = 1_000_000_000


@pytest.mark.parametrize(
    ("days", "budget", "expected"),
    [
        ([], 0, False),
        ([1], 0, True),
        ([1, 2, 3], 3, False),
        ([1, 2, 3, 4], 3, True),
        ([1, 5, 9, 13], 3, False),  # never four within seven days
        ([1, 20, 21, 22, 23, 60], 3, True),  # once is enough, however long ago
    ],
)
def test_more_than_the_budget_within_the_window(days: list[int], budget: int, expected: bool) -> None:
    assert overspent(tuple(day * DAY for day in days), budget, 7) is expected


def test_what_was_reported_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "false_alarms.json"
    assert false_alarms(path) == ()
    report_false_alarm(path, 2000 * NS)
    report_false_alarm(path, 1000 * NS)  # the clock was set back
    assert false_alarms(path) == (1000, 2000)
    assert judge(path, 1, 7).demoted
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    reset(path)
    assert false_alarms(path) == ()
    assert not judge(path, 0, 7).demoted


def test_the_file_does_not_grow_without_end(tmp_path: Path) -> None:
    path = tmp_path / "false_alarms.json"
    path.write_text('{"false_alarms_utc_s": [' + ", ".join(map(str, range(1000))) + "]}")
    assert len(report_false_alarm(path, 10**6 * NS)) == 1000


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"false_alarms_utc_s": 3}', '{"false_alarms_utc_s": ["x"]}', "\xff"]
)
def test_a_broken_file_is_said_and_a_reset_mends_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "false_alarms.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(TrustError, match=r"false_alarms\.json: not a list of false alarms"):
        false_alarms(path)
    with pytest.raises(TrustError):
        report_false_alarm(path, NS)
    verdict = judge(path, 3, 7)
    assert verdict.demoted
    assert "begins it anew" in verdict.detail
    reset(path)
    assert not judge(path, 3, 7).demoted


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrustError, match="is this the right user"):
        report_false_alarm(tmp_path / "file" / "false_alarms.json", NS)
