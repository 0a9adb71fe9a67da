"""People on a street who go where they are told: a social-force model, and who walks to or from one place.

Forces: Helbing and Molnar, Social force model for pedestrian dynamics, Phys. Rev. E 51 (1995), with a round
repulsion only. Walking speeds: Weidmann, Transporttechnik der Fussgaenger, ETH Zurich (1993).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Numbers = NDArray[np.intp]

WALK_M_S, WALK_SPREAD_M_S = 1.34, 0.26
RUN_M_S = (2.5, 5.0)
STEP_S = 0.1
_ADAPTS_S = 0.5
_PUSH_M_S2 = 2.0
_PUSH_RANGE_M = 0.3
_BODY_M = 0.5
_SWAY_M_S2 = 0.3
_ARRIVED_M = 0.3


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of somebody's way: towards a place, metres, at a speed, until a time or for good."""

    goal: tuple[float, float]
    speed_m_s: float
    until_s: float = np.inf


@dataclass(frozen=True, slots=True)
class Walker:
    """Somebody in a scene.

    Attributes:
        start: where he appears, metres.
        legs: his way.
        from_s: when he appears.
        until_s: when he is gone.
        common: the place that he walks to or from together with others; None: none.
    """

    start: tuple[float, float]
    legs: tuple[Leg, ...]
    from_s: float = 0.0
    until_s: float = np.inf
    common: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Who is there, undisturbed.

    Attributes:
        who: (n,), numbers in the scene.
        places, velocities: float64 (n, 2), m and m/s.
        common: float64 (n, 2), the place that each shares with others; NaN: none.
    """

    seconds: float
    who: Numbers
    places: Array
    velocities: Array
    common: Array

    def only(self, chosen: NDArray[np.bool_]) -> "Moment":
        """Return some of them."""
        return Moment(
            self.seconds, self.who[chosen], self.places[chosen], self.velocities[chosen], self.common[chosen]
        )


class Street:
    """Lets walkers walk.

    Args:
        walkers: at least one.
        rng: chance of how they sway.
    """

    def __init__(self, walkers: Sequence[Walker], rng: np.random.Generator) -> None:
        most = max(len(walker.legs) for walker in walkers)
        legs = [walker.legs + (walker.legs[-1],) * (most - len(walker.legs)) for walker in walkers]
        nowhere = (np.nan, np.nan)
        self._rng = rng
        self._start = np.array([walker.start for walker in walkers], float)
        self._common = np.array([walker.common or nowhere for walker in walkers], float)
        self._from_s, self._until_s = np.array([(w.from_s, w.until_s) for w in walkers], float).T
        self._goals = np.array([[leg.goal for leg in way] for way in legs], float)
        self._speeds = np.array([[leg.speed_m_s for leg in way] for way in legs], float)
        # The last one is for good.
        self._legs_until_s = np.array([[leg.until_s for leg in way] for way in legs], float)[:, :-1]

    def moments(self, until_s: float, every: int) -> Iterator[Moment]:
        """Yield who is there at each `every`-th step of `STEP_S`."""
        places, velocities = self._start.copy(), np.zeros_like(self._start)
        before = np.zeros(len(places), bool)
        for step in range(round(until_s / STEP_S)):
            now_s = step * STEP_S
            here = (self._from_s <= now_s) & (now_s < self._until_s)
            wished = self._wished(places, now_s)
            new = here & ~before
            velocities[new] = wished[new]
            before = here
            who = np.flatnonzero(here)
            if step % every == 0:
                yield Moment(now_s, who, places[who], velocities[who], self._common[who])
            pull = (wished[who] - velocities[who]) / _ADAPTS_S
            sway = self._rng.normal(0, _SWAY_M_S2, (len(who), 2))
            velocities[who] += STEP_S * (pull + _pushes(places[who]) + sway)
            places[who] += STEP_S * velocities[who]

    def _wished(self, places: Array, now_s: float) -> Array:
        leg = (now_s >= self._legs_until_s).sum(axis=1)
        every = np.arange(len(places))
        way = self._goals[every, leg] - places
        far = np.linalg.norm(way, axis=1)
        speed = np.where(far > _ARRIVED_M, self._speeds[every, leg], 0)
        wished: Array = way * (speed / np.maximum(far, 1e-6))[:, None]
        return wished


def _pushes(places: Array) -> Array:
    if len(places) < 2:
        return np.zeros_like(places)
    apart = places[:, None] - places[None, :]
    far = np.linalg.norm(apart, axis=2)
    np.fill_diagonal(far, np.inf)
    strength = _PUSH_M_S2 * np.exp(np.minimum(0, (_BODY_M - far) / _PUSH_RANGE_M))
    directions = apart / np.maximum(far, 1e-6)[..., None]
    pushed: Array = (np.where(far > 2.5, 0, strength)[..., None] * np.nan_to_num(directions)).sum(axis=1)
    return pushed
