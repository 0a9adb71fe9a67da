"""Whether two sensors in the same air say the same, and how one follows the other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import correlation, fmean, pstdev

_APART_UGM3 = 5.0
_APART_SHARE = 0.61
_LEAST_SPREAD_UGM3 = 1.0
"""In air that stays as clean as that, noise alone would make the slope."""


def agree(one_ugm3: float, other_ugm3: float) -> bool:
    """Whether two particle sensors say the same, as well as two of a kind can.

    They contradict each other when they are both 5 ug/m3 and 61 % of their mean (two standard deviations of
    many pairs) apart (Barkjohn et al. 2021, AMT 14, 4617, section 2.2).
    """
    apart = abs(one_ugm3 - other_ugm3)
    return not (apart >= _APART_UGM3 and apart >= _APART_SHARE * (one_ugm3 + other_ugm3) / 2)


@dataclass(frozen=True, slots=True)
class Fit:
    """How one sensor follows another: other = offset + slope * one.

    Attributes:
        correlation: Pearson's, -1..1.
    """

    slope: float
    offset_ugm3: float
    correlation: float


def fit(pairs: Sequence[tuple[float, float]]) -> Fit | None:
    """Return the line through pairs of values, both of which are in error; None when they are too much alike.

    The reduced major axis: its slope is the ratio of the standard deviations (Ayers 2001, Atmospheric
    Environment 35, 2423).

    Args:
        pairs: what one and the other sensor said at the same time, ug/m3.
    """
    if len(pairs) < 2:
        return None
    ones, others = [one for one, _ in pairs], [other for _, other in pairs]
    if min(pstdev(ones), pstdev(others)) < _LEAST_SPREAD_UGM3:
        return None
    r = correlation(ones, others)
    slope = math.copysign(pstdev(others) / pstdev(ones), r)
    return Fit(slope, fmean(others) - slope * fmean(ones), r)
