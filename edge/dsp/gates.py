"""Short gates around an onset: spectra of what each microphone heard first, before the street answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

Float = NDArray[np.float64]
Complex = NDArray[np.complex128]

LEAD_S = 0.0004
"""A gate begins so long before the onset: pickers are late on faint sounds."""

NOISE_S = 0.1
"""Of the sound before the onset so much tells the noise."""

GUARD_S = 0.003
"""Noise ends so long before a gate: sound reaches the first microphone of a large array before the onset."""

_LOWEST_HZ = 200.0
# Of the rate: above it converters' filters cut.
_HIGHEST = 0.42
_FEWEST_BINS = 10
# The spectrum of a sudden sound is smooth over so much to both sides: less knows its power worse (a median of
# 0.71 instead of 0.61 degrees at 20 dB peak to noise), more takes noise for sound beside a dull one.
_SMOOTH_HZ = 3200.0
_FEWEST_SEGMENTS = 3
_FADE_IN, _FADE_OUT = 0.5, 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Gated:
    """Spectra of one gate, in the band that tells directions.

    Attributes:
        spectra: shape (microphones, bins); phases refer to the same instant on every channel.
        noise: mean power of the noise in such a gate, shape (bins,).
        omega: rad/s, shape (bins,).
        independent: bins that carry information of their own, as a share of all.
        reach: bins over which the spectrum of a short sound is smooth.
    """

    spectra: Complex
    noise: Float
    omega: Float
    independent: float
    reach: int


class Gate:
    """Cuts gates of one length out of sound, shape (channels, n)."""

    def __init__(self, gate_s: float, rate_hz: int, spread_s: float = 0.0) -> None:
        self._rate_hz = rate_hz
        self._lead = round((LEAD_S + spread_s / 2) * rate_hz)
        self.length = next_fast_len(self._lead + round((gate_s + spread_s / 2) * rate_hz), real=True)
        self._fades = _FADE_IN * LEAD_S * rate_hz, _FADE_OUT * gate_s * rate_hz
        self._taper = self._window(np.zeros(1))[0]
        frequency_hz = np.fft.rfftfreq(self.length, 1 / rate_hz).astype(np.float64)
        self._band = (frequency_hz >= _LOWEST_HZ) & (frequency_hz <= _HIGHEST * rate_hz)
        self._omega: Float = 2.0 * np.pi * frequency_hz[self._band]

    @property
    def usable(self) -> bool:
        """Whether the rate gives this gate enough bins to judge by."""
        return self._omega.size >= _FEWEST_BINS

    def noise(self, sound: Float, onset: int) -> Float | None:
        """Return the power before the onset, shape (channels, bins); None when too little was heard."""
        end = onset - self._lead - round(GUARD_S * self._rate_hz)
        most = max(_FEWEST_SEGMENTS, round(NOISE_S * self._rate_hz) // self.length)
        segments = min(end // self.length, most)
        if segments < _FEWEST_SEGMENTS or end > sound.shape[1]:
            return None
        cut = sound[:, end - segments * self.length : end].reshape(len(sound), segments, self.length)
        return np.asarray((np.abs(np.fft.rfft(cut * self._taper)[..., self._band]) ** 2).mean(axis=1))

    def cut(self, sound: Float, onset: int, delays_s: Float, noise: Float) -> Gated | None:
        """Return the spectra of the gates that begin before `onset` delayed by `delays_s` on each channel.

        Gates move by parts of a sample: where they end within a sound, their end must not tell its delay.
        None when the sound does not reach that far.
        """
        delays = delays_s * self._rate_hz
        shifts = np.floor(delays).astype(np.int64)
        starts = onset - self._lead + shifts
        if starts.min() < 0 or starts.max() + self.length > sound.shape[1]:
            return None
        cut = np.stack([row[start : start + self.length] for row, start in zip(sound, starts, strict=True)])
        spectra = np.fft.rfft(cut * self._window(delays - shifts))[:, self._band]
        back = np.exp(-1j * self._omega * (shifts / self._rate_hz)[:, np.newaxis])
        fourth = float(np.sum(self._taper**4))
        return Gated(
            spectra=spectra * back,
            noise=noise,
            omega=self._omega,
            independent=float(np.sum(self._taper**2)) ** 2 / (self.length * fourth),
            reach=max(2, round(_SMOOTH_HZ * self.length / self._rate_hz)),
        )

    def _window(self, late: Float) -> Float:
        """Return windows with raised-cosine ends, each `late` by so many samples, 0..1."""
        place = np.arange(self.length) + 0.5 - late[:, np.newaxis]
        fade_in, fade_out = self._fades
        risen = np.clip(place / fade_in, 0.0, 1.0)
        left = np.clip((self.length - 1 - place) / fade_out, 0.0, 1.0)
        return np.asarray((0.5 - 0.5 * np.cos(np.pi * risen)) * (0.5 - 0.5 * np.cos(np.pi * left)))
