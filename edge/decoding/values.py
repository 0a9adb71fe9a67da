"""From raw values to values in their units, or to the reason why there is none."""

import math
from collections.abc import Callable
from decimal import Decimal

from edge.decoding.measures import Measure
from edge.decoding.units import QUANTITIES, Unit
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
    spoken = unit or measure.unit
    own, canonical = QUANTITIES[measure.unit], QUANTITIES[spoken]
    scale, offset = measure.scale, measure.offset
    low, high = measure.range or (-math.inf, math.inf)
    # The range is written in the field's own unit and compared in the unit the value travels in.
    low, high = (low * own.scale + own.offset, high * own.scale + own.offset)
    invalid = frozenset(x for x in measure.invalid if not isinstance(x, str))
    digits = _decimals(scale, offset)
    plain = (canonical.scale, canonical.offset) == (1.0, 0.0)
    is_float = measure.type.startswith("f32")

    def convert(raw: float) -> float | Absence:
        if raw in invalid:
            return Absence.NO_READING
        if is_float:
            if not math.isfinite(raw):
                return Absence.SENSOR_FAULT
            # A 32-bit float has 7 significant digits; the rest is noise of its binary form.
            raw = float(f"{raw:.7g}")
            value = raw * scale + offset
        elif isinstance(raw, int):
            # Rounding to the digits of scale and offset undoes binary noise: 9999 * 0.1 is 999.9.
            value = round(raw * scale + offset, digits)
        else:
            value = raw * scale + offset if (scale, offset) != (1.0, 0.0) else raw
        if not plain:
            value = round(value * canonical.scale + canonical.offset, _CONVERTED_DIGITS)
        return value if low <= value <= high else Absence.OUT_OF_RANGE

    return convert
