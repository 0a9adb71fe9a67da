import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from edge.dsp.averaging import ExponentialAverages, hold_and_decay
from edge.dsp.decibels import FLOOR_DB
from edge.dsp.levels import LevelMeter, Levels
from edge.dsp.weighting import Float, weighting_goal_db

RATE = 48000


def measure(samples: ArrayLike, rate_hz: int = RATE, channel: int = 0) -> Levels:
    array = np.asarray(samples)
    meter = LevelMeter(rate_hz, 1 if array.ndim == 1 else array.shape[1])
    meter.add(array)
    return meter.take()[channel]


def tone(hz: float, seconds: float, amplitude: float = 0.1, rate_hz: int = RATE) -> Float:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def pink(seconds: float, rate_hz: int, seed: int = 1) -> Float:
    length = round(seconds * rate_hz)
    hz = np.fft.rfftfreq(length, 1 / rate_hz)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    spectrum[hz < 10] = 0
    spectrum[1:] /= np.sqrt(hz[1:])
    noise = np.fft.irfft(spectrum, length)
    return np.asarray(0.1 * noise / noise.std())


def laeq_by_spectrum(samples: Float, rate_hz: int) -> float:
    """A-weighted level by Parseval: weights the power spectrum by the analogue goal."""
    hz: Float = np.asarray(np.fft.rfftfreq(len(samples), 1 / rate_hz), dtype=np.float64)
    power = np.abs(np.fft.rfft(samples)) ** 2
    gain = np.zeros_like(hz)
    gain[1:] = 10 ** (weighting_goal_db("A", hz[1:]) / 10)
    return 10 * math.log10(2 * 2 * float(np.sum(power * gain)) / len(samples) ** 2)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 32000, 44100, 48000, 96000, 192000])
def test_a_1_khz_tone_reads_its_own_level_at_every_rate(rate_hz: int) -> None:
    levels = measure(tone(1000, 10, rate_hz=rate_hz), rate_hz)
    assert levels.laeq_db == pytest.approx(-20, abs=0.01)
    assert levels.lafmax_db == pytest.approx(-20, abs=0.01)
    assert levels.lasmax_db == pytest.approx(-20, abs=0.01)
    assert levels.lae_db == pytest.approx(-10, abs=0.01)
    assert levels.la50_db == pytest.approx(-20, abs=0.02)
    assert levels.lcpeak_db == pytest.approx(-20 + 3.01, abs=0.4)
    assert levels.duration_s == 10


def test_a_calibration_is_added_to_every_level() -> None:
    # The first second, in which the tone is switched on, has a higher peak.
    meter = LevelMeter(RATE)
    meter.add(tone(1000, 1, amplitude=1.0))
    meter.take()
    meter.add(tone(1000, 10, amplitude=1.0))
    levels = meter.take()[0]
    scaled = levels.calibrated(120)
    assert scaled.laeq_db == pytest.approx(120, abs=0.01)
    assert scaled.lcpeak_db == pytest.approx(123.01, abs=0.05)
    assert scaled.lae_db == pytest.approx(130, abs=0.01)
    assert scaled.la90_db == pytest.approx(120, abs=0.02)
    assert (scaled.duration_s, scaled.clipped) == (levels.duration_s, levels.clipped)


# IEC 61672-1:2013, table 4: duration ms, LAFmax - LA, LASmax - LA, LAE - LA, class 1 limits above and below.
Burst = tuple[float, float, float | None, float, float, float]
TONEBURSTS: list[Burst] = [
    (1000, 0.0, -2.0, 0.0, 0.5, 0.5),
    (500, -0.1, -4.1, -3.0, 0.5, 0.5),
    (200, -1.0, -7.4, -7.0, 0.5, 0.5),
    (100, -2.6, -10.2, -10.0, 1.0, 1.0),
    (50, -4.8, -13.1, -13.0, 1.0, 1.0),
    (20, -8.3, -17.0, -17.0, 1.0, 1.0),
    (10, -11.1, -20.0, -20.0, 1.0, 1.0),
    (5, -14.1, -23.0, -23.0, 1.0, 1.0),
    (2, -18.0, -27.0, -27.0, 1.0, 1.5),
    (1, -21.0, None, -30.0, 1.0, 2.0),
    (0.5, -24.0, None, -33.0, 1.0, 2.5),
    (0.25, -27.0, None, -36.0, 1.0, 3.0),
]


@pytest.mark.parametrize("rate_hz", [44100, 48000, 96000])
@pytest.mark.parametrize("burst", TONEBURSTS, ids=[f"{burst[0]} ms" for burst in TONEBURSTS])
def test_toneburst_responses_are_within_class_1(burst: Burst, rate_hz: int) -> None:
    milliseconds, fast, slow, exposure, above, below = burst
    steady = measure(tone(4000, 10, rate_hz=rate_hz), rate_hz).laeq_db
    samples = np.zeros(3 * rate_hz)
    sound = tone(4000, milliseconds / 1000, rate_hz=rate_hz)
    samples[rate_hz : rate_hz + len(sound)] = sound
    levels = measure(samples, rate_hz)
    assert -below <= levels.lafmax_db - steady - fast <= above
    assert -below <= levels.lae_db - steady - exposure <= above
    if slow is not None:
        assert -below <= levels.lasmax_db - steady - slow <= above


# IEC 61672-1:2013, table 5: Hz, cycles, phase, LCpeak - LC of the steady tone, class 1 limit.
PEAKS = [(31.5, 1, 1, 2.5, 2.0), (500, 1, 1, 3.5, 1.0), (8000, 1, 1, 3.4, 2.0), (500, 0.5, 1, 2.4, 1.0)]
PEAKS.append((500, 0.5, -1, 2.4, 1.0))


@pytest.mark.parametrize("rate_hz", [44100, 48000, 96000])
@pytest.mark.parametrize("signal", PEAKS)
def test_c_weighted_peaks_are_within_class_1(
    signal: tuple[float, float, int, float, float], rate_hz: int
) -> None:
    hz, cycles, sign, goal, limit = signal
    gain_db = float(weighting_goal_db("C", np.array([hz]))[0])
    samples = np.zeros(rate_hz)
    burst = sign * tone(hz, cycles / hz, rate_hz=rate_hz)
    samples[1000 : 1000 + len(burst)] = burst
    assert measure(samples, rate_hz).lcpeak_db - (-20 + gain_db) == pytest.approx(goal, abs=limit)


def test_levels_are_linear_over_100_db() -> None:
    for attenuation in range(0, 101, 10):
        levels = measure(tone(1000, 3, amplitude=10 ** (-attenuation / 20)))
        assert levels.laeq_db == pytest.approx(-attenuation, abs=0.02)
        assert levels.lafmax_db == pytest.approx(-attenuation, abs=0.02)


@pytest.mark.parametrize("rate_hz", [16000, 44100, 48000, 96000])
def test_pink_noise_agrees_with_its_weighted_spectrum(rate_hz: int) -> None:
    noise = pink(20, rate_hz)
    assert measure(noise, rate_hz).laeq_db == pytest.approx(laeq_by_spectrum(noise, rate_hz), abs=0.05)


@pytest.mark.parametrize("rate_hz", [44100, 48000, 96000])
def test_pink_noise_agrees_with_a_public_library(rate_hz: int) -> None:
    oracle = pytest.importorskip("pyoctaveband", reason="the oracle library is not installed")
    noise = pink(20, rate_hz, seed=2)
    levels = measure(noise, rate_hz)
    # Its dBFS is re the RMS of full scale, ours re the RMS of a full-scale sine.
    assert levels.laeq_db == pytest.approx(float(oracle.laeq(noise, rate_hz, dbfs=True)) + 3.0103, abs=0.1)
    exceeded = oracle.ln_levels(noise, rate_hz, n=(10, 50, 90), mode="fast", weighting="A", dbfs=True)
    ours = (levels.la10_db, levels.la50_db, levels.la90_db)
    for level, share in zip(ours, (10, 50, 90), strict=True):
        assert level == pytest.approx(float(exceeded[share]) + 3.0103, abs=0.15)


def test_every_channel_is_measured_by_itself() -> None:
    stereo = np.stack([tone(1000, 2), tone(1000, 2, amplitude=0.01)], axis=1)
    assert measure(stereo, channel=0) == measure(stereo[:, 0])
    assert measure(stereo, channel=1).laeq_db == pytest.approx(-40, abs=0.01)


def levels_close(one: Levels, other: Levels) -> bool:
    fields = [name for name in one.__slots__ if name.endswith("_db") or name == "duration_s"]
    same = all(getattr(one, n) == pytest.approx(getattr(other, n), abs=1e-6) for n in fields)
    return same and (one.clipped, one.silent, one.invalid) == (other.clipped, other.silent, other.invalid)


@settings(max_examples=40, deadline=None)
@given(
    rate_hz=st.sampled_from([8000, 11025, 44100]),
    sizes=st.lists(st.integers(1, 30_000), min_size=1, max_size=12),
    seed=st.integers(0, 1000),
)
def test_block_size_does_not_matter(rate_hz: int, sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal((sum(sizes), 2)) * 0.4
    samples[rng.integers(0, len(samples), 3)] = np.nan
    samples[len(samples) // 2 :][:5] = 1.0
    whole, pieces = LevelMeter(rate_hz, 2), LevelMeter(rate_hz, 2)
    whole.add(samples)
    for piece in np.split(samples, np.cumsum(sizes)[:-1]):
        pieces.add(piece)
    for one, other in zip(whole.take(), pieces.take(), strict=True):
        assert levels_close(one, other)


def test_filters_run_on_from_interval_to_interval() -> None:
    samples = pink(4, RATE)
    meter = LevelMeter(RATE)
    taken = []
    for second in np.split(samples, 4):
        meter.add(second)
        taken += meter.take()
    mean = 10 * math.log10(sum(10 ** (levels.laeq_db / 10) for levels in taken) / 4)
    whole = measure(samples)
    assert mean == pytest.approx(whole.laeq_db, abs=1e-6)
    assert max(levels.lafmax_db for levels in taken) == pytest.approx(whole.lafmax_db, abs=1e-9)
    assert taken[1].la50_db == pytest.approx(taken[1].laeq_db, abs=0.5)
    assert meter.take() == []


@pytest.mark.parametrize(("constant_s", "db_per_s"), [(0.125, 34.7), (1.0, 4.34)])
def test_the_level_decays_as_fast_and_slow_do(constant_s: float, db_per_s: float) -> None:
    # IEC 61672-1:2013, 5.8.3: Fast 34.7 dB/s +3.8 -3.7, Slow 4.3 dB/s +0.8 -0.7.
    step = 24
    averages = ExponentialAverages(1, RATE, step, (constant_s,))
    averages.add(np.ones((1, 5 * RATE)))
    decay = 10 * np.log10(averages.add(np.zeros((1, RATE)))[0, 0])
    rate = (decay[0] - decay[-1]) / ((len(decay) - 1) * step / RATE)
    assert rate == pytest.approx(db_per_s, rel=0.01)


def test_averages_are_those_of_the_recursion_sample_by_sample() -> None:
    squares = np.random.default_rng(0).random((2, 997))
    averages = ExponentialAverages(2, 8000, 4, (0.125, 1.0))
    got = np.concatenate([averages.add(squares[:, :333]), averages.add(squares[:, 333:])], axis=2)
    for index, constant_s in enumerate((0.125, 1.0)):
        alpha = math.exp(-1 / (8000 * constant_s))
        value = np.zeros(2)
        for number in range(996):
            value = alpha * value + (1 - alpha) * squares[:, number]
            if number % 4 == 3:
                assert got[index, :, number // 4] == pytest.approx(value)


def test_the_impulse_weighting_rises_in_35_ms_and_decays_in_1500() -> None:
    averages = np.concatenate([np.ones(10), np.zeros(1000)])
    held = 10 * np.log10(hold_and_decay(averages, 0.01))
    assert held[9] == 0
    assert (held[10] - held[1009]) / 9.99 == pytest.approx(2.9, abs=0.01)
    burst = np.zeros(RATE)
    burst[: RATE // 50] = tone(4000, 0.02)
    # IEC 61672-1:2002, annex C: 20 ms -3.6 dB below the steady tone.
    steady = measure(tone(4000, 3)).laeq_db
    assert measure(burst).laimax_db - steady == pytest.approx(-3.6, abs=0.3)


def test_percentiles_of_a_sound_that_is_loud_for_a_fifth_of_the_time() -> None:
    loud, soft = tone(1000, 20, amplitude=0.1), tone(1000, 80, amplitude=0.001)
    levels = measure(np.concatenate([soft[: 40 * RATE], loud, soft[40 * RATE :]]))
    assert levels.la10_db == pytest.approx(-20, abs=0.02)
    assert levels.la50_db == pytest.approx(-60, abs=0.02)
    assert levels.la90_db == pytest.approx(-60, abs=0.02)


def test_a_short_sound_has_percentiles_of_what_there_is() -> None:
    levels = measure(tone(1000, 0.2))
    assert -35 < levels.la90_db <= levels.la50_db <= levels.la10_db < -20
    shortest = measure(tone(1000, 0.005))
    assert shortest.la10_db == shortest.la90_db == pytest.approx(shortest.lafmax_db, abs=0.5)


def test_digital_silence_is_a_floor_and_says_so() -> None:
    levels = measure(np.zeros(RATE))
    assert levels.silent
    assert levels.laeq_db == levels.lcpeak_db == levels.la90_db == levels.lae_db == FLOOR_DB
    assert not measure(tone(1000, 1, amplitude=1e-6)).silent


def test_silence_after_sound_is_measured_fast() -> None:
    meter = LevelMeter(RATE)
    meter.add(tone(1000, 1))
    meter.take()
    for _ in range(30):
        meter.add(np.zeros(RATE))
    assert meter._c_state is not None
    assert np.all(meter._c_state == 0)  # no denormal numbers left to crawl through


def test_a_constant_offset_is_no_sound() -> None:
    levels = measure(np.full(RATE, 0.3))
    assert levels.silent
    with_tone = measure(tone(1000, 2) + 0.3)
    assert with_tone.laeq_db == pytest.approx(measure(tone(1000, 2)).laeq_db, abs=0.01)
    assert with_tone.lcpeak_db == pytest.approx(-17, abs=0.4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, 32768.0])
def test_invalid_samples_are_counted_and_harm_nothing_after_them(bad: float) -> None:
    samples = tone(1000, 4)
    samples[RATE : RATE + 100] = bad
    meter = LevelMeter(RATE)
    meter.add(samples[: 2 * RATE])
    first = meter.take()[0]
    meter.add(samples[2 * RATE :])
    second = meter.take()[0]
    assert first.invalid == 100
    assert first.duration_s == pytest.approx(2 - 100 / RATE)
    assert first.laeq_db == pytest.approx(-20, abs=0.05)
    assert second.invalid == 0
    assert second.laeq_db == pytest.approx(-20, abs=0.01)


def test_nothing_but_invalid_samples_is_no_sound() -> None:
    levels = measure(np.full(1000, np.nan))
    assert (levels.silent, levels.invalid, levels.duration_s) == (True, 1000, 0)


def test_clipping_is_two_samples_at_the_rail_on_end() -> None:
    fits = tone(1000, 1, amplitude=1.0)
    assert not measure(fits).clipped
    assert measure(np.clip(1.2 * fits, -1, 1)).clipped
    assert measure(np.clip(1.2 * fits, -1, 32767 / 32768)).clipped
    assert measure(np.clip(1.2 * fits, -1, 1).astype(np.float32)).clipped


def test_clipping_is_seen_across_blocks() -> None:
    meter = LevelMeter(RATE)
    meter.add(np.array([0.0, 1.0]))
    meter.add(np.array([1.0, 0.0]))
    assert meter.take()[0].clipped


def test_peaks_between_the_samples_of_a_slow_stream_are_found() -> None:
    number = np.arange(8000)
    samples = np.sin(2 * np.pi * 2000 * number / 8000 + np.pi / 4)  # sampled 3 dB below its peak
    samples *= np.minimum(1, number / 2000)
    goal = 3.01 + float(weighting_goal_db("C", np.array([2000.0]))[0])
    assert measure(samples, 8000).lcpeak_db == pytest.approx(goal, abs=0.15)


def test_empty_blocks_and_no_sound_at_all() -> None:
    meter = LevelMeter(RATE, 2)
    meter.add(np.empty((0, 2)))
    assert meter.take() == []


def test_integers_read_as_they_are_given() -> None:
    assert measure((tone(1000, 1) * 32767).astype(np.int16) / 32768).laeq_db == pytest.approx(-20, abs=0.02)


def test_a_rate_too_low_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        LevelMeter(1000)
