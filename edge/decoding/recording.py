"""What is wrong with a recording on disk, as far as its first and last bytes tell."""

import struct
from pathlib import Path

from edge.domain.health import Reason
from edge.domain.stages import SourceError

_EDGE_BYTES = 65_536
# An encoder that writes into a pipe leaves the size open with one of these.
_OPEN_SIZES = (0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF)
_OGG_HEADER_BYTES = 27
_OGG_LAST_PAGE = 0x04


def require_file(path: Path) -> None:
    """Raise SourceError unless `path` is a file with something in it that this process may read."""
    if path.is_dir():
        raise SourceError(Reason.UNREADABLE, f"{path}: is a directory; give a file inside it")
    if not path.exists():
        raise SourceError(Reason.UNREADABLE, f"{path}: no such file; check the path")
    if not path.is_file():
        raise SourceError(Reason.UNREADABLE, f"{path}: is not a regular file; give a recording")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise SourceError(Reason.NO_PERMISSION, f"{path}: {error.strerror}; check its permissions") from error
    if empty:
        raise SourceError(Reason.UNREADABLE, f"{path}: is empty; give a recording")


def edges(path: Path) -> tuple[bytes, bytes, int]:
    """Return the first and the last 64 KiB of a file and its size in bytes. Raises OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_EDGE_BYTES)
        file.seek(max(0, size - _EDGE_BYTES))
        return head, file.read(_EDGE_BYTES), size


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file are plain ASCII text, which some decoders would happily animate."""
    return bool(head) and all(byte in b"\t\n\r\x1b" or 0x20 <= byte < 0x7F for byte in head)


def is_cut_sound(head: bytes, tail: bytes, size: int) -> bool:
    """Whether a WAV or an Ogg file ends before its own header or its last page says; others: False.

    Args:
        head: its first bytes.
        tail: its last bytes.
        size: of the file, bytes.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _is_cut_wav(head, size)
    if head[:4] == b"OggS":
        return _is_cut_ogg(tail)
    return False


def _is_cut_wav(head: bytes, size: int) -> bool:
    position = 12
    while position + 8 <= len(head):
        name, length = struct.unpack_from("<4sI", head, position)
        position += 8
        if name == b"data":
            return length not in _OPEN_SIZES and position + length > size
        position += length + length % 2
    return position > size


def _is_cut_ogg(tail: bytes) -> bool:
    # RFC 3533, section 6: page header, then one length per segment, then the segments.
    start = tail.rfind(b"OggS")
    header = tail[start : start + _OGG_HEADER_BYTES]
    if start < 0 or len(header) < _OGG_HEADER_BYTES:
        return True
    lengths = tail[start + _OGG_HEADER_BYTES :][: header[26]]
    page_bytes = _OGG_HEADER_BYTES + header[26] + sum(lengths)
    return not header[5] & _OGG_LAST_PAGE or start + page_bytes > len(tail)
