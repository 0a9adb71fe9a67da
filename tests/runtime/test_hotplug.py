"""A board that is plugged in, pulled and plugged in elsewhere is found again within ten seconds."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.runtime.lane import Lane
from scripts.measure_boards import lane_at, plugged, until_frame

LIMIT_S = 10.0


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[tuple[Lane, Path]]:
    """Give a lane that waits for a board, and the link under which it will appear."""
    (tmp_path / "by-id").mkdir()
    link = tmp_path / "by-id" / "usb-1a86_USB_Serial-if00-port0"
    with lane_at(link) as lane:
        yield lane, link


def test_a_board_is_found_within_ten_seconds_whenever_it_is_plugged_in(waiting: tuple[Lane, Path]) -> None:
    lane, link = waiting
    time.sleep(1.0)  # the lane tries in vain for a while
    with plugged(link, 0.2):
        first_s = until_frame(lane)
    with plugged(link, 0.2):
        again_s = until_frame(lane)
    assert max(first_s, again_s) < LIMIT_S
