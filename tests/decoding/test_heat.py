"""How hot air feels, beside published tables."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoding.heat import grade_of, heat_index_c, wbgt_estimate_c, wet_bulb_c
from edge.domain.air_observations import HeatFormula, HeatGrade


def celsius(fahrenheit: float) -> float:
    return (fahrenheit - 32) / 1.8


@pytest.mark.parametrize(
    ("temperature", "humidity"), [(math.nan, 50), (20, math.nan), (-100, 50), (80, 50), (20, -1), (20, 110)]
)
def test_what_is_no_state_of_the_air_is_refused(temperature: float, humidity: float) -> None:
    with pytest.raises(ValueError, match="no state of the air"):
        heat_index_c(temperature, humidity)
    with pytest.raises(ValueError, match="no state of the air"):
        wbgt_estimate_c(temperature, humidity, 40.0)


@pytest.mark.parametrize(
    ("fahrenheit", "humidity", "index"),
    # The chart of the US National Weather Service, whole degrees Fahrenheit.
    [
        (80, 40, 80),
        (84, 60, 88),
        (90, 60, 100),
        (96, 50, 108),
        (100, 40, 109),
        (86, 90, 105),
        (110, 40, 136),
    ],
)
def test_the_chart_of_the_weather_service(fahrenheit: float, humidity: float, index: float) -> None:
    found, formula = heat_index_c(celsius(fahrenheit), humidity)
    assert found * 1.8 + 32 == pytest.approx(index, abs=1.0)
    assert formula is (HeatFormula.ROTHFUSZ if found >= celsius(80) else HeatFormula.STEADMAN)


@pytest.mark.parametrize(
    ("fahrenheit", "grade"),
    [
        (79.9, HeatGrade.NONE),
        (80, HeatGrade.CAUTION),
        (90, HeatGrade.EXTREME_CAUTION),
        (103, HeatGrade.DANGER),
        (125, HeatGrade.EXTREME_DANGER),
    ],
)
def test_the_classes_of_the_weather_service(fahrenheit: float, grade: HeatGrade) -> None:
    assert grade_of(celsius(fahrenheit) + 1e-9) is grade


def test_the_wet_bulb_of_the_paper() -> None:
    assert wet_bulb_c(20.0, 50.0) == pytest.approx(13.7, abs=0.05)


@given(st.floats(0, 50), st.floats(10, 99))
def test_a_wet_bulb_is_no_warmer_than_the_air(temperature: float, humidity: float) -> None:
    assert wet_bulb_c(temperature, humidity) <= temperature + 1.0


@given(st.floats(27, 45), st.floats(30, 95))
def test_damper_is_hotter(temperature: float, humidity: float) -> None:
    assert heat_index_c(temperature, humidity + 5)[0] >= heat_index_c(temperature, humidity)[0] - 0.6
    assert wbgt_estimate_c(temperature, humidity, 50) > wbgt_estimate_c(temperature, humidity, 40)
