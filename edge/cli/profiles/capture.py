"""`lamppost profiles capture`: record the bytes of a board for a new profile, and say what they look like."""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, complain, emit_json, seconds

if TYPE_CHECKING:
    from serial import Serial

    from edge.decoding.hints import Chunk, Hints
    from edge.decoding.profile import Transport

TEXT = "record the bytes of a board for a new profile, and say what they look like"

_TELL_S = 5.0
_WAIT_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the port, its line, how long and how much, and what is sent."""
    parser.add_argument("port", metavar="PORT", help="the port, best by its name in /dev/serial/by-id")
    parser.add_argument(
        "--output", metavar="F", help="file to write (default: capture.hex)", default="capture.hex"
    )
    parser.add_argument("--profile", help="take the line settings of this profile")
    parser.add_argument("--baud", type=int, default=9600, help="(default: 9600)")
    parser.add_argument("--parity", choices=("none", "even", "odd"), default="none")
    parser.add_argument("--bits", type=int, choices=(7, 8), default=8)
    parser.add_argument("--stop", type=int, choices=(1, 2), default=1)
    parser.add_argument("--no-dtr", action="store_true", help="keep DTR and RTS low: they reset many boards")
    parser.add_argument("--seconds", type=seconds, default=60.0, help="how long (default: 60)")
    parser.add_argument("--max-kb", type=int, default=256, help="stop after so much (default: 256)")
    parser.add_argument("--send", metavar="HEX", help="bytes to send, for a board that has to be asked")
    parser.add_argument("--every", type=seconds, default=1.0, help="how often they are sent, s (default: 1)")


def run(args: argparse.Namespace) -> int:
    """Record; exit code 1 when nothing was heard."""
    from edge.sources.serial_port import close_port, open_port

    path, line, sent = Path(args.output), _line(args), _sent(args.send)
    if path.exists():
        raise UsageError(f"{path}: exists already; give another name with --output")
    chunks: list[Chunk] = []
    port = open_port(args.port, line)
    begun_s = time.monotonic()
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(f"# {line.baud} {line.bits}{line.parity[0].upper()}{line.stop}, from {_now()}\n")
            for chunk in _listen(port, args, sent):
                chunks.append(chunk)
                file.write(f"{chunk[1].hex()} # {chunk[0]:.3f} s\n")
    except KeyboardInterrupt:
        complain("stopped; what came until now is kept")
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such folder; give another name with --output") from error
    finally:
        close_port(port)
    return _tell(path, chunks, time.monotonic() - begun_s, as_json=args.json)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(args: argparse.Namespace) -> "Transport":
    from pydantic import ValidationError

    from edge.cli.profiles import known_profile
    from edge.decoding.profile import Transport

    if args.profile:
        return known_profile(args.profile).transport
    try:
        return Transport(
            baud=args.baud, bits=args.bits, parity=args.parity, stop=args.stop, dtr=not args.no_dtr
        )
    except ValidationError as error:
        raise UsageError(f"--baud {args.baud}: {error.errors()[0]['msg']}") from error


def _sent(text: str | None) -> bytes:
    from edge.decoding.commands import forbidden

    try:
        sent = bytes.fromhex(text or "")
    except ValueError as error:
        raise UsageError(f"--send {text}: give pairs of hexadecimal digits") from error
    if why := forbidden(sent, ()):
        raise UsageError(f"--send {text}: is never sent: {why}")
    return sent


def _listen(port: "Serial", args: argparse.Namespace, sent: bytes) -> "Iterator[Chunk]":
    """Yield what is read until the time or the size is used up, or the port is gone."""
    from edge.domain.stages import SourceError
    from edge.sources.serial_port import exchange

    begun_s = time.monotonic()
    told_s = due_s = 0.0
    size, at_s = 0, 0.0
    while at_s < args.seconds and size < args.max_kb * 1000:
        commands = [sent] if sent and at_s >= due_s else []
        due_s = at_s + args.every if commands else due_s
        try:
            chunk = exchange(port, commands, _WAIT_S)
        except SourceError as error:
            complain(f"{error}; what came until now is kept")
            return
        at_s = time.monotonic() - begun_s
        if chunk:
            size += len(chunk)
            yield at_s, chunk
        if at_s - told_s >= _TELL_S:
            told_s = at_s
            complain(f"{at_s:.0f} s: {size} bytes, {size / at_s:.0f} a second")


def _tell(path: Path, chunks: "list[Chunk]", passed_s: float, *, as_json: bool) -> int:
    from edge.decoding.catalogue import load, shipped_paths
    from edge.decoding.hints import hints

    found = hints(chunks, round(passed_s, 3), [load(each) for each in shipped_paths()] if chunks else [])
    if as_json:
        emit_json({"file": str(path), **asdict(found)})
    else:
        sys.stdout.writelines(f"{line}\n" for line in _sentences(path, found))
    return FINE if found.size else FOUND_PROBLEM


def _sentences(path: Path, found: "Hints") -> Iterator[str]:
    yield f"{path}: {found.size} bytes in {found.seconds:.1f} s, {found.bursts} bursts"
    if not found.size:
        yield "heard nothing: check supply, TX and RX crossed, --baud; some boards must be asked: --send"
        return
    sizes = ", ".join(f"{count} of {size} bytes" for size, count in found.sizes)
    every = f", every {found.period_s:g} s" if found.period_s else ""
    yield f"bursts: {sizes}{every}"
    yield f"looks like {'text' if found.is_text else 'binary frames'}"
    yield from (f"  {hint}" for hint in found.framing)
    for profile, accepted, rejected in found.profiles:
        yield f"profile {profile} accepts {accepted} messages and rejects {rejected} pieces"
    if not found.profiles:
        yield "no profile fits; is it another baud rate? if not, write one: docs/add-a-board.md"
    elif len(found.profiles) > 1:
        yield "frames do not identify a board: the label on it does"
