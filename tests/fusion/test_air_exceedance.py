"""Warnings against limits: never on one mean, with hysteresis, counted by the year, over restarts."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from edge.domain.air_observations import AirExceedance, AirMean
from edge.domain.air_quality import Averaging, LimitTable, Pollutant
from edge.domain.city import City
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime
from edge.fusion.air_exceedance import AirExceedanceRule, Config

AIR = SourceId("air", 0, Component.SERIAL_BOARD)
HOUR_NS = 3600 * NS_PER_S
START = datetime(2030, 5, 1, tzinfo=UTC)
LENGTH_H = {Averaging.HOUR: 1, Averaging.EIGHT_HOURS: 8, Averaging.TWENTY_FOUR_HOURS: 24, Averaging.DAY: 24}


def mean(ended_h: int, ugm3: float | None, **changed: Any) -> AirMean:
    given: dict[str, Any] = {
        "pollutant": Pollutant.NO2,
        "averaging": Averaging.HOUR,
        "begin": START,
        **changed,
    }
    ended_ns = int(given.pop("begin").timestamp()) * NS_PER_S + ended_h * HOUR_NS
    begin_ns = ended_ns - LENGTH_H[given["averaging"]] * HOUR_NS
    return AirMean(
        time=CaptureTime(begin_ns, begin_ns),
        ended_ns=ended_ns,
        mean_ugm3=ugm3,
        capture_share=1.0,
        **{"source": AIR, "indicative": False, **given},
    )


def rule(tables: dict[str, dict[str, float]] | None = None, **config: Any) -> AirExceedanceRule:
    made = AirExceedanceRule(Config(**config))
    made.obey(City(air_limits=tables if tables is not None else {"eu": {}}))
    return made


def told(made: AirExceedanceRule, *means: AirMean) -> list[AirExceedance]:
    return [warning for each in means for warning in made.accept(each)]


def hours(*values: float | None, **changed: Any) -> list[AirMean]:
    return [mean(number, value, **changed) for number, value in enumerate(values, 1)]


def test_one_mean_is_never_enough() -> None:
    assert told(rule(), *hours(5000, 100, 5000, 100)) == []
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        Config(least_means=1)


def test_two_in_a_row_are_a_warning_that_ends_below_the_limit() -> None:
    began, ended = told(rule(), *hours(150, 210, 230, 240, 199, 191, 190, 100))
    assert (began.over, began.mean_ugm3, began.limit_ugm3, began.lasted_s) == (True, 230, 200, 7200)
    assert (began.table, began.averaging, began.averaging_s) == (LimitTable.EU_2030, Averaging.HOUR, 3600)
    assert (began.exceedances, began.allowed) == (2, 3)
    assert began.time.utc_ns == int(START.timestamp()) * NS_PER_S + 3 * HOUR_NS
    assert (ended.over, ended.mean_ugm3, ended.exceedances) == (False, 190, 3)


def test_exactly_the_limit_does_not_exceed_it() -> None:
    assert told(rule(), *hours(200, 200, 200, 200)) == []


def test_a_missing_mean_is_neither_above_nor_below() -> None:
    began, ended = told(rule(), *hours(210, None, 210, None, None, None, 100))
    assert (began.over, ended.over) == (True, False)
    assert told(rule(), *hours(210, None, None, 210)) == []


def test_a_board_that_was_silent_for_a_day_begins_anew() -> None:
    means = [*hours(210, 210), mean(40, 100)]
    assert [warning.over for warning in told(rule(), *means)] == [True]


def test_a_warning_that_lasts_is_told_again_now_and_then() -> None:
    warnings = told(rule(repeat_s=10_800), *hours(*[250.0] * 10))
    assert [warning.lasted_s / 3600 for warning in warnings] == [2, 5, 8]


def test_cells_that_cross_respond_are_never_held_against_limits() -> None:
    assert told(rule(), *hours(900, 900, 900, indicative=True)) == []


def test_a_limit_for_days_is_watched_with_the_last_24_hours_and_counted_by_days() -> None:
    made = rule()
    running = {"pollutant": Pollutant.PM2_5, "averaging": Averaging.TWENTY_FOUR_HOURS}
    day = {"pollutant": Pollutant.PM2_5, "averaging": Averaging.DAY}
    assert told(made, mean(24, 30, **day)) == []
    assert told(made, mean(24, 30, **running)) == []
    (warning,) = told(made, mean(25, 31, **running))
    assert (warning.limit_ugm3, warning.averaging, warning.averaging_s) == (
        25,
        Averaging.TWENTY_FOUR_HOURS,
        86_400,
    )
    assert (warning.exceedances, warning.allowed) == (1, 18)


def test_running_means_count_a_day_once() -> None:
    ozone = {"pollutant": Pollutant.O3, "averaging": Averaging.EIGHT_HOURS}
    warnings = told(rule(repeat_s=3600), *hours(*[130.0] * 50, **ozone))
    assert warnings[0].exceedances == 1
    assert warnings[-1].exceedances == 3


def test_the_count_begins_anew_with_the_year_of_the_city() -> None:
    made = rule()
    eve = datetime(2030, 12, 31, 20, tzinfo=UTC)
    warnings = told(made, *hours(250, 250, 250, 250, 250, 250, 250, 250, 250, begin=eve))
    assert warnings[0].exceedances == 2
    assert warnings[-1].exceedances == 4  # five hours into the year, of which four have ended


def test_the_limits_of_the_day_hold() -> None:
    old = datetime(2029, 5, 1, tzinfo=UTC)
    day = {"pollutant": Pollutant.PM2_5, "averaging": Averaging.TWENTY_FOUR_HOURS}
    assert told(rule(), *hours(30, 30, begin=old, **day)) == []
    assert len(told(rule(), *hours(30, 30, **day))) == 1


def test_a_city_has_limits_of_its_own_and_each_table_is_told_by_itself() -> None:
    warnings = told(rule({"eu": {}, "city": {"no2_1h": 150}}), *hours(210, 210))
    assert {(warning.table, warning.limit_ugm3) for warning in warnings} == {
        (LimitTable.EU_2030, 200),
        (LimitTable.CITY, 150),
    }
    assert told(rule({"who_2021": {}}), *hours(30, 30)) == []


def test_a_city_without_tables_is_held_against_those_of_the_eu() -> None:
    assert [warning.table for warning in told(rule({}), *hours(210, 210))] == [LimitTable.EU_2030]


def test_a_table_that_does_not_exist_is_refused_and_the_old_ones_stay() -> None:
    made = rule({"city": {"no2_1h": 150}})
    with pytest.raises(ValueError, match="no table"):
        made.obey(City(air_limits={"us": {}}))
    assert len(told(made, *hours(160, 160))) == 1


def test_other_boards_can_be_left_out() -> None:
    assert told(rule(sources=("roof",)), *hours(210, 210)) == []


def test_counts_and_warnings_outlive_a_restart() -> None:
    before = rule()
    assert len(told(before, *hours(210, 210))) == 1
    after = rule()
    after.recall(json.loads(json.dumps(before.remember())))
    (ended,) = told(after, mean(3, 210), mean(4, 100))
    assert (ended.over, ended.exceedances, ended.lasted_s) == (False, 3, 4 * 3600)


@pytest.mark.parametrize(
    "wrong", [{}, {"courses": [1], "counts": []}, {"courses": [], "counts": [[{"source": "x"}, {}]]}]
)
def test_a_memory_of_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        rule().recall(wrong)
