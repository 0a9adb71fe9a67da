"""Another microphone and another source; needs the packages of scripts/street_sound/requirements.txt."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")  # the imports after it need it
pytest.importorskip("matplotlib")
# ruff: noqa: E402

from edge.dsp.log_mel import SAMPLE_RATE_HZ
from scripts.street_sound.corpus import FOLDS, Clip
from scripts.street_sound.elsewhere import Known, at_threshold, response_db, through, without
from scripts.street_sound.head import NOTHING_FURTHER, TERMS, Heard, fit
from scripts.street_sound.labels import FROM_MANIFEST, OUTPUTS
from scripts.street_sound.network import FEATURES
from scripts.street_sound.scores import Scores, Windows

WIDTH, SIREN = FEATURES + 2 * len(OUTPUTS), OUTPUTS.index("siren")


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
    loud = _noise(np.random.default_rng(5), 12_000)
    given, quiet = (through(np.random.default_rng(4), track) for track in (loud, loud // 8))
    assert np.abs(given.astype(int)).max() >= 32_766
    assert np.corrcoef(given, quiet)[0, 1] > 0.999
    assert not through(np.random.default_rng(6), np.zeros(1000, np.int16)).any()


def test_responses_are_finite_down_to_zero_hertz() -> None:
    for seed in range(20):
        gain = response_db(np.random.default_rng(seed), np.array([0.0, 1.0, 1000.0, 16_000.0]))
        assert np.isfinite(gain).all()
        assert (gain >= -120).all()


def _heard(clips: list[Clip], holds: float) -> Heard:
    """Each clip in two windows; of each fold forty mixtures, the first ten of which hold sirens."""
    rng = np.random.default_rng(7)
    clip = np.repeat(np.arange(len(clips)), 2)
    evidence = torch.from_numpy(rng.normal(0, 1, (clip.size, WIDTH)).astype(np.float32))
    mixtures = {}
    for fold in range(FOLDS):
        sounds = torch.from_numpy(rng.normal(0, 1, (40, WIDTH)).astype(np.float32))
        sounds[:10] *= holds
        wanted = torch.zeros(40, len(OUTPUTS))
        wanted[:10, SIREN] = 1
        mixtures[fold] = sounds, wanted
    for n, one in enumerate(clips):
        if one.label == "siren" and one.source == "one":
            evidence[clip == n] *= holds
    nothing = np.zeros(clip.size, np.float32)
    return Heard(clip, np.zeros_like(clip), nothing, nothing > 1, evidence, mixtures, NOTHING_FURTHER)


def test_nothing_of_a_class_is_learned_from_the_source_that_is_left_out() -> None:
    kinds = (("siren", "one"), ("siren", "two"), ("dog", "one"))
    clips = [
        Clip(f"{k}", label, label, source, f"{k}", "real", "CC0", k % FOLDS)
        for label, source in kinds
        for k in range(8)
    ]
    (same, left_out), (other, _) = (without(_heard(clips, h), clips, "siren", "one") for h in (1.0, 5.0))
    assert [c.fold == FOLDS for c in left_out] == [c.label == "siren" and c.source == "one" for c in clips]
    weights = [fit(h, left_out, [0, 1, 2], TERMS).weight[SIREN].detach() for h in (same, other)]
    # The steps of the fit are those of all classes, and another class may learn from the mixtures.
    assert torch.allclose(*weights, atol=2e-3)
    known = [fit(_heard(clips, h), clips, [0, 1, 2], TERMS).weight[SIREN].detach() for h in (1.0, 5.0)]
    assert not torch.allclose(*known, atol=1e-2)


def test_recall_and_false_alarms_are_held_against_the_threshold_as_it_was() -> None:
    labels = ["siren"] * 10 + list(FROM_MANIFEST.values()) + ["other"] * 1000
    clips = [Clip(f"{n}", x, x, "mine", f"{n}", "real", "CC0", n % FOLDS) for n, x in enumerate(labels)]
    count = len(clips)
    logits = np.zeros((count, len(OUTPUTS)), np.float32)
    logits[:, SIREN] = np.linspace(5, -5, count)
    where = np.arange(count), np.zeros(count, np.int64), np.zeros(count, np.float32)
    was = Scores(*where, logits)
    louder = Scores(*where, logits + np.float32(1))
    seen = Windows(*where, np.zeros(count, bool), np.zeros((count, 1), np.float16))
    (row,) = [r for r in at_threshold(Known(clips, seen, was), louder) if r.startswith("| siren")]
    cells = [float(cell) for cell in row.split("|")[2:-1]]
    assert cells[:2] == [0.91, 1.0]  # the eleventh siren stands below some others
    assert cells[2] == pytest.approx(0.5, abs=0.11)
    assert cells[3] == pytest.approx(10.6, abs=0.3)
