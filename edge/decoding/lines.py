"""Cutting a stream into lines of text and testing their checksums."""

import re

from edge.decoding.checksums import vaisala3, xor8
from edge.decoding.results import Rejection
from edge.decoding.scanning import INCOMPLETE, Cut
from edge.decoding.shapes import LinesCodec

_ADDRESS = re.compile(rb"[A-Z][A-Z0-9]{2,9}(?:,|$)")
_STX, _ETX = b"\x02", b"\x03"


class LinesFramer:
    """Cuts a stream at line feeds and opens the envelope with the checksum."""

    rescans = False

    def __init__(self, codec: LinesCodec, midstream: bool) -> None:
        self._max = codec.max_bytes
        self._open = {"nmea": b"$", "gill": _STX}.get(codec.checksum, b"")
        self._unwrap = {"nmea": _nmea, "gill": _gill, "vaisala": _vaisala, "none": _bare}[codec.checksum]
        # A cut line without a checksum may still look whole: '123.4' becomes '3.4'.
        self._proves_itself = codec.checksum != "none" or codec.form == "json"
        self._distrust = Rejection.SHORT if midstream and not self._proves_itself else None

    def cut(self, buffer: bytes, at: int, final: bool) -> Cut:
        """Find the next line; its body is the text inside the envelope."""
        while True:
            end = buffer.find(b"\n", at, at + self._max) + 1
            if end == 0:
                if not final or len(buffer) - at >= self._max or not self._proves_itself or at == len(buffer):
                    return self._without_end(buffer, at, final)
                end = len(buffer)
            if self._distrust is not None:
                reason, self._distrust = self._distrust, None
                return at, end, end, None, reason
            line = buffer[at:end].rstrip(b"\r\n")
            inside = line.find(self._open)
            if not line.strip() or inside >= 0:
                return self._line(line, at, at + inside, end)
            at = end

    def _line(self, line: bytes, at: int, start: int, end: int) -> Cut:
        if not line.strip():
            return at, end, end, b"", None
        body = self._unwrap(line[start - at :])
        if isinstance(body, Rejection):
            return start, end, start + 1 if self._open else end, None, body
        return start, end, end, body or b" ", None

    def _without_end(self, buffer: bytes, at: int, final: bool) -> Cut:
        """Judge what has no line feed (yet)."""
        if len(buffer) - at >= self._max:
            self._distrust = Rejection.OVERLONG
            return at, at + self._max, at + self._max, None, Rejection.OVERLONG
        if final and at < len(buffer):
            # Should the rest of the line come after all, it must not pass for a whole one.
            self._distrust = Rejection.SHORT
            return at, len(buffer), len(buffer), None, Rejection.SHORT
        return at, *INCOMPLETE


def _bare(line: bytes) -> bytes | Rejection:
    return line


def _vaisala(line: bytes) -> bytes | Rejection:
    return line[:-3] if vaisala3(line[:-3]) == line[-3:] else Rejection.CHECKSUM


def _hex_byte(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return b""


def _nmea(line: bytes) -> bytes | Rejection:
    body, star, told = line[1:].rpartition(b"*")
    # An exclusive or is weak: the end of a sentence behind a damaged comma can have the same.
    return _checked(body, star, told) if _ADDRESS.match(body) or not star else Rejection.CONTENT


def _gill(line: bytes) -> bytes | Rejection:
    body, etx, told = line[1:].partition(_ETX)
    return _checked(body, etx, told)


def _checked(body: bytes, end: bytes, told: bytes) -> bytes | Rejection:
    if not end or len(told) != 2:
        return Rejection.TAIL
    return body if xor8(body) == _hex_byte(told) else Rejection.CHECKSUM
