"""What is so of the undisturbed walkers: the definition of each cue, at the limits of its settings.

It shares no code with `edge.vision.crowd`: convergence and dispersal are known from who shares a place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge.detectors.crowd import Config
from edge.domain.scene_observations import Cue
from scripts.crowd.walkers import Array, Moment

_STANDS_M_S = 0.3
_MOST = 0.5
_ALONG = np.cos(np.radians(35))


def holds(cue: Cue, config: Config, now: Moment) -> bool:
    """Return whether the definition of a cue is met by those in view."""
    speeds = np.linalg.norm(now.velocities, axis=1)
    if cue is Cue.GATHERING:
        apart = np.linalg.norm(now.places[:, None] - now.places[None, :], axis=2)
        within = (apart <= config.gathering_radius_m).sum(axis=1)
        return bool(len(within) and within.max() >= config.gathering_people)
    if cue is Cue.RUNNING:
        fast = int(np.count_nonzero(speeds >= config.running_m_s))
        return fast >= config.running_people and fast >= config.running_share * len(speeds)
    if cue is Cue.COUNTER_FLOW:
        return _against(now.velocities[speeds >= _STANDS_M_S], config)
    return _common(now, config, 1 if cue is Cue.DISPERSAL else -1)


def _against(walking: Array, config: Config) -> bool:
    if len(walking) < config.moving_people:
        return False
    angles = np.arctan2(walking[:, 1], walking[:, 0])
    # Twice the angle makes both ways of an axis one.
    axis = np.angle(np.exp(2j * angles).sum()) / 2
    along = np.cos(angles - axis)
    ways = int((along > _ALONG).sum()), int((along < -_ALONG).sum())
    return sum(ways) >= 0.7 * len(walking) and min(ways) >= config.counter_share * len(walking)


def _common(now: Moment, config: Config, sign: int) -> bool:
    """Whether those who walk from (1) or to (-1) a place they share are many, fast and most of who walks."""
    off = now.places - now.common
    far = np.linalg.norm(off, axis=1)
    outwards = sign * (off * now.velocities).sum(axis=1) / np.maximum(far, 1e-6)
    mine = np.nan_to_num(outwards, nan=-1.0) >= _STANDS_M_S
    moving = np.count_nonzero(np.linalg.norm(now.velocities, axis=1) >= _STANDS_M_S)
    if np.count_nonzero(mine) < config.moving_people or np.count_nonzero(mine) < _MOST * moving:
        return False
    rate = 2 * float((far * outwards)[mine].sum() / (far[mine] ** 2).sum())
    return rate >= config.rate_per_s


@dataclass(frozen=True, slots=True)
class Episode:
    """A movement that was so from `begin_s` to `end_s`, long enough to be told."""

    begin_s: float
    end_s: float


def episodes(times: Sequence[float], held: Sequence[bool], begin_s: float, release_s: float) -> list[Episode]:
    """Return when something held for at least `begin_s`; breaks shorter than `release_s` end nothing."""
    found: list[Episode] = []
    for begin, end in _stretches(times, held):
        if found and begin - found[-1].end_s < release_s:
            found[-1] = Episode(found[-1].begin_s, end)
        elif end - begin >= begin_s:
            found.append(Episode(begin, end))
    return found


def _stretches(times: Sequence[float], held: Sequence[bool]) -> Iterator[tuple[float, float]]:
    begin: float | None = None
    for now, is_so in zip(times, held, strict=True):
        if is_so and begin is None:
            begin = now
        elif not is_so and begin is not None:
            yield begin, now
            begin = None
    if begin is not None:
        yield begin, times[-1]
