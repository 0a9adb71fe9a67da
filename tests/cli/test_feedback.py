"""`lamppost feedback`: reports, forgets, tells; `doctor` says what it led to."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge.cli.command import dispatch
from edge.cli.output import BROKEN, FINE, FOUND_PROBLEM, WRONG_USE

SETTINGS = """
[node]
city = "test"
id = "lp-1"

[sources.microphone]

[detectors.impulse]

[detectors.street_sound]
false_alarms = "state/false_alarms.json"
false_alarm_budget = 1
"""


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    path = tmp_path / "lamppost.toml"
    path.write_text(SETTINGS)
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    code = dispatch(["feedback", *map(str, arguments), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def test_from_the_first_false_alarm_to_the_reset(
    settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ("--config", settings_file)
    assert told(capsys, "status", *config)[0] == FINE
    assert told(capsys, "false-alarm", *config)[1]["demoted"] is False
    expected = {"demoted": True, "false_alarms": 2, "budget": 1, "budget_days": 7.0}
    assert told(capsys, "false-alarm", *config) == (FINE, expected)
    assert told(capsys, "status", *config)[0] == FOUND_PROBLEM
    assert (settings_file.parent / "state" / "false_alarms.json").is_file()
    assert dispatch(["feedback", "status", *map(str, config)]) == FOUND_PROBLEM
    assert capsys.readouterr().out.startswith("demoted: bangs are told as unclear until a reset")
    dispatch(["doctor", *map(str, config), "--json"])
    checks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (check,) = [check for check in checks if check["what"] == "false alarms"]
    assert check["ok"] is False
    assert "lamppost feedback reset" in check["advice"]
    assert told(capsys, "reset", *config)[1]["false_alarms"] == 0
    assert told(capsys, "status", *config)[0] == FINE


def test_settings_that_name_no_bangs(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings_file.write_text(SETTINGS[: SETTINGS.index("[detectors.street_sound]")])
    assert dispatch(["feedback", "status", "--config", str(settings_file)]) == WRONG_USE
    assert "has no [detectors.street_sound]" in capsys.readouterr().err


def test_a_state_folder_that_is_none(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (settings_file.parent / "state").write_text("")
    assert dispatch(["feedback", "false-alarm", "--config", str(settings_file)]) == BROKEN
    assert "is this the right user?" in capsys.readouterr().err
