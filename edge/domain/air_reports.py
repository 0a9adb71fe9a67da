"""The contract: reports of the air."""

from typing import Annotated, Literal

from pydantic import Field

from edge.domain.air_observations import Conversion
from edge.domain.health import Absence
from edge.domain.report_base import Azimuth, Concentration, Count, Duration, Quantity, SensorReport

Temperature = Annotated[float, Field(ge=-90, le=100), Quantity("degC", 0.1)]
Humidity = Annotated[float, Field(ge=0, le=110), Quantity("%", 1)]
Pressure = Annotated[float, Field(ge=300, le=1200), Quantity("hPa", 0.1)]
Speed = Annotated[float, Field(ge=0, le=120), Quantity("m/s", 0.1)]
Rain = Annotated[float, Field(ge=0, le=1000), Quantity("mm", 0.1)]
GasByMass = Annotated[float, Field(ge=-100_000, le=1_000_000), Quantity("ug/m3", 0.1)]
GasByVolume = Annotated[float, Field(ge=-100_000, le=1_000_000), Quantity("ppb", 0.1)]
CarbonDioxide = Annotated[float, Field(ge=0, le=100_000), Quantity("ppm", 1)]


class ParticulatesReport(SensorReport):
    """Mean mass concentrations over one interval; a value not measured or not valid is absent."""

    kind: Literal["particulates"] = "particulates"
    duration_s: Duration
    readings: Count
    pm1_ugm3: Concentration | None = None
    pm2_5_ugm3: Concentration | None = None
    pm4_ugm3: Concentration | None = None
    pm10_ugm3: Concentration | None = None
    absence: Absence | None = None


class WeatherReport(SensorReport):
    """Weather over one interval; a value not measured or not valid is absent."""

    kind: Literal["weather"] = "weather"
    duration_s: Duration
    readings: Count
    temperature_c: Temperature | None = None
    humidity_percent: Humidity | None = None
    pressure_hpa: Pressure | None = None
    wind_speed_ms: Speed | None = None
    wind_gust_ms: Speed | None = None
    wind_from_deg: Azimuth | None = None
    rain_mm: Rain | None = None
    absence: Absence | None = None


class GasesReport(SensorReport):
    """Mean concentrations of gases over one interval, by volume and by mass.

    `indicative`: from cells that cross-respond to each other, to temperature and to humidity; not to be held
    against limits. A mean below zero is how such a cell says that there is nothing.
    """

    kind: Literal["gases"] = "gases"
    duration_s: Duration
    readings: Count
    indicative: bool
    conversion: Conversion
    co2_ppm: CarbonDioxide | None = None
    no2_ppb: GasByVolume | None = None
    o3_ppb: GasByVolume | None = None
    so2_ppb: GasByVolume | None = None
    co_ppb: GasByVolume | None = None
    formaldehyde_ppb: GasByVolume | None = None
    no2_ugm3: GasByMass | None = None
    o3_ugm3: GasByMass | None = None
    so2_ugm3: GasByMass | None = None
    co_ugm3: GasByMass | None = None
    formaldehyde_ugm3: GasByMass | None = None
    absence: Absence | None = None
