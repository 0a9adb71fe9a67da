"""Observations of the air: weather, gases, indices, and what follows from their means."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edge.domain.health import Absence
from edge.domain.observations import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather(Observation):
    """Means over one interval; None when not measured or not valid.

    Attributes:
        wind_speed_ms: mean of the speeds, whatever their direction.
        wind_gust_ms: the highest mean over 3 s, or what the board itself calls a gust.
        wind_from_deg: where the wind comes from, vector mean, clockwise from true north; None in a calm.
        rain_mm: fallen during the interval.
    """

    kind: ClassVar[str] = "weather"
    duration_s: float
    readings: int
    temperature_c: float | None = None
    humidity_percent: float | None = None
    pressure_hpa: float | None = None
    wind_speed_ms: float | None = None
    wind_gust_ms: float | None = None
    wind_from_deg: float | None = None
    rain_mm: float | None = None
    absence: Absence | None = None


class Conversion(StrEnum):
    """At what temperature and pressure a gas's volume was turned into mass."""

    EU_293K = "eu_293k"
    AMBIENT = "ambient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gases(Observation):
    """Means over one interval, by volume and by mass; None when not measured or not valid.

    A mean may be below zero: that is how an electrochemical cell says that there is nothing.

    Attributes:
        indicative: from cells that cross-respond to each other, to temperature and to humidity; never held
            against limits.
        conversion: what `..._ugm3` of a gas measured by volume refers to.
        valid_share: share of the readings that had a valid value, 0..1.
    """

    kind: ClassVar[str] = "gases"
    duration_s: float
    readings: int
    indicative: bool
    conversion: Conversion
    co2_ppm: float | None = None
    no2_ppb: float | None = None
    o3_ppb: float | None = None
    so2_ppb: float | None = None
    co_ppb: float | None = None
    formaldehyde_ppb: float | None = None
    no2_ugm3: float | None = None
    o3_ugm3: float | None = None
    so2_ugm3: float | None = None
    co_ugm3: float | None = None
    formaldehyde_ugm3: float | None = None
    absence: Absence | None = None
    valid_share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AirExceedance(Observation):
    """A mean passed a limit of the city's tables, goes on above it, or came back under it.

    Attributes:
        limit_ugm3: the limit; `mean_ugm3` the mean that was compared, over `averaging_s`.
        pollutant: a name of the contract's enumeration, for example `pm2_5`.
        over: whether the mean is above the limit.
    """

    kind: ClassVar[str] = "air_exceedance"
    pollutant: str
    averaging_s: float
    mean_ugm3: float
    limit_ugm3: float
    over: bool
    lasted_s: float
