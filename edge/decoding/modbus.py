"""Modbus RTU answers in a stream, cut by content instead of by pauses (Modbus over Serial Line V1.02)."""

from edge.decoding.checksums import crc16_modbus
from edge.decoding.results import Rejection
from edge.decoding.scanning import INCOMPLETE, Cut
from edge.decoding.shapes import ModbusCodec

HEADER_BYTES = 3
_READS = {3, 4}
_EXCEPTION_BYTES = 5
_ECHO_BYTES = 8
_MAX_DATA_BYTES = 250
_EXCEPTIONS = {
    1: "illegal_function",
    2: "illegal_address",
    3: "illegal_value",
    4: "device_failure",
    5: "acknowledge",
    6: "device_busy",
}


def exception_flag(body: bytes) -> str:
    """Return the name of the exception an answer tells of; empty when it is none."""
    if not body[1] & 0x80:
        return ""
    return _EXCEPTIONS.get(body[2], f"exception_{body[2]:02x}")


class ModbusFramer:
    """Looks for the board's address followed by a function that was asked for, and trusts the CRC alone."""

    rescans = True

    def __init__(self, codec: ModbusCodec) -> None:
        self._address = bytes((codec.address,))
        self._functions = frozenset(codec.functions)

    def cut(self, buffer: bytes, at: int, final: bool) -> Cut:
        """Find the next answer; its body is all but the CRC."""
        start = buffer.find(self._address, at)
        while start >= 0:
            size = self._size(buffer[start + 1 : start + 3])
            end = start + size
            if size and end <= len(buffer):
                frame = buffer[start:end]
                if crc16_modbus(frame[:-2]) != frame[-2:]:
                    return start, end, start + 1, None, Rejection.CHECKSUM
                return start, end, end, frame[:-2], None
            if size:
                if final:
                    return start, len(buffer), start + 1, None, Rejection.SHORT
                return start, *INCOMPLETE
            start = buffer.find(self._address, start + 1)
        return len(buffer), *INCOMPLETE

    def _size(self, after: bytes) -> int:
        """Return how long the answer is, or is at least when its head is cut; 0 when it can be none."""
        if not after:
            return _EXCEPTION_BYTES
        function = after[0]
        if function & 0x7F not in self._functions:
            return 0
        if function & 0x80:
            return _EXCEPTION_BYTES
        if function not in _READS:
            return _ECHO_BYTES
        if len(after) == 1:
            return _EXCEPTION_BYTES
        count = after[1]
        return 5 + count if count and count % 2 == 0 and count <= _MAX_DATA_BYTES else 0
