import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge.decoding.recording import edges, is_cut_sound, is_text, require_file
from edge.domain.health import Reason
from edge.domain.stages import SourceError


def sound(path: Path, subtype: str) -> bytes:
    soundfile.write(path, np.random.default_rng(0).uniform(-0.1, 0.1, 48_000), 48_000, subtype=subtype)
    return path.read_bytes()


@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "PCM_16"), ("a.wav", "FLOAT"), ("a.ogg", "VORBIS")])
def test_a_whole_recording_is_whole_and_each_part_of_it_is_cut(
    tmp_path: Path, name: str, subtype: str
) -> None:
    whole = sound(tmp_path / name, subtype)
    (tmp_path / name).write_bytes(whole)
    assert not is_cut_sound(*edges(tmp_path / name))
    for share in (0.3, 0.7, 0.99):
        (tmp_path / name).write_bytes(whole[: round(len(whole) * share)])
        assert is_cut_sound(*edges(tmp_path / name))


def test_a_last_byte_missing_shows(tmp_path: Path) -> None:
    for name, subtype in (("a.wav", "PCM_16"), ("a.ogg", "VORBIS")):
        whole = sound(tmp_path / name, subtype)
        (tmp_path / name).write_bytes(whole[:-1])
        assert is_cut_sound(*edges(tmp_path / name))


def test_a_wav_from_a_pipe_promises_nothing(tmp_path: Path) -> None:
    whole = sound(tmp_path / "a.wav", "PCM_16")
    at = whole.index(b"data") + 4
    piped = whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]
    assert not is_cut_sound(piped[:65_536], b"", len(piped))


def test_a_wav_that_ends_in_its_header_is_cut() -> None:
    assert is_cut_sound(b"RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00", b"", 22)


@pytest.mark.parametrize("head", [b"", b"fLaC", b"RIFF", b"\x00" * 100])
def test_what_it_does_not_know_it_does_not_call_cut(head: bytes) -> None:
    assert not is_cut_sound(head, head, len(head))


def test_an_ogg_whose_last_page_is_lost_is_cut() -> None:
    assert is_cut_sound(b"OggS", b"no page here", 16)
    assert is_cut_sound(b"OggS", b"OggS\x00\x04", 6)


def test_text_is_told_from_media() -> None:
    assert is_text(b"frame,track\n1,2\n")
    assert not is_text(b"RIFF\x00\x10")
    assert not is_text(b"")


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, said in (
        ("absent", "no such file"),
        ("", "is a directory"),
        ("empty", "is empty"),
        ("pipe", "not a regular"),
    ):
        with pytest.raises(SourceError, match=said) as caught:
            require_file(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert caught.value.reason is Reason.UNREADABLE


def test_a_file_without_permission_is_told_from_a_bad_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "shut").write_bytes(b"x")
    # Root may read everything, so the refusal is made here.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SourceError, match="Permission denied; check its permissions") as caught:
        require_file(tmp_path / "shut")
    assert caught.value.reason is Reason.NO_PERMISSION
