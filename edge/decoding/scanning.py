"""Finding frames in a stream of bytes: the protocol of framers, and the framer of plain binary frames."""

from collections.abc import Callable
from typing import Protocol

from edge.decoding.checksums import CHECKSUMS
from edge.decoding.results import Rejection
from edge.decoding.shapes import ChecksumPlace, FrameCodec

Cut = tuple[int, int, int, bytes | None, Rejection | None]
"""Start and end of a candidate, where to look next, its body or why it is none.

Without a body and a reason, what begins at start is not complete: keep it and wait. Bytes before start are
noise. An empty body is a part of the stream that means nothing and is no noise either, such as an empty line.
"""

INCOMPLETE: tuple[int, int, bytes | None, Rejection | None] = (0, 0, None, None)


class Framer(Protocol):
    """Cuts one codec's stream.

    Attributes:
        rescans: a frame that turns out to be no message may hold one, behind its first byte.
    """

    rescans: bool

    def cut(self, buffer: bytes, at: int, final: bool) -> Cut:
        """Find the next candidate at or after `at`; `final`: nothing more will come."""
        ...


def beginning_kept(buffer: bytes, at: int, start: bytes) -> int:
    """Return where a start that the buffer's end cuts in two begins; the buffer's length when none does."""
    for kept in range(min(len(start) - 1, len(buffer) - at), 0, -1):
        if buffer.endswith(start[:kept]):
            return len(buffer) - kept
    return len(buffer)


class FrameFramer:
    """Start bytes, a length, end bytes, a checksum. A false start costs one byte, never a frame."""

    rescans = True

    def __init__(self, codec: FrameCodec) -> None:
        self._start = codec.start
        self._end = codec.end
        self._length = codec.length
        self._fixed = codec.length.fixed or 0
        self._holds = _checksum_test(codec.checksum)
        self._sizes = {int(key, 16): size for key, size in codec.length.sizes.items()}
        self._contiguous = codec.contiguous

    def cut(self, buffer: bytes, at: int, final: bool) -> Cut:
        """Find the next frame; its body is the whole frame."""
        start = self._find(buffer, at)
        if start < 0:
            return (len(buffer) if final else self._kept(buffer, at)), *INCOMPLETE
        size = self._fixed or self._told_size(buffer, start)
        end = start + size
        if size < 0:
            return start, start - size, start + 1, None, Rejection.LENGTH
        if size == 0 or end > len(buffer) or (self._contiguous and not final and self._is_last(buffer, end)):
            if final:
                return start, len(buffer), start + 1, None, Rejection.SHORT
            return start, *INCOMPLETE
        frame = buffer[start:end]
        reason = self._wrong(frame)
        if reason is None and self._contiguous and not self._is_followed(buffer, end):
            reason = Rejection.TAIL
        if reason is not None:
            return start, end, start + 1, None, reason
        return start, end, end, frame, None

    def _find(self, buffer: bytes, at: int) -> int:
        """Return where the next candidate starts: at its start bytes, else so long before its end bytes."""
        if self._start:
            return buffer.find(self._start, at)
        before = self._fixed - len(self._end)
        found = buffer.find(self._end, at + before)
        return found - before if found >= 0 else -1

    def _kept(self, buffer: bytes, at: int) -> int:
        if self._start:
            return beginning_kept(buffer, at, self._start)
        return max(at, len(buffer) - self._fixed + 1)

    def _is_last(self, buffer: bytes, end: int) -> bool:
        return end + len(self._start) > len(buffer)

    def _is_followed(self, buffer: bytes, end: int) -> bool:
        return end == len(buffer) or buffer.startswith(self._start, end)

    def _told_size(self, buffer: bytes, start: int) -> int:
        """Return the frame's length; 0: not here yet; negative: minus what was read of an impossible one."""
        field = self._length.field
        if field is not None:
            first = start + field.at
            told = buffer[first : first + field.width]
            if len(told) < field.width:
                return 0
            size = int.from_bytes(told, "little" if field.type == "u16le" else "big") + field.add
            return size if field.min <= size <= field.max else -(field.at + field.width)
        at = self._length.at or 0
        if start + at >= len(buffer):
            return 0
        return self._sizes.get(buffer[start + at], -(at + 1))

    def _wrong(self, frame: bytes) -> Rejection | None:
        if self._end and not frame.endswith(self._end):
            return Rejection.TAIL
        return None if self._holds(frame) else Rejection.CHECKSUM


def _checksum_test(place: ChecksumPlace | None) -> Callable[[bytes], bool]:
    if place is None:
        return lambda _: True
    checksum = CHECKSUMS[place.algorithm]
    compute, width, order = checksum.compute, checksum.width, checksum.order
    covered, at = slice(*place.over), place.at
    if width == 1:
        return lambda frame: compute(frame[covered]) == frame[at]
    told = slice(at, at + width or None)
    return lambda frame: compute(frame[covered]) == int.from_bytes(frame[told], order)
