"""Simulated sounds and the street they pass through."""

from collections.abc import Callable

import numpy as np
import pytest

from edge.dsp.log_mel import WINDOW_SAMPLES
from scripts.street_sound import physics, street, tones

Make = Callable[[np.random.Generator], np.ndarray]


SIMULATIONS = (
    physics.shots,
    physics.fireworks,
    physics.impacts,
    tones.sirens,
    tones.horns,
    tones.glass,
    tones.tones,
)


@pytest.mark.parametrize("make", SIMULATIONS)
def test_simulated_sounds_are_finite_audible_and_seeded(make: Make) -> None:
    for seed in range(12):
        sound = make(np.random.default_rng(seed))
        assert sound.shape == (WINDOW_SAMPLES,)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() > 0.005
        np.testing.assert_array_equal(sound, make(np.random.default_rng(seed)))


def _shares(make: Make, first_hz: int, last_hz: int) -> list[float]:
    """Share of the energy in a band, for some seeds."""
    powers = [np.abs(np.fft.rfft(make(np.random.default_rng(k)))) ** 2 for k in range(40)]
    return [float(power[first_hz:last_hz].sum() / power.sum()) for power in powers]


def test_glass_is_high_and_horns_and_sirens_are_not() -> None:
    assert np.median(_shares(tones.glass, 2000, 16_000)) > 0.5
    assert np.median(_shares(tones.horns, 100, 3000)) > 0.5
    assert np.median(_shares(tones.sirens, 100, 3000)) > 0.5


def test_a_blast_has_no_net_impulse() -> None:
    pulse = physics.friedlander(0.003)
    assert pulse[0] == 1.0
    assert abs(pulse.sum()) < 0.03 * np.abs(pulse).sum()


def test_mixing_sets_the_ratio_of_the_loudest_parts() -> None:
    rng = np.random.default_rng(2)
    event, noise = rng.normal(0, 1, WINDOW_SAMPLES), rng.normal(0, 1, WINDOW_SAMPLES)
    event[3200:] = 0
    mixed = street.mix(event.astype(np.float32), noise.astype(np.float32), 20.0)
    assert 20 * np.log10(street.loudness(mixed[3200:])) == pytest.approx(-20, abs=0.5)


def test_street_and_microphone_keep_length_and_finiteness() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        sound = rng.normal(0, 0.1, WINDOW_SAMPLES).astype(np.float32)
        heard = street.into_the_microphone(rng, street.through_the_street(rng, sound))
        assert heard.shape == (WINDOW_SAMPLES,)
        assert np.isfinite(heard).all()
        assert 0 < np.abs(heard).max() <= 1.5


def test_respeed_changes_the_length_by_at_most_its_range() -> None:
    rng = np.random.default_rng(4)
    lengths = {street.respeed(rng, np.ones(10_000, np.float32)).size for _ in range(30)}
    assert min(lengths) > 8_500
    assert max(lengths) < 11_700
    assert len(lengths) > 20
