"""Two sensors in the same air."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoding.agreement import agree, fit

approx: Any = pytest.approx


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (0, 4.9, True),  # less than 5 ug/m3 apart
        (100, 180, True),  # 57 % of their mean apart
        (100, 190, False),  # 62 %
        (2, 8, False),
        (10, 10, True),
    ],
)
def test_they_contradict_each_other_when_apart_both_ways(one: float, other: float, same: bool) -> None:
    assert agree(one, other) is same
    assert agree(other, one) is same


def test_a_line_of_a_sensor_that_shows_too_much() -> None:
    line = fit([(x, 1.5 * x + 3) for x in (2.0, 5.0, 9.0, 20.0, 40.0)])
    assert line is not None
    assert (line.slope, line.offset_ugm3, line.correlation) == (
        approx(1.5),
        approx(3),
        approx(1),
    )


@pytest.mark.parametrize("pairs", [[], [(5.0, 6.0)], [(5.0, 5.1)] * 50, [(5.0, 8.0), (5.0, 30.0)]])
def test_air_that_stays_the_same_tells_nothing(pairs: list[tuple[float, float]]) -> None:
    assert fit(pairs) is None


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500)), max_size=50))
def test_whoever_is_first_the_line_is_the_same(pairs: list[tuple[float, float]]) -> None:
    there, back = fit(pairs), fit([(other, one) for one, other in pairs])
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert there.slope * back.slope == approx(1, rel=1e-6)
        assert -1.000001 <= there.correlation <= 1.000001
