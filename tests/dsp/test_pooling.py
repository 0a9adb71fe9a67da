"""Evidence of several windows."""

import numpy as np
import pytest

from edge.dsp.pooling import log_odds, pooled, pooled_over, probability_of


def test_log_odds_and_back() -> None:
    p = np.array([0.001, 0.5, 0.9])
    assert probability_of(log_odds(p)) == pytest.approx(p)
    assert np.isfinite(log_odds([0.0, 1.0])).all()


def test_one_window_is_what_it_is() -> None:
    assert pooled(np.array([[1.5, -2.0]])) == pytest.approx([1.5, -2.0])


def test_what_lasts_counts_for_more_than_a_moment() -> None:
    moment = np.full((10, 1), -5.0)
    lasting = moment.copy()
    moment[4], lasting[3:8] = 4.0, 4.0
    assert pooled(moment)[0] == pytest.approx((4 - 4.1) / 2)
    assert pooled(lasting)[0] > pooled(moment)[0] + 1


def test_pooling_follows_a_calibration() -> None:
    odds = np.random.default_rng(0).normal(0, 3, (17, 2))
    assert pooled(0.7 * odds - 1) == pytest.approx(0.7 * pooled(odds) - 1)


def test_each_window_takes_the_seconds_that_end_with_it() -> None:
    odds = np.array([[3.0], [-1.0], [-1.0], [-1.0], [-1.0]])
    found = pooled_over(odds, [0.0, 0.5, 1.0, 1.5, 4.6], 2.0)
    assert found[0] == pytest.approx(3.0)
    assert found[2] == pytest.approx((3 + 1 / 3) / 2)  # starts at 0, 0.5 and 1: two seconds of sound
    assert found[3] == pytest.approx(-1.0)
    assert found[4] == pytest.approx(-1.0)
    assert pooled_over(odds[:0], [], 2.0).shape == (0, 1)
