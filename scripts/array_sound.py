"""Simulated bangs at the microphones of an array: in the open, and in a street whose facades answer.

Every delay is exact, a phase in the spectrum. A bang is a Friedlander pulse, p(t) = (1 - t/T) exp(-t/T).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edge.domain.array import MicrophoneArray

Float = NDArray[np.float64]

RATE_HZ = 48_000
ONSET_S = 0.2
LENGTH_S = 0.32
# The noise is that of a street: equal power in each octave above this frequency.
_NOISE_FROM_HZ = 50.0
_CUT_HZ = (0.38 * RATE_HZ, 0.46 * RATE_HZ)
_WINDOW_S = 0.005
_DIFFUSE_FROM_S = 0.003
_DIFFUSE_DECAY_S = 0.15


def towards(azimuth_deg: float, elevation_deg: float) -> Float:
    """Return the unit vector: x east, y north, z up."""
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    flat = np.cos(elevation)
    return np.array([np.sin(azimuth) * flat, np.cos(azimuth) * flat, np.sin(elevation)])


def angles_deg(vector: Float) -> tuple[float, float]:
    """Return azimuth, 0..360, and elevation of a vector."""
    azimuth = np.degrees(np.arctan2(vector[0], vector[1])) % 360.0
    return float(azimuth), float(np.degrees(np.arctan2(vector[2], np.hypot(vector[0], vector[1]))))


def places(array: MicrophoneArray, heading_deg: float | None = None) -> Float:
    """Return where the microphones of an array are on the map, metres, shape (microphones, 3)."""
    x, y, z = np.array(array.positions_m).T
    turn = np.radians(array.heading_deg if heading_deg is None else heading_deg)
    return np.stack([x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn), z], axis=1)


def in_the_open(microphones: Float, direction: Float, speed_m_s: float, positive_s: float) -> Float:
    """Return a bang from far away, peak 1, shape (n, microphones); it passes the origin at `ONSET_S`."""
    return _arrivals(-(microphones @ direction)[np.newaxis] / speed_m_s, np.ones(1), positive_s)


def in_a_street(
    microphones: Float,
    bang: Float,
    speed_m_s: float,
    positive_s: float,
    *,
    width_m: float = 15.0,
    facade: float = 0.85,
    ground: float = 0.9,
    order: int = 6,
) -> Float:
    """Return a bang between two facades and above the ground, direct sound 1, shape (n, microphones).

    Image sources (Allen & Berkley 1979). It reaches the middle of the array at `ONSET_S`.

    Args:
        microphones: shape (microphones, 3); x across the street from one facade, y along it, z up, metres.
        bang: where it is, likewise.
        speed_m_s: of sound.
        positive_s: the positive phase of the bang.
        width_m: of the street.
        facade: share of the pressure that a facade sends back, the ground likewise.
        ground: see `facade`.
        order: how often sound is sent back by facades at most.
    """
    images = list(_images(bang, width_m, facade, ground, order))
    middle = microphones.mean(axis=0)
    direct_m = float(np.linalg.norm(bang - middle))
    paths_m = np.array([np.linalg.norm(image - microphones, axis=1) for image, _ in images])
    strength = np.array([share for _, share in images])[:, np.newaxis] * direct_m / paths_m
    return _arrivals((paths_m - direct_m) / speed_m_s, strength, positive_s)


def _images(
    bang: Float, width_m: float, facade: float, ground: float, order: int
) -> Iterator[tuple[Float, float]]:
    x, y, z = bang
    for number in range(-order, order + 1):
        for across, bounces in ((x, abs(2 * number)), (-x, abs(2 * number - 1))):
            if bounces <= order:
                place = 2 * number * width_m + across
                yield np.array([place, y, z]), facade**bounces
                yield np.array([place, y, -z]), facade**bounces * ground


def _arrivals(delays_s: Float, strength: Float, positive_s: float) -> Float:
    """Return the sum of bangs that arrive after `delays_s`, shape (bangs, microphones), peak of each 1."""
    length = round(LENGTH_S * RATE_HZ)
    frequency_hz = np.fft.rfftfreq(length, 1 / RATE_HZ)
    omega = 2 * np.pi * frequency_hz
    pulse = 1j * omega * positive_s**2 / (1 + 1j * omega * positive_s) ** 2
    low, high = _CUT_HZ
    pulse *= 0.5 + 0.5 * np.cos(np.pi * np.clip((frequency_hz - low) / (high - low), 0, 1))
    alone = np.fft.irfft(pulse * np.exp(-1j * omega * 0.1), length)
    spectra = np.zeros((delays_s.shape[1], len(omega)), dtype=np.complex128)
    for delay_s, share in zip(delays_s, np.broadcast_to(strength.T, delays_s.T.shape).T, strict=True):
        spectra += share[:, np.newaxis] * np.exp(-1j * omega * (ONSET_S + delay_s)[:, np.newaxis])
    return np.asarray(np.fft.irfft(spectra * pulse, length).T / np.abs(alone).max())


def diffuse(rng: np.random.Generator, shape: tuple[int, ...], level: float, onset_s: float) -> Float:
    """Return what rough facades and trees scatter, dying away after `onset_s`."""
    since_s = np.arange(shape[0]) / RATE_HZ - onset_s
    envelope = np.where(since_s > _DIFFUSE_FROM_S, np.exp(-np.maximum(since_s, 0.0) / _DIFFUSE_DECAY_S), 0.0)
    return np.asarray(level * envelope[:, np.newaxis] * rng.standard_normal(shape))


def noisy(
    rng: np.random.Generator, sound: Float, snr_db: float, onset_s: float = ONSET_S, *, of_peak: bool = False
) -> Float:
    """Add noise, of its own on each channel, and leave headroom.

    Args:
        rng: the source of chance.
        sound: shape (n, channels), a bang at `onset_s`.
        snr_db: the mean square of the first 5 ms of the bang over that of the noise, which has equal power
            in each octave; or with `of_peak` its peak over the RMS of white noise.
        onset_s: see `sound`.
        of_peak: see `snr_db`.
    """
    first = round(onset_s * RATE_HZ)
    noise = rng.standard_normal(sound.shape)
    if of_peak:
        level = float(np.abs(sound).max()) * 10 ** (-snr_db / 20)
    else:
        frequency_hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
        shape = 1 / np.sqrt(np.maximum(frequency_hz, _NOISE_FROM_HZ))
        noise = np.fft.irfft(np.fft.rfft(noise, axis=0) * shape[:, np.newaxis], len(sound), axis=0)
        noise /= noise.std()
        start = sound[first : first + round(_WINDOW_S * RATE_HZ)]
        level = float(np.sqrt(np.mean(start**2))) * 10 ** (-snr_db / 20)
    mixed = sound + level * noise
    return np.asarray(0.5 * mixed / np.abs(mixed).max())
