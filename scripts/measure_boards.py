#!/usr/bin/env python3
"""Measure decoding, fuzzing, idle cost and hotplug of serial boards, and write them into docs/boards.md.

Usage: python -m scripts.measure_boards [--fuzz-bytes 10000000] [--seconds 60] [--page docs/boards.md]

Processor time is counted, not the clock on the wall, so other work on the machine matters less. Idle cost and
hotplug go through the daemon's own lane on a pseudo-terminal. With the default it takes about half an hour.
"""

import argparse
import os
import platform
import random
import sys
import threading
import time
import tty
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.decoding.catalogue import load, shipped_paths
from edge.decoding.profile import Profile
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.observations import Observation
from edge.runtime.bridge import Bridge
from edge.runtime.clock import SystemClock
from edge.runtime.lane import Lane
from edge.sources.serial_board import Config, build
from scripts.fuzz_decoders import fuzz
from scripts.measure_decoding import frames_per_s

_MARK = "<!-- figures -->\n"
_SDS = bytes.fromhex("aac0d4043a0aa1601dab")
_REPLUGS = 5
_UNPLUGGED_S = (1.0, 9.0)
_PATIENCE_S = 20.0


class _Nowhere(Bridge):
    """A bridge to nobody: what is measured is the lane."""

    def __init__(self) -> None:
        pass

    def post(self, lane: int, known_ns: int, observations: Iterable[Observation] = ()) -> None:
        pass

    def close(self, lane: int) -> None:
        pass


@contextmanager
def plugged(link: Path, period_s: float) -> Iterator[None]:
    """An SDS011 that speaks every `period_s` at a pseudo-terminal, under the link that udev would make."""
    board, own = os.openpty()
    tty.setraw(own)
    stop = threading.Event()

    def speak() -> None:
        while not stop.wait(period_s):
            os.write(board, _SDS)

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


@contextmanager
def lane_at(link: Path) -> Iterator[Lane]:
    """A lane that reads an SDS011 at `link`, or waits until there is one."""
    clock, halt = SystemClock(), threading.Event()
    source_id = SourceId("air", 0, Component.SERIAL_BOARD)
    source = build(Config(port=str(link), profile="nova_sds011"), source_id, clock)
    lane = Lane(0, source, source_id=source_id, detectors=[], bridge=_Nowhere(), clock=clock, stop=halt)
    lane.start()
    try:
        yield lane
    finally:
        halt.set()
        lane.join()


def until_frame(lane: Lane) -> float:
    """Return how long it took until the next reading, s. Raises TimeoutError."""
    begun_s, before = time.monotonic(), lane.frames
    while lane.frames == before:
        if time.monotonic() - begun_s > _PATIENCE_S:
            raise TimeoutError(f"no reading within {_PATIENCE_S} s")
        time.sleep(0.01)
    return time.monotonic() - begun_s


def idle_share(seconds: float) -> float:
    """Return the share of a core that the lane of a 1 Hz board takes."""
    with TemporaryDirectory() as folder:
        link = Path(folder) / "usb-board"
        with plugged(link, 1.0), lane_at(link) as lane:
            until_frame(lane)
            cpu_s, begun_s = lane.cpu_s, time.monotonic()
            while time.monotonic() - begun_s < seconds:
                time.sleep(0.5)
            until_frame(lane)
            return (lane.cpu_s - cpu_s) / (time.monotonic() - begun_s)


def replug_s() -> list[float]:
    """Return how long it took each time until a board that was plugged in gave a reading, s."""
    source, found = random.Random(1), []
    with TemporaryDirectory() as folder:
        link = Path(folder) / "usb-board"
        with lane_at(link) as lane:
            for _ in range(_REPLUGS):
                time.sleep(source.uniform(*_UNPLUGGED_S))
                with plugged(link, 0.2):
                    found.append(until_frame(lane))
    return found


def _row(profile: Profile, fuzz_bytes: int, seconds: float) -> str:
    """Return a row of the table: what the board measures, how fast it is decoded, what noise makes of it."""
    frame = next(e.received for e in profile.examples if e.message and e.received)
    rate = frames_per_s(profile, frame, len(frame), seconds)
    found = fuzz(profile, fuzz_bytes, seed=1)
    tags = " ".join(word for word in ("experimental", "indicative") if getattr(profile, word))
    cells = (
        f"`{profile.id}`",
        profile.name,
        ", ".join(profile.measurements),
        tags,
        f"{rate:,.0f}",
        f"{found.rate / 1e6:.1f}",
        str(found.of_noise),
        str(found.of_damage),
    )
    return f"| {' | '.join(cells)} |"


def figures(fuzz_bytes: int, seconds: float) -> str:
    """Return the figures as the end of the page."""
    rows = [_row(load(path), fuzz_bytes, min(1.0, seconds)) for path in shipped_paths()]
    share, found = idle_share(seconds), replug_s()
    waits = ", ".join(f"{s:.1f}" for s in found)
    lines = (
        f"On {platform.machine()}, CPython {platform.python_version()}, other work beside it:",
        "",
        f"* a board that speaks once a second takes {100 * share:.3f} % of a core (limit: 0.2 %)",
        f"* plugged in at a random moment, the first reading came after {waits} s (limit: 10 s)",
        f"* each decoder was fed {fuzz_bytes:,} bytes; none raised, none kept more than one frame",
        "",
        "| profile | board | values | | frames/s | MB/s of noise | readings of noise | of damaged frames |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
        "",
    )
    return _MARK + "\n" + "\n".join(lines)


def main() -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--fuzz-bytes", type=int, default=10_000_000, help="per decoder")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the idle lane")
    parser.add_argument("--page", type=Path, default=Path("docs/boards.md"))
    args = parser.parse_args()
    text = args.page.read_text(encoding="utf-8")
    if _MARK not in text:
        sys.stderr.write(f"{args.page}: has no line '{_MARK.strip()}'\n")
        return 2
    written = text.partition(_MARK)[0] + figures(args.fuzz_bytes, args.seconds)
    args.page.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
