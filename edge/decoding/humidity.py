"""Correcting particulate matter for the water that particles hold, by formulas with a name.

Every formula is a fit to particular sensors in a particular climate: raw and corrected values both go on, and
the formula's name with them. Above 95 % nothing is corrected: droplets of fog are counted as particles.
"""

import math
from dataclasses import dataclass

from edge.domain.air_quality import Correction

FOG_PERCENT = 95.0
"""Above it no formula holds."""

DEFAULT_KAPPA = 0.35
"""Hygroscopicity of urban aerosol, 0.3..0.4 (Crilley et al. 2018, AMT 11, 709)."""

_DRY_DENSITY = 1.65  # g/cm3, in the same source; water is 1
_HIGHEST_ACTIVITY = 0.95

EPA = (Correction.EPA_US_WIDE, Correction.EPA_TWO_PART, Correction.AIRNOW_FIRE_AND_SMOKE)
"""Fits to PM2.5 of Plantower PMS5003 pairs: the first two of the column cf_1, the third of cf_atm."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected value; `clamped` when the formula gave less than nothing and 0 stands for it."""

    ugm3: float
    clamped: bool


def correct(
    formula: Correction, raw_ugm3: float, humidity_percent: float, kappa: float = DEFAULT_KAPPA
) -> Corrected:
    """Return a mass concentration as it would be of dry particles.

    Args:
        formula: which; those of the EPA are for PM2.5 in the column that `EPA` names, nothing else.
        raw_ugm3: what the sensor says.
        humidity_percent: of the air the sensor sees, 0 to `FOG_PERCENT`.
        kappa: hygroscopicity, of `kappa_koehler` only.

    Raises:
        ValueError: a value is no number or out of its range.
    """
    if not (math.isfinite(raw_ugm3) and raw_ugm3 >= 0):
        raise ValueError(f"{raw_ugm3} ug/m3 is no mass concentration")
    if not 0 <= humidity_percent <= FOG_PERCENT:
        raise ValueError(f"{humidity_percent} %: no formula holds outside 0..{FOG_PERCENT:g} %")
    match formula:
        case Correction.KAPPA_KOEHLER:
            value = kappa_koehler(raw_ugm3, humidity_percent, kappa)
        case Correction.EPA_US_WIDE:
            value = epa_us_wide(raw_ugm3, humidity_percent)
        case Correction.EPA_TWO_PART:
            value = epa_two_part(raw_ugm3, humidity_percent)
        case Correction.AIRNOW_FIRE_AND_SMOKE:
            value = airnow_fire_and_smoke(raw_ugm3, humidity_percent)
    return Corrected(max(0.0, value), value < 0)


def kappa_koehler(raw_ugm3: float, humidity_percent: float, kappa: float) -> float:
    """Divide by the growth of particles (Crilley et al. 2018; Di Antonio et al. 2018, Sensors 18, 2790)."""
    activity = min(humidity_percent / 100.0, _HIGHEST_ACTIVITY)
    # activity / (1 - activity) is 1 / (1 / activity - 1), also where the air is dry.
    return raw_ugm3 / (1.0 + kappa / _DRY_DENSITY * activity / (1.0 - activity))


def epa_us_wide(cf1_ugm3: float, humidity_percent: float) -> float:
    """Apply the linear fit of Barkjohn et al. 2021 (AMT 14, 4617), made of 24-hour means."""
    return 0.524 * cf1_ugm3 - 0.0862 * humidity_percent + 5.75


def epa_two_part(cf1_ugm3: float, humidity_percent: float) -> float:
    """Apply the EPA's fit of 2021 with a second part for smoke above 343 ug/m3 (R package AirSensor2)."""
    if cf1_ugm3 <= 343:
        return 0.52 * cf1_ugm3 - 0.086 * humidity_percent + 5.75
    return 0.46 * cf1_ugm3 + 3.93e-4 * cf1_ugm3**2 + 2.97


def airnow_fire_and_smoke(atm_ugm3: float, humidity_percent: float) -> float:
    """Apply the fit of the AirNow Fire and Smoke Map (US EPA, dirEntryId 353088, page 26)."""
    x, water = atm_ugm3, -0.0862 * humidity_percent
    if x < 30:
        return 0.524 * x + water + 5.75
    if x < 50:
        share = x / 20 - 1.5
        return (0.786 * share + 0.524 * (1 - share)) * x + water + 5.75
    smoke = 2.966 + 0.69 * x + 8.84e-4 * x**2
    if x >= 260:
        return smoke
    city = 0.786 * x + water + 5.75
    if x < 210:
        return city
    share = x / 50 - 4.2
    return smoke * share + city * (1 - share)
