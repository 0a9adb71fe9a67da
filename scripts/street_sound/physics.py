"""Simulated shots, fireworks and impacts, from the pulse up.

A muzzle blast and a firework's burst are Friedlander pulses, p(t) = (1 - t/T) exp(-t/T); a supersonic bullet
adds an N-wave before the blast. Impacts (hammer, door, jackhammer) are decaying resonances: the false alarms
to learn from.
All sounds are one second at SAMPLE_RATE_HZ, peak about 1.
"""

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from edge.dsp.log_mel import SAMPLE_RATE_HZ, WINDOW_SAMPLES

Floats = npt.NDArray[np.float32]
_N = WINDOW_SAMPLES


def add(sound: Floats, pulse: npt.NDArray[np.floating], at_s: float, gain: float) -> None:
    """Add `pulse`, from `at_s` on, to a second of sound; what lies outside the second is lost."""
    start = int(at_s * SAMPLE_RATE_HZ)
    if start >= _N or start + pulse.size <= 0:
        return
    head = max(0, -start)
    stop = min(_N, start + pulse.size)
    sound[start + head : stop] += (gain * pulse[head : stop - start]).astype(np.float32)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def friedlander(positive_s: float) -> Floats:
    """Blast wave with a positive phase of `positive_s`."""
    t = np.arange(int(8 * positive_s * SAMPLE_RATE_HZ) + 2) / SAMPLE_RATE_HZ / positive_s
    return np.asarray((1 - t) * np.exp(-t), dtype=np.float32)


def n_wave(length_s: float) -> Floats:
    """Ballistic shock wave of a supersonic bullet."""
    return np.linspace(1.0, -1.0, max(3, int(length_s * SAMPLE_RATE_HZ)), dtype=np.float32)


def _far(pulse: Floats, rng: np.random.Generator, cut_hz: float) -> Floats:
    """Lose the high frequencies to the air (one pole) and smear by turbulence."""
    spread = np.exp(
        -np.arange(max(2, int(4 * SAMPLE_RATE_HZ / (2 * np.pi * cut_hz))))
        * (2 * np.pi * cut_hz / SAMPLE_RATE_HZ)
    )
    smooth = np.convolve(pulse, spread / spread.sum())
    return np.asarray(smooth * (1 + 0.1 * rng.standard_normal(smooth.size)), dtype=np.float32)


def shots(rng: np.random.Generator) -> Floats:
    """One shot, a few, or automatic fire, with ground and facade reflections."""
    sound = np.zeros(_N, np.float32)
    period = (2.0, log_uniform(rng, 0.15, 0.6), log_uniform(rng, 0.05, 0.12))[
        rng.choice(3, p=(0.55, 0.2, 0.25))
    ]
    positive_s = log_uniform(rng, 0.0004, 0.004)
    cut_hz = log_uniform(rng, 800, 14_000)
    supersonic = rng.random() < 0.4
    lead_s, crack = log_uniform(rng, 0.003, 0.3), rng.uniform(0.2, 1.2)
    echoes = [(rng.uniform(0.001, 0.02), rng.uniform(0.3, 0.8))] + [
        (log_uniform(rng, 0.01, 0.4), rng.uniform(0.05, 0.5)) for _ in range(rng.integers(0, 7))
    ]
    at = rng.uniform(0.02, 0.6) if period > 1 else rng.uniform(-0.3, 0.3)
    tail = _tail(rng)
    while at < 1.0:
        blast = _far(friedlander(positive_s * rng.uniform(0.9, 1.1)), rng, cut_hz)
        gain = rng.uniform(0.8, 1.0)
        add(sound, blast, at, gain)
        for delay_s, reflected in echoes:
            add(sound, blast, at + delay_s, gain * reflected)
        if supersonic:
            add(sound, n_wave(log_uniform(rng, 0.0002, 0.0005)), at - lead_s, crack * gain)
        add(sound, tail, at + 0.002, gain * rng.uniform(0.0, 0.25))
        at += period * rng.uniform(0.95, 1.05)
    return sound


def _tail(rng: np.random.Generator) -> Floats:
    """Diffuse reverberation of a street: coloured noise that decays."""
    t = np.arange(_N) / SAMPLE_RATE_HZ
    pole = rng.uniform(0.5, 0.95)
    noise = rng.standard_normal(_N, dtype=np.float32)
    coloured = lfilter([np.sqrt(1 - pole**2)], [1.0, -pole], noise)
    return np.asarray(coloured * 10 ** (-3 * t / rng.uniform(0.2, 1.6)), dtype=np.float32)


def _crackle(rng: np.random.Generator, sound: Floats, at: float, gain: float) -> None:
    rate, decay_s = log_uniform(rng, 25, 250), rng.uniform(0.15, 1.2)
    while at < 1.0:
        pop = friedlander(log_uniform(rng, 0.0001, 0.0005))
        add(sound, pop, at, gain * log_uniform(rng, 0.1, 1.0))
        at += rng.exponential(1 / rate)
        rate *= np.exp(-1 / (rate * decay_s)) if rate > 5 else 1.0


def _whistle(rng: np.random.Generator) -> Floats:
    length = int(rng.uniform(0.3, 1.0) * SAMPLE_RATE_HZ)
    t = np.linspace(0, 1, length)
    low, high = log_uniform(rng, 500, 1800), log_uniform(rng, 1800, 5000)
    pitch = np.where(rng.random() < 0.6, high + (low - high) * t, low + (high - low) * t)
    pitch = pitch * (1 + 0.02 * np.sin(2 * np.pi * rng.uniform(5, 30) * t))
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ)
    hiss = rng.standard_normal(length) * rng.uniform(0.05, 0.6)
    return np.asarray((tone + hiss) * np.minimum(1, 8 * t) * np.minimum(1, 8 * (1 - t)), dtype=np.float32)


def fireworks(rng: np.random.Generator) -> Floats:
    """Thump, whistle, burst, crackle, in any mixture: aerial bursts are duller and longer than shots."""
    sound = np.zeros(_N, np.float32)
    kinds = rng.random(4) < (0.3, 0.35, 0.75, 0.6)
    if not kinds[1:].any():
        kinds[2:] = True
    cut_hz = log_uniform(rng, 300, 6000)
    if kinds[0]:
        add(
            sound,
            _far(friedlander(log_uniform(rng, 0.004, 0.015)), rng, 400),
            rng.uniform(0, 0.3),
            rng.uniform(0.1, 0.6),
        )
    if kinds[1]:
        add(sound, _whistle(rng), rng.uniform(-0.4, 0.4), rng.uniform(0.03, 0.4))
    at = rng.uniform(0.0, 0.6)
    if kinds[2]:
        tail = _tail(rng)
        for _ in range(rng.integers(1, 7)):
            burst = _far(friedlander(log_uniform(rng, 0.0015, 0.01)), rng, cut_hz)
            gain = rng.uniform(0.3, 1.0)
            add(sound, burst, at, gain)
            for _ in range(rng.integers(1, 6)):
                add(sound, burst, at + log_uniform(rng, 0.02, 0.5), gain * rng.uniform(0.05, 0.4))
            add(sound, tail, at, gain * rng.uniform(0.05, 0.3))
            at += log_uniform(rng, 0.04, 0.5)
    if kinds[3]:
        _crackle(rng, sound, rng.uniform(-0.2, 0.5), rng.uniform(0.05, 0.7))
    return sound


def impacts(rng: np.random.Generator) -> Floats:
    """Hammer, door, jackhammer, crackling fire: impulses that are neither shot nor firework."""
    sound = np.zeros(_N, np.float32)
    if rng.random() < 0.25:
        rate = log_uniform(rng, 2, 25)
        at = 0.0
        while at < 1.0:
            at += rng.exponential(1 / rate)
            sample = np.arange(int(0.004 * SAMPLE_RATE_HZ))
            click = rng.standard_normal(sample.size) * np.exp(-sample / log_uniform(rng, 3, 40))
            add(sound, click, at, log_uniform(rng, 0.05, 1.0))
        return sound
    period = (2.0, rng.uniform(0.25, 0.7), 1 / rng.uniform(8, 32))[rng.choice(3, p=(0.4, 0.3, 0.3))]
    modes = [
        (log_uniform(rng, 80, 6000), log_uniform(rng, 0.004, 0.12), rng.uniform(0.2, 1))
        for _ in range(rng.integers(2, 9))
    ]
    t = np.arange(int(0.5 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    ring = np.sum(
        [a * np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) * np.exp(-t / d) for f, d, a in modes], axis=0
    )
    attack = np.minimum(1.0, t / log_uniform(rng, 0.0003, 0.008))
    hit = (
        ring * attack
        + 0.5 * rng.standard_normal(t.size) * np.exp(-t / log_uniform(rng, 0.002, 0.03)) * attack
    )
    at = rng.uniform(0, 0.6) if period > 1 else rng.uniform(0, period)
    while at < 1.0:
        add(sound, hit, at, rng.uniform(0.5, 1.0))
        at += period * rng.uniform(0.93, 1.07)
    return sound
