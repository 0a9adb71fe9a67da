"""Corrections for humidity: figures worked out by hand from the published formulas, and bad input."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoding.humidity import EPA, FOG_PERCENT, Corrected, correct
from edge.domain.air_quality import Correction

approx: Any = pytest.approx

RAW = st.floats(0, 1000)
HUMIDITY = st.floats(0, FOG_PERCENT)


@pytest.mark.parametrize("formula", Correction)
@pytest.mark.parametrize(
    ("raw", "humidity"),
    [(math.nan, 50), (math.inf, 50), (-0.1, 50), (10, math.nan), (10, -1), (10, 95.1), (10, 100)],
)
def test_what_no_formula_is_for_is_refused(formula: Correction, raw: float, humidity: float) -> None:
    with pytest.raises(ValueError, match=r"mass concentration|no formula"):
        correct(formula, raw, humidity)


@pytest.mark.parametrize(
    ("formula", "raw", "humidity", "expected"),
    [
        # 1 + 0.35/1.65 * 0.5/0.5 = 1.21212; at 80 %: 1 + 0.35/1.65 * 4 = 1.84848
        (Correction.KAPPA_KOEHLER, 20.0, 50.0, 16.5),
        (Correction.KAPPA_KOEHLER, 20.0, 80.0, 10.8197),
        (Correction.KAPPA_KOEHLER, 20.0, 0.0, 20.0),
        # 0.524 * 30 - 0.0862 * 50 + 5.75
        (Correction.EPA_US_WIDE, 30.0, 50.0, 17.16),
        (Correction.EPA_TWO_PART, 30.0, 50.0, 17.05),
        # 0.46 * 400 + 3.93e-4 * 160000 + 2.97
        (Correction.EPA_TWO_PART, 400.0, 50.0, 249.85),
        (Correction.AIRNOW_FIRE_AND_SMOKE, 20.0, 50.0, 11.92),
        # x/20 - 1.5 = 0.5: (0.393 + 0.262) * 40 - 4.31 + 5.75
        (Correction.AIRNOW_FIRE_AND_SMOKE, 40.0, 50.0, 27.64),
        (Correction.AIRNOW_FIRE_AND_SMOKE, 100.0, 50.0, 80.04),
        # 235/50 - 4.2 = 0.5: half of 213.9349, half of 186.15
        (Correction.AIRNOW_FIRE_AND_SMOKE, 235.0, 50.0, 200.0424),
        (Correction.AIRNOW_FIRE_AND_SMOKE, 300.0, 50.0, 289.526),
    ],
)
def test_by_hand(formula: Correction, raw: float, humidity: float, expected: float) -> None:
    assert correct(formula, raw, humidity) == Corrected(approx(expected, abs=1e-3), clamped=False)


def test_kappa_of_the_streibl_fit_to_the_sds011() -> None:
    # kappa / 1.65 = 0.22: at 80 % the sensor shows 1 + 0.22 * 4 = 1.88 times too much.
    assert correct(Correction.KAPPA_KOEHLER, 18.8, 80, kappa=0.22 * 1.65).ugm3 == approx(10.0)


def test_less_than_nothing_is_nothing_and_says_so() -> None:
    assert correct(Correction.EPA_US_WIDE, 0.0, 90) == Corrected(0.0, clamped=True)
    assert correct(Correction.EPA_US_WIDE, 0.0, 20) == Corrected(approx(4.026), clamped=False)


@pytest.mark.parametrize("formula", [*EPA])
def test_parts_of_a_formula_meet(formula: Correction) -> None:
    edges = {
        Correction.EPA_TWO_PART: (343.0,),
        Correction.AIRNOW_FIRE_AND_SMOKE: (30.0, 50.0, 210.0, 260.0),
    }.get(formula, ())
    for edge in edges:
        below, above = (correct(formula, edge + step, 50).ugm3 for step in (-1e-6, 1e-6))
        # The EPA's two parts are 27 ug/m3 apart at 343 ug/m3, as published; those of AirNow meet.
        assert abs(below - above) < (28 if formula is Correction.EPA_TWO_PART else 1e-3)


@given(st.sampled_from(Correction), RAW, HUMIDITY)
def test_a_number_never_below_zero(formula: Correction, raw: float, humidity: float) -> None:
    corrected = correct(formula, raw, humidity)
    assert math.isfinite(corrected.ugm3)
    assert corrected.ugm3 >= 0
    assert corrected.clamped <= (corrected.ugm3 == 0)


@given(st.sampled_from(Correction), RAW, RAW, HUMIDITY)
def test_more_dust_is_more_dust(formula: Correction, one: float, other: float, humidity: float) -> None:
    less, more = sorted((one, other))
    if formula is Correction.EPA_TWO_PART and less <= 343 < more:
        return  # the published parts do not meet there
    assert correct(formula, less, humidity).ugm3 <= correct(formula, more, humidity).ugm3 + 1e-9


@given(st.sampled_from(Correction), RAW, HUMIDITY, HUMIDITY)
def test_the_wetter_the_less_dust(formula: Correction, raw: float, one: float, other: float) -> None:
    drier, wetter = sorted((one, other))
    assert correct(formula, raw, wetter).ugm3 <= correct(formula, raw, drier).ugm3 + 1e-9


@given(RAW, HUMIDITY, st.floats(0, 1.5))
def test_dry_particles_are_never_more_than_wet_ones(raw: float, humidity: float, kappa: float) -> None:
    assert correct(Correction.KAPPA_KOEHLER, raw, humidity, kappa).ugm3 <= raw + 1e-9
