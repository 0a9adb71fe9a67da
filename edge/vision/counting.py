"""From what single pictures show to counts over an interval, with how far they can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# One standard deviation of the count of one picture, as a share of it and in people: what the detector misses
# and doubles. Chosen so that nine of ten true counts lie between low and high; see scripts/measure_seeing.py.
_RELATIVE_ERROR = 0.2
_ABSOLUTE_ERROR = 0.7
_NINE_IN_TEN = 1.645
# Slower than this nobody walks anywhere: his direction is noise.
_SLOWEST_M_S = 0.3
# Faster is no person but a wrong match.
_FASTEST_M_S = 12.0
_FEWEST_WALKERS = 5
"""Fewer would make a histogram of directions the path of one person."""

HEADINGS = 8

SERVICE_LEVELS_M2 = ((1 / 3.3, "a"), (1 / 2.3, "b"), (1 / 1.4, "c"), (1 / 0.93, "d"), (1 / 0.46, "e"))
"""People per square metre up to which a level holds, walkways; above: f. Source: J. J. Fruin, Pedestrian
Planning and Design (1971): 35, 25, 15, 10 and 5 square feet per person."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One picture.

    Attributes:
        counts: people, two-wheelers, vehicles.
        in_area: people on the area of the ground plane; None without one.
        velocities_m_s: of each walker with a speed: its track, right and ahead.
    """

    counts: NDArray[np.float64]
    in_area: float | None
    velocities_m_s: Sequence[tuple[int, float, float]] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """An interval; see `edge.domain.scene_observations.PeopleCount`."""

    people: float
    people_low: float
    people_high: float
    two_wheelers: float
    vehicles: float
    in_area: float | None
    speed_m_s: float | None
    headings: tuple[float, ...]


@dataclass
class Counting:
    """Gathers the pictures of an interval."""

    heading_deg: float = 0.0
    _counts: list[NDArray[np.float64]] = field(default_factory=list)
    _in_area: list[float] = field(default_factory=list)
    _speeds: list[float] = field(default_factory=list)
    _directions: NDArray[np.float64] = field(default_factory=lambda: np.zeros(HEADINGS))
    _walkers: set[int] = field(default_factory=set)

    @property
    def frames(self) -> int:
        """Pictures taken."""
        return len(self._counts)

    def take(self, sighting: Sighting) -> None:
        """Add a picture."""
        self._counts.append(sighting.counts)
        if sighting.in_area is not None:
            self._in_area.append(sighting.in_area)
        for track, right, ahead in sighting.velocities_m_s:
            speed = float(np.hypot(right, ahead))
            if speed > _FASTEST_M_S:
                continue
            self._speeds.append(speed)
            if speed >= _SLOWEST_M_S:
                azimuth_deg = np.degrees(np.arctan2(right, ahead)) + self.heading_deg
                self._directions[round(azimuth_deg / (360 / HEADINGS)) % HEADINGS] += 1
                self._walkers.add(track)

    def summary(self) -> Summary:
        """Return what the pictures say together; there must be one."""
        counts = np.stack(self._counts)
        people, two_wheelers, vehicles = np.median(counts, axis=0)
        spread = float(counts[:, 0].std() ** 2 + (_RELATIVE_ERROR * people) ** 2 + _ABSOLUTE_ERROR**2) ** 0.5
        enough = len(self._walkers) >= _FEWEST_WALKERS
        return Summary(
            people=float(people),
            people_low=max(0.0, float(people) - _NINE_IN_TEN * spread),
            people_high=float(people) + _NINE_IN_TEN * spread,
            two_wheelers=float(two_wheelers),
            vehicles=float(vehicles),
            in_area=float(np.median(self._in_area)) if self._in_area else None,
            speed_m_s=float(np.mean(self._speeds)) if self._speeds else None,
            headings=tuple(float(s) for s in self._directions / self._directions.sum()) if enough else (),
        )


def service_level(density_m2: float) -> str:
    """Return the letter of the Level of Service, a to f."""
    return next((letter for most, letter in SERVICE_LEVELS_M2 if density_m2 <= most), "f")
