import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.dsp.bang import Impulse
from edge.dsp.impulses import ImpulseFinder, Thresholds
from edge.dsp.levels import LevelMeter
from edge.dsp.weighting import weighting_goal_db

Float = NDArray[np.float64]
RATE = 48000


def street(seconds: float, rate_hz: int = RATE, channels: int = 1, seed: int = 0) -> Float:
    """Noise of a steady street, the same to all channels but for their own noise."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((round(seconds * rate_hz), 1))
    return np.asarray(0.005 * (common + 0.3 * rng.standard_normal((len(common), channels))))


def add_bang(
    samples: Float, at_s: float, rate_hz: int = RATE, peak: float = 0.8, delays: tuple[float, ...] = ()
) -> None:
    """Add a blast of 2 ms and its reverberation; `delays` in samples per channel."""
    rng = np.random.default_rng(7)
    for channel in range(samples.shape[1]):
        start = at_s * rate_hz + (delays[channel] if delays else 0)
        first = int(np.ceil(start))
        t = (np.arange(first, min(len(samples), first + round(0.4 * rate_hz))) - start) / rate_hz
        tail = 0.05 * rng.standard_normal(len(t)) * np.exp(-t / 0.05)
        samples[first : first + len(t), channel] += peak * ((1 - t / 0.002) * np.exp(-t / 0.002) + tail)


def find(samples: Float, rate_hz: int = RATE, block: int = 4800) -> list[Impulse]:
    finder = ImpulseFinder(rate_hz, samples.shape[1])
    found = [i for start in range(0, len(samples), block) for i in finder.add(samples[start : start + block])]
    return found + finder.finish()


@pytest.mark.parametrize("rate_hz", [16000, 44100, 48000, 96000])
def test_a_bang_is_found_to_the_sample_and_described(rate_hz: int) -> None:
    samples = street(4, rate_hz)
    add_bang(samples, 2.0, rate_hz)
    (impulse,) = find(samples, rate_hz)
    assert impulse.sample == pytest.approx(2.0 * rate_hz, abs=3)
    assert impulse.rise_s < 0.0005
    assert 0.02 < impulse.duration_s < 0.2
    assert 15 < impulse.above_floor_db < 40
    assert impulse.prominence > 8
    assert impulse.crest_db > 10
    assert not impulse.clipped
    # A blast of 2 ms has little power where C takes away.
    assert impulse.lcpeak_db == pytest.approx(3.01 + 20 * np.log10(0.8), abs=1.5)
    assert impulse.channels == (0,)


def test_a_bang_on_an_array_is_one_impulse_at_the_middle_of_the_array() -> None:
    samples = street(4, channels=4)
    add_bang(samples, 2.0, delays=(0, 4, 8, 4))
    (impulse,) = find(samples)
    assert impulse.sample == pytest.approx(2.0 * RATE + 4, abs=2)
    assert impulse.channels == (0, 1, 2, 3)


def test_a_pop_on_one_of_four_microphones_is_no_sound() -> None:
    samples = street(4, channels=4)
    samples[2 * RATE : 2 * RATE + 40, 1] += 0.5
    assert find(samples) == []


def test_a_bang_is_found_though_two_of_four_channels_are_dead() -> None:
    samples = street(4, channels=4)
    add_bang(samples, 2.0)
    samples[:, 1] = 0
    samples[:, 3] = 0.2
    (impulse,) = find(samples)
    assert impulse.channels == (0, 2)


def test_shots_of_a_burst_are_counted_and_echoes_are_not() -> None:
    samples = street(5)
    for number in range(6):
        add_bang(samples, 2 + 0.1 * number)
    add_bang(samples, 4.0)
    add_bang(samples, 4.12, peak=0.8 * 10 ** (-15 / 20))
    found = find(samples)
    assert [round(i.sample / RATE, 3) for i in found] == [2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 4.0]


@pytest.mark.parametrize("kind", ["steady", "slow swell", "switched off", "silence", "offset"])
def test_what_does_not_bang_is_not_found(kind: str) -> None:
    samples = street(6)
    if kind == "slow swell":
        samples *= np.interp(np.arange(len(samples)), [2 * RATE, 3 * RATE], [1, 30])[:, np.newaxis]
    elif kind == "switched off":
        samples[3 * RATE :] = 0
    elif kind in {"silence", "offset"}:
        samples[:] = 0.3 if kind == "offset" else 0
    assert find(samples) == []


def test_a_street_that_becomes_loud_is_one_onset_at_most() -> None:
    samples = street(10)
    samples[3 * RATE :] *= 30
    assert len(find(samples)) <= 1


def test_sound_is_missing_where_the_stream_is_spliced() -> None:
    samples = street(4)
    samples[2 * RATE :] += 0.5
    whole = ImpulseFinder(RATE)
    spliced = ImpulseFinder(RATE)
    assert whole.add(samples) + whole.finish() != []
    found = spliced.add(samples[: 2 * RATE])
    spliced.splice()
    assert found + spliced.add(samples[2 * RATE :]) + spliced.finish() == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e9])
def test_invalid_samples_are_no_impulse_and_do_not_deafen(bad: float) -> None:
    samples = street(6)
    samples[2 * RATE : 2 * RATE + 500] = bad
    add_bang(samples, 4.0)
    (impulse,) = find(samples)
    assert impulse.sample == pytest.approx(4.0 * RATE, abs=3)


def test_a_clipped_bang_says_so() -> None:
    samples = street(4)
    add_bang(samples, 2.0, peak=3.0)
    (impulse,) = find(np.clip(samples, -1, 1))
    assert impulse.clipped


def test_clipping_before_the_bang_is_not_its_own() -> None:
    samples = street(6)
    samples[RATE : RATE + 50] = 1.0
    add_bang(samples, 4.0)
    assert [i.clipped for i in find(samples)][-1] is False


def test_a_bang_at_the_very_end_is_given_by_finish() -> None:
    for end_s in (2.02, 2.14):
        samples = street(4)
        add_bang(samples, 2.09)
        add_bang(samples, 2.01)
        finder = ImpulseFinder(RATE)
        found = finder.add(samples[: round(end_s * RATE)])
        found += finder.finish()
        assert found[0].sample == pytest.approx(2.01 * RATE, abs=3)
        assert len(found) == (1 if end_s < 2.09 else 2)


def test_a_bang_is_told_within_its_longest_duration_and_a_hop() -> None:
    samples = street(4)
    samples[2 * RATE :] *= 100  # rises at once and stays: the longest there is
    finder = ImpulseFinder(RATE)
    told = [n for n in range(40) if finder.add(samples[n * 4800 : (n + 1) * 4800])]
    assert told
    assert (told[0] + 1) * 0.1 - 2.0 <= 0.71


def test_thresholds_decide() -> None:
    samples = street(4)
    add_bang(samples, 2.0)
    for strict in (Thresholds(above_floor_db=60), Thresholds(prominence=20), Thresholds(rise_db=80)):
        finder = ImpulseFinder(RATE, 1, strict)
        assert finder.add(samples) + finder.finish() == []


def test_no_sound_is_no_impulse() -> None:
    finder = ImpulseFinder(RATE, 2)
    assert finder.add(np.empty((0, 2))) == []
    assert finder.finish() == []


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=20), at_s=st.floats(0.3, 1.5))
def test_block_size_does_not_matter(sizes: list[int], at_s: float) -> None:
    samples = street(2, 16000, channels=2)
    add_bang(samples, at_s, 16000)
    samples[round(1.8 * 16000)] = np.nan
    whole = find(samples, 16000, len(samples))
    finder = ImpulseFinder(16000, 2)
    pieces = [i for part in np.split(samples, np.cumsum(sizes)) for i in finder.add(part)]
    pieces += finder.finish()
    assert len(pieces) == len(whole)
    for one, other in zip(pieces, whole, strict=True):
        assert (one.sample, one.channels, one.duration_s) == (other.sample, other.channels, other.duration_s)
        assert one.lcpeak_db == pytest.approx(other.lcpeak_db)
        assert one.above_floor_db == pytest.approx(other.above_floor_db)


def test_the_c_weighting_of_the_peak_is_that_of_the_standard() -> None:
    samples = street(4)
    t = np.arange(RATE // 20) / RATE
    samples[2 * RATE : 2 * RATE + len(t), 0] += 0.5 * np.sin(2 * np.pi * 8000 * t)
    (impulse,) = find(samples)
    goal = 3.01 + 20 * np.log10(0.5) + float(weighting_goal_db("C", np.array([8000.0]))[0])
    assert impulse.lcpeak_db == pytest.approx(goal, abs=1.5)


@pytest.mark.parametrize("peak", [0.4, 0.8])
def test_the_fast_level_of_a_bang_is_that_of_a_sound_level_meter(peak: float) -> None:
    samples = street(4)
    add_bang(samples, 2.0, peak=peak)
    (impulse,) = find(samples)
    meter = LevelMeter(RATE)
    meter.add(samples[:, 0])
    assert impulse.lafmax_db == pytest.approx(meter.take()[0].lafmax_db, abs=0.2)
