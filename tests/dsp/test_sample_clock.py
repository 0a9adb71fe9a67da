import numpy as np
import pytest

from edge.dsp.sample_clock import SampleClock

RATE_HZ = 48_000
BLOCK = 960


def test_jitter_is_smoothed_and_drift_is_followed() -> None:
    rng, clock = np.random.default_rng(1), SampleClock(RATE_HZ)
    true_rate_hz = RATE_HZ * (1 + 100e-6)
    for k in range(3_000):
        index = k * BLOCK
        true_s = 1000 + index / true_rate_hz
        # Some blocks are told late, by up to 20 ms.
        late_s = rng.uniform(0, 0.02) if rng.random() < 0.2 else rng.uniform(0, 0.0005)
        assert clock.observe(index, true_s + late_s) == 0
        if k > 20:
            assert clock.time_of(index) == pytest.approx(true_s, abs=1e-3)


def test_a_wrong_first_time_is_soon_outvoted() -> None:
    clock = SampleClock(RATE_HZ)
    clock.observe(0, 10.06)
    for k in range(1, 5):
        clock.observe(k * BLOCK, 10 + k * BLOCK / RATE_HZ)
    assert clock.time_of(0) == pytest.approx(10.0)


def test_a_loss_that_the_driver_tells_of_is_measured() -> None:
    clock = SampleClock(RATE_HZ)
    clock.observe(0, 10.0)
    assert clock.observe(BLOCK, 10.52, restart=True) == pytest.approx(0.5)
    assert clock.time_of(BLOCK) == pytest.approx(10.52)


def test_a_loss_that_it_does_not_tell_of_is_found() -> None:
    clock = SampleClock(RATE_HZ)
    for k in range(50):
        clock.observe(k * BLOCK, k * BLOCK / RATE_HZ)
    lost = [clock.observe(k * BLOCK, k * BLOCK / RATE_HZ + 0.3) for k in range(50, 60)]
    assert lost == pytest.approx([0, 0, 0.3] + [0] * 7)
    assert clock.time_of(60 * BLOCK) == pytest.approx(60 * BLOCK / RATE_HZ + 0.3)


def test_one_block_far_off_does_not_count() -> None:
    clock = SampleClock(RATE_HZ)
    for k in range(50):
        assert clock.observe(k * BLOCK, k * BLOCK / RATE_HZ + (5 if k == 20 else 0)) == 0
    assert clock.time_of(0) == pytest.approx(0)


def test_a_driver_that_sets_its_clock_back_loses_nothing() -> None:
    clock = SampleClock(RATE_HZ)
    clock.observe(0, 100.0)
    assert [clock.observe(k * BLOCK, 50 + k * BLOCK / RATE_HZ) for k in (1, 2, 3)] == [0, 0, 0]
    assert clock.time_of(0) == pytest.approx(50)


def test_before_the_first_block_there_is_no_time() -> None:
    with pytest.raises(ValueError, match="no block"):
        SampleClock(RATE_HZ).time_of(0)
