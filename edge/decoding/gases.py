"""Gases by volume and by mass."""

from collections.abc import Mapping

MOLAR_MASS_G: Mapping[str, float] = {
    "no2": 46.0055,
    "o3": 47.9982,
    "so2": 64.064,
    "co": 28.010,
    "formaldehyde": 30.026,
}
"""Grams per mole (IUPAC 2021 atomic weights)."""

_GAS_CONSTANT = 8.314462618  # J/(mol K), CODATA 2018
_ZERO_C_K = 273.15

EU_TEMPERATURE_C = 293.0 - _ZERO_C_K
EU_PRESSURE_HPA = 1013.0
"""What limit values for gases refer to: 293 K and 101.3 kPa (Directive (EU) 2024/2881, annex I)."""


def ugm3_of_ppb(
    gas: str, ppb: float, temperature_c: float = EU_TEMPERATURE_C, pressure_hpa: float = EU_PRESSURE_HPA
) -> float:
    """Return the mass in a cubic metre of air that holds so much of a gas by volume (ideal gas).

    Args:
        gas: a key of `MOLAR_MASS_G`.
        ppb: parts per billion by volume; may be below zero.
        temperature_c: of the air that the cubic metre is of.
        pressure_hpa: of that air.

    Raises:
        ValueError: temperature or pressure are no state of the air.
    """
    kelvin = temperature_c + _ZERO_C_K
    if not (150.0 < kelvin < 400.0 and 100.0 < pressure_hpa < 1200.0):
        raise ValueError(f"no state of the air: {temperature_c} degC, {pressure_hpa} hPa")
    # ppb * 1e-9 * mol/m3 * g/mol * 1e6 ug/g
    return ppb * 1e-3 * MOLAR_MASS_G[gas] * pressure_hpa * 100.0 / (_GAS_CONSTANT * kelvin)
