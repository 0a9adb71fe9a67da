"""The real source on a pseudo-terminal for every kind of transport: right, wrong, late and missing messages.

What the simulated board says are the examples of the profile itself.
"""

import os
import re
import select
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.decoding.catalogue import find, load
from edge.decoding.commands import encode
from edge.decoding.examples import decode
from edge.decoding.profile import Profile
from edge.decoding.results import Message
from edge.domain.frames import Fault, Frame, Idle, ReadingFrame
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.time import CaptureTime
from edge.sources.serial_board import Config, SerialBoard, build

BOARD = SourceId("board", 0, Component.SERIAL_BOARD)
STREAMING = ["nova_sds011", "generic_json", "gill_gmx300", "nmea_gnss"]
POLLED = [
    "winsen_mhz19",
    "sensirion_sps30",
    "senseair_s8",
    "spec_dgs_no2",
    "vaisala_wxt5xx",
]
DAMAGED = {Reason.CHECKSUM, Reason.GARBAGE, Reason.TRUNCATED}


class AheadClock:
    """Real time, and on request some more."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> CaptureTime:
        return CaptureTime(time.time_ns(), time.monotonic_ns(), 1.0).shifted(self.ahead_s)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Bench:
    """A board's end of a port, the source at the other end, and the clock between."""

    def __init__(self, profile: Profile, source: SerialBoard, board: int, clock: AheadClock) -> None:
        self.profile = profile
        self._board = board
        self._frames = iter(source)
        self.clock = clock

    @property
    def right(self) -> bytes:
        """A message of the profile with values."""
        examples = [e.received or b"" for e in self.profile.examples if e.message]
        return next(stream for stream in examples if self.values(stream))

    @property
    def wrong(self) -> bytes:
        """The right message, damaged so that the profile rejects it."""
        for place in (-3, -4, 1, 0):
            damaged = bytearray(self.right)
            damaged[place] ^= 0xA5
            if not self.values(bytes(damaged)) and bytes(damaged[-1:]) == self.right[-1:]:
                return bytes(damaged)
        raise AssertionError("no damage is seen")

    def values(self, stream: bytes) -> dict[str, float]:
        found = [r for r in decode(self.profile, [stream]) if isinstance(r, Message) and r.values]
        return dict(found[0].values) if found else {}

    def say(self, sent: bytes) -> None:
        os.write(self._board, sent)

    def asked(self) -> bytes:
        """Return what the source has sent."""
        found = b""
        while select.select([self._board], [], [], 0)[0]:
            found += os.read(self._board, 4096)
        return found

    def until(self, wanted: Callable[[Frame], bool]) -> list[Frame]:
        """Take frames up to and with the first that is wanted."""
        end_s, taken = time.monotonic() + 10, []
        for frame in self._frames:
            taken.append(frame)
            if wanted(frame):
                return taken
            assert time.monotonic() < end_s, f"only {taken}"
        raise AssertionError("the source ended")

    def reading(self) -> ReadingFrame:
        found = self.until(lambda frame: isinstance(frame, ReadingFrame) and bool(frame.values))[-1]
        assert isinstance(found, ReadingFrame)
        return found

    def fault(self) -> Fault:
        found = self.until(lambda frame: isinstance(frame, Fault))[-1]
        assert isinstance(found, Fault)
        return found


@contextmanager
def bench(name: str, folder: Path) -> Iterator[Bench]:
    path = folder / f"{name}.toml"
    path.write_text(re.sub(r"warmup_s = \d+", "warmup_s = 0", find(name).read_text()))
    board, own = os.openpty()
    tty.setraw(own)
    clock = AheadClock()
    source = build(Config(port=os.ttyname(own), profile=str(path), experimental=True), BOARD, clock)
    try:
        with source:
            yield Bench(load(path), source, board, clock)
    finally:
        os.close(board)
        os.close(own)


@pytest.mark.parametrize("name", STREAMING)
def test_a_streaming_board(name: str, tmp_path: Path) -> None:
    with bench(name, tmp_path) as it:
        first = b"\n" if it.profile.codec.kind == "lines" else b""
        it.say(first + it.right)
        assert dict(it.reading().values) == it.values(it.right)
        it.say(it.wrong)
        assert it.fault().reason in DAMAGED
        it.say(it.right[: len(it.right) // 2])
        it.until(lambda frame: isinstance(frame, Idle))
        it.say(it.right[len(it.right) // 2 :] + it.right)
        assert dict(it.reading().values) == it.values(it.right), (
            "a pause within a message costs that message only"
        )
        it.clock.ahead_s += it.profile.timing.stale_s + 1
        told = it.until(lambda frame: isinstance(frame, Fault) and frame.reason is Reason.SILENT)
        assert not any(isinstance(frame, ReadingFrame) and frame.values for frame in told)


@pytest.mark.parametrize("name", POLLED)
def test_a_polled_board(name: str, tmp_path: Path) -> None:
    with bench(name, tmp_path) as it:
        timing = it.profile.timing
        asks = [encode(it.profile.commands[each], it.profile.codec) for each in it.profile.lifecycle.poll]
        heard = b""
        while asks[0] not in heard:
            it.until(lambda frame: isinstance(frame, Idle))
            heard += it.asked()
        it.say(it.right)  # late
        assert dict(it.reading().values) == it.values(it.right)
        it.clock.ahead_s += timing.period_s
        it.until(lambda frame: isinstance(frame, Idle))
        assert asks[0] in it.asked(), "it is asked again although the last answer was late"
        it.say(it.wrong)
        assert it.fault().reason in {*DAMAGED, Reason.DEVICE_FAULT}
        it.clock.ahead_s += timing.stale_s + 1  # missing
        told = it.until(lambda frame: isinstance(frame, Fault) and frame.reason is Reason.SILENT)
        assert not any(isinstance(frame, ReadingFrame) and frame.values for frame in told)
        it.until(lambda frame: isinstance(frame, Idle))
        it.say(it.right)
        assert dict(it.reading().values) == it.values(it.right)


def test_every_kind_of_transport_is_among_them() -> None:
    tested = [load(find(name)) for name in (*STREAMING, *POLLED)]
    kinds = {(getattr(p.codec, "form", p.codec.kind), p.timing.mode) for p in tested}
    shipped = {
        (getattr(p.codec, "form", p.codec.kind), p.timing.mode)
        for p in map(load, sorted(find("nova_sds011").parent.glob("*.toml")))
    }
    assert shipped <= kinds
