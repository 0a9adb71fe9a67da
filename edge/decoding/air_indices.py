"""Indices of air quality from hourly means, ug/m3.

The Dutch LKI (RIVM report 2014-0050) and the European index EAQI in its revision of 2024 (EEA, ETC HE report
2024/17, table 5.2). Where the tables come from, and what is not confirmed: docs/air.md.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from edge.domain.air_quality import IndexName, Pollutant

LKI_EDGES: Mapping[Pollutant, tuple[float, ...]] = {
    Pollutant.O3: (15, 30, 40, 60, 80, 100, 140, 180, 200, 240),
    Pollutant.NO2: (10, 20, 30, 45, 60, 75, 100, 125, 150, 200),
    Pollutant.PM10: (10, 20, 30, 45, 60, 75, 100, 125, 150, 200),
    Pollutant.PM2_5: (10, 15, 20, 30, 40, 50, 70, 90, 100, 140),
}
"""The index is the number of the first edge that the mean is below, 11 from the last edge on."""

EAQI_BOUNDS: Mapping[Pollutant, tuple[float, ...]] = {
    Pollutant.PM2_5: (5, 15, 50, 90, 140),
    Pollutant.PM10: (15, 45, 120, 195, 270),
    Pollutant.NO2: (10, 25, 60, 100, 150),
    Pollutant.O3: (60, 100, 120, 160, 180),
    Pollutant.SO2: (20, 40, 125, 190, 275),
}
"""Upper bounds, which belong to the lower class, of good, fair, moderate, poor, very poor; 6 is beyond.

Not 10, 20, 25, 50, 75 for PM2.5 and the like: those were for running means of 24 hours, until 2024.
"""


@dataclass(frozen=True, slots=True)
class AirIndexValue:
    """An index and what it rests on.

    Attributes:
        value: 1 is best; LKI goes to 11, EAQI to 6.
        worst: the pollutant that decides; the first of several.
        used: pollutants of the index that had a mean, in the order of `Pollutant`.
        missing: those that had none; with one of them the index could only be higher.
    """

    name: IndexName
    value: int
    worst: Pollutant
    used: tuple[Pollutant, ...]
    missing: tuple[Pollutant, ...]


def lki(means_ugm3: Mapping[Pollutant, float]) -> AirIndexValue | None:
    """Return the LKI, 1..11, of hourly means; None without one of its pollutants.

    The worst pollutant counts. When all four are known and equally bad, the index is one higher.

    Raises:
        ValueError: a mean is no number.
    """
    classes = {p: bisect_right(LKI_EDGES[p], _finite(x)) + 1 for p, x in means_ugm3.items() if p in LKI_EDGES}
    found = _worst_of(IndexName.LKI, classes, LKI_EDGES)
    if found is not None and not found.missing and len(set(classes.values())) == 1:
        value = min(found.value + 1, 11)
        return AirIndexValue(found.name, value, found.worst, found.used, found.missing)
    return found


def eaqi(means_ugm3: Mapping[Pollutant, float]) -> AirIndexValue | None:
    """Return the EAQI, 1 (good) to 6 (extremely poor), of hourly means; None without one of its pollutants.

    Raises:
        ValueError: a mean is no number.
    """
    classes = {
        p: bisect_left(EAQI_BOUNDS[p], _finite(x)) + 1 for p, x in means_ugm3.items() if p in EAQI_BOUNDS
    }
    return _worst_of(IndexName.EAQI_2024, classes, EAQI_BOUNDS)


INDICES = {IndexName.LKI: lki, IndexName.EAQI_2024: eaqi}
"""Every index with its function."""


def _worst_of(
    name: IndexName, classes: Mapping[Pollutant, int], known: Mapping[Pollutant, object]
) -> AirIndexValue | None:
    if not classes:
        return None
    worst = max((p for p in Pollutant if p in classes), key=classes.__getitem__)
    used = tuple(p for p in Pollutant if p in classes)
    missing = tuple(p for p in Pollutant if p in known and p not in classes)
    return AirIndexValue(name, classes[worst], worst, used, missing)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no mean")
    return value
