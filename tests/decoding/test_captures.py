"""Recorded bytes: raw or hexadecimal text."""

from pathlib import Path

import pytest

from edge.decoding.captures import is_hexadecimal, read_capture
from edge.decoding.catalogue import load_known
from edge.domain.health import Reason
from edge.domain.stages import SourceError

SDS011 = load_known("nova_sds011")
CSV = load_known("generic_csv")
FRAME = bytes.fromhex("aac0d4043a0aa1601dab")


def read(path: Path, profile: object = SDS011) -> bytes:
    return b"".join(read_capture(path, profile))  # type: ignore[arg-type]  # a Profile, for short


@pytest.mark.parametrize(
    "text",
    [
        "aac0d4043a0aa1601dab\n",
        "AA C0 D4 04 3A 0A A1 60 1D AB",
        "# a capture of a street\naac0d404 # first\r\n\r\n  3a0aa1601dab\n",
        "aa\nc0\nd4043a0aa1601d\nab",
    ],
)
def test_hexadecimal_text_in_all_its_forms(text: str, tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_text(text)
    assert read(path) == FRAME


def test_raw_bytes(tmp_path: Path) -> None:
    path = tmp_path / "capture.bin"
    path.write_bytes(FRAME * 1000)
    assert read(path) == FRAME * 1000


def test_text_of_a_text_board_is_raw_unless_it_says_hex(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    path.write_text("12\n34\n")
    assert read(path, CSV) == b"12\n34\n"
    path.write_text("# rows\n" + b"12.5,20,3,81\n".hex(" ") + "\n")
    assert read(path, CSV) == b"12.5,20,3,81\n"
    path = tmp_path / "rows.hex"
    path.write_text("3132 0a")
    assert read(path, CSV) == b"12\n"


@pytest.mark.parametrize(("text", "line"), [("aac0\naac\n", 2), ("a\n", 1), ("aac0 d\n", 1)])
def test_half_a_pair_names_its_line(text: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "capture.hex"
    path.write_text(text)
    with pytest.raises(SourceError, match=f"line {line}: .* is not pairs") as caught:
        read(path)
    assert caught.value.reason is Reason.UNREADABLE


def test_comments_alone_are_no_hexadecimal_capture() -> None:
    assert not is_hexadecimal(b"# nothing\n\n")
    assert not is_hexadecimal(b"")
    assert not is_hexadecimal(b"aac0\nhello\n")


def test_what_is_no_capture(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a directory"):
        read(tmp_path)
    with pytest.raises(SourceError, match="no such file"):
        read(tmp_path / "none")
    (tmp_path / "empty").touch()
    with pytest.raises(SourceError, match="is empty"):
        read(tmp_path / "empty")
