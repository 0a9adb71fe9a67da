"""Simulated sirens, horns and breaking glass, and the tonal sounds that must not be taken for them.

A siren is a pitch that moves in a known pattern through a horn loudspeaker; a car's horn is two steady notes
rich in harmonics; glass is a crack, then many short inharmonic modes of the pieces. Beeps, bells, birds,
whistles, notes and engines are the false alarms to learn from.
All sounds are one second at SAMPLE_RATE_HZ, peak about 1.
"""

import numpy as np
import numpy.typing as npt

from edge.dsp.log_mel import SAMPLE_RATE_HZ, WINDOW_SAMPLES
from scripts.street_sound.physics import add, log_uniform

Floats = npt.NDArray[np.float32]
_N = WINDOW_SAMPLES
_T = np.arange(_N, dtype=np.float32) / np.float32(SAMPLE_RATE_HZ)
_HIGHEST_HZ = 14_000.0


def _harmonics(rng: np.random.Generator, pitch_hz: Floats, count: int, fall: float) -> Floats:
    """Sum of harmonics of a moving pitch, (n,); the k-th is k^-fall strong, give or take 4 dB."""
    phase = np.cumsum(pitch_hz, dtype=np.float64) * (2 * np.pi / SAMPLE_RATE_HZ) % (2 * np.pi)
    turn = np.exp(1j * phase.astype(np.float32)).astype(np.complex64)
    power, sound = turn, np.zeros(pitch_hz.size, np.float32)
    for k in range(1, min(count, max(1, int(_HIGHEST_HZ / float(pitch_hz.max())))) + 1):
        gain = k**-fall * 10 ** (rng.normal(0, 4) / 20) * np.exp(1j * rng.uniform(0, 6.3))
        sound += (np.complex64(gain) * power).real
        power = power * turn
    return sound


def _faded(sound: Floats, attack_s: float, release_s: float) -> Floats:
    """Fade a sound in and out."""
    t = np.arange(sound.size, dtype=np.float32) / SAMPLE_RATE_HZ
    gain = np.minimum(1, t / attack_s) * np.minimum(1, (t[-1] - t) / release_s + 1e-3)
    return np.asarray(sound * gain, dtype=np.float32)


def _siren_pitch(rng: np.random.Generator) -> Floats:
    """Pitch in Hz at each sample: wail, yelp, phaser, two tones, or a motor siren that hardly moves."""
    kind, start = rng.choice(5, p=(0.3, 0.22, 0.08, 0.28, 0.12)), rng.random()
    low = log_uniform(rng, 400, 900)
    high = low * rng.uniform(1.5, 2.6)
    if kind == 3:
        low = log_uniform(rng, 330, 750)
        first = (_T / rng.uniform(0.4, 1.6) + start) % 1.0 < rng.uniform(0.4, 0.6)
        return np.where(first, low, low * rng.uniform(1.15, 1.5)).astype(np.float32)
    if kind == 4:
        low, slope = log_uniform(rng, 180, 700), rng.uniform(-0.35, 0.35)
        return np.asarray(low * np.exp(slope * _T), dtype=np.float32)
    rate = (rng.uniform(0.12, 0.5), rng.uniform(2, 5), rng.uniform(8, 18))[kind]
    turn = (_T * rate + start) % 1.0
    shape = rng.choice(3)
    rise = rng.uniform(0.2, 0.8)
    ramp = np.where(turn < rise, turn / rise, (1 - turn) / (1 - rise))
    place = (0.5 - 0.5 * np.cos(2 * np.pi * turn), ramp, 1 - (1 - ramp) ** 2)[shape]
    return np.asarray(low * (high / low) ** place, dtype=np.float32)


def sirens(rng: np.random.Generator) -> Floats:
    """One siren or two, passing by or standing, overdriven now and then."""
    sound = np.zeros(_N, np.float32)
    for gain in (1.0, rng.uniform(0.1, 0.8))[: 1 + int(rng.random() < 0.15)]:
        doppler = rng.uniform(0.93, 1.07) * np.exp(rng.normal(0, 0.01) * np.tanh((_T - rng.random()) * 8))
        pitch = (_siren_pitch(rng) * doppler).astype(np.float32)
        fall = rng.uniform(0.3, 2.5)
        voice = _harmonics(rng, pitch, int(rng.integers(2, 12)), fall)
        if rng.random() < 0.3:  # port ratio of motor sirens: a second voice
            voice += _harmonics(rng, pitch * np.float32(rng.choice([1.2, 1.25, 1.333])), 6, fall)
        if rng.random() < 0.4:
            voice = np.tanh(rng.uniform(0.5, 3) * voice)
        if rng.random() < 0.5:
            voice *= np.exp(rng.normal(0, 0.6) * (_T - 0.5) + 0.1 * np.sin(rng.uniform(3, 30) * _T))
        sound += np.float32(gain) * voice
    return np.asarray(sound / (np.max(np.abs(sound)) + 1e-6), dtype=np.float32)


def _honk(rng: np.random.Generator, length_s: float, notes: list[float], fall: float) -> Floats:
    size = max(1600, int(length_s * SAMPLE_RATE_HZ))
    t = np.arange(size, dtype=np.float32) / SAMPLE_RATE_HZ
    onset = 1 - rng.uniform(0, 0.12) * np.exp(-t / rng.uniform(0.01, 0.06))
    voice = np.zeros(size, np.float32)
    for note in notes:
        voice += rng.uniform(0.5, 1) * _harmonics(rng, (note * onset).astype(np.float32), 24, fall)
    voice = _faded(voice, rng.uniform(0.004, 0.05), rng.uniform(0.01, 0.15))
    if rng.random() < 0.3:
        voice = np.tanh(rng.uniform(0.5, 2) * voice)
    return np.asarray(voice / (np.max(np.abs(voice)) + 1e-6), dtype=np.float32)


def horns(rng: np.random.Generator) -> Floats:
    """Horn of a car (two notes), a scooter (one), a lorry or a train (a chord): one blow or several."""
    sound, kind = np.zeros(_N, np.float32), rng.choice(4, p=(0.55, 0.12, 0.2, 0.13))
    root = (
        log_uniform(rng, 280, 520),
        log_uniform(rng, 350, 900),
        log_uniform(rng, 120, 330),
        log_uniform(rng, 220, 380),
    )[kind]
    ratios = ([1.0, rng.uniform(1.15, 1.35)], [1.0], [1.0, rng.uniform(1.1, 1.6)], [1.0, 1.19, 1.33, 1.6])[
        kind
    ]
    notes, fall = [root * r * rng.uniform(0.99, 1.01) for r in ratios], rng.uniform(0.0, 1.1)
    at = rng.uniform(-0.5, 0.5)
    while at < 0.95:
        length_s = log_uniform(rng, 0.08, 1.5)
        add(sound, _honk(rng, length_s, notes, fall), at, rng.uniform(0.7, 1.0))
        at += length_s + log_uniform(rng, 0.05, 2.0)
    return sound if np.max(np.abs(sound)) > 0.1 else _honk(rng, 1.0, notes, fall)


def _ring(rng: np.random.Generator, low_hz: float, high_hz: float, decay_s: float, modes: int) -> Floats:
    size = int(min(1.0, 5 * decay_s) * SAMPLE_RATE_HZ)
    t = np.arange(size, dtype=np.float32) / SAMPLE_RATE_HZ
    sound = np.zeros(size, np.float32)
    for _ in range(modes):
        decay = np.exp(-t / np.float32(decay_s * rng.uniform(0.4, 1.2)))
        pitch = log_uniform(rng, low_hz, high_hz)
        sound += np.float32(rng.uniform(0.2, 1)) * decay * np.sin(np.float32(2 * np.pi * pitch) * t)
    return sound


def glass(rng: np.random.Generator) -> Floats:
    """A pane or a bottle: a crack, the modes of the pieces, and pieces that fall after it."""
    sound, at = np.zeros(_N, np.float32), rng.uniform(0.0, 0.5)
    size = int(0.03 * SAMPLE_RATE_HZ)
    crack = rng.standard_normal(size) * np.exp(
        -np.arange(size) / SAMPLE_RATE_HZ / log_uniform(rng, 0.001, 0.008)
    )
    add(sound, np.diff(crack, prepend=0.0), at, rng.uniform(0.2, 1.2))
    if rng.random() < 0.4:
        add(sound, _ring(rng, 100, 900, 0.02, 3), at, rng.uniform(0.1, 0.6))
    low, spread_s = log_uniform(rng, 1500, 4000), log_uniform(rng, 0.05, 0.5)
    for _ in range(rng.integers(12, 70)):
        later = rng.exponential(spread_s) if rng.random() < 0.8 else 0.0
        piece = _ring(rng, low, 14_000, log_uniform(rng, 0.003, 0.05), int(rng.integers(1, 4)))
        add(sound, piece, at + later, log_uniform(rng, 0.05, 0.6) * np.exp(-later))
    return sound


def _beeps(rng: np.random.Generator) -> Floats:
    pitch, period = log_uniform(rng, 500, 4000), log_uniform(rng, 0.08, 1.2)
    other = pitch * rng.choice([1.0, 1.0, rng.uniform(0.7, 1.4)])
    on = (_T + rng.uniform(0, period)) % period < period * rng.uniform(0.3, 0.8)
    alternate = ((_T / period).astype(int) % 2) == 0
    voice = _harmonics(
        rng, np.where(alternate, pitch, other).astype(np.float32), int(rng.choice([1, 1, 3, 9])), 1.0
    )
    gate = np.convolve(on.astype(np.float32), np.ones(64, np.float32) / 64, mode="same")
    return np.asarray(voice * gate, dtype=np.float32)


def _bells(rng: np.random.Generator) -> Floats:
    sound, at = np.zeros(_N, np.float32), rng.uniform(0, 0.4)
    low, period = log_uniform(rng, 200, 2500), log_uniform(rng, 0.04, 1.5)
    bell = _ring(rng, low, low * 6, log_uniform(rng, 0.05, 1.0), int(rng.integers(3, 9)))
    while at < 1.0:
        add(sound, bell, at, rng.uniform(0.6, 1.0))
        at += period
    return sound


def _chirps(rng: np.random.Generator) -> Floats:
    """Birds, whistles, squealing brakes: nearly pure tones that glide."""
    sound, at = np.zeros(_N, np.float32), rng.uniform(-0.2, 0.3)
    centre, length_s = log_uniform(rng, 700, 6000), log_uniform(rng, 0.03, 0.8)
    sweep, shake = rng.normal(0, 0.4), rng.choice([0.0, rng.uniform(0, 0.1)])
    while at < 1.0:
        t = np.linspace(0, 1, max(400, int(length_s * SAMPLE_RATE_HZ)), dtype=np.float32)
        bend = sweep * (t - 0.5) + shake * np.sin(2 * np.pi * rng.uniform(5, 40) * length_s * t)
        tone = _harmonics(rng, (centre * np.exp(bend)).astype(np.float32), int(rng.integers(1, 4)), 2.0)
        add(sound, _faded(tone, 0.01, 0.02), at, rng.uniform(0.5, 1.0))
        at += length_s * rng.uniform(1.0, 2.5)
    return sound


def _notes(rng: np.random.Generator) -> Floats:
    """A melody or chords of an instrument, sung vowels' pitch among them."""
    sound, at = np.zeros(_N, np.float32), rng.uniform(-0.5, 0.0)
    length_s, root = log_uniform(rng, 0.1, 1.0), log_uniform(rng, 100, 900)
    fall, attack_s, plucked = rng.uniform(0.7, 2.5), log_uniform(rng, 0.003, 0.1), rng.random() < 0.5
    while at < 1.0:
        t = np.arange(int(1.2 * length_s * SAMPLE_RATE_HZ), dtype=np.float32) / SAMPLE_RATE_HZ
        for step in rng.choice([0, 2, 3, 4, 5, 7, 9, 12], size=rng.choice([1, 1, 2, 3]), replace=False):
            vibrato = 1 + rng.uniform(0, 0.01) * np.sin(2 * np.pi * rng.uniform(4, 7) * t)
            pitch = (root * 2 ** (step / 12) * vibrato).astype(np.float32)
            tone = _faded(_harmonics(rng, pitch, 10, fall), attack_s, 0.05)
            add(sound, tone * np.exp(-t * (3 / length_s if plucked else 0)), at, rng.uniform(0.4, 1.0))
        at += length_s
    return sound


def _engine(rng: np.random.Generator) -> Floats:
    """Motor or drone: many harmonics of a low pitch that wavers."""
    waver = np.interp(_T, np.linspace(0, 1, 12), rng.normal(0, 0.02, 12)) + rng.normal(0, 0.2) * _T
    pitch = (log_uniform(rng, 25, 350) * np.exp(waver)).astype(np.float32)
    return _harmonics(rng, pitch, 30, rng.uniform(0.3, 1.5)) + np.float32(
        rng.uniform(0, 1)
    ) * rng.standard_normal(_N).astype(np.float32)


def tones(rng: np.random.Generator) -> Floats:
    """Something tonal that is neither siren nor horn."""
    make = (_beeps, _bells, _chirps, _notes, _engine)[rng.choice(5, p=(0.2, 0.15, 0.2, 0.3, 0.15))]
    sound = make(rng)
    return np.asarray(sound / (np.max(np.abs(sound)) + 1e-6), dtype=np.float32)
