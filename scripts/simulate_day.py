#!/usr/bin/env python3
"""Simulate a day of sound in a side street, from a seed; print its sound-level reports, one a line.

    python -m scripts.simulate_day [--seed N] [--hours H]

A background, passing cars and six bangs in the evening; heard by the detector, let out by the gate that ship.
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.delivery.numbering import Numbering, Position
from edge.detectors import sound_level
from edge.domain.frames import AudioFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime
from edge.privacy.gate import Gate
from edge.privacy.policy import load_policy

Float = NDArray[np.float64]

_POLICY = Path(__file__).resolve().parent.parent / "edge" / "examples" / "policy.toml"
_START = datetime(2026, 6, 19, tzinfo=UTC)
_RATE_HZ = 8_000
_FULL_SCALE_DB = 120.0
_INTERVAL_S = 300
# Cars in an hour, from midnight: an ordinary Friday in a side street.
_CARS = (
    12,
    8,
    5,
    4,
    6,
    18,
    60,
    150,
    170,
    120,
    110,
    120,
    130,
    125,
    130,
    140,
    170,
    180,
    150,
    110,
    80,
    60,
    45,
    30,
)
_NIGHT_DB, _EVENING_DB = 36.0, 44.0
_CAR_DB, _CAR_SPREAD_DB, _CAR_S = 66.0, 4.0, 3.0
_BANG_DB = 108.0


def simulated(seed: int, seconds: int) -> Iterator[str]:
    """Yield the reports of a simulated day as CloudEvents, made by the detector and the gate that ship."""
    detector = sound_level.build(sound_level.Config(interval_s=_INTERVAL_S))
    gate = Gate(load_policy(_POLICY))
    source = SourceId("microphone", 0, Component.MICROPHONE)
    start = CaptureTime(round(_START.timestamp()) * NS_PER_S, NS_PER_S, 1.0)
    rng = np.random.default_rng(seed)
    noise = _street_noise(rng)
    numbering = Numbering("simulated", "lp-0001", Position(next_sequence=1))
    for second, gain in enumerate(_gains(rng, seconds)):
        first = rng.integers(0, len(noise) - _RATE_HZ)
        samples = (noise[first : first + _RATE_HZ] * gain).astype(np.float32)[:, np.newaxis]
        frame = AudioFrame(source, start.shifted(second), samples, _RATE_HZ, _FULL_SCALE_DB)
        for observation in detector.accept(frame):
            report = gate.admit(observation, frame.time.monotonic_ns)
            if report is not None:
                yield numbering.entry(report).payload.decode()


def _street_noise(rng: np.random.Generator) -> Float:
    """Return half a minute of pink noise whose A-weighted level would be about 0 dB SPL."""
    spectrum = np.fft.rfft(rng.standard_normal(30 * _RATE_HZ))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum)
    return np.asarray(noise / noise.std() * 10 ** (-_FULL_SCALE_DB / 20) / np.sqrt(2) * 10 ** (4 / 20))


def _gains(rng: np.random.Generator, seconds: int) -> Iterator[Float]:
    """Yield how much louder than the noise each sample of each second is: a background, cars, two bangs."""
    fine_s = np.arange(_RATE_HZ) / _RATE_HZ
    cars = np.array([(at, level) for hour in range(24) for at, level in _passing(rng, hour)])
    bangs = {int(at) for at in rng.uniform(20.5 * 3600, 23.5 * 3600, 6)}
    for second in range(seconds):
        daylight = np.sin(np.pi * np.clip((second / 3600 - 5) / 18, 0, 1))
        power = np.full(_RATE_HZ, 10 ** ((_NIGHT_DB + (_EVENING_DB - _NIGHT_DB) * daylight) / 10))
        for at_s, level_db in cars[np.abs(cars[:, 0] - second) < 30]:
            # A point source that passes: its level falls with the square of the distance.
            power += 10 ** (level_db / 10) / (1 + ((second + fine_s - at_s) / _CAR_S) ** 2)
        if second in bangs:
            power += 10 ** (_BANG_DB / 10) * np.exp(-fine_s / 0.05)
        yield np.sqrt(power)


def _passing(rng: np.random.Generator, hour: int) -> Iterator[tuple[float, float]]:
    for _ in range(rng.poisson(_CARS[hour])):
        yield 3600 * (hour + rng.random()), _CAR_DB + _CAR_SPREAD_DB * rng.standard_normal()


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=24.0)
    args = parser.parse_args(arguments)
    for line in simulated(args.seed, round(3600 * args.hours)):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
