import numpy as np
import pytest

from edge.dsp.resample import Resampler, resample


def tone(rate_hz: int, seconds: float, frequency_hz: float, channels: int = 1) -> np.ndarray:
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    return np.tile(np.sin(2 * np.pi * frequency_hz * t)[:, None], (1, channels)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 22_254, 32_000, 44_100, 96_000, 192_000])
def test_a_tone_keeps_its_level_its_phase_and_its_length(rate_hz: int) -> None:
    converted = resample(tone(rate_hz, 1.0, 1000, channels=2), rate_hz)
    wanted = tone(48_000, 1.0, 1000, channels=2)
    assert converted.shape == wanted.shape
    assert converted.dtype == np.float32
    np.testing.assert_allclose(converted[4_800:-4_800], wanted[4_800:-4_800], atol=2e-4)


def test_above_nyquist_nothing_comes_through() -> None:
    assert np.abs(resample(tone(192_000, 1.0, 60_000), 192_000)[4_800:-4_800]).max() < 1e-4


def test_blocks_of_any_size_give_the_same_stream() -> None:
    sound = np.random.default_rng(1).standard_normal((44_100, 3)).astype(np.float32)
    stream = Resampler(44_100, 48_000, 3)
    parts = [stream.push(part) for part in np.split(sound, [1, 2, 100, 4_410, 30_000])]
    pieced = np.concatenate([*parts, stream.finish()])
    np.testing.assert_allclose(pieced, resample(sound, 44_100), atol=1e-6)


def test_the_same_rate_is_left_alone() -> None:
    sound = np.random.default_rng(1).standard_normal((100, 1)).astype(np.float32)
    np.testing.assert_array_equal(resample(sound, 48_000), sound)


def test_a_sample_that_is_not_a_number_spoils_its_neighbourhood_only() -> None:
    sound = tone(8_000, 3.0, 440)
    sound[8_000] = np.nan
    spoilt = np.flatnonzero(~np.isfinite(resample(sound, 8_000)[:, 0]))
    assert 40_000 < spoilt.min() < 48_000 < spoilt.max() < 50_000
