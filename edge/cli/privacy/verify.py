"""`lamppost privacy verify`: recordings through the real pipeline; everything that leaves is audited."""

import argparse
import asyncio
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import soundfile
from rich.console import Console
from rich.table import Table

from edge.cli.output import FINE, FOUND_PROBLEM, complain, emit_json
from edge.cli.replay import add_recordings, recordings, start_ns
from edge.cli.settings_file import EXAMPLES, add_config, load
from edge.delivery.numbering import Numbering, Position
from edge.domain.health import Reason
from edge.privacy.audit import Audit, canaries_of
from edge.privacy.budget import HOUR_S, SHORT_S
from edge.privacy.policy import PolicyError
from edge.runtime.logs import logging_to_stderr
from edge.runtime.recording_clock import RecordingClock
from edge.runtime.sense import Sense, gate_of
from edge.runtime.settings import Entry, Settings, entry
from edge.vision.opencv import opencv
from edge.vision.picture import as_bgr

_STREET = EXAMPLES.parent / "street"
_PICTURES = 8
"""So many pictures of a video, at most, give pieces to look for."""

_BROKEN_FILE = {Reason.TRUNCATED, Reason.UNREADABLE}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the recordings and the settings."""
    add_recordings(parser)
    add_config(parser)
    parser.set_defaults(do=run, speed="max")


def run(args: argparse.Namespace) -> int:
    """Audit a replay; exit code 1 when anything left that should not have, or nothing could be proven."""
    settings = load(args.config, fed=False)
    settings = settings.replaying([*recordings(args, settings)] or [*_street()])
    with logging_to_stderr(json_lines=args.json):
        try:
            audit, broken = asyncio.run(_audited(settings, start_ns(args.start)))
        except PolicyError as error:
            for line in str(error).splitlines():
                complain(line)
            return FOUND_PROBLEM
    _tell(audit, as_json=args.json)
    if broken:
        complain("a recording is broken; what is in the rest of it was not seen")
    if not audit.came:
        complain("nothing left, so nothing is proven; do these settings have detectors for these recordings?")
    return FINE if audit.came and not audit.breaches and not broken else FOUND_PROBLEM


def _street() -> Iterator[Entry]:
    yield entry("replay", "audio_file", "microphone", path=_STREET / "sound.ogg", pace="max")
    yield entry("replay", "video_file", "camera", path=_STREET / "street.mp4", pace="max")
    capture = _STREET / "sds011.bin"
    yield entry("replay", "byte_capture", "air", path=capture, profile="nova_sds011", pace="max")


async def _audited(settings: Settings, began_ns: int) -> tuple[Audit, bool]:
    gate = gate_of(settings)
    audit = Audit(gate.policy, await asyncio.to_thread(_canaries, settings))
    numbering = Numbering(settings.node.city, settings.node.id, Position(1))

    async def accept(report: Any) -> None:
        audit.take(numbering.entry(report).payload, sense.now_ns)

    sense = Sense(settings, gate, accept, RecordingClock(began_ns, standing=True), monitored=False)
    await sense.run()
    audit.finish()
    return audit, any(reason in _BROKEN_FILE for _, reason in sense.health)


def _canaries(settings: Settings) -> Mapping[str, tuple[bytes, ...]]:
    """Return what no payload may hold: pieces of the recordings, and words of this machine."""
    found: dict[str, tuple[bytes, ...]] = {}
    for source in settings.of("replay"):
        path = _path(source)
        found[f"a piece of {path.name}"] = canaries_of(path.read_bytes())
        if source.section == "audio_file":
            samples, _ = soundfile.read(path, dtype="int16")
            found[f"sound of {path.name}"] = canaries_of(samples.tobytes())
        if source.section == "video_file":
            pictures = (canary for picture in _pictures(path) for canary in canaries_of(picture))
            found[f"a picture of {path.name}"] = tuple(pictures)
        found[f"the name {path.name}"] = (path.name.encode(),)
    host = socket.gethostname()
    if host not in {settings.node.id, settings.node.city, "localhost"}:
        found["the name of this machine"] = (host.encode(),)
    return found


def _pictures(path: Path) -> Iterator[bytes]:
    """Yield pictures of a video, spread over it, in colour and in grey; none of one that cannot be read."""
    cv2 = opencv()
    video = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    try:
        count = max(1, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
        for number in range(0, count, -(-count // _PICTURES)):
            video.set(cv2.CAP_PROP_POS_FRAMES, number)
            readable, picture = video.read()
            if readable:
                image = as_bgr(picture)
                yield image.tobytes()
                yield cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).tobytes()
    finally:
        video.release()


def _path(source: Entry) -> Path:
    path = source.config.model_dump()["path"]
    assert isinstance(path, Path)
    return path


def _tell(audit: Audit, *, as_json: bool) -> None:
    rates = {"hour": audit.hour.most / HOUR_S, "short": audit.short.most / SHORT_S}
    if as_json:
        for breach in audit.breaches:
            emit_json({"breach": breach})
        emit_json({"reports": dict(audit.came), "bits_per_s": rates, "breaches": len(audit.breaches)})
        return
    table = Table("report", "left", "most in a minute")
    for kind, count in audit.came.items():
        table.add_row(kind, str(count), str(audit.minutes[kind].most))
    Console().print(table)
    for breach in audit.breaches:
        complain(breach)
    verdict = "every report keeps to the contract and the policy" if not audit.breaches else "BREACHED"
    console = Console(highlight=False)
    console.print(f"{sum(audit.came.values())} reports: {verdict}")
    console.print(
        f"at most {rates['hour']:.1f} bit/s over an hour, {rates['short']:.0f} bit/s over {SHORT_S} s"
    )
