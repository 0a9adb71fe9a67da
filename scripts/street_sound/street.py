"""What a street and a microphone do to a sound: echoes, distance, other sounds, equalisation, clipping."""

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, rfft

from edge.dsp.log_mel import SAMPLE_RATE_HZ, WINDOW_SAMPLES

Floats = npt.NDArray[np.float32]
Gains = npt.NDArray[np.floating]
"""Of frequencies: hertz, or dB."""
_FFT = 49_152
_HZ = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE_HZ)
_ABSORPTION = _HZ**1.6
_OCTAVES = np.log2(np.maximum(_HZ, 50) / 1000)


def loudness(sound: Floats) -> float:
    """RMS of the loudest 100 ms: what a mixing ratio means for a bang as well as for a drone."""
    blocks = np.square(sound[: sound.size // 3200 * 3200].reshape(-1, 3200)).mean(axis=1)
    return float(np.sqrt(blocks.max())) + 1e-9


def mix(event: Floats, street: Floats, ratio_db: float) -> Floats:
    """Add `street` so that the event is `ratio_db` louder."""
    gain = loudness(event) / loudness(street) * 10 ** (-ratio_db / 20)
    return np.asarray(event + np.float32(gain) * street, dtype=np.float32)


def smooth_gain_db(rng: np.random.Generator, hz: Gains, spread_db: float, points: int) -> Gains:
    """Draw a curve through so many points."""
    knots = np.geomspace(50, SAMPLE_RATE_HZ / 2, points)
    return np.asarray(np.interp(hz, knots, rng.normal(0, spread_db, points)))


def band_limit_db(hz: Gains, limit_hz: float) -> Gains:
    """Return the gain of a cheap recording or codec: next to nothing above its limit."""
    return np.asarray(-6.0 * np.maximum(0, hz / limit_hz - 1) * 60)


def low_cut_db(hz: Gains, from_hz: float) -> Gains:
    """Return a gain that falls by 24 dB an octave below `from_hz`."""
    return np.asarray(-24.0 * np.log2(np.maximum(1, from_hz / np.maximum(hz, 5))))


def _response(rng: np.random.Generator) -> npt.NDArray[np.complex64]:
    """Room or facade impulse response: a direct sound, a few reflections, a diffuse tail."""
    length = int(rng.uniform(0.1, 0.5) * SAMPLE_RATE_HZ)
    t = np.arange(length) / SAMPLE_RATE_HZ
    echo = rng.standard_normal(length) * 10 ** (-3 * t / rng.uniform(0.1, 1.2))
    echo *= 10 ** (rng.uniform(-25, 0) / 20) / (np.linalg.norm(echo) + 1e-9)
    for _ in range(rng.integers(0, 6)):
        echo[rng.integers(16, length)] += rng.uniform(-0.6, 0.6)
    echo[0] += 1.0
    return np.asarray(rfft(echo.astype(np.float32), _FFT))


def through_the_street(rng: np.random.Generator, sound: Floats) -> Floats:
    """Filter one second by distance, echoes and a microphone's response."""
    gain_db = np.zeros(_HZ.size)
    if rng.random() < 0.7:
        gain_db += smooth_gain_db(rng, _HZ, 3.0, 8) + rng.normal(0, 2.0) * _OCTAVES
    if rng.random() < 0.4:  # air absorption: about 1e-7 dB per metre and Hz^1.6, 20..800 m
        gain_db -= np.exp(rng.uniform(np.log(20), np.log(800))) * 1e-8 * _ABSORPTION * 5
    if rng.random() < 0.35:
        gain_db += band_limit_db(_HZ, rng.choice([3600, 5000, 7500, 10000, 11000, 12500]))
    if rng.random() < 0.3:
        gain_db += low_cut_db(_HZ, rng.uniform(60, 400))
    spectrum = rfft(sound, _FFT) * (10 ** (np.maximum(gain_db, -120) / 20)).astype(np.float32)
    if rng.random() < 0.5:
        spectrum = spectrum * _response(rng)
    return np.asarray(irfft(spectrum, _FFT)[:WINDOW_SAMPLES], dtype=np.float32)


def into_the_microphone(rng: np.random.Generator, sound: Floats) -> Floats:
    """Noise floor, automatic gain, saturation, clipping and quantisation."""
    peak = float(np.max(np.abs(sound))) + 1e-9
    heard = sound / np.float32(peak)
    if rng.random() < 0.7:
        noise = rng.standard_normal(WINDOW_SAMPLES).astype(np.float32)
        if rng.random() < 0.5:
            noise = np.convolve(noise, 0.9 ** np.arange(30), mode="same").astype(np.float32)
        heard = heard + noise * np.float32(10 ** (rng.uniform(-85, -35) / 20))
    if rng.random() < 0.15:
        blocks = np.abs(heard).reshape(-1, 160).max(axis=1)
        envelope = np.repeat(np.convolve(blocks, np.ones(20) / 20, mode="same") + 0.02, 160)
        heard = heard / envelope.astype(np.float32) ** np.float32(rng.uniform(0.2, 0.7))
        heard = heard / (np.max(np.abs(heard)) + 1e-9)
    if rng.random() < 0.15:
        drive = rng.uniform(1, 6)
        heard = np.tanh(drive * heard)
    if rng.random() < 0.2:
        ceiling = np.float32(10 ** (rng.uniform(-26, -1) / 20))
        heard = np.clip(heard, -ceiling, ceiling)
    return np.asarray(heard * np.float32(10 ** (rng.uniform(-50, 0) / 20)), dtype=np.float32)


def respeed(rng: np.random.Generator, sound: Floats) -> Floats:
    """Play up to 15 % slower or faster; the length of the result differs."""
    factor = float(np.exp(rng.uniform(-0.15, 0.15)))
    at = np.arange(0, sound.size - 1, factor)
    return np.asarray(np.interp(at, np.arange(sound.size), sound), dtype=np.float32)
