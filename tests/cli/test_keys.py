"""The verb `keys`."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edge.cli.command import dispatch
from edge.cli.output import FINE, WRONG_USE
from edge.signing.key_store import load_key_ring


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signing.key"


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert dispatch(["keys", *arguments, "--json"]) == FINE
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_generate_then_show(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = told(capsys, "generate", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert told(capsys, "show", str(path)) == made
    assert made["public"] == str(load_key_ring(path).current.public)
    assert "PRIVATE" not in json.dumps(made)


def test_the_text_is_an_entry_of_the_citys_list_of_keys(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "lamppost.toml"
    settings.write_text('[node]\ncity = "demo-city"\nid = "lp-0001"\n')
    assert dispatch(["keys", "generate", str(path), "--config", str(settings)]) == FINE
    (entry,) = tomllib.loads(capsys.readouterr().out)["keys"]
    assert entry == {
        "source": "/lp/v1/demo-city/lp-0001",
        "public": str(load_key_ring(path).current.public),
    }


def test_a_rotation_announces_before_it_signs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = told(capsys, "generate", str(path))
    following = told(capsys, "rotate", str(path))
    assert following["public"] != old["public"]
    assert told(capsys, "rotate", str(path)) == following  # asked twice it makes no second one
    assert told(capsys, "show", str(path)) == old
    assert told(capsys, "rotate", str(path), "--activate") == following
    ring = load_key_ring(path)
    assert ring.previous is not None
    assert [str(ring.current.public), str(ring.previous.public)] == [following["public"], old["public"]]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    again = told(capsys, "rotate", str(path))
    told(capsys, "rotate", str(path), "--activate")
    third = load_key_ring(path)
    assert third.previous is not None
    assert [str(third.current.public), str(third.previous.public)] == [again["public"], following["public"]]


def test_what_goes_wrong_is_said(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [("show", "no such key"), ("rotate", "no such key")]
    for action, text in wrong:
        assert dispatch(["keys", action, str(path)]) == WRONG_USE
        assert text in capsys.readouterr().err
    told(capsys, "generate", str(path))
    assert dispatch(["keys", "generate", str(path)]) == WRONG_USE
    assert "exists already" in capsys.readouterr().err
    assert dispatch(["keys", "rotate", str(path), "--activate"]) == WRONG_USE
    assert "announce it first" in capsys.readouterr().err
    assert dispatch(["keys", "generate", str(path.parent / "no" / "folder")]) == WRONG_USE
    assert "cannot be written" in capsys.readouterr().err
