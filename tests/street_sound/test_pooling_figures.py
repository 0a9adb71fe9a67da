"""Short recordings within five seconds of street; needs packages of scripts/street_sound/requirements.txt."""

import numpy as np
import pytest

pytest.importorskip("soundfile")

from scripts.street_sound.corpus import Clip
from scripts.street_sound.labels import OUTPUTS
from scripts.street_sound.pooling_figures import in_street, rows
from scripts.street_sound.scores import Scores, Windows

WHOLE = 17


def _scores(clips: list[Clip], level: dict[str, float]) -> Scores:
    """Recordings of a street have 17 windows, others three; all classes at the level of the label."""
    counts = [WHOLE if c.label == "rain" else 3 for c in clips]
    clip = np.repeat(np.arange(len(clips)), counts)
    at_s = np.concatenate([0.25 * np.arange(n) for n in counts]).astype(np.float32)
    logits = np.array([[level[clips[i].label]] * len(OUTPUTS) for i in clip], np.float32)
    return Scores(clip, np.zeros_like(clip), at_s, logits)


def _clips() -> list[Clip]:
    labels = ["rain"] * 300 + ["scream", "siren", "horn"] * 10
    return [Clip(str(n), lb, lb, "s", str(n), "real", "CC0", n % 4) for n, lb in enumerate(labels)]


def test_what_is_short_is_put_within_a_street_and_what_is_whole_stays() -> None:
    clips = _clips()
    found = in_street(_scores(clips, {"rain": -4.0, "scream": 5.0, "siren": 6.0, "horn": 7.0}), clips)
    assert (np.bincount(found.clip) == WHOLE).all()
    scream = found.logits[found.clip == 300, 0]
    assert sorted(scream) == [-4.0] * 14 + [5.0] * 3
    assert (np.diff(np.flatnonzero(scream == 5.0)) == 1).all()
    assert np.diff(found.start_s[found.clip == 300]) == pytest.approx(0.25)


def test_the_table_tells_each_way_of_each_class() -> None:
    """Sirens last, some streets squeak once: there pooling finds them, and the largest window does not."""
    clips = _clips()
    scored = _scores(clips, dict.fromkeys(("rain", "scream", "siren", "horn"), -4.0))
    siren, label = OUTPUTS.index("siren"), np.array([clips[i].label for i in scored.clip])
    scored.logits[label == "siren", siren] = 5.0
    squeaks = (label == "rain") & (scored.clip < 30) & (scored.start_s == 2.0)
    scored.logits[squeaks, siren] = 6.0
    silent = np.zeros(scored.clip.size, bool)
    seen = Windows(scored.clip, scored.segment, scored.start_s, silent, np.zeros((1, 1, 1), np.float16))
    found = {line.split(" | ")[0].strip("| "): line for line in rows(clips, seen, scored)}
    assert list(found) == ["scream", "siren", "horn"]  # nothing else was recorded
    assert found["siren"].startswith("| siren | 0.00 | 1.00 | 0.00 |")
    assert "| 0.00 | 0.00 | 0.00 | 0.00 |" in found["horn"]
