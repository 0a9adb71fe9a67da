"""The closed vocabulary of air quality: pollutants, averaging times, formulas, indices, tables of limits."""

from enum import StrEnum


class Pollutant(StrEnum):
    """What is averaged and held against limits."""

    PM2_5 = "pm2_5"
    PM10 = "pm10"
    NO2 = "no2"
    O3 = "o3"
    SO2 = "so2"
    CO = "co"


class Averaging(StrEnum):
    """Over what a mean goes. Those of 8 and 24 hours run and are told each hour; `day` is the city's day."""

    HOUR = "1h"
    EIGHT_HOURS = "8h"
    TWENTY_FOUR_HOURS = "24h"
    DAY = "day"


class Correction(StrEnum):
    """By which formula particulate matter was corrected for humidity (`edge.decoding.humidity`)."""

    KAPPA_KOEHLER = "kappa_koehler"
    EPA_US_WIDE = "epa_us_wide"
    EPA_TWO_PART = "epa_two_part"
    AIRNOW_FIRE_AND_SMOKE = "airnow_fire_and_smoke"


class IndexName(StrEnum):
    """Indices of air quality (`edge.decoding.air_indices`)."""

    LKI = "lki"
    EAQI_2024 = "eaqi_2024"


class LimitTable(StrEnum):
    """Tables of limits (`edge.decoding.air_limits`); `city`: the city's own."""

    EU_UNTIL_2029 = "eu_until_2029"
    EU_2030 = "eu_2030"
    WHO_2021 = "who_2021"
    CITY = "city"
