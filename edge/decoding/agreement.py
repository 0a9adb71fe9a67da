"""Whether two sensors in the same air say the same."""

_APART_UGM3 = 5.0
_APART_SHARE = 0.61


def agree(one_ugm3: float, other_ugm3: float) -> bool:
    """Whether two particle sensors say the same, as well as two of a kind can.

    They contradict each other when they are both 5 ug/m3 and 61 % of their mean (two standard deviations of
    many pairs) apart (Barkjohn et al. 2021, AMT 14, 4617, section 2.2).
    """
    apart = abs(one_ugm3 - other_ugm3)
    return not (apart >= _APART_UGM3 and apart >= _APART_SHARE * (one_ugm3 + other_ugm3) / 2)
