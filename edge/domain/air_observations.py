"""Observations of the air: weather, gases, indices."""

from dataclasses import dataclass
from typing import ClassVar

from edge.domain.health import Absence
from edge.domain.observations import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather(Observation):
    """Means over one interval; None when not measured or not valid.

    Attributes:
        wind_from_deg: where the wind comes from, vector mean, clockwise from true north.
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
