"""A chime, and making any sound safe to play: a peak that is never passed, and no clicks."""

import numpy as np
from numpy.typing import NDArray

Mono = NDArray[np.float32]

_RAMP_S = 0.05
_NOTES_HZ = (659.26, 523.25)  # E5, C5: a falling third asks for attention without alarming
_NOTE_S = 0.7
# Partials of a struck bar: relative frequency, amplitude, decay 1/s (Fletcher and Rossing, 2.3: free bar).
_PARTIALS = ((1.0, 1.0, 3.5), (2.756, 0.35, 7.0), (5.404, 0.12, 14.0))


def chime(rate_hz: int) -> Mono:
    """Return two struck notes, float32, peak 1, at `rate_hz`."""
    length = round(rate_hz * _NOTE_S * (len(_NOTES_HZ) + 1))
    sound = np.zeros(length)
    for i, note_hz in enumerate(_NOTES_HZ):
        start = round(i * _NOTE_S * rate_hz)
        time_s = np.arange(length - start) / rate_hz
        for ratio, amplitude, decay in _PARTIALS:
            sound[start:] += (
                amplitude * np.exp(-decay * time_s) * np.sin(2 * np.pi * ratio * note_hz * time_s)
            )
    return np.asarray(sound / np.abs(sound).max(), np.float32)


def limited(sound: NDArray[np.floating], rate_hz: int, peak_db: float) -> Mono:
    """Return a sound whose peak is at most `peak_db` re full scale, with soft ends.

    Args:
        sound: shape (n,) or (n, channels), which are averaged; invalid samples become silence.
        rate_hz: samples per second.
        peak_db: 0 is full scale. A quieter sound is not made louder than this, a louder one quieter.
    """
    mono = np.nan_to_num(sound.mean(axis=1) if sound.ndim == 2 else sound, nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(np.abs(mono).max(initial=0.0))
    if peak == 0.0:
        return np.asarray(mono, np.float32)
    scaled = mono * (10 ** (peak_db / 20) / peak)
    ramp = min(round(_RAMP_S * rate_hz), len(scaled) // 2)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp) + 0.5) / max(ramp, 1))
    scaled[:ramp] *= rise
    scaled[len(scaled) - ramp :] *= rise[::-1]
    return np.asarray(scaled, np.float32)
