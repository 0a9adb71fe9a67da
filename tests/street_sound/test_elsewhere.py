"""Another microphone and another source; needs the packages of scripts/street_sound/requirements.txt."""

import numpy as np
import pytest

pytest.importorskip("torch")  # the imports after it need it

from edge.dsp.log_mel import SAMPLE_RATE_HZ
from scripts.street_sound.corpus import FOLDS, Clip
from scripts.street_sound.elsewhere import response_db, through, without


def _noise(rng: np.random.Generator, level: float = 3000) -> np.ndarray:
    return np.rint(rng.normal(0, level, SAMPLE_RATE_HZ)).clip(-32768, 32767).astype(np.int16)


def test_another_microphone_colours_the_sound_and_keeps_its_level() -> None:
    noise = _noise(np.random.default_rng(1))
    changed = [through(np.random.default_rng(k), noise) for k in (2, 2, 3)]
    assert np.array_equal(changed[0], changed[1])
    assert not np.array_equal(changed[0], changed[2])
    for sound in changed:
        assert sound.dtype == np.int16
        assert sound.size == noise.size
        assert np.std(sound) == pytest.approx(np.std(noise), rel=0.02)
        assert abs(np.corrcoef(sound, noise)[0, 1]) < 0.99


def test_a_loud_recording_is_not_clipped_and_silence_stays_silence() -> None:
    loud = through(np.random.default_rng(4), _noise(np.random.default_rng(5), 12_000))
    assert np.mean(np.abs(loud.astype(int)) >= 32767) < 0.001
    assert not through(np.random.default_rng(6), np.zeros(1000, np.int16)).any()


def test_responses_are_finite_down_to_zero_hertz() -> None:
    for seed in range(20):
        gain = response_db(np.random.default_rng(seed), np.array([0.0, 1.0, 1000.0, 16_000.0]))
        assert np.isfinite(gain).all()
        assert (gain >= -120).all()


def test_only_the_positives_of_the_source_are_left_out() -> None:
    clips = [
        Clip("a", label, label, source, "g", "real", "CC0", 1)
        for label, source in (("siren", "one"), ("siren", "two"), ("dog", "one"))
    ]
    assert [c.fold for c in without(clips, "siren", "one")] == [FOLDS, 1, 1]
