"""The verb `events`."""

import io
import json
import sys
from pathlib import Path

import pytest

from edge.cli.command import dispatch
from edge.cli.output import FINE, FOUND_PROBLEM, WRONG_USE
from edge.signing.events import seal
from edge.signing.key_list import key_list_entry
from edge.signing.keys import PrivateKey

KEY = PrivateKey.generate()
SOURCE = "/lp/v1/utrecht/pole-7"


def signed(count: int) -> list[str]:
    lines, previous = [], None
    for number in range(1, count + 1):
        event = {
            "source": SOURCE,
            "type": "org.lamppost-edge.impulse.v1",
            "sequence": f"{number:016d}",
            "data": {"impulses": number},
        }
        sealed = seal(event, KEY, previous)
        previous = sealed.fingerprint
        lines.append(sealed.payload.decode())
    return lines


@pytest.fixture
def keys(tmp_path: Path) -> str:
    path = tmp_path / "keys.toml"
    path.write_text(key_list_entry(SOURCE, KEY.public))
    return str(path)


def verify(path: Path, lines: list[str], keys: str, *more: str) -> int:
    path.write_text("\n".join([*lines, ""]))
    return dispatch(["events", "verify", str(path), "--keys", keys, *more])


def test_authentic_and_complete(tmp_path: Path, keys: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(tmp_path / "received", signed(5), keys) == FINE
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "5 messages of 1 lamppost: all authentic, none missing\n"


def test_each_problem_is_a_line(tmp_path: Path, keys: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = signed(6)
    lines[4] = lines[4].replace('"impulses":5', '"impulses":6')
    del lines[2]
    assert verify(tmp_path / "received", lines, keys) == FOUND_PROBLEM
    out, err = capsys.readouterr()
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["PROBLEM", "gap"],
        ["PROBLEM", "bad_signature"],
        ["PROBLEM", "gap"],
    ]
    assert f"{SOURCE} 5: was altered, or somebody else wrote it" in out
    assert "1 problems, 2 numbers missing" in err


def test_json(tmp_path: Path, keys: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = signed(5)
    assert verify(tmp_path / "received", [*lines[:2], *lines[3:], lines[2]], keys, "--json") == FINE
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [t.get("finding") for t in told] == ["gap", "late", None]
    assert told[-1] == {"checked": 5, "lampposts": 1, "problems": 0, "missing": 0, "newest": {SOURCE: 5}}


def test_what_mosquitto_sub_prints(
    keys: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = SOURCE.removeprefix("/")
    lines = [f"{topic}/event/impulse {line}" for line in signed(3)]
    lines.insert(1, f'{topic}/state {{"online":true}}')
    lines.insert(2, '{"online":true}')
    stdin = io.TextIOWrapper(io.BytesIO("\n".join(lines).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert dispatch(["events", "verify", "--keys", keys]) == FINE
    assert "3 messages" in capsys.readouterr().err


def test_a_check_goes_on_where_the_last_one_ended(
    tmp_path: Path, keys: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, state = signed(200), str(tmp_path / "state")
    assert verify(tmp_path / "received", lines[:150], keys, "--state", state) == FINE
    assert verify(tmp_path / "received", lines[150:], keys, "--state", state) == FINE
    assert verify(tmp_path / "received", lines[:1], keys, "--state", state) == FOUND_PROBLEM
    assert "replay" in capsys.readouterr().out


def test_wrong_use_is_said(tmp_path: Path, keys: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(tmp_path / "received", signed(1), str(tmp_path / "no_keys")) == WRONG_USE
    assert "give the city's list of keys" in capsys.readouterr().err
    assert dispatch(["events", "verify", str(tmp_path / "nothing"), "--keys", keys]) == WRONG_USE
    assert "no such file" in capsys.readouterr().err
    (tmp_path / "state").write_text("rubbish")
    assert verify(tmp_path / "received", signed(1), keys, "--state", str(tmp_path / "state")) == WRONG_USE
    assert verify(tmp_path / "received", signed(1), keys, "--state", "/proc/no/state") == WRONG_USE
    assert verify(tmp_path / "received", [], keys) == FOUND_PROBLEM
    assert "nothing came" in capsys.readouterr().err
