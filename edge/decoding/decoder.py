"""The streaming decoder: bytes in any portions in, messages and rejections out. Pure; memory is bounded."""

from collections import Counter
from typing import Protocol

from edge.decoding.binary import BinaryReader
from edge.decoding.lines import LinesFramer
from edge.decoding.modbus import ModbusFramer
from edge.decoding.profile import Profile
from edge.decoding.results import Message, Rejected, Rejection
from edge.decoding.scanning import FrameFramer, Framer
from edge.decoding.shapes import FrameCodec, LinesCodec, ModbusCodec, ShdlcCodec
from edge.decoding.shdlc import ShdlcFramer
from edge.decoding.text import LinesReader

NOISE_RUN_BYTES = 256
"""Noise is told in runs of at most so many bytes, so that a line of pure noise is told at all."""


class _Reader(Protocol):
    def read(self, body: bytes, offset: int, size: int) -> Message | Rejection: ...


def _engine(profile: Profile, midstream: bool) -> tuple[Framer, _Reader]:
    codec = profile.codec
    if isinstance(codec, LinesCodec):
        return LinesFramer(codec, midstream), LinesReader(profile, codec)
    reader = BinaryReader(profile, codec)
    if isinstance(codec, FrameCodec):
        return FrameFramer(codec), reader
    if isinstance(codec, ShdlcCodec):
        return ShdlcFramer(codec), reader
    assert isinstance(codec, ModbusCodec)
    return ModbusFramer(codec), reader


class Decoder:
    """Decodes the stream of one board.

    The results do not depend on how the stream is split. A rejected candidate costs one byte: scanning goes
    on behind its first byte, and what is found inside belongs to the same rejection unless it is a message.

    Attributes:
        counts: how many messages (`accepted`) and rejections, per reason, since the beginning.
    """

    def __init__(self, profile: Profile, *, midstream: bool = False) -> None:
        """Start.

        Args:
            profile: the board.
            midstream: the stream may begin within a line, so the first line is not trusted.
        """
        self._framer, self._reader = _engine(profile, midstream)
        self._tail = b""
        self._base = 0
        self._taken = 0
        self._open: tuple[Rejection, int, int] | None = None
        self.counts: Counter[str] = Counter()

    @property
    def pending(self) -> int:
        """Bytes kept because they may begin a message."""
        return len(self._tail)

    @property
    def consumed(self) -> int:
        """Bytes fed since the beginning."""
        return self._base + len(self._tail)

    def feed(self, chunk: bytes) -> list[Message | Rejected]:
        """Take the next bytes; return what became complete, in order."""
        self._tail += chunk
        return self._scan(final=False)

    def finish(self) -> list[Message | Rejected]:
        """Nothing more will come, or not for long: what is kept is a message now or never."""
        found = self._scan(final=True)
        self._close(self.consumed, found)
        return found

    def _scan(self, *, final: bool) -> list[Message | Rejected]:
        found: list[Message | Rejected] = []
        buffer, base, at = self._tail, self._base, 0
        cut, read = self._framer.cut, self._reader.read
        while True:
            start, end, resume, body, reason = cut(buffer, at, final)
            if start > at:
                self._noise(base + at, base + start, found)
            at = start
            if body is None and reason is None:
                break
            if body:
                result = read(body, base + start, end - start)
                if isinstance(result, Message):
                    if self._open is not None:
                        self._close(base + start, found)
                    self.counts["accepted"] += 1
                    found.append(result)
                    self._taken, at = base + end, resume
                    continue
                reason = result
                if self._framer.rescans:
                    resume = start + 1
            if reason is None:
                self._taken, at = base + end, resume
                continue
            self._reject(reason, base + start, base + end, found)
            at = resume
        self._tail, self._base = buffer[at:], base + at
        if self._open is not None and self._open[0] is not Rejection.NOISE and self._open[2] <= self._base:
            self._close(self._base, found)
        return found

    def _noise(self, start: int, end: int, found: list[Message | Rejected]) -> None:
        start = max(start, self._taken)
        while start < end:
            if self._open is None:
                self._open = (Rejection.NOISE, start, start)
            reason, begin, until = self._open
            if reason is Rejection.NOISE:
                until = min(end, begin + NOISE_RUN_BYTES)
                self._open = (reason, begin, until)
                start = until
                if until - begin == NOISE_RUN_BYTES:
                    self._close(until, found)
            else:
                start = max(start, min(end, until))
                if start >= until:
                    self._close(until, found)

    def _reject(self, reason: Rejection, start: int, end: int, found: list[Message | Rejected]) -> None:
        start = max(start, self._taken)
        if self._open is not None:
            if self._open[0] is not Rejection.NOISE and start < self._open[2]:
                return
            self._close(start, found)
        self._open = (reason, start, end)

    def _close(self, upto: int, found: list[Message | Rejected]) -> None:
        """End the open rejection at `upto` at the latest."""
        if self._open is None:
            return
        reason, begin, until = self._open
        self._open = None
        size = min(until, upto) - begin
        if size > 0:
            self.counts[reason] += 1
            found.append(Rejected(reason, begin, size))
