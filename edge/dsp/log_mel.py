"""Log-mel picture of one second of sound: the fixed preprocessing of the street-sound model.

Training, evaluation and the daemon call the same function, so that the network never meets other features
than those it learned from. The picture does not depend on gain: a microphone's sensitivity is not a cue.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ = 32_000
WINDOW_S = 1.0
WINDOW_SAMPLES = 32_000
BANDS = 128
FRAMES = 100
SHAPE = (BANDS, FRAMES)
"""Shape of one picture."""

_FFT = 1024
_FRAME = 800  # 25 ms
_STEP = 320  # 10 ms
_EMPHASIS = 0.97
_HIGHEST_HZ = 15_000.0
_LEVEL = 0.04  # root mean square of the emphasised window
_QUIETEST_RMS = 3e-5  # re full scale; what is below it is not blown up any further
# Re full scale: two steps of 16 bits, within which there is rounding and dither alone. A bang that stands out
# of a channel which is not dead ([detectors.sound_health] silent_db) is louder, however many bits it has.
_SILENCE = 2 / 32_768
_FLOOR = 1e-5
_CENTRE, _SPREAD = 4.5, 5.0
_LOWEST_RATE_HZ, _HIGHEST_RATE_HZ = 4_000, 768_000

Samples = npt.NDArray[np.float32]


def _mel(frequency_hz: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Mel scale, 1127 ln(1 + f / 700 Hz) (O'Shaughnessy 1987)."""
    return np.asarray(1127.0 * np.log1p(frequency_hz / 700.0))


@lru_cache(maxsize=1)
def _filters() -> tuple[Samples, Any]:
    """Return the analysis window in the middle of an FFT frame, and the triangles, sparse (BANDS, bins).

    Sparse, because BLAS would spread a dense product over every core.
    """
    from scipy.sparse import csr_array

    aside = (_FFT - _FRAME) // 2
    window = np.pad(np.hanning(_FRAME), aside).astype(np.float32)
    edges = np.linspace(0.0, float(_mel(np.array(_HIGHEST_HZ))), BANDS + 2)
    bins = _mel(np.arange(_FFT // 2 + 1) * (SAMPLE_RATE_HZ / _FFT))
    up = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return window, csr_array(np.maximum(np.minimum(up, down), 0.0).astype(np.float32))


def log_mel(windows: npt.ArrayLike) -> Samples:
    """Return the log-mel pictures of windows of one second.

    Args:
        windows: (n, WINDOW_SAMPLES) or (WINDOW_SAMPLES,), mono at SAMPLE_RATE_HZ, any gain.

    Returns:
        float32 (n, BANDS, FRAMES) or (BANDS, FRAMES): natural logarithm of the power in each band of the
        window after pre-emphasis, brought to a fixed level, shifted and scaled to about unit variance. Bands,
        frames and scale are those of EfficientAT (Schmid et al. 2023), from whose model ours learns. A window
        that stays within two steps of 16 bits around its mean is silence: the floor everywhere.

    Raises:
        ValueError: wrong shape, or a sample is NaN or infinite.
    """
    sound = np.asarray(windows, dtype=np.float32)
    if sound.ndim not in {1, 2} or sound.shape[-1] != WINDOW_SAMPLES:
        raise ValueError(
            f"log-mel takes windows of {WINDOW_SAMPLES} samples at {SAMPLE_RATE_HZ} Hz, "
            f"got shape {sound.shape}"
        )
    if not np.isfinite(sound).all():
        raise ValueError("log-mel takes finite samples, got NaN or infinity; leave that window out")
    single = sound.ndim == 1
    pictures = np.stack([_picture(one) for one in np.atleast_2d(sound)]) if sound.size else _nothing()
    return pictures[0] if single else pictures


def _nothing() -> Samples:
    return np.empty((0, *SHAPE), dtype=np.float32)


def _picture(sound: Samples) -> Samples:
    from scipy.fft import rfft  # numpy's works in float64

    window, triangles = _filters()
    # A float32 sum of squares overflows on samples in integer units or beyond; scale first.
    scale = max(1.0, float(np.max(np.abs(sound))))
    level = sound / np.float32(scale)
    if float(np.max(np.abs(level - np.mean(level, dtype=np.float64)))) <= _SILENCE / scale:
        level = np.zeros_like(level)
    level = level[1:] - np.float32(_EMPHASIS) * level[:-1]
    level -= np.mean(level, dtype=np.float64).astype(np.float32)
    rms = float(np.sqrt(np.mean(np.square(level, dtype=np.float64))))
    # Divided, not multiplied: what is constant stays 0 however loud it is.
    level = level * np.float32(_LEVEL) / np.float32(max(rms, _QUIETEST_RMS / scale))
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(level, _FFT // 2, mode="reflect"), _FFT)[::_STEP]
    spectrum = rfft(frames * window, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    logarithm = np.log(triangles @ power.T + np.float32(_FLOOR))
    return np.ascontiguousarray((logarithm + np.float32(_CENTRE)) / np.float32(_SPREAD))


def to_model_rate(samples: npt.ArrayLike, sample_rate_hz: int) -> Samples:
    """Resample a mono track to SAMPLE_RATE_HZ (polyphase, linear phase).

    Args:
        samples: (n,), any float or integer dtype; integers are taken as full scale of their dtype.
        sample_rate_hz: its rate.

    Raises:
        ValueError: not mono, NaN or infinity, or a rate outside 4..768 kHz.
    """
    track = np.asarray(samples)
    if track.ndim != 1:
        raise ValueError(f"expected one channel, got shape {track.shape}; choose a channel first")
    if not _LOWEST_RATE_HZ <= sample_rate_hz <= _HIGHEST_RATE_HZ:
        raise ValueError(
            f"sample rate {sample_rate_hz} Hz is outside {_LOWEST_RATE_HZ}..{_HIGHEST_RATE_HZ} Hz; "
            "check the recording"
        )
    if np.issubdtype(track.dtype, np.integer):
        track = track / float(-np.iinfo(track.dtype).min or np.iinfo(track.dtype).max)
    if not np.isfinite(track).all():
        raise ValueError("the track holds NaN or infinity; leave that part out")
    if sample_rate_hz == SAMPLE_RATE_HZ or not track.size:
        return track.astype(np.float32)
    from scipy.signal import resample_poly

    common = int(np.gcd(SAMPLE_RATE_HZ, sample_rate_hz))
    up, down = SAMPLE_RATE_HZ // common, sample_rate_hz // common
    # Beyond its ends a track is continued by its mean: by zeros, an offset would be a click at both ends.
    return np.asarray(resample_poly(track.astype(np.float32), up, down, padtype="mean"), dtype=np.float32)


def cut_windows(samples: Samples, hop_s: float) -> Iterator[tuple[float, Samples]]:
    """Yield (start in seconds, window) over a mono track at SAMPLE_RATE_HZ.

    A track shorter than a window is centred in silence; what remains at the end is covered by a last
    window that ends with the track.
    """
    missing = WINDOW_SAMPLES - samples.size
    if missing >= 0:
        yield 0.0, np.pad(samples, (missing // 2, missing - missing // 2))
        return
    last = samples.size - WINDOW_SAMPLES
    hop = max(1, round(hop_s * SAMPLE_RATE_HZ))
    starts = list(range(0, last + 1, hop))
    if starts[-1] != last:
        starts.append(last)
    for start in starts:
        yield start / SAMPLE_RATE_HZ, samples[start : start + WINDOW_SAMPLES]
