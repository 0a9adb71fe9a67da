"""`lamppost bench`: speed of each lane, memory and latency on this machine."""

import argparse
import asyncio
import json
import logging
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from edge.cli.output import FINE, UsageError, emit_json, seconds
from edge.cli.settings_file import EXAMPLES, load
from edge.delivery.mqtt_access import Message
from edge.replay import byte_capture
from edge.runtime.clock import SystemClock
from edge.runtime.logs import logging_to_stderr
from edge.runtime.node import last_delivery, outbox_of, publishing, sensing, subscribed
from edge.runtime.recording_clock import RecordingClock
from edge.runtime.settings import Settings, entry
from edge.runtime.signing_keys import with_new_key

HELP = "measure speed, memory and latency of the whole pipeline on this machine"

_MB = 1_000_000
_BANG_EVERY_S = 2.5
"""Longer than the gap that joins bangs to one burst."""
_SHORTEST_LATENCY_S = 8.0
"""The first simulated bang is at 5 s."""

_BOARD_BYTES_PER_S = 10
"""One SDS011 message a second."""


@dataclass(frozen=True, slots=True)
class LaneFigure:
    """Speed of one lane: seconds of input for each second of processor time."""

    lane: str
    input_s: float
    cpu_s: float
    times_real_time: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured.

    Attributes:
        times_real_time: input seconds for each second that the whole process was on a processor.
        rss_mb: resident memory, sampled while running: after a tenth of the run, at the end, the largest.
        latency_s: from the onset of a bang to its report at a subscriber of the broker, at real-time speed.
    """

    input_s: float
    wall_s: float
    cpu_s: float
    times_real_time: float
    reports: int
    rss_early_mb: float
    rss_end_mb: float
    rss_peak_mb: float
    latency_median_s: float
    latency_worst_s: float
    lanes: tuple[LaneFigure, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how long, and on how many cores."""
    parser.add_argument(
        "--minutes", type=seconds, default=5.0, help="length of the simulated input (default: 5)"
    )
    parser.add_argument(
        "--latency-seconds", type=seconds, default=20.0, help="length of the real-time part (default: 20)"
    )
    parser.add_argument("--all-cores", action="store_true", help="do not confine the process to one core")


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    if args.latency_seconds < _SHORTEST_LATENCY_S:
        raise UsageError(f"--latency-seconds: give at least {_SHORTEST_LATENCY_S:g}")
    with (
        _confined(to_one=not args.all_cores),
        TemporaryDirectory(prefix="lamppost-bench-") as folder,
        logging_to_stderr(logging.CRITICAL),
    ):
        figures = asyncio.run(_measure(Path(folder), args.minutes * 60, args.latency_seconds))
    if args.json:
        emit_json(asdict(figures))
    else:
        _print(figures, one_core=not args.all_cores)
    return FINE


async def _measure(folder: Path, length_s: float, latency_length_s: float) -> Figures:
    settings = _settings(folder, length_s, pace="max")
    clock = RecordingClock(time.time_ns(), standing=True)
    memory: list[float] = []
    async with (
        outbox_of(settings) as (box, worker),
        publishing(settings, box, worker),
        sensing(settings, clock, box, worker) as sense,
    ):
        sampling = asyncio.create_task(_sample_memory(memory))
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        await sense.run()
        wall_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
        sampling.cancel()
        reports = sum((await worker(box.counts)).accepted.values())
    latencies = await _latencies(folder / "latency", latency_length_s)
    return Figures(
        input_s=length_s,
        wall_s=wall_s,
        cpu_s=cpu_s,
        times_real_time=length_s / cpu_s,
        reports=reports,
        rss_early_mb=memory[len(memory) // 10],
        rss_end_mb=memory[-1],
        rss_peak_mb=max(memory),
        latency_median_s=sorted(latencies)[len(latencies) // 2],
        latency_worst_s=max(latencies),
        lanes=tuple(
            LaneFigure(lane.name, length_s, lane.cpu_s, length_s / lane.cpu_s) for lane in sense.lanes
        ),
    )


def _settings(folder: Path, length_s: float, *, pace: str) -> Settings:
    """The demo's detectors on 4 channels of 48 kHz, 768x576 pictures at 5/s and one board, for `length_s`."""
    folder.mkdir(exist_ok=True)
    demo = load(EXAMPLES / "demo.toml")
    capture = folder / "board.bin"
    board = demo.section("replay", "byte_capture")
    assert isinstance(board, byte_capture.Config)
    recorded = board.path.read_bytes()
    capture.write_bytes(recorded * (round(length_s * _BOARD_BYTES_PER_S) // len(recorded) + 1))
    sources = [
        entry(
            "simulation", "sound", "microphone", duration_s=length_s, pace=pace, bang_every_s=_BANG_EVERY_S
        ),
        entry("simulation", "scene", "camera", duration_s=length_s, pace=pace),
        entry("replay", "byte_capture", "air", path=capture, profile=board.profile, pace=pace),
    ]
    box = entry("delivery", "outbox", path=folder / "outbox.sqlite", max_mb=64)
    return with_new_key(demo.replaying(sources).replacing(box), folder / "signing.key")


async def _latencies(folder: Path, length_s: float) -> list[float]:
    """Return, for each simulated bang, the time from its onset to its report at a subscriber, s."""
    settings = _settings(folder, length_s, pace="real_time")
    settings = replace(settings, entries=tuple(e for e in settings.entries if e.section != "byte_capture"))
    found: list[float] = []

    def received(message: Message) -> None:
        onset = datetime.fromisoformat(json.loads(message.payload)["time"])
        found.append(time.time() - onset.timestamp())

    async with (
        outbox_of(settings) as (box, worker),
        publishing(settings, box, worker) as broker,
        subscribed(broker, f"lp/v1/{settings.node.city}/+/event/impulse", received),
    ):
        async with sensing(settings, SystemClock(), box, worker) as sense:
            await sense.run()
        await last_delivery(broker)
    return found


async def _sample_memory(samples: list[float]) -> None:
    while True:
        samples.append(_resident_mb())
        await asyncio.sleep(0.5)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MB


@contextmanager
def _confined(*, to_one: bool) -> Iterator[None]:
    """Within: this process has one core, if asked."""
    before = os.sched_getaffinity(0)
    if to_one:
        os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _print(figures: Figures, *, one_core: bool) -> None:
    cores = "one core" if one_core else "all cores"
    title = f"lamppost bench: {platform.machine()}, {cores}, {figures.input_s / 60:g} min of simulated input"
    lanes = Table("lane", "input s", "cpu s", "x real time", title=title)
    for lane in figures.lanes:
        row = (f"{lane.input_s:.0f}", f"{lane.cpu_s:.1f}", f"{lane.times_real_time:.0f}")
        lanes.add_row(lane.lane, *row)
    whole = (f"{figures.input_s:.0f}", f"{figures.cpu_s:.1f}", f"{figures.times_real_time:.1f}")
    lanes.add_row("whole process", *whole)
    rest = Table("figure", "value")
    rest.add_row("wall time", f"{figures.wall_s:.1f} s")
    rest.add_row("reports", str(figures.reports))
    memory = f"{figures.rss_early_mb:.0f} / {figures.rss_end_mb:.0f} / {figures.rss_peak_mb:.0f} MB"
    rest.add_row("resident memory: early / end / peak", memory)
    latency = f"{figures.latency_median_s:.2f} / {figures.latency_worst_s:.2f} s"
    rest.add_row("bang to subscriber: median / worst", latency)
    console = Console()
    console.print(lanes)
    console.print(rest)
