"""`lamppost profiles capture` on a pseudo-terminal, and the page that adds a board with it."""

import json
import os
import re
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.cli.command import dispatch
from edge.cli.output import BROKEN, FINE, FOUND_PROBLEM, WRONG_USE
from edge.decoding.catalogue import load

PAGE = Path(__file__).parents[2] / "docs" / "add-a-board.md"
SDS = bytes.fromhex("aac0d4043a0aa1601dab")


@contextmanager
def spoken(*sayings: bytes, answer: Callable[[bytes], bytes] | None = None) -> Iterator[str]:
    """A board at the other end of a port: says its sayings, one each 0.12 s, or answers."""
    board, own = os.openpty()
    tty.setraw(own)
    stop = threading.Event()

    def run() -> None:
        while termios.tcgetattr(own)[6][termios.VMIN] != 0 and not stop.wait(0.01):
            pass  # not opened yet
        stop.wait(0.1)
        for saying in sayings:
            os.write(board, saying)
            stop.wait(0.12)
        os.set_blocking(board, False)
        while answer is not None and not stop.wait(0.02):
            try:
                asked = os.read(board, 100)
            except BlockingIOError:
                continue
            os.write(board, answer(asked))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield os.ttyname(own)
    finally:
        stop.set()
        thread.join()
        os.close(board)
        os.close(own)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_it_records_what_decode_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sds.hex"
    frames = [SDS, bytes.fromhex("aac000000000546fc3ab"), bytes.fromhex("aac0d5043b0aa1601fab"), SDS]
    with spoken(*frames) as port:
        code = dispatch(["profiles", "capture", port, "--output", str(path), "--seconds", "1", "--json"])
    out = json.loads(capsys.readouterr().out)
    assert code == FINE
    assert out["size"] == 40
    assert out["profiles"][0] == ["nova_sds011", 4, 0]
    written = path.read_text()
    assert written.startswith("# 9600 8N1, from 2")
    assert re.search(r"^aac0d4043a0aa1601dab # \d+\.\d{3} s$", written, re.MULTILINE)
    assert dispatch(["profiles", "decode", "nova_sds011", str(path), "--json"]) == FINE
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_board_that_must_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[bytes] = []

    def answer(command: bytes) -> bytes:
        asked.append(command)
        return bytes.fromhex("ff86027c42000000ba")

    words = ["--output", str(tmp_path / "co2.hex"), "--seconds", "0.9", "--send", "ff0186000000000079"]
    with spoken(answer=answer) as port:
        assert dispatch(["profiles", "capture", port, *words, "--every", "0.4"]) == FINE
    assert b"".join(asked).hex() in {"ff0186000000000079" * n for n in (2, 3)}
    out = capsys.readouterr().out
    assert "profile winsen_mhz19 accepts" in out
    assert "frames do not identify a board" in out


def test_it_stops_at_its_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "much.bin"
    began_s = time.monotonic()
    with spoken(bytes(range(256)) * 4) as port:
        words = ["--output", str(path), "--seconds", "30", "--max-kb", "1"]
        assert dispatch(["profiles", "capture", port, *words]) == FINE
    assert time.monotonic() - began_s < 10
    assert "1024 bytes" in capsys.readouterr().out


def test_a_board_that_is_pulled_out_leaves_what_was_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sds.hex"
    board, own = os.openpty()
    tty.setraw(own)
    port = os.ttyname(own)

    def speak_and_go() -> None:
        while termios.tcgetattr(own)[6][termios.VMIN] != 0:
            time.sleep(0.01)
        time.sleep(0.1)
        os.write(board, SDS)
        time.sleep(0.3)
        os.close(board)
        os.close(own)

    thread = threading.Thread(target=speak_and_go)
    thread.start()
    assert dispatch(["profiles", "capture", port, "--output", str(path), "--seconds", "20"]) == FINE
    thread.join()
    assert "what came until now is kept" in capsys.readouterr().err
    assert SDS.hex() in path.read_text()


def test_silence_is_a_problem_with_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with spoken() as port:
        words = ["--output", str(tmp_path / "none.hex"), "--seconds", "0.3"]
        assert dispatch(["profiles", "capture", port, *words]) == FOUND_PROBLEM
    assert "some boards must be asked: --send" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["/dev/null-port", "--output", "a.hex"], BROKEN, "no such port"),
        (["/dev/null", "--output", "there.hex"], WRONG_USE, "there.hex: exists already"),
        (["/dev/null", "--send", "ff01870000000078"], WRONG_USE, "is never sent: zero calibration"),
        (["/dev/null", "--send", "xyz"], WRONG_USE, "give pairs of hexadecimal digits"),
        (["/dev/null", "--baud", "1"], WRONG_USE, "--baud 1: "),
        (["/dev/null", "--profile", "sds"], WRONG_USE, "did you mean 'nova_sds011'"),
    ],
)
def test_wrong_use(
    words: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.hex").touch()
    assert dispatch(["profiles", "capture", *words]) == code
    assert message in capsys.readouterr().err


class TestPage:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "m1.hex").write_text(blocks("text")[0])
        (tmp_path / "example_m1.toml").write_text(blocks("toml")[0])
        return tmp_path

    def test_the_profile_holds(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert load(folder / "example_m1.toml").id == "example_m1"
        assert dispatch(["profiles", "test", str(folder / "example_m1.toml")]) == FINE
        assert "ok" in capsys.readouterr().out

    def test_decode_says_what_the_page_says(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["profiles", "decode", str(folder / "example_m1.toml"), str(folder / "m1.hex"), "--json"]
        assert dispatch(words) == FINE
        said: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert said == [json.loads(line) for line in blocks("json")[0].splitlines()]

    def test_capture_sees_what_the_page_says(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        lines = blocks("text")[0].splitlines()[1:]
        with spoken(*(bytes.fromhex(line.split("#")[0]) for line in lines)) as port:
            again = str(folder / "again.hex")
            assert dispatch(["profiles", "capture", port, "--output", again, "--seconds", "1.2"]) == FINE
        out = capsys.readouterr().out
        for line in blocks("text")[1].splitlines():
            assert line in out

    def test_the_settings_take_the_profile(self, folder: Path) -> None:
        from edge.runtime.settings import load_settings

        detectors = "[detectors.weather]\n"
        (folder / "lamppost.toml").write_text(
            '[node]\ncity = "c"\nid = "lp"\n' + blocks("toml")[1] + detectors
        )
        settings = load_settings(folder / "lamppost.toml", environment={})
        assert [entry.name for entry in settings.of("sources")] == ["meadow"]
