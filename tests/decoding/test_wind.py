"""Wind over an interval."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoding.wind import WindSample, gust_ms, vector_mean_from_deg
from edge.domain.time import NS_PER_S


def blowing(*winds: tuple[float, float | None], period_s: float = 1.0) -> list[WindSample]:
    return [
        WindSample(round(i * period_s * NS_PER_S), speed, from_deg)
        for i, (speed, from_deg) in enumerate(winds)
    ]


def test_north_is_the_mean_of_350_and_10_degrees() -> None:
    mean = vector_mean_from_deg(blowing((5, 350), (5, 10)))
    assert mean is not None
    assert min(mean, 360 - mean) < 1e-6


def test_the_stronger_wind_counts_more() -> None:
    mean = vector_mean_from_deg(blowing((3, 0), (4, 90)))
    assert mean == pytest.approx(math.degrees(math.atan2(4, 3)))


@pytest.mark.parametrize("winds", [[], [(0, 90)], [(5, 0), (5, 180)], [(3, None)]])
def test_a_calm_has_no_direction(winds: list[tuple[float, float | None]]) -> None:
    assert vector_mean_from_deg(blowing(*winds)) is None


def test_a_gust_is_the_highest_mean_over_three_seconds() -> None:
    winds = blowing(*((speed, None) for speed in (2, 2, 2, 8, 11, 8, 2, 2)))
    assert gust_ms(winds) == pytest.approx(9)


def test_one_second_of_wind_is_no_gust() -> None:
    assert gust_ms(blowing((1, None), (9, None))) is None


def test_readings_too_far_apart_tell_no_gust() -> None:
    assert gust_ms(blowing(*[(5, None)] * 20, period_s=10)) is None


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 360)), max_size=60), st.floats(0.2, 5))
def test_within_what_blew(winds: list[tuple[float, float]], period_s: float) -> None:
    samples = blowing(*winds, period_s=period_s)
    gust, mean = gust_ms(samples), vector_mean_from_deg(samples)
    speeds = [speed for speed, _ in winds]
    assert gust is None or min(speeds) - 1e-9 <= gust <= max(speeds) + 1e-9
    assert mean is None or 0 <= mean < 360


@given(st.floats(0.1, 60), st.floats(0, 359.9), st.integers(1, 20))
def test_a_steady_wind_is_itself(speed: float, from_deg: float, count: int) -> None:
    mean = vector_mean_from_deg(blowing(*[(speed, from_deg)] * count))
    assert mean is not None
    assert abs((mean - from_deg + 180) % 360 - 180) < 1e-6
