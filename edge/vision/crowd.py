"""What the movement of people looks like, from where each is and how fast he moves, in one moment.

Each function gives a score, 0..1, of which 0.5 is the limit of the settings. It is a measure of how clearly
the movement has the shape, not a probability: there are no recordings to calibrate it on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Metres = NDArray[np.float64]
"""float64 (n, 2): right and ahead; velocities likewise, per second."""

# Slower than this one stands.
_STANDS_M_S = 0.3
# Of the velocities' spread that a common centre has to explain.
_CLEAR_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Shape:
    """How clearly, and how many take part."""

    score: float
    people: int


NONE = Shape(0.0, 0)


def gathering(places: Metres, fewest: int, radius_m: float) -> Shape:
    """Whether at least so many stand or walk within a circle around one of them."""
    if not len(places):
        return NONE
    apart = np.linalg.norm(places[:, None] - places[None, :], axis=2)
    most = int((apart <= radius_m).sum(axis=1).max())
    return Shape(_against(most, fewest), most if most >= fewest else 0)


def radial(places: Metres, velocities: Metres, fewest: int, limit_per_s: float) -> Shape:
    """Whether people move away from a common centre (limit above 0), or to one (below 0).

    The velocities are fitted by v = v0 + A x; the trace of A is the rate at which the ground between grows.
    A group that only walks somewhere has a v0 and no A.
    """
    moving = np.linalg.norm(velocities, axis=1) >= _STANDS_M_S
    if np.count_nonzero(moving) < fewest:
        return NONE
    places = places - places.mean(axis=0)
    design = np.hstack([np.ones((len(places), 1)), places])
    fitted, *_ = np.linalg.lstsq(design, velocities, rcond=None)
    rate = float(fitted[1, 0] + fitted[2, 1])
    # Only the part that grows or shrinks alike in all directions is a centre; turning and passing are not.
    centred = 0.5 * rate * places
    own = velocities - velocities.mean(axis=0)
    spread = float(np.sum(own**2))
    explained = 1 - float(np.sum((own - centred) ** 2)) / spread if spread > 0 else 0.0
    if rate * limit_per_s <= 0 or explained < _CLEAR_SHARE:
        return NONE
    return Shape(_against(abs(rate), abs(limit_per_s)), int(np.count_nonzero(moving)))


def running(velocities: Metres, fewest: int, share: float, from_m_s: float) -> Shape:
    """Whether at least this share of the people, and at least so many, run."""
    runners = int(np.count_nonzero(np.linalg.norm(velocities, axis=1) >= from_m_s))
    if runners < fewest:
        return NONE
    return Shape(_against(runners / len(velocities), share), runners)


def counter_flow(velocities: Metres, fewest: int, share: float) -> Shape:
    """Whether people walk against each other along one line: the smaller stream has at least this share."""
    speeds = np.linalg.norm(velocities, axis=1)
    walking = velocities[speeds >= _STANDS_M_S]
    if len(walking) < fewest:
        return NONE
    headings = walking / np.linalg.norm(walking, axis=1, keepdims=True)
    # The axis along which most of them walk, whichever way.
    _, _, axes = np.linalg.svd(headings, full_matrices=False)
    along = headings @ axes[0]
    streams = np.abs(along) > np.cos(np.radians(35))
    if np.count_nonzero(streams) < 0.7 * len(walking):
        return NONE
    smaller = min(int((along[streams] > 0).sum()), int((along[streams] < 0).sum()))
    return Shape(_against(smaller / len(walking), share), len(walking))


def _against(value: float, limit: float) -> float:
    """Return 0.5 at the limit, 2/3 at twice, 1/3 at half of it."""
    return value / (value + limit) if value > 0 else 0.0
