"""Recorded bytes of a serial board on disk: raw, or hexadecimal digits in lines with `#` comments."""

import re
from collections.abc import Iterator
from pathlib import Path

from edge.decoding.profile import Profile
from edge.decoding.recording import require_file
from edge.decoding.shapes import LinesCodec
from edge.domain.health import Reason
from edge.domain.stages import SourceError

_CHUNK_BYTES = 4096
_HEAD_BYTES = 65_536
_HEX_CHARACTERS = re.compile(rb"[0-9A-Fa-f\s]*(?:#.*)?")
_HEX_LINE = re.compile(rb"\s*(?:[0-9A-Fa-f]{2}\s*)*(?:#.*)?")


def is_hexadecimal(head: bytes) -> bool:
    """Whether the first bytes of a file are lines of hexadecimal digits, comments and nothing else."""
    lines = head.splitlines()
    some = any(line.split(b"#")[0].strip() for line in lines)
    return some and all(_HEX_CHARACTERS.fullmatch(line) for line in lines)


def _holds_text(head: bytes) -> bool:
    """Whether the hexadecimal digits at the beginning of a file stand for lines of text."""
    digits = b"".join(line.split(b"#")[0] for line in head.splitlines()).translate(None, b" \t\r")
    text = bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))
    return b"\n" in text and all(byte in b"\r\n\t\x02\x03" or byte >= 0x20 for byte in text)


def read_capture(path: Path, profile: Profile) -> Iterator[bytes]:
    """Yield the bytes of a capture in pieces.

    The lines of a board that speaks text may look like hexadecimal digits themselves; its capture is taken
    for hexadecimal only when text comes out, or when its name ends in `.hex`.

    Raises:
        SourceError: it cannot be read, or a line is no hexadecimal digits.
    """
    require_file(path)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        speaks_text = isinstance(profile.codec, LinesCodec)
        if path.suffix == ".hex" or (is_hexadecimal(head) and (not speaks_text or _holds_text(head))):
            for number, line in enumerate(file, 1):
                if _HEX_LINE.fullmatch(line.rstrip(b"\r\n")) is None:
                    shown = line[:40].decode("ascii", "replace").strip()
                    raise SourceError(
                        Reason.UNREADABLE,
                        f"{path}: line {number}: '{shown}' is not pairs of hexadecimal digits; correct it",
                    )
                yield bytes.fromhex(line.split(b"#")[0].decode("ascii"))
        else:
            while piece := file.read(_CHUNK_BYTES):
                yield piece
