"""Air as a carrier of sound."""

import math

_SPEED_AT_0_C_M_S = 331.3
_KELVIN = 273.15


def speed_of_sound_m_s(temperature_c: float) -> float:
    """Return the speed of sound in dry air, m/s: 331.3 sqrt(T / 273.15 K). Humidity adds at most 0.4 %."""
    return _SPEED_AT_0_C_M_S * math.sqrt(1.0 + temperature_c / _KELVIN)


def relative_uncertainty(temperature_c: float, uncertainty_c: float) -> float:
    """Return that of the speed of sound, one standard deviation: half that of the absolute temperature."""
    return 0.5 * uncertainty_c / (_KELVIN + temperature_c)
