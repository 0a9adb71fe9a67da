"""Means over hours, 8 and 24 hours and days: coverage, restarts, silent boards, wrong clocks, summer time."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.domain.air_observations import AirMean, CorrectedParticulates, Gases
from edge.domain.air_quality import Averaging, Correction, Pollutant
from edge.domain.city import City
from edge.domain.health import Absence, Component
from edge.domain.identity import SourceId
from edge.domain.observations import Observation, Particulates
from edge.domain.time import NS_PER_S, CaptureTime
from edge.fusion.air_means import AirMeans, Config

approx: Any = pytest.approx

AIR = SourceId("air", 0, Component.SERIAL_BOARD)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(second: float, begin: datetime = NOON) -> CaptureTime:
    return CaptureTime(int(begin.timestamp()) * NS_PER_S, 50 * NS_PER_S, 0.5).shifted(second)


def particles(second: float, pm2_5: float | None, begin: datetime = NOON, **values: Any) -> Particulates:
    given = {"duration_s": 60, "readings": 60, "pm2_5_ugm3": pm2_5, **values}
    return Particulates(source=AIR, time=at(second, begin), **given)


def minutes(first: int, last: int, pm2_5: float | None = 10.0, begin: datetime = NOON) -> list[Particulates]:
    return [particles(60.0 * minute, pm2_5, begin) for minute in range(first, last)]


def told(rule: AirMeans, observations: Iterable[Observation]) -> list[AirMean]:
    means = []
    for observation in observations:
        found = list(rule.accept(observation))
        # What follows is told to every rule, also to the one that it comes from.
        assert [each for mean in found for each in rule.accept(mean)] == []
        means += found
    return means


def of(means: list[AirMean], averaging: Averaging) -> list[AirMean]:
    return [mean for mean in means if mean.averaging is averaging]


def rule(timezone: str = "UTC", **config: Any) -> AirMeans:
    made = AirMeans(Config(**config))
    made.obey(City(timezone=timezone))
    return made


def hour_of(observations: Sequence[Observation]) -> AirMean:
    (hour,) = of(told(rule(), [*observations, particles(3600, 99.0)]), Averaging.HOUR)
    return hour


def test_an_hour_is_the_mean_of_its_minutes_and_says_what_it_covers() -> None:
    hour = hour_of([*minutes(0, 30, 10.0), *minutes(30, 60, 20.0)])
    assert (hour.mean_ugm3, hour.capture_share, hour.absence) == (approx(15.0), 1.0, None)
    assert (hour.pollutant, hour.indicative, hour.correction) == (Pollutant.PM2_5, False, None)
    assert (hour.source, hour.time.utc_ns, hour.ended_ns) == (AIR, at(0).utc_ns, at(3600).utc_ns)
    assert (hour.time.monotonic_ns, hour.time.uncertainty_ms) == (at(0).monotonic_ns, 0.5)


def test_three_quarters_are_enough_and_less_is_absent() -> None:
    assert hour_of(minutes(15, 60)).mean_ugm3 == approx(10.0)
    gone = hour_of(minutes(16, 60))
    assert (gone.mean_ugm3, gone.absence) == (None, Absence.LOW_CAPTURE)
    assert gone.capture_share == approx(44 / 60)


def test_minutes_without_a_value_cover_nothing() -> None:
    assert hour_of([*minutes(0, 40), *minutes(40, 60, None)]).mean_ugm3 is None


def test_an_interval_covers_as_much_as_its_readings_were_valid() -> None:
    half = [particles(60.0 * minute, 10.0, valid_share=0.5) for minute in range(60)]
    assert hour_of(half).capture_share == approx(0.5)


def test_an_interval_across_the_hour_counts_in_both() -> None:
    intervals = [particles(600.0 * i - 300, float(i), duration_s=600) for i in range(8)]
    (before, hour) = of(told(rule(), [*intervals, particles(7200, 0.0)]), Averaging.HOUR)[:2]
    assert (before.mean_ugm3, before.capture_share) == (None, approx(300 / 3600))
    assert hour.mean_ugm3 == approx((0 * 0.5 + 1 + 2 + 3 + 4 + 5 + 6 * 0.5) / 6)


def test_zero_is_a_mean() -> None:
    assert hour_of(minutes(0, 60, 0.0)).mean_ugm3 == 0.0


def test_of_24_hours_eighteen_are_enough() -> None:
    means = of(told(rule(), minutes(0, 25 * 60)), Averaging.TWENTY_FOUR_HOURS)
    assert [mean.mean_ugm3 is not None for mean in means] == [False] * 17 + [True] * 7
    assert means[16].capture_share == approx(17 / 24)
    assert means[17].ended_ns - means[17].time.utc_ns == 86_400 * NS_PER_S


def test_a_day_is_one_of_the_city() -> None:
    means = of(told(rule("Europe/Amsterdam"), minutes(0, 48 * 60)), Averaging.DAY)
    ends = [datetime.fromtimestamp(mean.ended_ns / NS_PER_S, UTC).isoformat() for mean in means]
    assert ends == ["2026-05-01T22:00:00+00:00", "2026-05-02T22:00:00+00:00"]
    assert [mean.mean_ugm3 for mean in means] == [None, approx(10.0)]
    assert means[0].capture_share == approx(10 / 24)


@pytest.mark.parametrize(
    ("begin", "hours"),
    [(datetime(2026, 3, 28, 23, tzinfo=UTC), 23), (datetime(2026, 10, 24, 22, tzinfo=UTC), 25)],
)
def test_the_days_when_the_clock_is_changed_have_23_and_25_hours(begin: datetime, hours: int) -> None:
    means = told(rule("Europe/Amsterdam"), minutes(0, 60 * hours + 1, begin=begin))
    (day,) = of(means, Averaging.DAY)
    assert (day.ended_ns - day.time.utc_ns) / NS_PER_S == hours * 3600
    assert day.capture_share == 1.0


def gas(second: float, *, indicative: bool = True, **values: Any) -> Gases:
    given = {"duration_s": 60, "readings": 6, "conversion": "eu_293k", **values}
    return Gases(source=AIR, time=at(second), indicative=indicative, **given)


def test_only_ozone_and_carbon_monoxide_have_means_of_eight_hours() -> None:
    gases = [gas(60.0 * minute, no2_ugm3=30.0, o3_ugm3=80.0) for minute in range(8 * 60 + 1)]
    means = told(rule(), gases)
    eight = of(means, Averaging.EIGHT_HOURS)
    assert {mean.pollutant for mean in eight} == {Pollutant.O3}
    assert [mean.mean_ugm3 for mean in eight] == [None] * 5 + [approx(80.0)] * 3
    assert all(mean.indicative for mean in means)
    assert {mean.pollutant for mean in means} == {Pollutant.NO2, Pollutant.O3}


def test_intervals_of_another_length_on_the_same_board_are_waited_for() -> None:
    gases = [gas(600.0 * i - 300, duration_s=600, no2_ugm3=30.0) for i in range(9)]
    both: list[Any] = sorted(
        [*minutes(0, 80), *gases], key=lambda each: each.time.utc_ns + each.duration_s * NS_PER_S
    )
    hours = of(told(rule(), both), Averaging.HOUR)
    assert {mean.pollutant: mean.capture_share for mean in hours if mean.time == at(0)} == {
        Pollutant.PM2_5: 1.0,
        Pollutant.NO2: 1.0,
    }


def test_corrected_means_are_made_of_corrected_values_only() -> None:
    def dry(second: float) -> CorrectedParticulates:
        return CorrectedParticulates(
            source=AIR,
            time=at(second),
            duration_s=60,
            readings=60,
            formula=Correction.KAPPA_KOEHLER,
            pm2_5_ugm3=10.0,
            pm2_5_corrected_ugm3=6.0,
            pm10_ugm3=None,
            pm10_corrected_ugm3=None,
            humidity_percent=70.0,
            clamped=False,
            fog=False,
        )

    both = [each for minute in range(61) for each in (particles(60.0 * minute, 10.0), dry(60.0 * minute))]
    (raw,) = of(told(rule(), both), Averaging.HOUR)
    (corrected,) = of(told(rule(particulates="corrected"), both), Averaging.HOUR)
    assert (raw.mean_ugm3, raw.correction) == (approx(10.0), None)
    assert (corrected.mean_ugm3, corrected.correction) == (approx(6.0), Correction.KAPPA_KOEHLER)


def test_the_hour_of_a_silent_board_is_told_all_the_same_for_a_day() -> None:
    made = rule()
    means = told(made, minutes(0, 30))
    for second in range(1800, 60 * 3600, 600):
        means += made.elapse(at(second).monotonic_ns)
    hours = of(means, Averaging.HOUR)
    assert (hours[0].mean_ugm3, hours[0].capture_share) == (None, approx(0.5))
    assert all((mean.capture_share, mean.mean_ugm3) == (0.0, None) for mean in hours[1:])
    assert 24 <= len(hours) <= 26


def test_an_hour_is_told_65_minutes_after_its_end_and_once() -> None:
    made = rule()
    assert told(made, minutes(0, 50)) == []
    assert list(made.elapse(at(7499).monotonic_ns)) == []
    assert [mean.averaging for mean in made.elapse(at(7500).monotonic_ns)] == [
        Averaging.HOUR,
        Averaging.TWENTY_FOUR_HOURS,
    ]
    assert list(made.elapse(at(7501).monotonic_ns)) == []
    assert list(made.finish()) == []


def test_before_anything_is_observed_time_passes_in_vain() -> None:
    assert list(rule().elapse(10**18)) == []


def test_a_restart_loses_nothing_that_was_remembered() -> None:
    whole = rule("Europe/Amsterdam")
    expected = told(whole, minutes(0, 40 * 60, 12.0))
    before = rule("Europe/Amsterdam")
    found = told(before, minutes(0, 1000, 12.0))
    after = rule("Europe/Amsterdam")
    after.recall(json.loads(json.dumps(before.remember())))
    found += told(after, minutes(1000, 40 * 60, 12.0))
    assert found == expected


def test_after_a_restart_without_memory_the_hour_is_not_invented() -> None:
    told(rule(), minutes(0, 30))
    (hour,) = of(told(rule(), minutes(30, 61)), Averaging.HOUR)
    assert (hour.mean_ugm3, hour.capture_share) == (None, approx(0.5))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"series": 5},
        {"series": [{}]},
        {"series": [{"source": ["air", 0, "tree"]}]},
    ],
)
def test_a_memory_of_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        rule().recall(wrong)


def test_a_memory_with_what_is_no_number_is_refused() -> None:
    before = rule()
    told(before, minutes(0, 100))
    state = json.loads(json.dumps(before.remember()))
    state["series"][0]["means"] = {"1": float("nan")}
    with pytest.raises(ValueError, match="no mean"):
        rule().recall(state)


def test_a_clock_that_was_a_day_ahead_costs_its_own_day_only() -> None:
    ahead = [particles(86_400 + 60.0 * minute, 10.0) for minute in range(30)]
    means = of(told(rule(), [*minutes(0, 30), *ahead, *minutes(31, 121)]), Averaging.HOUR)
    one = [mean.mean_ugm3 for mean in means if mean.time.utc_ns == at(3600).utc_ns]
    # Told empty when the clock ran past it, and rightly when it came.
    assert one == [None, approx(10.0)]


def test_a_clock_that_jumps_an_hour_back_counts_no_hour_twice() -> None:
    back = [particles(60.0 * minute, 50.0) for minute in range(20)]
    means = of(told(rule(), [*minutes(0, 80), *back, *minutes(80, 125)]), Averaging.HOUR)
    starts = [mean.time.utc_ns for mean in means]
    assert len(starts) == len(set(starts))
    assert means[0].mean_ugm3 == approx(10.0)


@given(
    st.lists(
        st.tuples(
            st.floats(-86_400 * 3, 86_400 * 3), st.floats(0, 3600), st.floats(0, 1000), st.floats(0, 1)
        ),
        max_size=40,
    )
)
def test_whatever_comes_whenever_a_mean_lies_among_its_values(
    given: list[tuple[float, float, float, float]],
) -> None:
    made = rule("Europe/Amsterdam")
    values = [ugm3 for _, _, ugm3, _ in given]
    for second, duration_s, ugm3, share in given:
        for mean in made.accept(particles(second, ugm3, duration_s=duration_s, valid_share=share)):
            assert 0 <= mean.capture_share <= 1
            assert (mean.mean_ugm3 is None) == (mean.capture_share < 0.75)
            if mean.mean_ugm3 is not None:
                assert min(values) - 1e-6 <= mean.mean_ugm3 <= max(values) + 1e-6
    json.dumps(made.remember(), allow_nan=False)
