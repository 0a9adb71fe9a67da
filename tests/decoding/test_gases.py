"""Gases by volume and by mass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decoding.gases import MOLAR_MASS_G, ugm3_of_ppb


@pytest.mark.parametrize(
    ("gas", "factor"),
    # EU factors at 293 K and 101.3 kPa as published by environment agencies.
    [("no2", 1.913), ("o3", 1.996), ("so2", 2.664), ("co", 1.165)],
)
def test_at_the_reference_of_the_eu(gas: str, factor: float) -> None:
    assert ugm3_of_ppb(gas, 1.0) == pytest.approx(factor, abs=0.002)


@pytest.mark.parametrize(
    ("gas", "factor"),
    # At 25 degC and 1 atm, where a mole takes 24.45 litres (US EPA, WHO).
    [("no2", 1.88), ("o3", 1.96), ("so2", 2.62), ("co", 1.145), ("formaldehyde", 1.228)],
)
def test_at_25_degrees(gas: str, factor: float) -> None:
    assert ugm3_of_ppb(gas, 1.0, 25.0, 1013.25) == pytest.approx(factor, abs=0.005)


@pytest.mark.parametrize(("celsius", "hpa"), [(-300, 1013), (20, 0), (20, -5), (float("nan"), 1013)])
def test_a_state_that_air_does_not_have_is_refused(celsius: float, hpa: float) -> None:
    with pytest.raises(ValueError, match="no state of the air"):
        ugm3_of_ppb("no2", 1.0, celsius, hpa)


@given(
    st.sampled_from(sorted(MOLAR_MASS_G)),
    st.floats(-1000, 1e5),
    st.floats(-40, 50),
    st.floats(800, 1100),
)
def test_proportional_denser_when_cold_and_under_pressure(
    gas: str, ppb: float, celsius: float, hpa: float
) -> None:
    here = ugm3_of_ppb(gas, ppb, celsius, hpa)
    assert ugm3_of_ppb(gas, 2 * ppb, celsius, hpa) == pytest.approx(2 * here)
    assert abs(ugm3_of_ppb(gas, ppb, celsius - 1, hpa)) >= abs(here)
    assert abs(ugm3_of_ppb(gas, ppb, celsius, hpa + 1)) >= abs(here)
    assert ugm3_of_ppb(gas, 0.0, celsius, hpa) == 0.0
