"""Observations of the air: weather, gases, indices, and what follows from their means."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edge.domain.air_quality import Averaging, Correction, LimitTable, Pollutant
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
class GasIndices(Observation):
    """What boards say of odours and volatile compounds over one interval: their own indices and grades.

    No substance and no concentration: nobody measured one. Of grades the highest, of indices the mean.
    """

    kind: ClassVar[str] = "gas_indices"
    duration_s: float
    readings: int
    voc_grade: float | None = None
    odour_grade: float | None = None
    voc_index: float | None = None
    nox_index: float | None = None
    odour_index: float | None = None
    absence: Absence | None = None


class HeatFormula(StrEnum):
    """What gave a heat index: Steadman's simple formula, or from 80 degF on Rothfusz's regression."""

    STEADMAN = "steadman"
    ROTHFUSZ = "rothfusz"


class HeatGrade(StrEnum):
    """Classes of the heat index, as the US National Weather Service names them."""

    NONE = "none"
    CAUTION = "caution"
    EXTREME_CAUTION = "extreme_caution"
    DANGER = "danger"
    EXTREME_DANGER = "extreme_danger"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatStress(Observation):
    """How hot the air feels, from the means of one interval.

    Attributes:
        heat_index_c: in the shade, for somebody who walks; `formula` gave it.
        wbgt_estimate_c: only where a globe thermometer is; see `edge.decoding.heat`.
    """

    kind: ClassVar[str] = "heat_stress"
    duration_s: float
    heat_index_c: float | None
    formula: HeatFormula | None
    grade: HeatGrade | None
    wbgt_estimate_c: float | None = None
    absence: Absence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterLevel(Observation):
    """The level of water over one interval, metres above the zero of the settings.

    Attributes:
        level_m: median.
        rise_m_per_h: slope of the line through the readings; None with fewer than three.
    """

    kind: ClassVar[str] = "water_level"
    duration_s: float
    readings: int
    level_m: float | None
    lowest_m: float | None
    highest_m: float | None
    rise_m_per_h: float | None
    absence: Absence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position(Observation):
    """Where the lamppost is, coarsely; told once a day and when that changes.

    Attributes:
        moved: it is not where it should be, or where it was first.
    """

    kind: ClassVar[str] = "position"
    latitude_deg: float
    longitude_deg: float
    moved: bool


class FixGrade(StrEnum):
    """What a GNSS receiver is good for: position and time, position at a pinch, or nothing."""

    GOOD = "good"
    POOR = "poor"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeQuality(Observation):
    """How well a GNSS receiver sees the sky over one interval: whether its time could be relied upon.

    It is not the time: that is the system clock's business.

    Attributes:
        fix_share: share of the readings with a position, 0..1.
        satellites: median; hdop likewise, the dilution of precision.
    """

    kind: ClassVar[str] = "time_quality"
    duration_s: float
    readings: int
    fix_share: float
    grade: FixGrade
    satellites: float | None = None
    hdop: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedParticulates(Observation):
    """Particulate matter of one interval, as the board says it and as it would be of dry particles.

    Attributes:
        pm2_5_ugm3: what the formula was given, of the column that it is a fit to; pm10_ugm3 likewise.
        pm2_5_corrected_ugm3: None when it cannot be corrected, and `absence` says why.
        humidity_percent: what the formula was given; None when it is not known.
        clamped: the formula gave less than nothing, and 0 stands for it.
        fog: the air is too wet for any formula.
    """

    kind: ClassVar[str] = "corrected_particulates"
    duration_s: float
    readings: int
    formula: Correction
    pm2_5_ugm3: float | None
    pm2_5_corrected_ugm3: float | None
    pm10_ugm3: float | None
    pm10_corrected_ugm3: float | None
    humidity_percent: float | None
    clamped: bool
    fog: bool
    absence: Absence | None = None
    valid_share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AirMean(Observation):
    """The mean of one pollutant at one board over an hour, 8 or 24 hours or a day; `time` is its beginning.

    Attributes:
        ended_ns: when it ended, UTC.
        mean_ugm3: None when less than three quarters of the time are covered.
        capture_share: share of the time, or of its hours, that valid readings cover, 0..1.
        indicative: measured by cells that cross-respond; never held against limits.
        correction: formula of the values that were averaged; None of raw ones.
    """

    kind: ClassVar[str] = "air_mean"
    ended_ns: int
    pollutant: Pollutant
    averaging: Averaging
    mean_ugm3: float | None
    capture_share: float
    indicative: bool
    correction: Correction | None = None
    absence: Absence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorAgreement(Observation):
    """How another board in the same air follows this one, hour by hour: other = offset + slope * this one.

    Attributes:
        other_sensor: its number.
        hours: that both have measured.
        agreeing_share: share of those hours in which they say the same, 0..1.
        correlation: None where the air stayed the same.
        slope: None where they do not follow each other; offset_ugm3 likewise.
    """

    kind: ClassVar[str] = "sensor_agreement"
    other_sensor: int
    pollutant: Pollutant
    hours: int
    agreeing_share: float
    correlation: float | None
    slope: float | None
    offset_ugm3: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AirExceedance(Observation):
    """A mean passed a limit of the city's tables, goes on above it, or came back under it; `time` is its end.

    Attributes:
        limit_ugm3: the limit; `mean_ugm3` the mean that was compared, over `averaging_s`.
        pollutant: what it is of.
        over: whether the mean is above the limit.
        table: which table the limit is of.
        averaging: of the mean; a limit for days is compared with the last 24 hours.
        exceedances: how often the limit was exceeded this year, as far as this lamppost knows.
        allowed: how often the table allows it in a year; None where it does not say.
    """

    kind: ClassVar[str] = "air_exceedance"
    pollutant: Pollutant
    averaging_s: float
    mean_ugm3: float
    limit_ugm3: float
    over: bool
    lasted_s: float
    table: LimitTable = LimitTable.CITY
    averaging: Averaging = Averaging.HOUR
    exceedances: int = 0
    allowed: int | None = None
