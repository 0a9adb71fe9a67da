"""`lamppost listen`: a live meter of one microphone; what it shows is numbers, never sound."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from edge.cli.meter_view import Heard, Json, Lines, Screen, View
from edge.cli.microphone_choice import Choice, add_choice, chosen
from edge.cli.output import FINE, FOUND_PROBLEM, complain, seconds
from edge.detectors import impulse, sound_health
from edge.domain.frames import AudioFrame, Fault, Frame, Idle, Samples
from edge.domain.health import Status
from edge.domain.observations import Health, ImpulseOnset, Observation
from edge.domain.time import NS_PER_S
from edge.runtime.clock import SystemClock

if TYPE_CHECKING:
    from edge.dsp.meter import Meter
    from edge.dsp.samples import ClipCounter

HELP = "live meter of a microphone: levels, floor, clipping, health, direction; never sound"

_WAITING = "no sound comes; is it plugged in?"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the microphone, how long, and how fast a recording is played."""
    add_choice(parser)
    parser.add_argument("--seconds", type=seconds, metavar="N", help="stop after so long (default: Ctrl-C)")
    parser.add_argument("--speed", choices=("1", "max"), default="1", help="of a recording")


def run(args: argparse.Namespace) -> int:
    """Listen until Ctrl-C, the end of a recording, or --seconds; exit code 1 when something was wrong."""
    choice = chosen(args, SystemClock(), pace="max" if args.speed == "max" else "real_time")
    view = _view(as_json=args.json)
    listener = _Listener(choice, view)
    with choice.source as source, view:
        for frame in source:
            listener.take(frame)
            if args.seconds is not None and listener.passed_s >= args.seconds:
                break
        listener.finish()
    return FOUND_PROBLEM if listener.found_problem else FINE


def _view(*, as_json: bool) -> View:
    if as_json:
        return Json()
    console = Console()
    return Screen(console) if console.is_terminal else Lines(console)


class _Listener:
    """Feeds a meter and the daemon's own detectors; tells the view.

    Attributes:
        passed_s: since the first frame.
        found_problem: the source or a channel was not well.
    """

    def __init__(self, choice: Choice, view: View) -> None:
        self._view = view
        self._heard = Heard(choice.name)
        settings = choice.settings
        bangs = settings.section("detectors", "impulse") if settings else None
        health = settings.section("detectors", "sound_health") if settings else None
        self._bangs = bangs if isinstance(bangs, impulse.Config) else impulse.Config()
        self._health = health if isinstance(health, sound_health.Config) else sound_health.Config()
        self._detectors = (impulse.build(self._bangs), sound_health.build(self._health))
        self._layout: tuple[int, int, float | None] | None = None
        self._meter: Meter | None = None
        self._clips: ClipCounter | None = None
        self._second: list[Samples] = []
        self._began_ns: int | None = None
        self.passed_s = 0.0
        self.found_problem = False

    def take(self, frame: Frame) -> None:
        """Take a frame; show what it changes."""
        if self._began_ns is None:
            self._began_ns = frame.time.monotonic_ns
        self.passed_s = (frame.time.monotonic_ns - self._began_ns) / NS_PER_S
        if isinstance(frame, AudioFrame) and len(frame.samples):
            self.passed_s += frame.duration_s
            self._hear(frame)
        elif isinstance(frame, Fault):
            self._complain(frame.detail)
        elif isinstance(frame, Idle):
            self._heard.trouble = _WAITING
            self._view.moved(self._heard)

    def finish(self) -> None:
        """Show what does not fill a second any more."""
        for detector in self._detectors:
            self._note(detector.finish())
        if self._second and self._heard.readings:
            self._view.second(self._heard)

    def _hear(self, frame: AudioFrame) -> None:
        self._start_if_new(frame)
        assert self._meter is not None
        if self._heard.trouble == _WAITING:
            self._heard.trouble = ""
        for detector in self._detectors:
            self._note(detector.accept(frame))
        sound, first = frame.samples, 0
        while first < len(sound):
            missing = frame.rate_hz - sum(map(len, self._second))
            part = sound[first : first + missing]
            if not self._second:
                self._heard.time = frame.time.after_samples(first, frame.rate_hz)
            first += len(part)
            self._meter.add(part)
            self._second.append(part)
            self._heard.readings = self._meter.readings()
            if len(part) == missing:
                self._end_second()
        self._view.moved(self._heard)

    def _start_if_new(self, frame: AudioFrame) -> None:
        from edge.dsp.geometry import blindness
        from edge.dsp.meter import Meter
        from edge.dsp.samples import ClipCounter

        layout = (frame.rate_hz, frame.samples.shape[1], frame.full_scale_db)
        if layout == self._layout:
            return
        self._layout = layout
        self._meter = Meter(*layout[:2])
        self._clips = ClipCounter(layout[1])
        self._second.clear()
        self._heard.full_scale_db = frame.full_scale_db
        if frame.array is not None:
            self._heard.array = blindness(frame.array) or "tells all directions apart"

    def _end_second(self) -> None:
        from edge.dsp.soundness import soundness

        assert self._clips is not None
        heard = soundness(np.concatenate(self._second), self._clips)
        self._heard.faults = sound_health.channel_faults(heard, self._health)
        self._second.clear()
        self._view.second(self._heard)
        self._heard.impulses = 0

    def _note(self, observations: Iterable[Observation]) -> None:
        for observation in observations:
            if isinstance(observation, ImpulseOnset):
                self._heard.impulses += 1
                self._heard.last = observation
            elif isinstance(observation, Health):
                well = observation.status is Status.OK
                self._complain("" if well else observation.detail)

    def _complain(self, trouble: str) -> None:
        if trouble and trouble != self._heard.trouble:
            self.found_problem = True
            if not isinstance(self._view, Screen):
                complain(trouble)
        self._heard.trouble = trouble
