"""The verb `profiles`."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge.cli.command import dispatch
from edge.cli.output import BROKEN, FINE, FOUND_PROBLEM, WRONG_USE
from edge.decoding.catalogue import find, shipped_paths

CAPTURE = """\
aac0d4043a0aa1601dab # a good one
aac0d4043a0aa16000ab # a damaged one
aac000000000546fc3ab # zero is a value
"""


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "street.hex"
    path.write_text(CAPTURE)
    return path


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(find("nova_sds011").read_text().replace("pm2_5 = 123.6", "pm2_5 = 99"))
    return path


def test_list_shows_every_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["profiles", "list", "--json"]) == FINE
    rows = lines(capsys.readouterr().out)
    assert [row["id"] for row in rows] == [path.stem for path in shipped_paths()]
    sds011 = next(row for row in rows if row["id"] == "nova_sds011")
    assert sds011["measures"] == ["pm2_5_ugm3", "pm10_ugm3"]
    assert not sds011["experimental"]
    assert dispatch(["profiles", "list"]) == FINE
    assert "experimental" in capsys.readouterr().out


def test_list_names_a_broken_profile_and_shows_the_others(
    broken: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (broken.parent / "good.toml").write_text(find("nova_sds011").read_text())
    monkeypatch.setattr("edge.decoding.catalogue.shipped", lambda _: broken.parent)
    assert dispatch(["profiles", "list", "--json"]) == FOUND_PROBLEM
    out, err = capsys.readouterr()
    assert [row["id"] for row in lines(out)] == ["nova_sds011"]
    assert "mine.toml: examples[0]: pm2_5 is 123.6, not 99" in err


def test_json_may_stand_before_the_action(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["profiles", "--json", "show", "nova_sds011"]) == FINE
    shown = lines(capsys.readouterr().out)
    assert shown[0]["schema"] == 1
    assert shown[0]["codec"]["start"] == "aa"


def test_show_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["profiles", "show", "spec_dgs2_o3"]) == FINE
    out = capsys.readouterr().out
    assert "line: 9600 Bd, 8N1, codec lines" in out
    assert "experimental: no capture" in out
    assert "indicative: its cells" in out
    assert "±15%" in out
    assert dispatch(["profiles", "show", "gill_gmx300"]) == FINE
    assert "board must have: the columns" in capsys.readouterr().out


def test_without_a_name_all_profiles_are_tested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("nova_sds011", "plantower_pms3003"):
        (tmp_path / f"{name}.toml").write_text(find(name).read_text())
    monkeypatch.setattr("edge.decoding.catalogue.shipped", lambda _: tmp_path)
    assert dispatch(["profiles", "test", "--json"]) == FINE
    assert lines(capsys.readouterr().out) == [
        {"profile": "nova_sds011", "ok": True, "examples": 7, "problems": []},
        {"profile": "plantower_pms3003", "ok": True, "examples": 2, "problems": []},
    ]


def test_a_profile_that_fails_its_examples(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["profiles", "test", str(broken), "--json"]) == FOUND_PROBLEM
    assert lines(capsys.readouterr().out) == [
        {"profile": "mine", "ok": False, "examples": 0, "problems": ["examples[0]: pm2_5 is 123.6, not 99.0"]}
    ]
    assert dispatch(["profiles", "test", str(broken)]) == FOUND_PROBLEM
    assert "not 99" in capsys.readouterr().out


def test_a_profile_that_lets_a_flipped_bit_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "loose.toml"
    text = find("nova_sds011").read_text().replace("over = [2, 8]", "over = [3, 8]")
    # The checksums of the examples no longer cover the first byte of PM2.5.
    for old, new in (("1dab", "49ab"), ("1dac", "49ac"), ("28ab", "21ab"), ("03ab", "01ab")):
        text = text.replace(old, new)
    path.write_text(text.replace("6f cb ab", "6f c5 ab").replace("a160 1d", "a160 49"))
    assert dispatch(["profiles", "test", str(path), "--json"]) == FOUND_PROBLEM
    problems = lines(capsys.readouterr().out)[0]["problems"]
    assert "examples[0]: bit 0 of byte 2 may flip unseen" in problems


def test_decode_prints_one_object_per_message(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["profiles", "decode", "nova_sds011", str(capture), "--json"]) == FINE
    out, err = capsys.readouterr()
    first, damaged, zero = lines(out)
    assert first["message"] == "data"
    assert first["values"] == {"pm2_5_ugm3": 123.6, "pm10_ugm3": 261.8}
    assert first["absent"] == {}
    assert first["flags"] == []
    assert first["offset"] == 0
    assert damaged == {"rejected": "checksum", "offset": 10, "bytes": 10}
    assert zero["values"] == {"pm2_5_ugm3": 0.0, "pm10_ugm3": 0.0}
    assert "2 messages of Nova Fitness SDS011" in err
    assert "rejected: 1 checksum" in err


def test_decode_for_people(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["profiles", "decode", "nova_sds011", str(capture)]) == FINE
    out = capsys.readouterr().out
    assert "rejected: checksum, 10 bytes" in out
    assert "pm2_5_ugm3 123.6" in out


def test_decode_of_many_shows_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "long.bin"
    path.write_bytes(bytes.fromhex("aac0d4043a0aa1601dab") * 250)
    assert dispatch(["profiles", "decode", "nova_sds011", str(path)]) == FINE
    assert "50 more; --json shows them all" in capsys.readouterr().err


def test_decode_of_nothing_but_noise_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "noise.bin"
    path.write_bytes(bytes(40))
    assert dispatch(["profiles", "decode", "nova_sds011", str(path), "--json"]) == FOUND_PROBLEM
    assert lines(capsys.readouterr().out) == [{"rejected": "noise", "offset": 0, "bytes": 40}]


def test_a_profile_may_be_a_path(capture: Path) -> None:
    assert dispatch(["profiles", "decode", str(find("nova_sds011")), str(capture), "--json"]) == FINE


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "nova_sds"], "did you mean 'nova_sds011'"),
        (["decode", "sds11", "x"], "did you mean 'nova_sds011'"),
        (["test", "qqqq"], "no profile 'qqqq'"),
        (["show", "none.toml"], "none.toml: no such file"),
        (["decode", "nova_sds011", "none.bin"], "none.bin: no such file"),
        (["decode", "nova_sds011", "/"], "is a directory"),
    ],
)
def test_wrong_use_is_one_clear_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["profiles", *words]) == WRONG_USE
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_a_broken_profile_is_not_used(
    broken: Path, capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["profiles", "decode", str(broken), str(capture)]) == WRONG_USE
    assert "examples[0]: pm2_5 is 123.6, not 99" in capsys.readouterr().err


def test_a_capture_that_breaks_off_in_half_a_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cut.hex"
    path.write_text("aac0d4043a0aa1601dab\naac\n")
    assert dispatch(["profiles", "decode", "nova_sds011", str(path), "--json"]) == BROKEN
    out, err = capsys.readouterr()
    assert len(lines(out)) == 1
    assert "line 2: 'aac' is not pairs" in err
