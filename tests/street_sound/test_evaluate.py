"""What is found at the shipped thresholds; needs the packages of scripts/street_sound/requirements.txt."""

import numpy as np
import pytest

pytest.importorskip("torch")  # the imports after it need it
pytest.importorskip("matplotlib")

from edge.dsp.log_mel import SAMPLE_RATE_HZ
from scripts.street_sound.corpus import FOLDS, Clip
from scripts.street_sound.evaluate import find
from scripts.street_sound.figures import Truth
from scripts.street_sound.labels import FROM_MANIFEST, OUTPUTS
from scripts.street_sound.scores import SEGMENT, Scores

FIREWORK = OUTPUTS.index("firework")


def _clips() -> list[Clip]:
    """Forty fireworks, eight of each other class, and four hundred others."""
    labels = ["fireworks"] * 40 + 8 * list(FROM_MANIFEST.values()) + ["other"] * 400
    return [
        Clip(f"{n}", label, label, "mine", f"{n}", "real", "CC0", n % FOLDS) for n, label in enumerate(labels)
    ]


def test_a_firework_whose_recording_is_silent_elsewhere_is_no_false_alarm() -> None:
    clips = _clips()
    clip = np.array([0, 0, 0, *range(1, len(clips))])  # the first recording is silent after its firework
    segment = np.zeros(clip.size, int)
    segment[:3] = 0, 1, 2
    silent = segment > 0
    holds = np.array([clips[c].label == "fireworks" for c in clip]) & ~silent
    logits = np.random.default_rng(1).normal(-5, 1, (clip.size, len(OUTPUTS))).astype(np.float32)
    logits[:, FIREWORK] = np.where(holds, 10, np.where(silent, -20, logits[:, FIREWORK]))
    scored = Scores(clip, segment, 5.0 * segment.astype(np.float32), logits)
    tracks = [np.zeros(3 * SEGMENT if n == 0 else SEGMENT, np.int16) for n in range(len(clips))]
    truth = Truth(clips, scored, silent)
    findings = find(clips, tracks, scored, truth)
    assert findings.recalls["firework"].value == 1.0
    against = int(truth.negative("firework").sum())
    hours = (against - 2) * SEGMENT / SAMPLE_RATE_HZ / 3600
    assert findings.rates["firework"][0] == pytest.approx(int(0.005 * against) / hours)
