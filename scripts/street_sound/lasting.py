"""What pooling does for sounds that last: as they were recorded, and within five seconds of street.

Recordings are cut to their sound: a scream of a second is a clip of a second, and there the mean over its
windows is high for no other reason. So each is heard a second time within five seconds of a street.
"""

import numpy as np
import numpy.typing as npt

from scripts.street_sound.corpus import SEED, Clip
from scripts.street_sound.figures import FALSE_POSITIVES, Truth
from scripts.street_sound.labels import LASTING, OUTPUTS, POOLED_S
from scripts.street_sound.measures import threshold_at
from scripts.street_sound.scores import HOP_S, Scores, Windows, joined
from scripts.street_sound.shipping import OFF

_STREET = ("traffic", "rain", "wind")
_WHOLE = round((POOLED_S - 1.0) / HOP_S) + 1  # windows of five seconds


def in_street(scores: Scores, clips: list[Clip]) -> Scores:
    """Return windows of segments of five seconds: where a segment is shorter, windows of a street around it.

    The windows that would hold both are left out: nobody has heard them.

    Args:
        scores: windows, those of a segment one after the other.
        clips: that they are of.
    """
    rng = np.random.default_rng(SEED)
    new = np.diff(scores.clip, prepend=-1) | np.diff(scores.segment, prepend=-1)
    parts = np.split(np.arange(scores.clip.size), np.flatnonzero(new)[1:])
    streets = [p for p in parts if clips[scores.clip[p[0]]].label in _STREET and len(p) == _WHOLE]
    return joined([_surrounded(scores, part, streets, rng) for part in parts])


def _surrounded(
    scores: Scores,
    part: npt.NDArray[np.int64],
    streets: list[npt.NDArray[np.int64]],
    rng: np.random.Generator,
) -> Scores:
    before = int(rng.integers(max(0, _WHOLE - len(part)) + 1))
    street = streets[rng.integers(len(streets))]
    rows = np.concatenate([street[:before], part, street[before : max(before, _WHOLE - len(part))]])
    count = len(rows)
    at_s = scores.start_s[part[0]] + np.arange(count, dtype=np.float32) * np.float32(HOP_S)
    return Scores(
        np.full(count, scores.clip[part[0]]),
        np.full(count, scores.segment[part[0]]),
        at_s,
        scores.logits[rows],
    )


def rows(clips: list[Clip], seen: Windows, scored: Scores) -> list[str]:
    """Lines of a table: recall at FALSE_POSITIVES by the largest window and pooled, both ways of hearing."""
    ways = [f(s) for s in (scored, in_street(scored, clips)) for f in (_alone, _pooled)]
    truth = Truth(clips, ways[0], seen.silence(ways[0]))
    return [
        f"| {name} | " + " | ".join(f"{_recall(way, truth, name):.2f}" for way in ways) + " |"
        for name in LASTING
        if name not in OFF
    ]


def _alone(scores: Scores) -> Scores:
    return scores.of_segments()


def _pooled(scores: Scores) -> Scores:
    return scores.told(by_segment=True).of_segments()


def _recall(scores: Scores, truth: Truth, name: str) -> float:
    found = scores.logits[:, OUTPUTS.index(name)]
    limit = threshold_at(found[truth.negative(name)], FALSE_POSITIVES)
    return float((found[truth.positive(name)] > limit).mean())
