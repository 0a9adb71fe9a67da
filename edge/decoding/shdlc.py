"""SHDLC framing: flags 7E, byte stuffing (Sensirion/python-shdlc-driver, serial_frame_builder.py)."""

import re

from edge.decoding.checksums import inv8
from edge.decoding.results import Rejection
from edge.decoding.scanning import INCOMPLETE, Cut
from edge.decoding.shapes import SHDLC_MAX_RAW_BYTES, ShdlcCodec

FLAG = b"\x7e"
_ESCAPED = {0x5E: b"\x7e", 0x5D: b"\x7d", 0x31: b"\x11", 0x33: b"\x13"}
_STUFFED = {value[0]: bytes((0x7D, key)) for key, value in _ESCAPED.items()}
_SEQUENCE = re.compile(rb"\x7d(.?)", re.DOTALL)
_ERRORS = {0x01: "wrong_length", 0x02: "unknown_command", 0x04: "parameter", 0x43: "not_allowed_now"}
# address, command, state, length, checksum
_SHORTEST = 5
HEADER_BYTES = 4


def encode_shdlc(content: bytes) -> bytes:
    """Return the frame of unstuffed content, checksum and flags added."""
    raw = content + inv8(content)
    return FLAG + b"".join(_STUFFED.get(byte, bytes((byte,))) for byte in raw) + FLAG


def unstuff(raw: bytes) -> bytes | None:
    """Undo byte stuffing in one pass; None when the bytes were never stuffed like this."""
    if b"\x7d" not in raw:
        return raw
    bad = False

    def restore(found: re.Match[bytes]) -> bytes:
        nonlocal bad
        original = _ESCAPED.get(found[1][0]) if found[1] else None
        bad = bad or original is None
        return original or b""

    plain = _SEQUENCE.sub(restore, raw)
    return None if bad else plain


def state_flags(state: int) -> tuple[bool, tuple[str, ...]]:
    """Return whether the state byte of an answer tells of a fault, and its names.

    The low 7 bits are an error of the command, bit 7 says that the device has a fault of its own.
    """
    names = []
    if code := state & 0x7F:
        names.append(_ERRORS.get(code, f"error_{code:02x}"))
    if state & 0x80:
        names.append("device_status")
    return bool(names), tuple(names)


class ShdlcFramer:
    """Cuts a stream at its flags; two frames may share one."""

    rescans = False

    def __init__(self, codec: ShdlcCodec) -> None:
        self._address = codec.address

    def cut(self, buffer: bytes, at: int, final: bool) -> Cut:
        """Find the next frame; its body is address, command, state, length and data."""
        start = buffer.find(FLAG, at)
        if start < 0:
            return len(buffer), *INCOMPLETE
        limit = start + SHDLC_MAX_RAW_BYTES
        stop = buffer.find(FLAG, start + 1, limit)
        while stop == start + 1:
            start, limit = stop, stop + SHDLC_MAX_RAW_BYTES
            stop = buffer.find(FLAG, start + 1, limit)
        if stop < 0:
            if len(buffer) >= limit:
                return start, limit, start + 1, None, Rejection.LENGTH
            if final:
                # A flag alone closed what was rejected before it.
                lone = start + 1 == len(buffer)
                return start, len(buffer), start + 1, b"" if lone else None, None if lone else Rejection.SHORT
            return start, *INCOMPLETE
        body = self._body(buffer[start + 1 : stop])
        if isinstance(body, Rejection):
            return start, stop, stop, None, body
        # The closing flag may open the next frame, so it is looked at again.
        return start, stop + 1, stop, body, None

    def _body(self, raw: bytes) -> bytes | Rejection:
        plain = unstuff(raw)
        if plain is None:
            return Rejection.ESCAPE
        if len(plain) < _SHORTEST or len(plain) != _SHORTEST + plain[3]:
            return Rejection.LENGTH
        if inv8(plain[:-1]) != plain[-1:]:
            return Rejection.CHECKSUM
        if plain[0] != self._address:
            return Rejection.UNKNOWN
        return plain[:-1]
