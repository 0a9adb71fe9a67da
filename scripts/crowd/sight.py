"""How a camera with our detector sees people: misses, faint finds, jitter and false boxes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from edge.vision.boxes import Boxes, Floats, overlaps
from scripts.crowd.walkers import Array

RATE_HZ = 5.0
CERTAIN, FAINT, MISSED = range(3)
_SAME = 0.3
_FEWEST = 30
# Of a box, by the boxes of people nearer to the camera: from there on it counts as covered.
COVERED = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What becomes of a true box from one picture to the next, at `RATE_HZ`.

    Attributes:
        turns: float64 (2, 3, 3): for clear and covered people, from certain, faint, missed to the same.
        stays: share of an error that is still there in the next picture.
        slips: float64 (2, n, 3): new errors, clear and covered: right, foot and head, in heights of the box.
        false_boxes: certain boxes in a picture with nobody in them.
        false_stays: share of these that are still there in the next picture.
    """

    turns: Array
    stays: float
    slips: tuple[Array, Array]
    false_boxes: float
    false_stays: float


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One picture: the true boxes by track, and what was found; scores of 1 and more count."""

    truth: Sequence[tuple[int, Sequence[float]]]
    found: Boxes


def covered(corners: Array) -> Array:
    """Return the share of each box (n, 4) that a nearer one hides; nearer is lower in the picture."""
    if not len(corners):
        return np.zeros(0)
    low = np.maximum(corners[:, None, :2], corners[None, :, :2])
    high = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    shared = np.prod(np.maximum(0, high - low), axis=2)
    nearer = corners[None, :, 3] > corners[:, None, 3]
    area = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    hidden: Array = np.minimum(1, (shared * nearer).max(axis=1) / area)
    return hidden


@dataclass(frozen=True, slots=True)
class _Seen:
    state: int
    hidden: bool
    error: Array | None


def measured(runs: Sequence[Sequence[Look]], width: int, height: int) -> Sight:
    """Return how well people were seen in runs of consecutive pictures.

    Raises:
        ValueError: too few people to measure on.
    """
    turns = np.ones((2, 3, 3))
    pairs: tuple[list[tuple[Array, Array]], list[tuple[Array, Array]]] = ([], [])
    false, stayed = 0, 0
    for run in runs:
        judged = [_judged(look, width, height) for look in run]
        for (before, false_before), (seen, strange) in pairwise(judged):
            for number in before.keys() & seen.keys():
                was, now = before[number], seen[number]
                turns[int(now.hidden), was.state, now.state] += 1
                if was.error is not None and now.error is not None:
                    pairs[int(now.hidden)].append((was.error, now.error))
            false += len(strange)
            if len(strange) and len(false_before):
                stayed += int((overlaps(strange, false_before).max(axis=1) >= _SAME).sum())
    if min(len(part) for part in pairs) < _FEWEST:
        raise ValueError(
            f"fewer than {_FEWEST} people were seen twice in a row, clear or covered: give a longer sequence"
        )
    first, after = (np.array([pair[n] for part in pairs for pair in part]) for n in (0, 1))
    stays = float(np.clip((first * after).sum() / (first**2).sum(), 0, 0.95))
    slips = tuple(np.array([later - stays * error for error, later in part]) for part in pairs)
    return Sight(
        turns / turns.sum(axis=2, keepdims=True),
        stays,
        (slips[0] - slips[0].mean(axis=0), slips[1] - slips[1].mean(axis=0)),
        false / sum(len(run) - 1 for run in runs),
        stayed / max(false, 1),
    )


def _judged(look: Look, width: int, height: int) -> tuple[dict[int, _Seen], Floats]:
    """Return how each true person was seen, and the certain boxes that are nobody."""
    truth = np.array([corners for _, corners in look.truth], np.float64).reshape(-1, 4)
    shared = overlaps(look.found.corners, truth.astype(np.float32))
    rows, columns = linear_sum_assignment(shared, maximize=True)
    found = {int(c): int(r) for r, c in zip(rows, columns, strict=True) if shared[r, c] >= _SAME}
    whole = (truth[:, 0] > 2) & (truth[:, 2] < width - 2) & (truth[:, 3] < height - 2)
    hidden = covered(truth) >= COVERED
    seen = {
        number: _seen(truth[n], found.get(n), look.found, bool(hidden[n]))
        for n, (number, _) in enumerate(look.truth)
        if whole[n]
    }
    nobody = look.found.scores >= 1
    nobody[list(found.values())] = False
    if len(truth):
        nobody &= shared.max(axis=1) < _SAME
    return seen, look.found.corners[nobody]


def _seen(truth: Array, row: int | None, found: Boxes, hidden: bool) -> _Seen:
    if row is None:
        return _Seen(MISSED, hidden, None)
    box = found.corners[row].astype(float)
    off = [(box[0] + box[2] - truth[0] - truth[2]) / 2, box[3] - truth[3], box[1] - truth[1]]
    state = CERTAIN if found.scores[row] >= 1 else FAINT
    return _Seen(state, hidden, np.array(off) / (truth[3] - truth[1]))


class Eye:
    """Sees true boxes as `Sight` says, picture after picture.

    Args:
        sight: how.
        people: how many there are in all.
        rng: its chance.
    """

    def __init__(self, sight: Sight, people: int, rng: np.random.Generator) -> None:
        self._sight = sight
        self._rng = rng
        self._state = np.full(people, MISSED)
        self._error = np.zeros((people, 3))
        self._false = np.zeros((0, 4))

    def see(self, corners: Array, who: NDArray[np.intp], width: int, height: int) -> Boxes:
        """Return what is found of the true boxes (n, 4) of the people `who`; scores of 1 and more count."""
        out = np.ones(len(self._state), bool)
        out[who] = False
        self._state[out], self._error[out] = MISSED, 0
        hidden = (covered(corners) >= COVERED).astype(int)
        chances = self._sight.turns[hidden, self._state[who]].cumsum(axis=1)
        self._state[who] = (self._rng.random((len(who), 1)) > chances[:, :2]).sum(axis=1)
        self._error[who] = self._sight.stays * self._error[who] + self._slips(hidden)
        seen = self._state[who] != MISSED
        boxes = _shifted(corners, self._error[who])[seen]
        self._renew_false(corners, width, height)
        scores = np.where(self._state[who][seen] == CERTAIN, 1.5, 0.7)
        every = np.clip(np.concatenate([boxes, self._false]), 0, [width, height, width, height])
        scores = np.concatenate([scores, np.full(len(self._false), 1.2)])
        return Boxes(every.astype(np.float32), scores.astype(np.float32), np.zeros(len(every), np.intp))

    def _slips(self, hidden: NDArray[np.int_]) -> Array:
        slips = np.zeros((len(hidden), 3))
        for kind in (0, 1):
            mine = hidden == kind
            measured = self._sight.slips[kind]
            slips[mine] = measured[self._rng.integers(len(measured), size=int(mine.sum()))]
        return slips

    def _renew_false(self, corners: Array, width: int, height: int) -> None:
        self._false = self._false[self._rng.random(len(self._false)) < self._sight.false_stays]
        begun = self._rng.poisson(self._sight.false_boxes * (1 - self._sight.false_stays))
        tall = float(np.median(corners[:, 3] - corners[:, 1])) if len(corners) else height / 8
        feet = self._rng.uniform([0, height / 3], [width, height], (begun, 2))
        size = np.array([0.2 * tall, tall])
        anew = np.concatenate([feet - size, feet + size * [1, 0]], axis=1)
        self._false = np.concatenate([self._false, anew])


def _shifted(corners: Array, errors: Array) -> Array:
    tall = corners[:, 3] - corners[:, 1]
    right, foot, head = (errors * tall[:, None]).T
    moved: Array = corners + np.stack([right, head, right, foot], axis=1)
    moved[:, 3] = np.maximum(moved[:, 3], moved[:, 1] + 2)
    return moved


def table(sight: Sight) -> Iterator[tuple[str, ...]]:
    """Yield the rows of what was measured."""
    yield "what", "clear", f"covered by {COVERED:.0%} or more"
    for state, name in ((CERTAIN, "certain"), (FAINT, "faint"), (MISSED, "missed")):
        yield f"next picture missed, after {name}", *(f"{part[state, MISSED]:.1%}" for part in sight.turns)
    for state, name in ((CERTAIN, "certain"), (MISSED, "missed")):
        yield f"next picture certain, after {name}", *(f"{part[state, CERTAIN]:.1%}" for part in sight.turns)
    for column, name in enumerate(("sideways", "of the feet, up and down", "of the head, up and down")):
        yield (
            f"new error {name}, share of the height",
            *(f"{part[:, column].std():.3f}" for part in sight.slips),
        )
    yield "share of an error that stays", f"{sight.stays:.2f}", "the same"
    yield "boxes with nobody, a picture", f"{sight.false_boxes:.3f}", f"{sight.false_stays:.0%} stay"
