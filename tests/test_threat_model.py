"""The threat model and the page for the privacy officer say what is true: tests, links and commands exist."""

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from edge.cli.command import dispatch
from edge.domain.reports import REPORT_MODELS

ROOT = Path(__file__).resolve().parents[1]
MODEL = (ROOT / "docs" / "threat-model.md").read_text()
OFFICER = (ROOT / "docs" / "privacy.md").read_text()


@cache
def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds) and node.name.startswith("test_")}


def rows(heading: str) -> list[list[str]]:
    table = MODEL.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_mitigation_names_a_test_that_exists() -> None:
    mitigations = rows("What is done about it")
    assert len(mitigations) > 20
    for threat, _, named in mitigations:
        tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", named)
        assert tests, f"no test is named for: {threat}"
        for file, test in tests:
            assert test in names_in(ROOT / file), f"{file} has no {test}; docs/threat-model.md names it"


@pytest.mark.parametrize("page", ["threat-model.md", "privacy.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (ROOT / "docs" / target).exists(), target


def test_the_commands_on_the_officers_page_exist(capsys: pytest.CaptureFixture[str]) -> None:
    commands = [
        shlex.split(line, comments=True) for line in re.findall(r"^lamppost .*$", OFFICER, re.MULTILINE)
    ]
    assert {command[1] for command in commands} == {"keys", "privacy"}
    for _, verb, action, *_ in commands:
        with pytest.raises(SystemExit) as left:
            dispatch([verb, action, "--help"])
        assert left.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_what_is_never_done_is_in_no_report() -> None:
    fields = {name for model in REPORT_MODELS.values() for name in model.model_fields}
    never = (
        "face",
        "plate",
        "voiceprint",
        "phone",
        "mac",
        "bluetooth",
        "wifi",
        "gait",
        "emotion",
        "risk",
        "speech",
    )
    assert not [name for name in fields for word in never if word in name.split("_")]
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    for word in ("Bluetooth", "number plates", "faces", "voice", "risk"):
        assert word in contributing
        assert word.lower() in MODEL.lower()
