"""A board that is plugged in, pulled and plugged in elsewhere is found again within ten seconds."""

import os
import threading
import time
import tty
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.observations import Observation
from edge.runtime.bridge import Bridge
from edge.runtime.clock import SystemClock
from edge.runtime.lane import Lane
from edge.sources.serial_board import Config, build

SDS = bytes.fromhex("aac0d4043a0aa1601dab")
LIMIT_S = 10.0


class Deaf(Bridge):
    """A bridge to nobody."""

    def __init__(self) -> None:
        pass

    def post(self, lane: int, known_ns: int, observations: Iterable[Observation] = ()) -> None:
        pass

    def close(self, lane: int) -> None:
        pass


def reading_after_s(lane: Lane) -> float:
    """Return how long it took until the next reading, s."""
    begun_s, before = time.monotonic(), lane.frames
    while lane.frames == before:
        assert time.monotonic() - begun_s < LIMIT_S, f"no reading within {LIMIT_S} s"
        time.sleep(0.02)
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
    try:
        yield
    finally:
        link.unlink()
        stop.set()
        speaker.join()
        os.close(board)
        os.close(own)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[tuple[Lane, Path]]:
    """Give a lane that waits for a board, and the link under which it will appear."""
    (tmp_path / "by-id").mkdir()
    link = tmp_path / "by-id" / "usb-1a86_USB_Serial-if00-port0"
    clock, halt = SystemClock(), threading.Event()
    source_id = SourceId("air", 0, Component.SERIAL_BOARD)
    source = build(Config(port=str(link), profile="nova_sds011"), source_id, clock)
    lane = Lane(0, source, source_id=source_id, detectors=[], bridge=Deaf(), clock=clock, stop=halt)
    lane.start()
    try:
        yield lane, link
    finally:
        halt.set()
        lane.join()


def test_a_board_is_found_within_ten_seconds_whenever_it_is_plugged_in(waiting: tuple[Lane, Path]) -> None:
    lane, link = waiting
    time.sleep(1.0)  # the lane tries in vain for a while
    with plugged(link):
        first_s = reading_after_s(lane)
    with plugged(link):
        again_s = reading_after_s(lane)
    assert max(first_s, again_s) < LIMIT_S
