"""Frequency weightings A, C and Z as second-order sections (IEC 61672-1:2013, annex E)."""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Weighting = Literal["A", "C", "Z"]
Float = NDArray[np.float64]

# IEC 61672-1:2013, annex E: poles of the analogue weightings.
POLE_1_HZ = 20.598997
POLE_2_HZ = 107.65265
POLE_3_HZ = 737.86223
POLE_4_HZ = 12194.217

LOWEST_RATE_HZ = 4000
_REFERENCE_HZ = 1000.0
_FIT_TOP_HZ = 20000.0
_FIT_POINTS = 400


def weighting_sos(weighting: Weighting, rate_hz: int) -> Float:
    """Return the digital filter of a weighting, gain 1 at 1 kHz.

    The first two sections of A are those of C, so that one cascade yields both. The poles below 1 kHz are
    mapped by the bilinear transform; the pair at 12.2 kHz, which that transform would bend, by matched poles
    and a numerator fitted in power up to 20 kHz or half the rate. At 44.1 kHz and above it stays within
    0.1 dB of the analogue goal up to 8 kHz and within 0.35 dB up to 20 kHz; at lower rates within 0.7 dB up
    to half the rate.

    Returns:
        float64, shape (sections, 6).

    Raises:
        ValueError: the rate is below 4 kHz.
    """
    if rate_hz < LOWEST_RATE_HZ:
        raise ValueError(f"{rate_hz} Hz: the weightings need a sample rate of at least {LOWEST_RATE_HZ} Hz")
    if weighting == "Z":
        return np.array([[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]])
    return _sections(rate_hz)[: 2 if weighting == "C" else 3].copy()


def weighting_goal_db(weighting: Weighting, frequency_hz: Float) -> Float:
    """Return the design goal of a weighting, dB re 1 kHz (IEC 61672-1:2013, equations E.1 and E.6)."""

    def gain(hz: Float) -> Float:
        if weighting == "Z":
            return np.ones_like(hz)
        square = hz**2
        c = POLE_4_HZ**2 * square / ((square + POLE_1_HZ**2) * (square + POLE_4_HZ**2))
        return (
            c if weighting == "C" else c * square / np.sqrt((square + POLE_2_HZ**2) * (square + POLE_3_HZ**2))
        )

    goal = gain(np.asarray(frequency_hz, dtype=np.float64)) / gain(np.array([_REFERENCE_HZ]))
    return 20.0 * np.log10(goal)


def settled_state(sos: Float, offset: Float) -> Float:
    """Return the state of a filter that has heard a constant offset for ever: no bang when a stream starts.

    Args:
        sos: the filter, shape (sections, 6).
        offset: of each channel, shape (channels,).

    Returns:
        shape (sections, channels, 2), for `scipy.signal.sosfilt` along the last axis.
    """
    return np.asarray(signal.sosfilt_zi(sos)[:, np.newaxis, :] * offset[np.newaxis, :, np.newaxis])


@lru_cache(maxsize=16)
def _sections(rate_hz: int) -> Float:
    rows = np.array(
        [
            _highpass(POLE_1_HZ, POLE_1_HZ, rate_hz),
            _upper_lowpass(rate_hz),
            _highpass(POLE_2_HZ, POLE_3_HZ, rate_hz),
        ]
    )
    for row in rows:
        _, response = signal.sosfreqz(row[np.newaxis], worN=[_REFERENCE_HZ], fs=rate_hz)
        row[:3] /= np.abs(response[0])
    return rows


def _highpass(pole_a_hz: float, pole_b_hz: float, rate_hz: int) -> Float:
    poles = [-2.0 * np.pi * pole_a_hz, -2.0 * np.pi * pole_b_hz]
    zeros, mapped, gain = signal.bilinear_zpk([0.0, 0.0], poles, 1.0, rate_hz)
    return np.real(np.concatenate([gain * np.poly(zeros), np.poly(mapped)]))


def _upper_lowpass(rate_hz: int) -> Float:
    """Double pole at 12.2 kHz: matched z-transform poles, numerator fitted to the relative power."""
    pole = np.exp(-2.0 * np.pi * POLE_4_HZ / rate_hz)
    top = 2.0 * np.pi * min(0.5, _FIT_TOP_HZ / rate_hz)
    # Denser where the goals are strict and sounds have more power.
    omega = top * np.linspace(0.0, 1.0, _FIT_POINTS) ** 2
    analogue_power = 1.0 / (1.0 + (omega * rate_hz / (2.0 * np.pi * POLE_4_HZ)) ** 2) ** 2
    wanted = analogue_power * np.abs(1.0 - pole * np.exp(-1j * omega)) ** 4
    basis = np.cos(np.outer(omega, np.arange(3)))
    power = np.linalg.lstsq(basis / wanted[:, np.newaxis], np.ones(_FIT_POINTS), rcond=None)[0]
    # Spectral factor with its zeros inside the unit circle, so that the filter answers without delay.
    zeros = np.roots([power[2] / 2, power[1] / 2, power[0], power[1] / 2, power[2] / 2])
    numerator = np.real(np.poly(zeros[np.argsort(np.abs(zeros))[:2]]))
    return np.concatenate([numerator, [1.0, -2.0 * pole, pole * pole]])
