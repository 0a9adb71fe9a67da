"""What the movement of people looks like, from where each is and how fast he moves, in one moment.

Each function gives a score, 0..1, of which 0.5 is the limit of the settings: it measures how clearly the
movement has the shape. A `Calibration` makes it the probability that the movement is so.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Metres = NDArray[np.float64]
"""float64 (n, 2): right and ahead; velocities likewise, per second."""

# Slower than this one stands.
_STANDS_M_S = 0.3
# Fewer than these have a common centre by chance.
_FEWEST_RADIAL = 3
_GRID = 12
# Cosine of 40 degrees: so far off the way from the centre one still heads away from it.
_POINTS = 0.77
# Of those who move, so many have the centre in common.
_MOST = 0.7
# Of headings, both ways of a line alike: 1 is one line, 0 every way.
_ONE_LINE = 0.8


@dataclass(frozen=True, slots=True)
class Shape:
    """How clearly, and how many take part."""

    score: float
    people: int


NONE = Shape(0.0, 0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """From a score to a probability: a logistic curve in the logarithm of measure by limit (Platt, 1999).

    Raises:
        ValueError: a slope that is not above 0 (a clearer movement would be less probable), or no number.
    """

    slope: float
    offset: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.offset)):
            raise ValueError(f"slope {self.slope}, offset {self.offset}: give finite ones, a slope above 0")

    def probability(self, score: float) -> float:
        """Return the probability for a score, 0..1; 0 and 1 stay. Raises ValueError for other scores."""
        if not 0 <= score <= 1:
            raise ValueError(f"a score of {score}: it lies between 0 and 1")
        if score in {0.0, 1.0}:
            return score
        evidence = self.slope * math.log(score / (1 - score)) + self.offset
        # Either way round, so that neither a large nor a small one overflows.
        return 1 / (1 + math.exp(-evidence)) if evidence > 0 else 1 - 1 / (1 + math.exp(evidence))


AS_IT_IS = Calibration(1.0, 0.0)


def gathering(places: Metres, fewest: int, radius_m: float) -> Shape:
    """Whether at least so many stand or walk within a circle around one of them."""
    if not len(places):
        return NONE
    apart = np.linalg.norm(places[:, None] - places[None, :], axis=2)
    most = int((apart <= radius_m).sum(axis=1).max())
    return Shape(_weakest(most / fewest), most if most >= fewest else 0)


def radial(places: Metres, velocities: Metres, fewest: int, limit_per_s: float) -> Shape:
    """Whether people move away from a common centre (limit above 0), or to one (below 0).

    The centre is the one of a grid over them that most of those who move point away from, or to, and then
    where the lines along which these walk meet best. Their mean speed by distance, twice, is the rate at
    which the ground between them grows. Two streams that part walk along one line and have no centre.
    """
    moving = np.linalg.norm(velocities, axis=1) >= _STANDS_M_S
    if np.count_nonzero(moving) < _FEWEST_RADIAL:
        return NONE
    places, velocities = places[moving], velocities[moving] * np.sign(limit_per_s)
    headings = velocities / np.linalg.norm(velocities, axis=1, keepdims=True)
    centre, agreeing = _centre(places, headings)
    if np.count_nonzero(agreeing) < _FEWEST_RADIAL or _along_one_line(headings[agreeing]):
        return NONE
    off = (places - centre)[agreeing]
    rate = 2 * float((off * velocities[agreeing]).sum() / (off**2).sum())
    people = int(np.count_nonzero(agreeing))
    score = _weakest(rate / abs(limit_per_s), people / fewest, people / len(places) / _MOST)
    return Shape(score, people)


def _centre(places: Metres, headings: Metres) -> tuple[Metres, NDArray[np.bool_]]:
    """Return the place (2,) that most point away from, and who does (n,)."""
    low, high = places.min(axis=0), places.max(axis=0)
    steps = np.linspace(0, 1, _GRID)
    grid = low + (high - low) * np.stack(np.meshgrid(steps, steps), axis=2).reshape(-1, 2)
    agreeing = _pointing(places, headings, grid)
    best = int(agreeing.sum(axis=1).argmax())
    mine = agreeing[best]
    # Across each heading nobody moves: the centre is nearest to all of these lines.
    across = np.eye(2) - headings[mine][:, :, None] * headings[mine][:, None, :]
    meeting = np.linalg.lstsq(
        across.sum(axis=0), (across @ places[mine][:, :, None]).sum(axis=0)[:, 0], rcond=None
    )
    refined: Metres = meeting[0]
    again = _pointing(places, headings, refined[None])[0]
    return (refined, again) if again.sum() >= mine.sum() else (grid[best], mine)


def _pointing(places: Metres, headings: Metres, centres: Metres) -> NDArray[np.bool_]:
    """Return who (n,) heads away from each centre (m, 2), (m, n)."""
    off = places[None, :, :] - centres[:, None, :]
    far = np.linalg.norm(off, axis=2)
    away = (off * headings[None]).sum(axis=2)
    pointing: NDArray[np.bool_] = away >= _POINTS * np.maximum(far, 1e-6)
    return pointing


def _along_one_line(headings: Metres) -> bool:
    """Whether all go one way, or the two ways of one line."""
    angles = np.arctan2(headings[:, 1], headings[:, 0])
    return bool(np.abs(np.exp(2j * angles).mean()) > _ONE_LINE)


def running(velocities: Metres, fewest: int, share: float, from_m_s: float) -> Shape:
    """Whether at least this share of the people, and at least so many, run."""
    runners = int(np.count_nonzero(np.linalg.norm(velocities, axis=1) >= from_m_s))
    if not runners:
        return NONE
    return Shape(_weakest(runners / fewest, runners / len(velocities) / share), runners)


def counter_flow(velocities: Metres, fewest: int, share: float) -> Shape:
    """Whether people walk against each other along one line: the smaller stream has at least this share."""
    speeds = np.linalg.norm(velocities, axis=1)
    walking = velocities[speeds >= _STANDS_M_S]
    if not len(walking):
        return NONE
    headings = walking / np.linalg.norm(walking, axis=1, keepdims=True)
    # The axis along which most of them walk, whichever way.
    _, _, axes = np.linalg.svd(headings, full_matrices=False)
    along = headings @ axes[0]
    streams = np.abs(along) > np.cos(np.radians(35))
    if np.count_nonzero(streams) < 0.7 * len(walking):
        return NONE
    smaller = min(int((along[streams] > 0).sum()), int((along[streams] < 0).sum()))
    return Shape(_weakest(smaller / len(walking) / share, len(walking) / fewest), len(walking))


def _weakest(*measures: float) -> float:
    """Return, of measures by their limits, the least as a score: 0.5 at the limit, 2/3 at twice of it."""
    least = min(measures)
    return least / (least + 1) if least > 0 else 0.0
