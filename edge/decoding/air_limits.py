"""Dated tables of limits for the air, ug/m3: the EU's until 2029 and from 2030, the WHO's of 2021, a city's.

Means over a year and over three years are not here: a lamppost does not keep them. Sources: Directive
2008/50/EC, annexes VII and XI; Directive (EU) 2024/2881, annex I; WHO global air quality guidelines 2021.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from edge.domain.air_quality import Averaging, LimitTable, Pollutant

EU_CHANGES = date(2030, 1, 1)
"""From then on the limits of Directive (EU) 2024/2881 hold."""

EU = "eu"
"""Name of the EU's table that is in force on the day of the mean."""

_WHO_EXCEEDANCES = 3
"""The WHO's guidelines for days are 99th percentiles: three to four days a year may be above."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit.

    Attributes:
        allowed: exceedances that a year may have; None where the table names none.
        by_day: the day's highest mean counts, once a day.
    """

    table: LimitTable
    pollutant: Pollutant
    averaging: Averaging
    ugm3: float
    allowed: int | None = None
    by_day: bool = False


def _limits(table: LimitTable, *rows: tuple[Pollutant, Averaging, float, int | None]) -> tuple[Limit, ...]:
    return tuple(
        Limit(table, pollutant, averaging, ugm3, allowed, by_day=averaging is Averaging.EIGHT_HOURS)
        for pollutant, averaging, ugm3, allowed in rows
    )


_HOUR, _EIGHT, _DAY = Averaging.HOUR, Averaging.EIGHT_HOURS, Averaging.DAY

TABLES: Mapping[LimitTable, tuple[Limit, ...]] = {
    LimitTable.EU_UNTIL_2029: _limits(
        LimitTable.EU_UNTIL_2029,
        (Pollutant.PM10, _DAY, 50, 35),
        (Pollutant.NO2, _HOUR, 200, 18),
        (Pollutant.SO2, _HOUR, 350, 24),
        (Pollutant.SO2, _DAY, 125, 3),
        (Pollutant.CO, _EIGHT, 10_000, None),
        (Pollutant.O3, _EIGHT, 120, 25),
    ),
    LimitTable.EU_2030: _limits(
        LimitTable.EU_2030,
        (Pollutant.PM2_5, _DAY, 25, 18),
        (Pollutant.PM10, _DAY, 45, 18),
        (Pollutant.NO2, _HOUR, 200, 3),
        (Pollutant.NO2, _DAY, 50, 18),
        (Pollutant.SO2, _HOUR, 350, 3),
        (Pollutant.SO2, _DAY, 50, 18),
        (Pollutant.CO, _EIGHT, 10_000, None),
        (Pollutant.CO, _DAY, 4_000, 18),
        (Pollutant.O3, _EIGHT, 120, 18),
    ),
    LimitTable.WHO_2021: _limits(
        LimitTable.WHO_2021,
        (Pollutant.PM2_5, _DAY, 15, _WHO_EXCEEDANCES),
        (Pollutant.PM10, _DAY, 45, _WHO_EXCEEDANCES),
        (Pollutant.NO2, _HOUR, 200, None),
        (Pollutant.NO2, _DAY, 25, _WHO_EXCEEDANCES),
        (Pollutant.SO2, _DAY, 40, _WHO_EXCEEDANCES),
        (Pollutant.CO, _DAY, 4_000, _WHO_EXCEEDANCES),
        (Pollutant.O3, _EIGHT, 100, _WHO_EXCEEDANCES),
    ),
}


_OWN_AVERAGING = {"1h": _HOUR, "8h": _EIGHT, "24h": _DAY, "day": _DAY}


def own_limit(name: str, ugm3: float) -> Limit:
    """Return a city's own limit.

    Args:
        name: pollutant and averaging time, such as `no2_1h`, `o3_8h`, `pm2_5_day`.
        ugm3: the limit.

    Raises:
        ValueError: there is no such pollutant or averaging time.
    """
    pollutant, _, averaging = name.rpartition("_")
    mean = _OWN_AVERAGING.get(averaging)
    if pollutant not in set(Pollutant) or mean is None:
        raise ValueError(
            f"'{name}' is no limit; write a pollutant ({', '.join(Pollutant)}) and 1h, 8h or day: no2_1h"
        )
    return Limit(LimitTable.CITY, Pollutant(pollutant), mean, ugm3, by_day=mean is _EIGHT)


def limits_in_force(tables: Mapping[str, Mapping[str, float]], day: date) -> tuple[Limit, ...]:
    """Return the limits of tables by name, on a day.

    Args:
        tables: `eu` (whichever is in force that day), a `LimitTable`, or `city`; each with limits that are
            added to it as the city's own.
        day: of the mean.

    Raises:
        ValueError: there is no such table or limit.
    """
    found: list[Limit] = []
    for name, own in tables.items():
        if name == EU:
            found += TABLES[LimitTable.EU_UNTIL_2029 if day < EU_CHANGES else LimitTable.EU_2030]
        elif name in set(LimitTable):
            found += TABLES.get(LimitTable(name), ())
        else:
            raise ValueError(f"'{name}' is no table of limits; write {EU}, {', '.join(LimitTable)}")
        found += (own_limit(key, ugm3) for key, ugm3 in own.items())
    return tuple(found)
