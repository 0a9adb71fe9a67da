"""What the boards of a lamppost can say of the air: pollutants, what indices lack, limits in force."""

from collections.abc import Iterable, Mapping
from datetime import date

from edge.decoding.air_indices import EAQI_BOUNDS
from edge.decoding.air_limits import EU, limits_in_force
from edge.domain.air_quality import Pollutant
from edge.domain.check import Check

_UNITS = ("ugm3", "ppb", "ppm")


def check_air(
    boards: Mapping[str, Iterable[str]], tables: Mapping[str, Mapping[str, float]], day: date
) -> Check:
    """Say what is measured, what the indices lack, and which limits are in force.

    Args:
        boards: names of the measurements of each board, by its name.
        tables: the policy's tables of limits; none are those of the EU.
        day: today.
    """
    names = {name for measured in boards.values() for name in measured}
    found = [p for p in Pollutant if any(f"{p}_{unit}" in names for unit in _UNITS)]
    if not found:
        advice = "add a board that measures them, or remove the air rules from [fusion]"
        return Check("air", ok=False, detail="no board measures a pollutant", advice=advice)
    lacking = [pollutant for pollutant in EAQI_BOUNDS if pollutant not in found]
    limits = limits_in_force(tables or {EU: {}}, day)
    held = [f"{x.pollutant} {x.averaging} {x.ugm3:g} ({x.table})" for x in limits if x.pollutant in found]
    detail = f"measures {', '.join(found)}; the European index lacks {', '.join(lacking) or 'nothing'}"
    return Check("air", ok=True, detail=f"{detail}; limits, ug/m3: {', '.join(held) or 'none'}")
