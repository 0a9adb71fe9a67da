"""One alarm for a pollutant above its limit, and where the wind comes from."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from edge.domain.air_observations import AirExceedance
from edge.domain.air_quality import Averaging, LimitTable, Pollutant
from edge.domain.events import AirAlert
from edge.domain.health import Absence
from edge.domain.observations import Observation
from edge.fusion.air_alert import Config, build
from tests.fusion.observed import BOARD, BUTTON, at, monotonic, weather

HOUR_S = 3600.0


def warning(after_s: float, *, over: bool = True, **more: Any) -> AirExceedance:
    """A mean of the hour that began then, known at its end."""
    given: dict[str, Any] = {
        "source": BOARD,
        "pollutant": Pollutant.NO2,
        "averaging": Averaging.HOUR,
        "limit_ugm3": 200,
    }
    return AirExceedance(
        time=at(after_s),
        result_time_ns=at(after_s + HOUR_S).utc_ns,
        averaging_s=HOUR_S,
        mean_ugm3=250,
        over=over,
        lasted_s=HOUR_S,
        **(given | more),
    )


def told(observations: Iterable[Observation], until_s: float | None = None) -> list[AirAlert]:
    rule: Any = build(Config())
    events = [event for o in observations for event in rule.accept(o)]
    if until_s is not None:
        events += rule.elapse(monotonic(until_s))
    return events


def wind(after_s: float) -> Observation:
    return replace(weather(after_s, 10.0, 3.0), wind_from_deg=240.0)


def test_a_warning_is_told_with_the_wind_and_ends_with_the_warning() -> None:
    seen = [wind(3500), warning(0), wind(4 * HOUR_S - 100), warning(3 * HOUR_S, over=False)]
    first, last = told(seen, 5 * HOUR_S)
    assert (first.stage, first.pollutant, first.mean_ugm3, first.limit_ugm3) == ("onset", "no2", 250, 200)
    assert (first.wind_from_deg, first.wind_speed_ms, first.wind_absence) == (240, 3, None)
    assert (first.time, first.confirmed) == (at(0), False)
    assert (last.stage, last.lasted_s) == ("end", 3 * HOUR_S)


def test_no_wind_is_absent_with_its_reason() -> None:
    (none,) = told([warning(0)])
    assert (none.wind_from_deg, none.wind_absence) == (None, Absence.NO_READING)
    rule: Any = build(Config())
    list(rule.accept(wind(0)))
    list(rule.elapse(monotonic(3 * HOUR_S)))
    (stale,) = rule.accept(warning(2 * HOUR_S))
    assert stale.wind_absence is Absence.STALE
    (broken,) = told([replace(weather(3500), wind_speed_ms=None, absence=Absence.SENSOR_FAULT), warning(0)])
    assert broken.wind_absence is Absence.SENSOR_FAULT


def test_a_second_board_confirms_and_pollutants_are_apart() -> None:
    events = told([warning(0), warning(60, source=BUTTON), warning(0, pollutant=Pollutant.PM10)])
    assert [(e.stage.value, e.pollutant.value, e.confirmed) for e in events] == [
        ("onset", "no2", False),
        ("update", "no2", True),
        ("onset", "pm10", False),
    ]


def test_a_warning_told_again_confirms_nothing_and_the_end_of_one_is_none() -> None:
    events = told([warning(0), warning(6 * HOUR_S), warning(6 * HOUR_S)])
    assert [(e.stage.value, e.confirmed) for e in events] == [("onset", False)]
    assert told([warning(0, over=False)], HOUR_S) == []


def test_one_mean_against_two_tables_confirms_nothing_at_once_or_later() -> None:
    who: dict[str, Any] = {"table": LimitTable.WHO_2021, "limit_ugm3": 25}
    at_once = told([warning(0), warning(0, **who)])
    assert [(e.stage.value, e.confirmed) for e in at_once] == [("onset", False)]
    later = told([warning(0), warning(2 * HOUR_S, **who)])
    assert [(e.stage.value, e.confirmed) for e in later] == [("onset", False)]


def test_two_tables_that_were_exceeded_in_the_quiet_after_an_alert_confirm_nothing_either() -> None:
    who: dict[str, Any] = {"table": LimitTable.WHO_2021, "limit_ugm3": 25}
    rule: Any = build(Config(refractory_s=3600, hold_s=1))
    seen = [warning(0), warning(100, over=False), warning(200), warning(300, **who), warning(4000)]
    events = [event for o in seen for event in rule.accept(o)]
    assert [(e.stage.value, e.confirmed) for e in events] == [
        ("onset", False),
        ("end", False),
        ("onset", False),
    ]


def test_another_averaging_time_confirms() -> None:
    events = told([warning(0), warning(HOUR_S, averaging=Averaging.TWENTY_FOUR_HOURS)])
    assert [(e.stage.value, e.confirmed) for e in events] == [("onset", False), ("update", True)]


def test_a_board_goes_on_until_its_last_limit_is_over() -> None:
    other: dict[str, Any] = {"table": LimitTable.WHO_2021, "limit_ugm3": 25}
    seen = [warning(0), warning(0, **other), warning(3 * HOUR_S, over=False)]
    assert [e.stage.value for e in told(seen, 10 * HOUR_S)] == ["onset"]
    ended = told([*seen, warning(11 * HOUR_S, over=False, **other)], 20 * HOUR_S)
    assert [(e.stage.value, e.confirmed) for e in ended] == [("onset", False), ("end", False)]


def test_one_limit_that_is_over_does_not_end_another() -> None:
    day: dict[str, Any] = {"averaging": Averaging.TWENTY_FOUR_HOURS}
    seen = [warning(0), warning(HOUR_S, **day), warning(3 * HOUR_S, over=False)]
    assert [e.stage.value for e in told(seen, 10 * HOUR_S)] == ["onset", "update"]
    assert [e.stage.value for e in told([*seen, warning(11 * HOUR_S, over=False, **day)], 20 * HOUR_S)] == [
        "onset",
        "update",
        "end",
    ]
