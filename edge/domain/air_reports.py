"""The contract: reports of the air."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from edge.domain.air_observations import Conversion, FixGrade, HeatFormula, HeatGrade
from edge.domain.air_quality import Averaging, Correction, IndexName, LimitTable, Pollutant
from edge.domain.health import Absence
from edge.domain.report_base import (
    Azimuth,
    Concentration,
    Count,
    Duration,
    EventReport,
    Quantity,
    ReportBase,
    SensorReport,
    TimeResolution,
)

Temperature = Annotated[float, Field(ge=-90, le=100), Quantity("degC", 0.1)]
Humidity = Annotated[float, Field(ge=0, le=110), Quantity("%", 1)]
Pressure = Annotated[float, Field(ge=300, le=1200), Quantity("hPa", 0.1)]
Speed = Annotated[float, Field(ge=0, le=120), Quantity("m/s", 0.1)]
Rain = Annotated[float, Field(ge=0, le=1000), Quantity("mm", 0.1, digits=3)]
GasByMass = Annotated[float, Field(ge=-10_000, le=1_000_000), Quantity("ug/m3", 0.1, digits=3)]
GasByVolume = Annotated[float, Field(ge=-10_000, le=1_000_000), Quantity("ppb", 0.1, digits=3)]
Slope = Annotated[float, Field(ge=-1000, le=1000), Quantity("1", 0.01, digits=3)]
Offset = Annotated[float, Field(ge=-10_000, le=10_000), Quantity("ug/m3", 0.1, digits=3)]
Correlation = Annotated[float, Field(ge=-1, le=1), Quantity("1", 0.01)]
Percents = Annotated[float, Field(ge=0, le=1), Quantity("1", 0.01)]
HourTime = Annotated[AwareDatetime, TimeResolution(3600.0)]
MinuteTime = Annotated[AwareDatetime, TimeResolution(60.0)]
TimesAYear = Annotated[int, Field(ge=0, le=9000), Quantity("1", 1)]
Grade = Annotated[float, Field(ge=0, le=100), Quantity("1", 1)]
GasIndex = Annotated[float, Field(ge=0, le=10_000), Quantity("1", 1, digits=3)]
Height = Annotated[float, Field(ge=-600, le=6000), Quantity("m", 0.01)]
Rise = Annotated[float, Field(ge=-1000, le=1000), Quantity("m/h", 0.01, digits=3)]
Latitude = Annotated[float, Field(ge=-90, le=90), Quantity("deg", 0.0001)]
Longitude = Annotated[float, Field(ge=-180, le=180), Quantity("deg", 0.0001)]
Satellites = Annotated[float, Field(ge=0, le=99), Quantity("1", 1)]
Dilution = Annotated[float, Field(ge=0, le=100), Quantity("1", 0.1)]
IndexValue = Annotated[int, Field(ge=1, le=11), Quantity("1", 1)]
SensorNumber = Annotated[int, Field(ge=0, le=63), Quantity("1", 1)]
LongDuration = Annotated[float, Field(ge=0, le=31_622_400), Quantity("s", 60, digits=3)]
Pollutants = Annotated[tuple[Pollutant, ...], Field(max_length=len(Pollutant))]
CarbonDioxide = Annotated[float, Field(ge=0, le=100_000), Quantity("ppm", 1, digits=3)]


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


class GasIndicesReport(SensorReport):
    """Indices and grades of odours and volatile compounds, as a board gives them. No substance is named."""

    kind: Literal["gas_indices"] = "gas_indices"
    duration_s: Duration
    readings: Count
    voc_grade: Grade | None = None
    odour_grade: Grade | None = None
    voc_index: GasIndex | None = None
    nox_index: GasIndex | None = None
    odour_index: GasIndex | None = None
    absence: Absence | None = None


class HeatStressReport(SensorReport):
    """How hot the air feels in the shade; `wbgt_estimate_c` only with a globe thermometer, an estimate."""

    kind: Literal["heat_stress"] = "heat_stress"
    duration_s: Duration
    heat_index_c: Temperature | None = None
    formula: HeatFormula | None = None
    grade: HeatGrade | None = None
    wbgt_estimate_c: Temperature | None = None
    absence: Absence | None = None


class WaterLevelReport(SensorReport):
    """The level of water over one interval, above the zero of the lamppost's settings."""

    kind: Literal["water_level"] = "water_level"
    duration_s: Duration
    readings: Count
    level_m: Height | None = None
    lowest_m: Height | None = None
    highest_m: Height | None = None
    rise_m_per_h: Rise | None = None
    absence: Absence | None = None


class PositionReport(SensorReport):
    """Where the lamppost is, to 1e-4 degrees (11 m); told once a day and when it has moved."""

    kind: Literal["position"] = "position"
    latitude_deg: Latitude
    longitude_deg: Longitude
    moved: bool


class TimeQualityReport(SensorReport):
    """How well a GNSS receiver sees the sky: whether its time could be relied upon. It is not the time."""

    kind: Literal["time_quality"] = "time_quality"
    duration_s: Duration
    readings: Count
    fix_share: Percents
    grade: FixGrade
    satellites: Satellites | None = None
    hdop: Dilution | None = None


class CorrectedParticulatesReport(SensorReport):
    """Particulate matter of one interval, as the board says it and corrected for humidity by a named formula.

    Above 95 % (`fog`) nothing is corrected; `clamped`: the formula gave less than nothing, 0 stands for it.
    """

    kind: Literal["corrected_particulates"] = "corrected_particulates"
    duration_s: Duration
    readings: Count
    formula: Correction
    pm2_5_ugm3: Concentration | None = None
    pm2_5_corrected_ugm3: Concentration | None = None
    pm10_ugm3: Concentration | None = None
    pm10_corrected_ugm3: Concentration | None = None
    humidity_percent: Humidity | None = None
    clamped: bool
    fog: bool
    absence: Absence | None = None


class AirMeanReport(SensorReport):
    """The mean of one pollutant over an hour, 8 or 24 hours or a day of the city, which begins at its time.

    Absent when less than three quarters of the time are covered; `capture_share` says how much is.
    """

    phenomenon_time: HourTime
    result_time: MinuteTime

    kind: Literal["air_mean"] = "air_mean"
    pollutant: Pollutant
    averaging: Averaging
    mean_ugm3: GasByMass | None = None
    capture_share: Percents
    indicative: bool
    correction: Correction | None = None
    absence: Absence | None = None


class AirIndexReport(ReportBase):
    """An index of air quality over the hour that begins at its time; 1 is best.

    `missing`: pollutants of the index without a valid mean; with one of them it could only be higher.
    """

    phenomenon_time: HourTime
    result_time: MinuteTime

    kind: Literal["air_index"] = "air_index"
    index: IndexName
    value: IndexValue
    worst: Pollutant
    used: Pollutants
    missing: Pollutants
    indicative: bool


class AirExceedanceReport(SensorReport, EventReport):
    """A warning: means stay above a limit, or no longer do; its time is the end of the mean that is told.

    Whether a limit value is kept is not said.

    `exceedances`: how often this year, as far as this lamppost knows; `allowed`: how often the table allows.
    """

    kind: Literal["air_exceedance"] = "air_exceedance"
    pollutant: Pollutant
    table: LimitTable
    averaging: Averaging
    mean_ugm3: GasByMass
    limit_ugm3: GasByMass
    over: bool
    lasted_s: LongDuration
    exceedances: TimesAYear
    allowed: TimesAYear | None = None


class SensorAgreementReport(SensorReport):
    """How another board in the same air follows this one: other = offset + slope * this one."""

    kind: Literal["sensor_agreement"] = "sensor_agreement"
    other_sensor: SensorNumber
    pollutant: Pollutant
    hours: Count
    agreeing_share: Percents
    correlation: Correlation | None = None
    slope: Slope | None = None
    offset_ugm3: Offset | None = None
