"""Simulated sound: street noise with bangs at known times, on 1..8 channels, from a seed.

The truth is in the settings: a bang begins at `first_bang_s` and then every `bang_every_s`, as a Friedlander
pulse p(t) = P (1 - t/T) exp(-t/T) (T: positive phase, seconds).
"""

from collections.abc import Iterator
from types import TracebackType
from typing import Literal, Self

import numpy as np
from pydantic import Field

from edge.domain.frames import AudioFrame, Frame, Samples
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.stages import Check, SourceSection
from edge.domain.time import CaptureTime, Clock, seconds_between

COMPONENT = Component.MICROPHONE

_RATE_HZ = 48_000
_POSITIVE_PHASE_S = 0.001
_PULSE_S = 0.02
_NOISE_RMS = 0.003


class Config(SourceSection):
    """How much sound, and where the bangs are."""

    channels: int = Field(4, ge=1, le=8)
    duration_s: float = Field(60.0, gt=0, description="then the recording ends")
    first_bang_s: float = Field(5.0, ge=0)
    bang_every_s: float = Field(10.0, ge=0.5)
    bang_peak: float = Field(0.5, gt=0, le=1, description="peak of a bang, full scale is 1")
    seed: int = 0
    pace: Literal["real_time", "max"] = "real_time"
    block_s: float = Field(0.1, ge=0.01, le=0.5)


class SimulatedSound:
    """The street, block by block. The noise repeats every second: to make it costs more than to hear it."""

    live = False

    def __init__(self, config: Config, source: SourceId, clock: Clock) -> None:
        self._config = config
        self._source = source
        self._clock = clock
        self._block = round(config.block_s * _RATE_HZ)
        shape = (_RATE_HZ + self._block, config.channels)
        noise = np.random.default_rng(config.seed).standard_normal(shape)
        self._noise = (noise * _NOISE_RMS).astype(np.float32)
        since = np.arange(round(_PULSE_S * _RATE_HZ)) / _RATE_HZ / _POSITIVE_PHASE_S
        self._pulse = (config.bang_peak * (1 - since) * np.exp(-since)).astype(np.float32)

    def __enter__(self) -> Self:
        """Begin now."""
        self._start = self._clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield blocks until `duration_s`."""
        total = round(self._config.duration_s * _RATE_HZ)
        for sent in range(0, total, self._block):
            samples = self._samples(sent, min(self._block, total - sent))
            end = self._at(sent + len(samples))
            if self._config.pace == "real_time":
                self._clock.sleep(seconds_between(self._clock.now(), end))
            yield AudioFrame(self._source, self._at(sent), samples, _RATE_HZ)

    def bangs_s(self) -> list[float]:
        """Return the truth: when each bang begins, seconds after the start."""
        config = self._config
        return list(np.arange(config.first_bang_s, config.duration_s, config.bang_every_s))

    def check(self) -> Check:
        """A simulation always works."""
        return Check(f"simulation {self._source.name}", ok=True, detail=f"{len(self.bangs_s())} bangs")

    def _at(self, samples: int) -> CaptureTime:
        return self._start.after_samples(samples, _RATE_HZ)

    def _samples(self, first: int, length: int) -> Samples:
        offset = first % _RATE_HZ
        samples = self._noise[offset : offset + length].copy()
        for bang in self._bangs_near(first, length):
            begin, end = max(bang, first), min(bang + len(self._pulse), first + length)
            samples[begin - first : end - first] += self._pulse[begin - bang : end - bang, np.newaxis]
        return samples

    def _bangs_near(self, first: int, length: int) -> Iterator[int]:
        every = round(self._config.bang_every_s * _RATE_HZ)
        bang = round(self._config.first_bang_s * _RATE_HZ)
        bang += max(0, (first - len(self._pulse) - bang) // every) * every
        while bang < first + length:
            if bang + len(self._pulse) > first:
                yield bang
            bang += every


def build(config: Config, source: SourceId, clock: Clock) -> SimulatedSound:
    """Return the source."""
    return SimulatedSound(config, source, clock)
