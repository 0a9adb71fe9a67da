"""`lamppost replay`: recordings through the real pipeline, reports as JSON lines."""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge.cli.microphone_choice import microphone_of, microphones, recording_of
from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, existing_file
from edge.cli.settings_file import EXAMPLES, add_config, load
from edge.delivery.numbering import Numbering, Position
from edge.domain.health import Reason, Status
from edge.domain.observations import Health
from edge.domain.time import NS_PER_S
from edge.runtime.logs import logging_to_stderr
from edge.runtime.recording_clock import RecordingClock
from edge.runtime.sense import Sense, gate_of
from edge.runtime.settings import Entry, Settings, entry, said
from edge.runtime.signals import stopped_by_signals

HELP = "send recordings through the real pipeline; reports on stdout, health on stderr"

_BROKEN_FILE = {Reason.TRUNCATED, Reason.UNREADABLE}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the recordings, the settings and the pace."""
    add_recordings(parser)
    parser.add_argument("--speed", choices=("1", "max"), default="1", help="real time, or as fast as it can")
    add_config(parser, EXAMPLES / "replay.toml")


def add_recordings(parser: argparse.ArgumentParser) -> None:
    """Add what `recordings` and `start_ns` read, but for `speed`."""
    parser.add_argument("--audio", action="append", default=[], metavar="F", help="WAV, FLAC or Ogg")
    parser.add_argument(
        "--microphone",
        metavar="NAME",
        help="with --config: that the recordings were made with, whose calibration and array they take over "
        "(default: the only one)",
    )
    parser.add_argument("--video", action="append", default=[], metavar="F", help="a video file")
    parser.add_argument(
        "--serial", action="append", default=[], metavar="PROFILE=F", help="bytes or hex lines of a board"
    )
    parser.add_argument(
        "--contact",
        action="append",
        default=[],
        metavar="ROLE=F",
        help="edges of a contact, seconds,level a line",
    )
    parser.add_argument(
        "--start", metavar="TIME", help="when the recordings began, ISO 8601 with offset (default: now)"
    )


def run(args: argparse.Namespace) -> int:
    """Replay; exit code 1 when a recording turned out to be broken."""
    settings = load(args.config, fed=False)
    settings = settings.replaying(list(recordings(args, settings)))
    if not settings.of("replay"):
        raise UsageError(
            "nothing to replay; give --audio F, --video F, --serial PROFILE=F or --contact ROLE=F"
        )
    clock = RecordingClock(start_ns(args.start), standing=args.speed == "max")
    with logging_to_stderr(json_lines=args.json):
        broken = asyncio.run(_replay(settings, clock))
    return FOUND_PROBLEM if broken else FINE


async def _replay(settings: Settings, clock: RecordingClock) -> bool:
    numbering = Numbering(settings.node.city, settings.node.id, Position(next_sequence=1))

    async def accept(report: Any) -> None:
        entry = numbering.entry(report)
        if entry.kind != Health.kind:
            sys.stdout.write(entry.payload.decode() + "\n")
            sys.stdout.flush()

    sense = Sense(settings, gate_of(settings), accept, clock, monitored=False)
    async with stopped_by_signals(sense.stop):
        await sense.run()
    return any(status is Status.FAILED or reason in _BROKEN_FILE for status, reason in sense.health)


def recordings(args: argparse.Namespace, settings: Settings) -> Iterator[Entry]:
    """Yield the recordings that the command line names, as sources. Raises UsageError."""
    pace = "max" if args.speed == "max" else "real_time"
    microphone = _heard_with(settings, args.microphone) if args.audio else None
    name = microphone.name if microphone else "microphone"
    for number, path in enumerate(args.audio):
        yield recording_of(existing_file(path), microphone, pace, _named(name, number))
    for number, path in enumerate(args.video):
        yield _entry("video_file", _named("camera", number), path=existing_file(path), pace=pace)
    for number, given in enumerate(args.serial):
        profile, equals, path = given.partition("=")
        if not equals:
            raise UsageError(f"--serial {given}: write PROFILE=F, such as nova_sds011=capture.bin")
        capture = existing_file(path)
        yield _entry("byte_capture", _named("board", number), profile=profile, path=capture, pace=pace)
    for number, given in enumerate(args.contact):
        role, equals, path = given.partition("=")
        if not equals:
            raise UsageError(f"--contact {given}: write ROLE=F, such as help_button=edges.csv")
        edges = existing_file(path)
        yield _entry("contact_edges", _named("contact", number), role=role, path=edges, pace=pace)


def _heard_with(settings: Settings, name: str | None) -> Entry | None:
    return microphone_of(settings, name) if name is not None or microphones(settings) else None


def _named(name: str, number: int) -> str:
    return name if number == 0 else f"{name}_{number + 1}"


def _entry(section: str, name: str, **values: object) -> Entry:
    absolute = {k: v.resolve() if isinstance(v, Path) else v for k, v in values.items()}
    try:
        return entry("replay", section, name, **absolute)
    except ValidationError as error:
        raise UsageError("; ".join(said(detail) for detail in error.errors())) from error


def start_ns(text: str | None) -> int:
    """Return the time that `--start` names, UTC, ns; without one the present. Raises UsageError."""
    if text is None:
        return time.time_ns()
    try:
        start = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--start {text}: not a time; write 2026-01-01T00:00:00+00:00") from error
    if start.tzinfo is None:
        raise UsageError(f"--start {text}: has no offset; write {text}+00:00 for UTC")
    return round(start.timestamp() * 1_000_000) * (NS_PER_S // 1_000_000)
