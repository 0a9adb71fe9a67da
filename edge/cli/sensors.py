"""`lamppost sensors`: what is plugged in, which of it is configured, what that says now."""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from edge.cli.output import FINE, FOUND_PROBLEM, emit_json, seconds
from edge.cli.settings_file import DEFAULT, load
from edge.domain.frames import AudioFrame, ContactFrame, Fault, Frame, Idle, ReadingFrame, VideoFrame
from edge.domain.identity import SourceId
from edge.domain.stages import Section, Source, SourceError
from edge.domain.time import seconds_between
from edge.runtime.clock import SystemClock
from edge.runtime.lanes import fit
from edge.runtime.settings import Settings
from edge.sources.plugged import Plugged, plugged
from edge.sources.serial_board import SerialBoard

HELP = "what is plugged in, what of it is configured, what that says now"

_QUIET = -200.0
_OK = "ok"
_WHERE = ("port", "device", "line", "path")
"""Keys of a source's section that say where it is."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One row.

    Attributes:
        kind: microphone, camera, serial_board or contact.
        names: for the settings, the best first.
        name: in the settings; empty when it is not configured.
        says: what it measured last.
        absent: what it did not measure, and why.
        age_s: since it was measured; None when nothing was.
        quality: ok, or what is wrong.
    """

    kind: str
    names: tuple[str, ...]
    name: str = ""
    says: dict[str, float | str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    age_s: float | None = None
    quality: str = ""
    detail: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the settings and how long each sensor is listened to."""
    parser.add_argument("--config", type=Path, help=f"settings file (default: {DEFAULT}, if it is there)")
    parser.add_argument(
        "--seconds", type=seconds, default=5.0, help="how long each is listened to (default: 5)"
    )


def run(args: argparse.Namespace) -> int:
    """Show them; exit code 1 when a configured one is not well. The daemon must not be running."""
    settings = None
    if args.config is not None or DEFAULT.exists():
        settings = load(args.config or DEFAULT, layers=("sources", "replay", "simulation"), fed=False)
    found: list[Sensor] = []
    for sensor in _sensors(settings, args.seconds):
        found.append(sensor)
        if args.json:
            emit_json(asdict(sensor))
    if not args.json:
        _print(found)
    return FOUND_PROBLEM if any(sensor.name and sensor.quality != _OK for sensor in found) else FINE


def _sensors(settings: Settings | None, wait_s: float) -> Iterator[Sensor]:
    """Yield the configured ones, then what is plugged in besides."""
    devices, clock = plugged(), SystemClock()
    taken: set[str] = set()
    entries = settings.of("sources", "replay", "simulation") if settings else ()
    for entry, fitting in zip(entries, fit(settings, clock) if settings else (), strict=True):
        where = _where(entry.config)
        device = next((each for each in devices if _is(each, where)), None)
        taken.add(device.device if device else where)
        yield _listened(fitting.source, fitting.source_id, wait_s, device, where)
    for each in devices:
        if each.device not in taken:
            yield Sensor(each.kind, each.names, detail=f"{each.detail}; not configured")


def _where(config: Section) -> str:
    """Return where a source is; nothing of a network address, which may hold a password."""
    where = next((str(w) for key in _WHERE if (w := getattr(config, key, ""))), "")
    return "" if "://" in where else where


def _is(device: Plugged, where: str) -> bool:
    return bool(where) and (where in device.names or os.path.realpath(where) == device.device)


def _listened(
    source: Source, source_id: SourceId, wait_s: float, device: Plugged | None, where: str
) -> Sensor:
    names = device.names if device else (where,) if where else ()
    sensor = Sensor(source_id.component, names, source_id.name, detail=device.detail if device else "")
    clock = SystemClock()
    try:
        with source:
            frame, quality, detail = _heard(source, wait_s)
    except SourceError as error:
        return replace(sensor, quality=error.reason.value, detail=str(error))
    sensor = replace(sensor, quality=quality, detail=detail or sensor.detail)
    if frame is None:
        return sensor
    says, absent = _says(frame)
    if absent and not says:
        sensor = replace(sensor, quality=next(iter(absent.values())))
    age_s = seconds_between(frame.time, clock.now())
    return replace(sensor, says=says, absent=absent, age_s=round(max(0.0, age_s), 1))


def _heard(source: Source, wait_s: float) -> tuple[Frame | None, str, str]:
    """Return the first frame within the time, its quality, and a detail where that is not ok."""
    if isinstance(source, SerialBoard):
        heard = source.listen(wait_s)
        if heard.reading is not None:
            return heard.reading, _OK, ""
        return None, "garbage" if heard.size else "silent", f"{heard.size} bytes: {heard.counted}"
    quality, detail = "silent", ""
    end_s = time.monotonic() + wait_s
    for frame in source:
        if isinstance(frame, Fault):
            quality, detail = frame.reason.value, frame.detail
        elif not isinstance(frame, Idle):
            return frame, quality if detail else _OK, detail
        if time.monotonic() > end_s:
            break
    return None, quality, detail


def _says(frame: Frame) -> tuple[dict[str, float | str], dict[str, str]]:
    """Return what a frame tells, as numbers and words; never sound, never a picture."""
    match frame:
        case ReadingFrame():
            return dict(frame.values), {name: str(why) for name, why in frame.absent.items()}
        case VideoFrame():
            height, width = frame.image.shape[:2]
            return {"width": width, "height": height, "brightness": round(float(frame.image.mean()), 1)}, {}
        case AudioFrame():
            power = float(np.mean(np.square(frame.samples, dtype=np.float64))) if len(frame.samples) else 0.0
            level = max(_QUIET, 10 * np.log10(power)) if power > 0 else _QUIET
            channels = frame.samples.shape[1]
            return {"channels": channels, "rate_hz": frame.rate_hz, "level_dbfs": round(float(level), 1)}, {}
        case ContactFrame():
            return {"role": frame.role, "state": frame.state}, {}
        case _:
            return {}, {}


def _print(sensors: list[Sensor]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", "kind", "name", "says", "age", "quality", "where", title="lamppost sensors")
    for sensor in sensors:
        mark = {"": "", _OK: "ok"}.get(sensor.quality, "no")
        says = [f"{name} {value}" for name, value in sensor.says.items()]
        says += [f"{name}: {why}" for name, why in sensor.absent.items()]
        age = "" if sensor.age_s is None else f"{sensor.age_s:.1f} s"
        where = "\n".join((*sensor.names, sensor.detail)).strip()
        cells = (mark, sensor.kind, sensor.name, ", ".join(says), age, sensor.quality, where)
        # Text, because a board's words may look like markup.
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    console = Console()
    console.print(table if sensors else "nothing is plugged in, and nothing is configured")
