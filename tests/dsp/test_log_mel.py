"""The fixed preprocessing of the street-sound model."""

import numpy as np
import pytest

from edge.detectors.sound_health import Config as SoundHealth
from edge.dsp.impulses import ImpulseFinder
from edge.dsp.log_mel import (
    SAMPLE_RATE_HZ,
    SHAPE,
    WINDOW_SAMPLES,
    cut_windows,
    log_mel,
    to_model_rate,
)

RNG = np.random.default_rng(7)
NOISE = RNG.normal(0, 0.1, WINDOW_SAMPLES).astype(np.float32)
TIME = np.arange(WINDOW_SAMPLES) / SAMPLE_RATE_HZ


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_refuses_samples_that_are_not_numbers(bad: float) -> None:
    broken = NOISE.copy()
    broken[500] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        log_mel(broken)


@pytest.mark.parametrize("shape", [(0,), (31_999,), (2, 100), (1, 1, WINDOW_SAMPLES)])
def test_refuses_other_lengths(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="windows of 32000 samples"):
        log_mel(np.zeros(shape, np.float32))


def test_one_window_and_a_batch_agree() -> None:
    batch = log_mel(np.stack([NOISE, NOISE * np.sin(TIME)]))
    assert batch.shape == (2, *SHAPE)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch[0], log_mel(NOISE))
    assert log_mel(np.empty((0, WINDOW_SAMPLES))).shape == (0, *SHAPE)


@pytest.mark.parametrize("gain", [0.02, 1.0, 30.0, 32_768.0, 1e20])
def test_does_not_depend_on_gain(gain: float) -> None:
    np.testing.assert_allclose(log_mel(NOISE * np.float32(gain)), log_mel(NOISE), atol=2e-3)


def test_does_not_hear_dc() -> None:
    np.testing.assert_allclose(log_mel(NOISE + 0.5), log_mel(NOISE), atol=2e-3)


@pytest.mark.parametrize("still", [np.full(WINDOW_SAMPLES, level) for level in (0.0, 0.7, 1e37)])
def test_silence_and_dc_are_the_floor_everywhere(still: np.ndarray) -> None:
    picture = log_mel(still)
    np.testing.assert_allclose(picture, picture[0, 0], atol=1e-3)
    assert picture[0, 0] < log_mel(NOISE).min()


def test_dither_is_silence_and_a_faint_click_is_not() -> None:
    step = 1 / 32_768
    dither = RNG.choice([-step, 0.0, step], WINDOW_SAMPLES) + 1e-4
    np.testing.assert_array_equal(log_mel(dither), log_mel(np.zeros(WINDOW_SAMPLES)))
    dither[8000] += 4 * step
    assert log_mel(dither).max() > log_mel(np.zeros(WINDOW_SAMPLES)).max()


@pytest.mark.parametrize("above_db", [14.0, 20.0, 40.0])
def test_a_bang_on_a_channel_that_is_not_dead_is_never_silence(above_db: float) -> None:
    rng, rate_hz = np.random.default_rng(1), 48_000
    floor = 10 ** (SoundHealth().silent_db / 20) / np.sqrt(2)
    sound = rng.normal(0, floor, 3 * rate_hz)
    decay = np.exp(-np.arange(rate_hz) / rate_hz / 0.05)
    sound[2 * rate_hz :] += floor * 10 ** (above_db / 20) * rng.standard_normal(rate_hz) * decay
    sound = np.round(sound * 2**23) / 2**23  # 24 bits
    finder = ImpulseFinder(rate_hz)
    (impulse,) = [*finder.add(sound), *finder.finish()]
    start = round(impulse.sample) - 7200
    picture = log_mel(to_model_rate(sound[start : start + rate_hz], rate_hz))
    assert picture.max() > log_mel(np.zeros(WINDOW_SAMPLES)).max()


@pytest.mark.parametrize("offset", [0.01, -0.1])
def test_an_offset_is_no_click_at_the_ends_of_what_is_resampled(offset: float) -> None:
    step = 1 / 32_768
    dither = np.random.default_rng(1).choice([-step, 0.0, step], 48_000)
    silence = log_mel(np.zeros(WINDOW_SAMPLES))
    np.testing.assert_array_equal(log_mel(to_model_rate(dither + offset, 48_000)), silence)


def test_hiss_below_the_quietest_level_is_not_blown_up() -> None:
    assert log_mel(NOISE * np.float32(1e-5)).mean() < log_mel(NOISE).mean() - 1.0


@pytest.mark.parametrize(
    ("tone_hz", "low", "high"), [(200, 7, 11), (1000, 34, 38), (4000, 76, 80), (12_000, 117, 121)]
)
def test_a_tone_lights_the_band_that_holds_it(tone_hz: float, low: int, high: int) -> None:
    picture = log_mel(np.sin(2 * np.pi * tone_hz * TIME))
    assert low <= int(np.argmax(picture.mean(axis=1))) <= high


def test_band_centres_are_equally_spaced_in_mel() -> None:
    tones_hz = [500.0, 1500.0, 3500.0]
    heard = [int(np.argmax(log_mel(np.sin(2 * np.pi * f * TIME)).mean(axis=1))) for f in tones_hz]
    mel = 1127 * np.log1p(np.array([*tones_hz, 15_000.0]) / 700)
    np.testing.assert_allclose(heard, mel[:-1] / mel[-1] * 129 - 1, atol=1.0)


def test_a_click_lights_the_frames_that_hold_it() -> None:
    click = np.zeros(WINDOW_SAMPLES)
    click[16_000] = 1.0
    loud = np.flatnonzero(log_mel(click).mean(axis=0) > log_mel(click).min() + 0.5)
    assert set(loud) <= set(range(48, 53))
    assert loud.size >= 2


def test_is_what_the_teacher_hears() -> None:
    """Frame by frame, as EfficientAT describes its preprocessing (Schmid et al. 2023), in float64."""
    emphasised = NOISE[1:] - 0.97 * NOISE[:-1].astype(np.float64)
    emphasised = (emphasised - emphasised.mean()) * 0.04 / emphasised.std()
    padded = np.pad(emphasised, 512, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 799)
    edges = np.linspace(0, 1127 * np.log1p(15_000 / 700), 130)
    bins = 1127 * np.log1p(np.arange(513) * 31.25 / 700)
    for frame in (0, 37, 99):
        power = np.abs(np.fft.rfft(padded[frame * 320 + 112 : frame * 320 + 912] * window, 1024)) ** 2
        for band in (0, 60, 127):
            triangle = np.interp(bins, edges[band : band + 3], [0, 1, 0])
            wanted = (np.log(triangle @ power + 1e-5) + 4.5) / 5
            assert log_mel(NOISE)[band, frame] == pytest.approx(wanted, abs=2e-3)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
def test_any_rate_gives_the_same_picture(rate_hz: int) -> None:
    time = np.arange(rate_hz) / rate_hz
    chirp = np.sin(2 * np.pi * (400 * time + 600 * time**2)).astype(np.float32)
    track = to_model_rate(chirp, rate_hz)
    assert track.size == WINDOW_SAMPLES
    wanted = log_mel(np.sin(2 * np.pi * (400 * TIME + 600 * TIME**2)))
    strong = wanted > 0.0
    np.testing.assert_allclose(log_mel(track)[strong], wanted[strong], atol=0.1)


@pytest.mark.parametrize(
    ("dtype", "full_scale"), [(np.int16, 32_768), (np.int32, 2**31), (np.float64, 1.0), (np.float32, 1.0)]
)
def test_integer_samples_are_full_scale_of_their_type(dtype: type, full_scale: float) -> None:
    half: np.ndarray = np.full(100, full_scale / 2).astype(dtype)
    np.testing.assert_allclose(to_model_rate(half, SAMPLE_RATE_HZ), 0.5)


def test_resampling_refuses_what_it_cannot_take() -> None:
    with pytest.raises(ValueError, match="one channel"):
        to_model_rate(np.zeros((100, 2)), 48_000)
    with pytest.raises(ValueError, match=r"outside 4000\.\.768000"):
        to_model_rate(np.zeros(100), 0)
    with pytest.raises(ValueError, match="NaN or infinity"):
        to_model_rate(np.array([0.0, np.nan]), 48_000)
    assert to_model_rate(np.empty(0), 48_000).size == 0


def test_windows_cover_the_whole_track() -> None:
    track = np.arange(80_000, dtype=np.float32)
    cut = list(cut_windows(track, 0.5))
    assert [start for start, _ in cut] == [0.0, 0.5, 1.0, 1.5]
    assert [int(window[0]) for _, window in cut] == [0, 16_000, 32_000, 48_000]
    ragged = list(cut_windows(track[:70_000], 0.5))
    assert [int(window[0]) for _, window in ragged] == [0, 16_000, 32_000, 38_000]
    assert ragged[-1][1][-1] == 69_999


def test_a_short_track_is_centred_in_silence() -> None:
    ((start, window),) = cut_windows(np.ones(10_000, np.float32), 0.5)
    assert start == 0.0
    assert window.size == WINDOW_SAMPLES
    assert window[11_000:21_000].all()
    assert not window[:11_000].any()
