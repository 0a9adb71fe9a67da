"""The figures the model card rests on."""

import numpy as np
import pytest

from scripts.street_sound.measures import (
    alarms,
    auc,
    early_recall,
    platt,
    probability_of,
    rate_per_hour,
    reliability,
    share_by_group,
    threshold_at,
)

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("rate", [0.005, 0.01, 0.1])
def test_at_most_that_share_of_the_negatives_exceeds_the_threshold(rate: float) -> None:
    for count in (7, 100, 1234):
        negatives = RNG.normal(size=count)
        assert (negatives > threshold_at(negatives, rate)).mean() <= rate


def test_auc_counts_pairs() -> None:
    positives, negatives = RNG.normal(1, 1, 40), RNG.normal(0, 1, 60).round(1)
    pairs = positives[:, None] - negatives
    assert auc(positives, negatives) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def test_early_recall_is_the_mean_over_the_first_false_positives() -> None:
    negatives, positives = np.arange(100.0), np.array([94.5, 97.5, 200.0])
    recalls = [(positives > limit).mean() for limit in (99, 98, 97, 96, 95)]
    assert early_recall(positives, negatives) == pytest.approx(np.mean(recalls))
    assert early_recall(negatives + 1000, negatives) == 1.0


def test_clips_of_one_recording_do_not_narrow_the_interval() -> None:
    hit = np.repeat([True, False, True, True], 25)
    together = share_by_group(hit, np.repeat(np.arange(4), 25))
    apart = share_by_group(hit, np.arange(100))
    assert together.value == apart.value == 0.75
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_rate_has_the_exact_poisson_interval() -> None:
    rate, low, high = rate_per_hour(10, 2.0)
    assert (rate, low, high) == pytest.approx((5.0, 4.795 / 2, 18.39 / 2), rel=1e-3)
    assert rate_per_hour(0, 1.0) == pytest.approx((0.0, 0.0, 3.689), rel=1e-3)


def test_platt_recovers_the_log_odds() -> None:
    logits = RNG.normal(0, 3, 20_000)
    truth = RNG.random(20_000) < 1 / (1 + np.exp(-0.5 * logits + 1.0))
    calibration = platt(logits, truth)
    assert calibration == pytest.approx((0.5, -1.0), abs=0.06)
    assert reliability(probability_of(logits, calibration), truth)[1] < 0.02


def test_reliability_of_an_overconfident_model() -> None:
    rows, error = reliability(np.full(100, 0.95), np.arange(100) < 60)
    assert len(rows) == 1
    assert rows[0] == pytest.approx((0.95, 0.6, 100))
    assert error == pytest.approx(0.35)


def test_windows_close_together_are_one_alarm() -> None:
    start_s = np.array([0.0, 0.5, 1.0, 4.0, 4.5, 9.0])
    assert alarms(start_s, np.array([1, 1, 0, 1, 0, 1], bool)) == 3
    assert alarms(start_s, np.zeros(6, bool)) == 0
