"""`lamppost bench` measures; how fast this machine is, is not a test."""

import json

import pytest

from edge.cli.command import dispatch
from edge.cli.output import FINE, WRONG_USE

SHORT = ["bench", "--minutes", "0.2", "--latency-seconds", "8"]


def test_every_figure_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch([*SHORT, "--json"]) == FINE
    figures = json.loads(capsys.readouterr().out)
    assert figures["input_s"] == 12
    assert [lane["lane"] for lane in figures["lanes"]] == ["lane-microphone", "lane-camera", "lane-air"]
    assert all(lane["cpu_s"] > 0 for lane in figures["lanes"])
    assert figures["times_real_time"] > 0
    assert figures["reports"] > 5
    assert 0 < figures["rss_early_mb"] <= figures["rss_peak_mb"]
    assert 0 < figures["latency_median_s"] <= figures["latency_worst_s"]


def test_a_latency_without_a_bang_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["bench", "--latency-seconds", "1"]) == WRONG_USE
    assert "at least 8" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["bench", "--minutes"], ["demo", "--seconds"]])
@pytest.mark.parametrize("wrong", ["0", "-1", "nan", "inf", "soon"])
def test_lengths_that_never_end_are_refused(
    verb: list[str], wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        dispatch([verb[0], f"{verb[1]}={wrong}"])
    assert stopped.value.code == WRONG_USE
    assert f"'{wrong}' is not a number above 0" in capsys.readouterr().err


def test_people_get_a_table() -> None:
    from edge.cli.bench import Figures, LaneFigure, _print

    figures = Figures(60, 5, 4, 15, 9, 100, 101, 102, 0.2, 0.3, (LaneFigure("lane-air", 60, 0.1, 600),))
    _print(figures, one_core=True)
