"""Streaming sample-rate conversion to the rate at which levels are measured."""

from typing import cast

import numpy as np

from edge.domain.frames import Samples

MEASURED_RATE_HZ = 48_000


class Resampler:
    """Converts a stream of float32 samples, shape (n, channels), from one rate to another.

    Sample k of the output lies k / `to_hz` after the first sample of the input, the filter's delay taken out.
    A sample that is not finite spoils up to 0.2 s around it (at 8 kHz; less at higher rates) and no more.

    Source: libsoxr, quality HQ: passband to 0.91 of the lower Nyquist frequency, over 100 dB of rejection.
    """

    def __init__(self, from_hz: int, to_hz: int, channels: int) -> None:
        self._stream = None
        self._none = np.zeros((0, channels), np.float32)
        if from_hz != to_hz:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="HQ")

    def push(self, samples: Samples) -> Samples:
        """Take the next samples; return those that are ready, often fewer or more than went in."""
        if self._stream is None:
            return samples
        return cast("Samples", self._stream.resample_chunk(np.ascontiguousarray(samples), last=False))

    def finish(self) -> Samples:
        """Return what the filter still holds. The stream has ended: nothing may be pushed after it."""
        if self._stream is None:
            return self._none
        return cast("Samples", self._stream.resample_chunk(self._none, last=True))


def resample(samples: Samples, from_hz: int, to_hz: int = MEASURED_RATE_HZ) -> Samples:
    """Convert a whole recording, float32, shape (n, channels)."""
    stream = Resampler(from_hz, to_hz, samples.shape[1])
    return np.concatenate([stream.push(samples), stream.finish()])
