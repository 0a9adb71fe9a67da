"""A board that is plugged in, pulled and plugged in elsewhere is found again within ten seconds."""

import os
import threading
import time
import tty
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.runtime.bridge import Bridge
from edge.runtime.clock import SystemClock
from edge.runtime.lane import Lane
from edge.sources.serial_board import Config, build

SDS = bytes.fromhex("aac0d4043a0aa1601dab")
LIMIT_S = 10.0


class Recorder(Bridge):
    """A bridge that keeps what the lane says of its health."""

    def __init__(self) -> None:
        self.said: list[Health] = []

    def post(self, lane: int, known_ns: int, observations: Iterable[Observation] = ()) -> None:
        self.said += [o for o in observations if isinstance(o, Health)]

    def close(self, lane: int) -> None:
        """A lane ended."""

    def wait_for(self, reason: Reason) -> float:
        """Return how long it took until the lane said so, s."""
        begun_s = time.monotonic()
        while not any(health.reason is reason for health in self.said):
            assert time.monotonic() - begun_s < LIMIT_S, f"no {reason} within {LIMIT_S} s, only {self.said}"
            time.sleep(0.02)
        self.said.clear()
        return time.monotonic() - begun_s


@contextmanager
def plugged(link: Path) -> Iterator[None]:
    """Plug in a board that speaks every 0.2 s: a pseudo-terminal, and the link that udev would make."""
    board, own = os.openpty()
    tty.setraw(own)
    stop = threading.Event()

    def speak() -> None:
        while not stop.wait(0.2):
            os.write(board, SDS)

    speaker = threading.Thread(target=speak)
    speaker.start()
    link.symlink_to(os.ttyname(own))
    yield
    link.unlink()
    stop.set()
    speaker.join()
    os.close(board)
    os.close(own)


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[tuple[Path, Recorder]]:
    """Give the link that a lane waits for, and what the lane says."""
    (tmp_path / "by-id").mkdir()
    link = tmp_path / "by-id" / "usb-1a86_USB_Serial-if00-port0"
    clock, recorder, halt = SystemClock(), Recorder(), threading.Event()
    source_id = SourceId("air", 0, Component.SERIAL_BOARD)
    source = build(Config(port=str(link), profile="nova_sds011"), source_id, clock)
    running = Lane(0, source, source_id=source_id, detectors=[], bridge=recorder, clock=clock, stop=halt)
    running.start()
    yield link, recorder
    halt.set()
    running.join()


def test_a_board_is_found_within_ten_seconds_whenever_it_is_plugged_in(lane: tuple[Path, Recorder]) -> None:
    link, recorder = lane
    recorder.wait_for(Reason.NO_DEVICE)
    time.sleep(1.0)  # the lane has tried in vain for a while
    with plugged(link):
        first_s = recorder.wait_for(Reason.RECOVERED)
    recorder.wait_for(Reason.NO_DEVICE)
    with plugged(link):
        again_s = recorder.wait_for(Reason.RECOVERED)
    assert max(first_s, again_s) < LIMIT_S
