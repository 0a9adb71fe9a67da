"""From raw values to values in their units, or to the reason why there is none."""

import math
from collections.abc import Callable
from decimal import Decimal

from edge.decoding.measures import Kind, Measure
from edge.decoding.units import QUANTITIES, Quantity, Unit
from edge.domain.health import Absence

Convert = Callable[[float], float | Absence]

_CONVERTED_DIGITS = 6


def _decimals(*numbers: float) -> int:
    """Digits after the point that numbers written in decimal have at most."""
    exponents = [Decimal(str(number)).normalize().as_tuple().exponent for number in numbers]
    return max(0, *(-exponent for exponent in exponents if isinstance(exponent, int)))


def converter(measure: Measure, unit: Unit | None = None) -> Convert:
    """Return the function from a raw number to the value in the unit its name ends with, or to an absence.

    Args:
        measure: the field.
        unit: the unit the board says it speaks, where that differs from the field's own.
    """
    own, spoken_as = QUANTITIES[measure.unit], QUANTITIES[unit or measure.unit]
    # The range is written in the field's own unit and compared in the unit the value travels in.
    low, high = (end * own.scale + own.offset for end in measure.range or (-math.inf, math.inf))
    scaled = _scaling(measure)
    if (spoken_as.scale, spoken_as.offset) != (1.0, 0.0):
        scaled = _in_unit(scaled, spoken_as)
    if invalid := frozenset(x for x in measure.invalid if not isinstance(x, str)):
        return _unless(invalid, scaled, low, high)

    def convert(raw: float) -> float | Absence:
        value = scaled(raw)
        # A value that is not a number fails every comparison.
        return value if low <= value <= high else Absence.OUT_OF_RANGE

    return _finite(convert) if measure.type in {Kind.F32BE, Kind.F32LE} else convert


def _scaling(measure: Measure) -> Callable[[float], float]:
    """Return `raw * scale + offset` without the noise of binary fractions: 9999 * 0.1 is 999.9."""
    scale, offset = measure.scale, measure.offset
    divisor = round(1 / scale) if abs(scale) <= 1 else 0
    if offset == 0 and divisor and math.isclose(divisor * scale, 1.0, rel_tol=1e-12):
        return lambda raw: raw / divisor
    if measure.type in {Kind.F32BE, Kind.F32LE}:
        return lambda raw: raw * scale + offset
    digits = _decimals(scale, offset)
    return lambda raw: round(raw * scale + offset, digits) if isinstance(raw, int) else raw * scale + offset


def _in_unit(scaled: Callable[[float], float], quantity: Quantity) -> Callable[[float], float]:
    return lambda raw: round(scaled(raw) * quantity.scale + quantity.offset, _CONVERTED_DIGITS)


def _unless(invalid: frozenset[float], scaled: Callable[[float], float], low: float, high: float) -> Convert:
    def convert(raw: float) -> float | Absence:
        if raw in invalid:
            return Absence.NO_READING
        value = scaled(raw)
        return value if low <= value <= high else Absence.OUT_OF_RANGE

    return convert


def _finite(convert: Convert) -> Convert:
    """Of 32-bit floats: what is no number is a fault, and 7 digits are significant."""
    return lambda raw: convert(float(f"{raw:.7g}")) if math.isfinite(raw) else Absence.SENSOR_FAULT
