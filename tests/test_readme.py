"""What the README tells a newcomer to type is there and does what it says."""

import json
import re
import shlex
from pathlib import Path

import pytest

from edge.cli.command import dispatch, verbs
from edge.cli.output import FINE
from edge.domain.reports import REPORT

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_every_verb_in_the_table_exists() -> None:
    named = set(re.findall(r"`lamppost (\w+)", README))
    assert named
    assert named <= set(verbs())


def test_every_verb_is_in_the_table() -> None:
    table = README.partition("## Commands")[2].partition("## ")[0]
    assert {verb for verb in verbs() if f"lamppost {verb}" not in table} == set()


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_every_script_exists() -> None:
    for script in re.findall(r"\./scripts/(\w+)", README):
        assert (ROOT / "scripts" / script).is_file()


def test_the_report_shown_is_a_report() -> None:
    shown = json.loads(README.partition("```json\n")[2].partition("\n```")[0])
    assert REPORT.validate_python(shown["data"]).kind == "impulse"


def test_the_settings_that_a_newcomer_writes_are_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    block = README.partition("## Connect real devices\n\n```sh\n")[2].partition("```")[0]
    commands = [shlex.split(line, comments=True)[1:] for line in block.splitlines()]
    assert [command[0] for command in commands] == ["config", "config", "keys", "doctor", "run"]
    assert [dispatch(command) for command in commands[:3]] == [FINE, FINE, FINE]
    dispatch(commands[3])  # what it finds depends on the machine
    assert "settings" in capsys.readouterr().out
