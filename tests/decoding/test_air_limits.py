"""Dated tables of limits."""

from datetime import date
from pathlib import Path

import pytest

from edge.decoding.air_limits import TABLES, limits_in_force, own_limit
from edge.domain.air_quality import Averaging, LimitTable, Pollutant

NOW, THEN = date(2029, 12, 31), date(2030, 1, 1)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"eu_2031": {}}, "no table of limits"),
        ({"city": {"no2": 5.0}}, "is no limit"),
        ({"city": {"no3_1h": 5.0}}, "is no limit"),
        ({"city": {"no2_2h": 5.0}}, "is no limit"),
        ({"eu": {"pm2_5_year": 5.0}}, "is no limit"),
        ({"eu": {"_1h": 5.0}}, "is no limit"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(
    tables: dict[str, dict[str, float]], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        limits_in_force(tables, NOW)


def find(
    table: str, day: date, pollutant: Pollutant, averaging: Averaging
) -> tuple[float, int | None] | None:
    found = [
        (each.ugm3, each.allowed)
        for each in limits_in_force({table: {}}, day)
        if (each.pollutant, each.averaging) == (pollutant, averaging)
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_the_limits_of_the_eu_change_with_the_year_2030() -> None:
    assert find("eu", NOW, Pollutant.PM2_5, Averaging.DAY) is None
    assert find("eu", THEN, Pollutant.PM2_5, Averaging.DAY) == (25, 18)
    assert find("eu", NOW, Pollutant.PM10, Averaging.DAY) == (50, 35)
    assert find("eu", THEN, Pollutant.PM10, Averaging.DAY) == (45, 18)
    assert find("eu", NOW, Pollutant.NO2, Averaging.HOUR) == (200, 18)
    assert find("eu", THEN, Pollutant.NO2, Averaging.HOUR) == (200, 3)
    assert find("eu", NOW, Pollutant.O3, Averaging.EIGHT_HOURS) == (120, 25)
    assert find("eu", THEN, Pollutant.CO, Averaging.DAY) == (4000, 18)
    assert find("eu", NOW, Pollutant.SO2, Averaging.DAY) == (125, 3)


def test_the_guidelines_of_the_who() -> None:
    assert find("who_2021", NOW, Pollutant.PM2_5, Averaging.DAY) == (15, 3)
    assert find("who_2021", THEN, Pollutant.NO2, Averaging.DAY) == (25, 3)
    assert find("who_2021", THEN, Pollutant.O3, Averaging.EIGHT_HOURS) == (100, 3)


def test_a_city_may_add_its_own() -> None:
    limits = limits_in_force({"eu_2030": {"no2_1h": 150.0}, "city": {"pm2_5_day": 20.0}}, NOW)
    own = [each for each in limits if each.table is LimitTable.CITY]
    assert [(each.pollutant, each.averaging, each.ugm3, each.allowed) for each in own] == [
        (Pollutant.NO2, Averaging.HOUR, 150.0, None),
        (Pollutant.PM2_5, Averaging.DAY, 20.0, None),
    ]
    assert len(limits) == len(TABLES[LimitTable.EU_2030]) + 2


def test_24_hours_are_a_day() -> None:
    assert own_limit("pm10_24h", 45) == own_limit("pm10_day", 45)


def test_of_running_means_a_day_counts_once() -> None:
    assert own_limit("o3_8h", 110).by_day
    assert not own_limit("no2_1h", 110).by_day


def test_the_page_shows_every_limit_with_what_is_allowed() -> None:
    page = (Path(__file__).parents[2] / "docs" / "air.md").read_text()
    names = {Pollutant.PM2_5: "PM2.5", Pollutant.PM10: "PM10"}
    rows = [line.split("|")[1:5] for line in page.splitlines() if line.startswith("| ") and "(3)" in line]
    for column, table in enumerate(TABLES, start=1):
        for limit in TABLES[table]:
            name = names.get(limit.pollutant, limit.pollutant.upper())
            (row,) = [each for each in rows if each[0].split(",")[0].strip() == name]
            number = f"{limit.ugm3:g}" if limit.ugm3 < 10_000 else "10 000"
            allowed = f"{number} ({limit.allowed})" if limit.allowed else number
            assert allowed in row[column], (table, limit)
