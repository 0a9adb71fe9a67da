"""Replay every recording below a folder through the real pipeline; each must give valid reports.

Usage: python scripts/replay_all.py FOLDER

Prints a line for each recording that gave none or that could not be read, then a summary; exit code 1 if any.
"""

import asyncio
import json
import logging
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from edge.cli.settings_file import EXAMPLES
from edge.delivery.numbering import Numbering, Position
from edge.domain.health import Status
from edge.domain.reports import REPORT
from edge.runtime.logs import logging_to_stderr
from edge.runtime.recording_clock import RecordingClock
from edge.runtime.sense import Sense, gate_of
from edge.runtime.settings import Settings, entry, load_settings

_AUDIO = {".ogg", ".wav", ".flac"}
_VIDEO = {".mp4", ".avi"}
_START_NS = 1_767_225_600_000_000_000


def main(folder: Path) -> int:
    """Replay everything; return the exit code."""
    settings = load_settings(EXAMPLES / "replay.toml", fed=False, environment={})
    found = sorted(path for path in folder.resolve().rglob("*") if path.suffix.lower() in _AUDIO | _VIDEO)
    bad, kinds = 0, Counter[str]()
    for path in found:
        reports, failures = asyncio.run(_replay(settings, path))
        kinds.update(reports)
        wanted = "scene_motion" if path.suffix.lower() in _VIDEO else "sound_level"
        if failures or not reports[wanted]:
            bad += 1
            sys.stdout.write(f"{path}: {dict(reports)} {failures}\n")
    sys.stdout.write(f"{len(found)} recordings, {bad} bad, reports: {dict(kinds)}\n")
    return 1 if bad or not found else 0


async def _replay(settings: Settings, path: Path) -> tuple[Counter[str], list[str]]:
    section = "video_file" if path.suffix.lower() in _VIDEO else "audio_file"
    source = entry("replay", section, "recording", path=path, pace="max")
    numbering = Numbering("replay", "desk", Position(1))
    kinds: Counter[str] = Counter()

    async def accept(report: Any) -> None:
        content = json.loads(numbering.entry(report).payload)["data"]
        REPORT.validate_python(content)
        kinds[content["kind"]] += 1

    replaying = settings.replaying([source])
    clock = RecordingClock(_START_NS, standing=True)
    sense = Sense(replaying, gate_of(replaying), accept, clock, monitored=False)
    await sense.run()
    return kinds, [reason for (status, reason) in sense.health if status is Status.FAILED]


if __name__ == "__main__":
    with logging_to_stderr(logging.CRITICAL):
        code = main(Path(sys.argv[1]))
    sys.exit(code)
