#!/usr/bin/env python3
"""Measure how fast and how lean a lamppost hears, with the code that ships, on one core.

    python -m scripts.measure_hearing [--repeats N] [--minutes M] [--json | --markdown]

Speeds are of processor time, so that a busy machine slows them but does not spoil them. The street is the
minute that ships, heard by four microphones, with a simulated bang every five seconds. Memory is that of
the real `lamppost sense`; latency is of the real pipeline in real time.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edge.cli.settings_file import EXAMPLES
from edge.domain.events import Event
from edge.domain.observations import ImpulseOnset, Observation, SoundBands, StreetSound
from edge.domain.shipped import shipped
from edge.dsp.air import speed_of_sound_m_s
from edge.dsp.impulses import ImpulseFinder
from edge.dsp.levels import LevelMeter
from edge.dsp.log_mel import WINDOW_SAMPLES, log_mel, to_model_rate
from edge.inference.session import open_model
from edge.privacy.gate import Gate
from edge.runtime.recording_clock import RecordingClock
from edge.runtime.sense import Sense, gate_of
from edge.runtime.settings import Settings, load_settings
from scripts.array_sound import ONSET_S, RATE_HZ, in_a_street, places
from scripts.measure_direction import square

Samples = NDArray[np.float32]

_ROOT = Path(__file__).resolve().parent.parent
_BLOCK = RATE_HZ // 10
_MB = 1_000_000
_ARRAY = square(0.065)
_BANG_EVERY_S = 5.0
_NOISE = 3e-4
_SETTINGS = """
[node]
city = "bench"
id = "lp-1"

[privacy]
policy = "{policy}"
unsigned = "allowed"

[replay.audio_file]
path = "street.wav"
pace = "{pace}"
loop = {loop}

[replay.audio_file.array]
positions_m = {positions}

[detectors.sound_level]
interval_s = 60
bands = {bands}

[detectors.impulse]

[detectors.sound_health]

[detectors.street_sound]
false_alarms = "false_alarms.json"

[fusion.impulse]

[delivery.outbox]
path = "outbox.sqlite"
max_mb = 16
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: the median of `values` is held against the target.

    Attributes:
        at_least: the target is a least value, else a most one.
    """

    what: str
    unit: str
    target: float
    at_least: bool
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure."""
        return statistics.median(self.values)

    @property
    def reached(self) -> bool:
        """Whether the median meets the target."""
        return self.median >= self.target if self.at_least else self.median <= self.target


def street(seconds: float) -> Samples:
    """Return the street that ships at four microphones, with bangs, shape (n, 4)."""
    shipped_street, rate_hz = soundfile.read(_ROOT / "edge" / "street" / "sound.ogg", dtype="float32")
    assert rate_hz == RATE_HZ
    length = round(seconds * RATE_HZ)
    mono = np.resize(0.5 * shipped_street.mean(axis=1), length)
    noise = _NOISE * np.random.default_rng(0).standard_normal((length, 4))
    sound = mono[:, np.newaxis] + noise
    pole, bang = np.array([2.0, 0.0, 5.0]), np.array([9.0, 30.0, 1.5])
    heard = 0.4 * in_a_street(pole + places(_ARRAY), bang, speed_of_sound_m_s(12), 0.001)
    for at_s in np.arange(2.0, seconds - 1.0, _BANG_EVERY_S):
        first = round((at_s - ONSET_S) * RATE_HZ)
        sound[first : first + len(heard)] += heard
    return np.asarray(sound, dtype=np.float32)


def times_real_time(work: Callable[[], None], seconds: float, repeats: int) -> tuple[float, ...]:
    """Return seconds of sound for each second of processor time, once for each repetition."""
    found = []
    for _ in range(repeats):
        began_s = time.process_time()
        work()
        found.append(seconds / (time.process_time() - began_s))
    return tuple(found)


def measure(folder: Path, repeats: int, minutes: float) -> Iterator[Figure]:
    """Yield every figure."""
    seconds = 60.0
    sound = street(seconds)
    soundfile.write(folder / "street.wav", sound, RATE_HZ, subtype="PCM_16")
    blocks = np.split(sound, range(_BLOCK, len(sound), _BLOCK))
    speed = times_real_time(lambda: _levels_and_impulses(blocks), seconds, repeats)
    yield Figure("levels and impulses, 4 channels at 48 kHz", "x real time", 60, True, speed)
    yield Figure("street-sound model, one window of 1 s", "ms", 6, False, _window_ms(sound, repeats))
    for bands in (False, True):
        lanes = tuple(_lane_speed(folder, seconds, bands=bands) for _ in range(repeats))
        what = "whole audio lane, 4 channels" + (", with one-third octaves" if bands else "")
        yield Figure(what, "x real time", 20, True, lanes)
    resident = tuple(_resident_mb(folder, minutes))
    yield Figure(f"`lamppost sense`, audio only, {minutes:g} min: resident", "MB", 250, False, resident)
    yield from _latencies(folder)


def _levels_and_impulses(blocks: Sequence[Samples]) -> None:
    meter, finder = LevelMeter(RATE_HZ, 4), ImpulseFinder(RATE_HZ, 4)
    for block in blocks:
        meter.add(block)
        finder.add(block)
    meter.take()
    finder.finish()


def _window_ms(sound: Samples, repeats: int) -> tuple[float, ...]:
    """Resampling, log-mel and network of one window; the mean of 20 windows for each repetition."""
    model = open_model(shipped("models") / "street_sound")
    windows = [sound[i * RATE_HZ : (i + 1) * RATE_HZ, 0] for i in range(20)]
    found = []
    for _ in range(repeats):
        began_s = time.process_time()
        for window in windows:
            model.run(log_mel(to_model_rate(window, RATE_HZ)[None, :WINDOW_SAMPLES]))
        found.append(1000.0 * (time.process_time() - began_s) / len(windows))
    return tuple(found)


def _settings(folder: Path, *, pace: str, loop: bool = False, bands: bool = False) -> Path:
    """Write a lamppost with every detector of sound that replays the street."""
    path = folder / "lamppost.toml"
    positions = [list(position) for position in _ARRAY.positions_m]
    path.write_text(
        _SETTINGS.format(
            policy=EXAMPLES / "policy.toml",
            pace=pace,
            loop=str(loop).lower(),
            bands=str(bands).lower(),
            positions=positions,
        )
    )
    return path


class _Listening(Gate):
    """The gate, which also tells what came to it and when."""

    def __init__(self, settings: Settings, clock: RecordingClock) -> None:
        super().__init__(gate_of(settings).policy)
        self._clock = clock
        self.found: list[tuple[Observation | Event, float]] = []

    def admit(self, finding: Observation | Event, now_ns: int = 0) -> Any:
        """Note how long after it happened it came."""
        self.found.append((finding, (self._clock.now().utc_ns - finding.time.utc_ns) / 1e9))
        return super().admit(finding, now_ns)


def _sensed(path: Path, *, standing: bool) -> tuple[_Listening, Sense]:
    """Run the road up to the gate on the recording of the settings."""

    async def accept(report: Any) -> None:
        pass

    async def run() -> tuple[_Listening, Sense]:
        clock = RecordingClock(time.time_ns(), standing=standing)
        settings = load_settings(path)
        gate = _Listening(settings, clock)
        sense = Sense(settings, gate, accept, clock, monitored=False)
        await sense.run()
        return gate, sense

    return asyncio.run(run())


def _lane_speed(folder: Path, seconds: float, *, bands: bool) -> float:
    gate, sense = _sensed(_settings(folder, pace="max", bands=bands), standing=True)
    kinds = {type(finding) for finding, _ in gate.found}
    assert {ImpulseOnset, StreetSound} <= kinds
    assert (SoundBands in kinds) is bands
    assert any(isinstance(f, ImpulseOnset) and f.azimuth_deg is not None for f, _ in gate.found)
    return seconds / sense.lanes[0].cpu_s


def _resident_mb(folder: Path, minutes: float) -> Iterator[float]:
    """Yield the resident memory of the real process in real time, every two seconds after the first ten."""
    path = _settings(folder, pace="real_time", loop=True, bands=True)
    command = [sys.executable, "-m", "edge", "sense", "--config", str(path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sense:
        try:
            time.sleep(10)
            for _ in range(max(1, round(minutes * 30))):
                time.sleep(2)
                pages = int(Path(f"/proc/{sense.pid}/statm").read_text().split()[1])
                yield pages * os.sysconf("SC_PAGE_SIZE") / _MB
        finally:
            sense.send_signal(signal.SIGTERM)


def _latencies(folder: Path) -> Iterator[Figure]:
    gate, _ = _sensed(_settings(folder, pace="real_time"), standing=False)
    onsets = tuple(late for f, late in gate.found if isinstance(f, ImpulseOnset))
    named = tuple(late for f, late in gate.found if isinstance(f, StreetSound) and f.after_impulse)
    yield Figure("onset of a bang to its observation, with direction", "s", 1.2, False, onsets)
    yield Figure("onset of a bang to what it probably was", "s", 1.2, False, named)


def rows(figures: Sequence[Figure]) -> list[list[str]]:
    """Return the cells of the table, the head first."""
    head = ["figure", "target", "median", "least", "most", "reached"]
    return [head, *([*_cells(figure)] for figure in figures)]


def _cells(figure: Figure) -> Iterator[str]:
    yield figure.what
    yield f"{'≥' if figure.at_least else '≤'} {figure.target:g} {figure.unit}"
    for value in (figure.median, min(figure.values), max(figure.values)):
        yield f"{value:.2f}" if value < 10 else f"{value:.0f}"
    yield "yes" if figure.reached else "no"


def show(figures: Sequence[Figure], *, as_json: bool, markdown: bool) -> None:
    """Print the figures."""
    head, *cells = rows(figures)
    if as_json:
        for figure in figures:
            record = asdict(figure) | {"median": figure.median, "reached": figure.reached}
            sys.stdout.write(json.dumps(record) + "\n")
    elif markdown:
        lines = ["| " + " | ".join(line) + " |" for line in (head, *cells)]
        lines.insert(1, "|" + " --- |" * len(head))
        sys.stdout.write("\n".join(lines) + "\n")
    else:
        table = Table(*head, title=f"hearing on one core, {platform.machine()}")
        for line in cells:
            table.add_row(*line)
        Console().print(table)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print; exit code 1 when a target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7, help="of each speed (default 7)")
    parser.add_argument("--minutes", type=float, default=3.0, help="that memory is watched (default 3)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line")
    form.add_argument("--markdown", action="store_true", help="a table for the documentation")
    args = parser.parse_args(arguments)
    if args.repeats < 1:
        parser.error("--repeats: give at least 1")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        with TemporaryDirectory(prefix="lamppost-hearing-") as folder:
            figures = list(measure(Path(folder), args.repeats, args.minutes))
    finally:
        os.sched_setaffinity(0, before)
    show(figures, as_json=args.json, markdown=args.markdown)
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
