"""A microphone, 1..8 channels, through PortAudio (ALSA): USB arrays, I2S boards, whatever the kernel knows.

Of the thread that PortAudio brings along, the callback copies into a ring and does nothing else. The time of
a frame is that of its first sample: the driver's own capture times, smoothed, mapped to the clock.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from edge.decoding.calibration import CalibrationError, full_scale_db
from edge.domain.frames import AudioFrame, Fault, Frame, Idle, Samples
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.microphone import MicrophoneSection
from edge.domain.stages import Check, SourceError
from edge.domain.time import CaptureTime, Clock, seconds_between
from edge.dsp.ring import Block, Ring
from edge.dsp.sample_clock import SampleClock
from edge.sources.sound_devices import DRIVERS, find_input, load_sounddevice, refused

COMPONENT = Component.MICROPHONE

_MAX_CHANNELS = 8
_RING_S = 4.0
# Of the driver's buffer: a Python thread may have to wait for the interpreter.
_LATENCY_S = 0.2
_DRIVER_BLOCK_S = 0.02
_LONGEST_WAIT_S = 0.5
_SHORTEST_WAIT_S = 0.005
_DEAF_AFTER_S = 2.0
_REMAP_EVERY_S = 1.0
# A driver's capture time is believed when it is not in the future and not older than this.
_OLDEST_CAPTURE_S = 2.0
# Oftener than a source becomes well again of itself.
_REMIND_EVERY_S = 5.0


class Config(MicrophoneSection):
    """Which microphone, and how it is read."""

    device: str = Field(
        "",
        description="a part of its name, hw:CARD=<id>, or /dev/snd/by-id/<...>; empty: the system's default",
    )
    channels: int = Field(1, ge=1, le=_MAX_CHANNELS)
    rate_hz: int = Field(48_000, ge=8_000, le=192_000, description="samples per second of the device")
    block_s: float = Field(0.1, ge=0.02, le=0.5, description="length of a frame")

    @model_validator(mode="after")
    def _array_fits(self) -> Self:
        misfit = "" if self.array is None else self.array.misfit(self.channels)
        if misfit:
            raise ValueError(misfit)
        return self


@dataclass(frozen=True, slots=True)
class _Mapping:
    """The same instant on the driver's clock and on ours."""

    stream_s: float
    time: CaptureTime


class Microphone:
    """The microphone. `backend` returns the module `sounddevice` or one shaped like it."""

    live = True

    def __init__(
        self, config: Config, source: SourceId, clock: Clock, backend: Callable[[], Any] | None = None
    ) -> None:
        self._config = config
        self._source = source
        self._clock = clock
        self._load = backend or load_sounddevice
        self._library: Any = None
        self._stream: Any = None
        self._ring = Ring(1, 1)
        self._sample_clock = SampleClock(config.rate_hz)
        self._mapping: _Mapping | None = None
        self._full_scale_db: float | None = None
        self._uncalibrated = ""

    def __enter__(self) -> Self:
        """Open the device. Raises SourceError."""
        config = self._config
        self._ring = Ring(round(_RING_S * config.rate_hz), config.channels)
        self._sample_clock = SampleClock(config.rate_hz)
        self._mapping = None
        self._calibrate()
        self._library = self._load()
        self._stream = DRIVERS.opened(self._library, lambda: self._start(self._library))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the device."""
        stream, self._stream = self._stream, None
        if stream is not None:
            # Not stop(): that waits for a driver that may never answer again.
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)
            DRIVERS.closed()

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames of `block_s`, shorter before a loss. Raises SourceError when nothing comes for 2 s."""
        try:
            yield from self._reminded(self._listen())
        except self._library.PortAudioError as error:
            raise SourceError(Reason.NO_DEVICE, f"{self._name}: {error}; plug it in again") from error

    def _calibrate(self) -> None:
        """Read the calibration; without a usable record the microphone hears on, in dB re full scale."""
        self._full_scale_db, self._uncalibrated = None, ""
        try:
            self._full_scale_db = full_scale_db(self._config, self._source.name)
        except CalibrationError as error:
            self._uncalibrated = str(error)

    def _reminded(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Yield frames, and now and then that the calibration asked for is not there."""
        reminded: CaptureTime | None = None
        for frame in frames:
            due = reminded is None or seconds_between(reminded, frame.time) >= _REMIND_EVERY_S
            if self._uncalibrated and due:
                reminded = frame.time
                yield Fault(self._source, frame.time, Reason.UNCALIBRATED, self._uncalibrated)
            yield frame

    def _listen(self) -> Iterator[Frame]:
        length = round(self._config.block_s * self._config.rate_hz)
        pending = _Pending(length)
        heard = told = self._clock.now()
        while True:
            while (block := self._ring.read()) is not None:
                heard = self._clock.now()
                for frame in self._take(block, pending):
                    told = heard
                    yield frame
            now = self._clock.now()
            self._require_life(now, heard)
            if seconds_between(told, now) >= _LONGEST_WAIT_S:
                told = now
                yield Idle(self._source, now)
            missing_s = (length - pending.count) / self._config.rate_hz
            self._clock.sleep(min(max(missing_s, _SHORTEST_WAIT_S), _LONGEST_WAIT_S / 2))

    def check(self) -> Check:
        """Listen for a moment."""
        what = f"microphone {self._source.name}"
        try:
            with self as source:
                frame = next(f for f in source if isinstance(f, AudioFrame))
        except SourceError as error:
            return Check(what, False, str(error), _ADVICE.get(error.reason, "see the message"))
        loudest = float(np.abs(np.nan_to_num(frame.samples)).max())
        if loudest == 0:
            return Check(
                what, False, "delivers nothing but zeros", "check its cable, its switch and alsamixer's gain"
            )
        if self._uncalibrated:
            return Check(what, False, self._uncalibrated, "run `lamppost calibrate microphone`")
        shape = f"{self._config.channels} channels, {self._config.rate_hz} Hz"
        level = f"peak {20 * math.log10(loudest):.0f} dB re full scale"
        return Check(what, True, f"{self._name}: {shape}, {level}{self._array_said}")

    @property
    def _array_said(self) -> str:
        if self._config.array is None:
            return ""
        from edge.dsp.geometry import blindness

        return ", array " + (blindness(self._config.array) or "that tells all directions apart")

    @property
    def _name(self) -> str:
        return f"microphone '{self._config.device}'" if self._config.device else "default microphone"

    def _start(self, backend: Any) -> Any:
        config = self._config
        device = find_input(backend, config.device, config.channels)
        try:
            stream = backend.InputStream(
                device=device["index"],
                channels=config.channels,
                samplerate=config.rate_hz,
                dtype="float32",
                blocksize=round(_DRIVER_BLOCK_S * config.rate_hz),
                latency=_LATENCY_S,
                callback=self._heard,
            )
        except backend.PortAudioError as error:
            raise refused(device, config.rate_hz, error) from error
        try:
            stream.start()
        except backend.PortAudioError as error:
            stream.close(ignore_errors=True)
            raise refused(device, config.rate_hz, error) from error
        return stream

    def _heard(self, samples: Samples, count: int, time: Any, status: Any) -> None:
        now_s, captured_s = time.currentTime, time.inputBufferAdcTime
        if not 0 <= now_s - captured_s <= _OLDEST_CAPTURE_S:
            # Some drivers leave it empty: then the block ended just now.
            captured_s = now_s - count / self._config.rate_hz
        self._ring.write(samples, captured_s, overflowed=status.input_overflow)

    def _take(self, block: Block, pending: "_Pending") -> Iterator[Frame]:
        """Yield the frames that a block completes, and before them what was lost."""
        lost_s = 0.0
        if pending.next_index != block.index or block.overflowed:
            yield from self._frames(pending, pending.cut())
            lost_s = (block.index - pending.next_index) / self._config.rate_hz
        lost_s += self._sample_clock.observe(block.index, block.captured_s, restart=block.overflowed)
        if lost_s > 0 or block.overflowed:
            detail = f"{self._name}: {lost_s:.3f} s of sound lost; the processor is too busy"
            yield Fault(self._source, self._time_of(block.index), Reason.OVERRUN, detail)
            pending.lost_s += lost_s
        pending.add(block)
        yield from self._frames(pending, pending.whole())

    def _frames(self, pending: "_Pending", pieces: list[tuple[int, Samples]]) -> Iterator[AudioFrame]:
        for index, samples in pieces:
            time = self._time_of(index)
            lost_s, pending.lost_s = pending.lost_s, 0.0
            yield AudioFrame(
                self._source,
                time,
                samples,
                self._config.rate_hz,
                self._full_scale_db,
                lost_s,
                self._config.array,
            )

    def _time_of(self, index: int) -> CaptureTime:
        now = self._clock.now()
        if self._mapping is None or seconds_between(self._mapping.time, now) > _REMAP_EVERY_S:
            self._mapping = self._mapped()
        return self._mapping.time.shifted(self._sample_clock.time_of(index) - self._mapping.stream_s)

    def _mapped(self) -> _Mapping:
        """Read both clocks at the same instant: the quickest of three tries, without an interruption."""
        tries = []
        for _ in range(3):
            before = self._clock.now()
            stream_s = float(self._stream.time)
            after = self._clock.now()
            tries.append((seconds_between(before, after) / 2, stream_s, before))
        half_s, stream_s, before = min(tries, key=lambda attempt: attempt[0])
        return _Mapping(stream_s, before.shifted(half_s))

    def _require_life(self, now: CaptureTime, heard: CaptureTime) -> None:
        if not self._stream.active:
            raise SourceError(
                Reason.NO_DEVICE, f"{self._name}: unplugged, or its driver stopped; plug it in again"
            )
        if seconds_between(heard, now) > _DEAF_AFTER_S:
            raise SourceError(
                Reason.NO_FRAMES,
                f"{self._name}: no sound for {_DEAF_AFTER_S:g} s; plug it in again, check its cable",
            )


class _Pending:
    """Sound that does not fill a frame yet."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._parts: list[Samples] = []
        self.count = 0
        self.next_index = 0
        self.lost_s = 0.0

    def add(self, block: Block) -> None:
        self._parts.append(block.samples)
        self.count += len(block.samples)
        self.next_index = block.index + len(block.samples)

    def whole(self) -> list[tuple[int, Samples]]:
        """Take out all frames of full length, each with the index of its first sample."""
        if self.count < self._length:
            return []
        sound = np.concatenate(self._parts)
        first = self.next_index - self.count
        full = self.count - self.count % self._length
        self._parts, self.count = [sound[full:]], self.count - full
        return [(first + at, sound[at : at + self._length]) for at in range(0, full, self._length)]

    def cut(self) -> list[tuple[int, Samples]]:
        """Take out what is there, shorter than a frame."""
        if not self.count:
            return []
        sound, first = np.concatenate(self._parts), self.next_index - self.count
        self._parts, self.count = [], 0
        return [(first, sound)]


_ADVICE = {
    Reason.NO_DEVICE: "plug it in; `arecord -l` shows what the kernel sees",
    Reason.NO_PERMISSION: "add the daemon's user to the group audio",
    Reason.NO_FRAMES: "plug it in again, try another cable or a powered hub",
}


def build(config: Config, source: SourceId, clock: Clock) -> Microphone:
    """Return the source; the device is opened when it is entered."""
    return Microphone(config, source, clock)
