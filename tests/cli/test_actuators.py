"""`lamppost actuators` sets the safe state, shows the scenes, and says what does not work."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge.cli.command import dispatch
from edge.cli.output import FINE, FOUND_PROBLEM, WRONG_USE


def run(capsys: pytest.CaptureFixture[str], folder: Path, section: str, *words: str) -> tuple[int, list[Any]]:
    path = folder / "lamppost.toml"
    path.write_text(f'[node]\ncity = "test"\nid = "lp-1"\n{section}')
    code = dispatch(["actuators", *words, "--config", str(path), "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_normal_sets_the_normal_light(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    chip = tmp_path / "pwmchip0"
    (chip / "pwm0").mkdir(parents=True)
    for name in ("period", "duty_cycle", "enable"):
        (chip / "pwm0" / name).write_text("0")
    code, (said,) = run(capsys, tmp_path, f'[actuators.pwm_lamp]\nchip = "{chip}"', "normal")
    assert code == FINE
    assert said == {"what": "lamp pwm_lamp", "ok": True, "detail": "set to 60 %", "advice": ""}
    assert (chip / "pwm0" / "duty_cycle").read_text() == "600000"


def test_a_lamp_that_is_not_there_is_a_problem(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    section = f'[actuators.pwm_lamp]\nchip = "{tmp_path / "none"}"'
    code, (said,) = run(capsys, tmp_path, section, "normal")
    assert (code, said["ok"]) == (FOUND_PROBLEM, False)
    assert "dtoverlay=pwm" in said["advice"]
    code, told = run(capsys, tmp_path, section, "test", "--seconds", "0.3")
    assert code == FOUND_PROBLEM
    assert any("no PWM device" in row.get("detail", "") for row in told)


def test_test_shows_every_scene(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, told = run(capsys, tmp_path, "[actuators.simulated_lamp]", "test", "--seconds", "2.2")
    assert code == FINE
    assert [row["scene"] for row in told if "scene" in row] == ["bright", "guide", "calm", "normal"]


def test_settings_without_actuators_are_wrong_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, tmp_path, "", "normal")[0] == WRONG_USE
