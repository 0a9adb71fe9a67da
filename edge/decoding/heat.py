"""How hot air feels: the heat index of the US weather service, and an estimate of the WBGT."""

import math

from edge.domain.air_observations import HeatFormula, HeatGrade

_WHOLE_FROM_F = 80.0


_GRADES_F = (
    (125.0, HeatGrade.EXTREME_DANGER),
    (103.0, HeatGrade.DANGER),
    (90.0, HeatGrade.EXTREME_CAUTION),
    (80.0, HeatGrade.CAUTION),
)


def heat_index_c(temperature_c: float, humidity_percent: float) -> tuple[float, HeatFormula]:
    """Return the heat index in the shade and the formula that gave it.

    Rothfusz 1990 (NWS technical attachment SR 90-23) with the NWS's two adjustments; below 80 degF the mean
    of Steadman's simple formula and the temperature, as the NWS computes it.

    Raises:
        ValueError: temperature or humidity are no state of the air.
    """
    _require(temperature_c, humidity_percent)
    t, r = temperature_c * 1.8 + 32, humidity_percent
    simple = 0.5 * (t + 61.0 + (t - 68.0) * 1.2 + r * 0.094)
    index = (simple + t) / 2
    if index < _WHOLE_FROM_F:
        return _celsius(index), HeatFormula.STEADMAN
    index = (
        -42.379
        + 2.04901523 * t
        + 10.14333127 * r
        - 0.22475541 * t * r
        - 6.83783e-3 * t * t
        - 5.481717e-2 * r * r
        + 1.22874e-3 * t * t * r
        + 8.5282e-4 * t * r * r
        - 1.99e-6 * t * t * r * r
    )
    if r < 13 and 80 <= t <= 112:
        index -= (13 - r) / 4 * math.sqrt((17 - abs(t - 95)) / 17)
    elif r > 85 and 80 <= t <= 87:
        index += (r - 85) / 10 * (87 - t) / 5
    return _celsius(index), HeatFormula.ROTHFUSZ


def grade_of(index_c: float) -> HeatGrade:
    """Return the class of a heat index."""
    fahrenheit = index_c * 1.8 + 32
    return next((grade for edge, grade in _GRADES_F if fahrenheit >= edge), HeatGrade.NONE)


def wet_bulb_c(temperature_c: float, humidity_percent: float) -> float:
    """Return the psychrometric wet-bulb temperature, within 1 K between 0 and 50 degC and 10 and 99 %.

    Source: Stull 2011, J. Appl. Meteor. Climatol. 50, 2267, equation 1.

    Raises:
        ValueError: temperature or humidity are no state of the air.
    """
    _require(temperature_c, humidity_percent)
    t, r = temperature_c, humidity_percent
    return float(
        t * math.atan(0.151977 * math.sqrt(r + 8.313659))
        + math.atan(t + r)
        - math.atan(r - 1.676331)
        + 0.00391838 * r**1.5 * math.atan(0.023101 * r)
        - 4.686035
    )


def wbgt_estimate_c(temperature_c: float, humidity_percent: float, globe_c: float) -> float:
    """Return an estimate of the outdoor WBGT (ISO 7243:2017, 0.7 natural wet bulb + 0.2 globe + 0.1 air).

    The natural wet bulb is taken for the psychrometric one, so it is up to 1.5 K low in sun and calm.

    Raises:
        ValueError: temperature or humidity are no state of the air.
    """
    return 0.7 * wet_bulb_c(temperature_c, humidity_percent) + 0.2 * globe_c + 0.1 * temperature_c


def _require(temperature_c: float, humidity_percent: float) -> None:
    if not (-90 <= temperature_c <= 70 and 0 <= humidity_percent <= 105):
        raise ValueError(f"no state of the air: {temperature_c} degC, {humidity_percent} %")


def _celsius(fahrenheit: float) -> float:
    return (fahrenheit - 32) / 1.8
