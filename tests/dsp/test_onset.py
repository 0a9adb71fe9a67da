import math

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.dsp.onset import pick_onset, prominence, rise_samples

Float = NDArray[np.float64]
RATE = 48000


def blast(length: int, start: float, positive_s: float) -> Float:
    """A Friedlander pulse that begins between two samples."""
    t = (np.arange(length) - start) / RATE
    return np.where(t >= 0, (1 - t / positive_s) * np.exp(-np.maximum(t, 0) / positive_s), 0.0)


@pytest.mark.parametrize("positive_s", [0.0005, 0.002, 0.004])
@pytest.mark.parametrize(("peak_to_noise_db", "median", "p90"), [(40, 1, 1.5), (30, 1, 2), (20, 1.5, 3)])
def test_the_onset_of_a_blast_is_found_to_a_sample(
    positive_s: float, peak_to_noise_db: float, median: float, p90: float
) -> None:
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(100):
        start = 960 + rng.uniform(0, 48)
        noise = rng.standard_normal(1300) * 10 ** (-peak_to_noise_db / 20)
        errors.append(abs(pick_onset(noise + blast(1300, start, positive_s), 500, 240) - start))
    assert np.median(errors) <= median
    assert np.quantile(errors, 0.9) <= p90


def test_a_clean_step_is_found_exactly_and_silence_has_no_noise() -> None:
    sound = np.concatenate([np.zeros(100), np.ones(20)])
    assert pick_onset(sound, 50, 10) == 100
    assert pick_onset(sound[50:], 0, 10) == 50


def test_what_was_before_a_pause_is_not_the_onset() -> None:
    sound = np.zeros(200)
    sound[[60, 65]] = 0.5
    sound[[120, 125, 130]] = [0.5, -1.0, 0.5]
    assert pick_onset(sound, 50, 30) == 120
    assert pick_onset(sound, 50, 80) == 60


def test_rise_is_the_time_to_nine_tenths_of_the_peak() -> None:
    assert rise_samples(np.linspace(0, 1, 101)) == 90
    assert rise_samples(np.array([-1.0, 0.5])) == 0


def test_prominence_of_a_straight_onset() -> None:
    # 30 dB in 0.1 s: 300 dB/s, so P = 3 lg 300 + 2 lg 30.
    level = np.concatenate([np.full(10, 50.0), np.linspace(53, 80, 10), np.full(10, 80.0)])
    assert prominence(level, 0.01) == pytest.approx(3 * math.log10(300) + 2 * math.log10(30), abs=0.03)


def test_prominence_takes_the_steepest_onset() -> None:
    slow = np.linspace(40, 50, 101)
    fast = np.array([55.0, 65.0, 75.0])
    level = np.concatenate([slow, np.full(5, 50.0), fast, np.full(5, 75.0)])
    assert prominence(level, 0.01) > 10


def test_a_level_that_does_not_rise_has_no_prominence() -> None:
    assert prominence(np.array([50.0, 50.05, 50.0]), 0.01) == 0
    assert prominence(np.array([60.0, 40.0]), 0.01) == 0


def test_an_onset_at_the_edge_of_what_was_heard() -> None:
    assert prominence(np.array([40.0, 70.0]), 0.01) == pytest.approx(
        3 * math.log10(3000) + 2 * math.log10(30)
    )
