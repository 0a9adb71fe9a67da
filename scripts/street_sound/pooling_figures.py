"""What pooling does: for sounds as they were recorded, and within five seconds of street.

Recordings are cut to their sound: a scream of a second is a clip of a second, and there the mean over its
windows is high for no other reason. So each is heard a second time within five seconds of a street.
"""

import numpy as np
import numpy.typing as npt

from scripts.street_sound.corpus import SEED, Clip
from scripts.street_sound.figures import FALSE_POSITIVES, Truth
from scripts.street_sound.labels import OUTPUTS, POOLED_S
from scripts.street_sound.measures import recall_at
from scripts.street_sound.scores import HOP_S, Scores, Windows, joined

# Recordings of traffic hold sirens and horns now and then.
_STREET = {"rain", "wind", "air_conditioner"}
_ASKED = ("gunshot", "firework", "scream", "siren", "horn")
_DRAWS = 8  # of streets: which of them sound like a siren decides much
_WHOLE = round((POOLED_S - 1.0) / HOP_S) + 1  # windows of five seconds


def in_street(scores: Scores, clips: list[Clip], seed: int = SEED) -> Scores:
    """Return windows of segments of five seconds: where a segment is shorter, windows of a street around it.

    The windows that would hold both are left out: nobody has heard them.

    Args:
        scores: windows, those of a segment one after the other.
        clips: that they are of.
        seed: of the streets that are drawn.
    """
    rng = np.random.default_rng(seed)
    parts = scores.runs(by_segment=True)
    streets = [part for part in parts if _quiet(clips[scores.clip[part[0]]])]
    if not streets:
        raise SystemExit(
            f"no recording is called {', '.join(sorted(_STREET))}: there is no street to hear the others in"
        )
    return joined([_surrounded(scores, part, streets, rng) for part in parts])


def _quiet(clip: Clip) -> bool:
    return bool({clip.label, clip.original_label} & _STREET)


def _surrounded(
    scores: Scores,
    part: npt.NDArray[np.int64],
    streets: list[npt.NDArray[np.int64]],
    rng: np.random.Generator,
) -> Scores:
    around = max(0, _WHOLE - len(part))
    before, street = int(rng.integers(around + 1)), np.resize(streets[rng.integers(len(streets))], around)
    rows = np.concatenate([street[:before], part, street[before:]])
    count = len(rows)
    at_s = scores.start_s[part[0]] + np.arange(count, dtype=np.float32) * np.float32(HOP_S)
    return Scores(
        np.full(count, scores.clip[part[0]]),
        np.full(count, scores.segment[part[0]]),
        at_s,
        scores.logits[rows],
    )


def rows(clips: list[Clip], seen: Windows, scored: Scores) -> list[str]:
    """Lines of a table: recall at FALSE_POSITIVES by the largest window and pooled, both ways of hearing.

    What no recording holds has no line.
    """
    alone = scored.of_segments()
    truth = Truth(clips, alone, seen.silence(alone))
    asked = [name for name in _ASKED if truth.positive(name).any()]
    recorded = _recalls(scored, truth, asked)
    streets = [_recalls(in_street(scored, clips, SEED + k), truth, asked) for k in range(_DRAWS)]
    figures = np.concatenate([recorded, np.mean(streets, axis=0)])
    return [
        f"| {name} | " + " | ".join(f"{x:.2f}" for x in row) + " |"
        for name, row in zip(asked, figures.T, strict=True)
    ]


def _recalls(scores: Scores, truth: Truth, asked: list[str]) -> npt.NDArray[np.float64]:
    """Return (2, len(asked)): by the largest window, and pooled."""
    ways = scores.of_segments(), scores.told(tuple(asked), by_segment=True).of_segments()
    return np.array([[_recall(way, truth, name) for name in asked] for way in ways])


def _recall(scores: Scores, truth: Truth, name: str) -> float:
    found = scores.logits[:, OUTPUTS.index(name)]
    return recall_at(found[truth.positive(name)], found[truth.negative(name)], FALSE_POSITIVES)
