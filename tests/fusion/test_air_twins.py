"""Two boards in the same air: drift is told, once a day, and survives a restart."""

import json
import math
from typing import Any

import pytest
from pydantic import ValidationError

from edge.domain.air_observations import AirMean, SensorAgreement
from edge.domain.air_quality import Averaging, Pollutant
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.time import NS_PER_S, CaptureTime
from edge.fusion.air_twins import AirTwins, Config

approx: Any = pytest.approx

ONE = SourceId("one", 0, Component.SERIAL_BOARD)
OTHER = SourceId("other", 1, Component.SERIAL_BOARD)
HOUR_NS = 3600 * NS_PER_S
FIRST = 472_008  # a midnight


def mean(source: SourceId, hour: int, ugm3: float | None, **changed: Any) -> AirMean:
    begin_ns = (FIRST + hour) * HOUR_NS
    return AirMean(
        source=source,
        time=CaptureTime(begin_ns, begin_ns),
        ended_ns=begin_ns + HOUR_NS,
        mean_ugm3=ugm3,
        capture_share=1.0,
        indicative=False,
        **{"pollutant": Pollutant.PM2_5, "averaging": Averaging.HOUR, **changed},
    )


def air(hour: int) -> float:
    return 15 + 12 * math.sin(hour / 7)


def twins(first: int, last: int, slope: float = 1.0, offset: float = 0.0) -> list[AirMean]:
    return [
        each
        for hour in range(first, last)
        for each in (mean(ONE, hour, air(hour)), mean(OTHER, hour, offset + slope * air(hour)))
    ]


def rule(**config: Any) -> AirTwins:
    return AirTwins(Config(one="one", other="other", **config))


def told(made: AirTwins, means: list[AirMean]) -> list[Observation]:
    return [each for given in means for each in made.accept(given)]


def test_one_board_is_not_two() -> None:
    with pytest.raises(ValidationError, match="same board"):
        Config(one="one", other="one")


def test_good_twins_are_told_once_a_day_and_are_well() -> None:
    found = told(rule(), twins(0, 96))
    assert [type(each) for each in found] == [SensorAgreement] * 3  # after 48 hours, then each midnight
    first = found[0]
    assert isinstance(first, SensorAgreement)
    assert (first.hours, first.agreeing_share, first.other_sensor) == (48, 1.0, 1)
    assert (first.slope, first.offset_ugm3) == (approx(1.0), approx(0.0, abs=1e-9))


@pytest.mark.parametrize(("slope", "offset"), [(1.5, 0.0), (0.5, 0.0), (1.0, 8.0)])
def test_a_drift_degrades_both_until_it_is_gone(slope: float, offset: float) -> None:
    made = rule(days=3)
    found = [each for each in told(made, twins(0, 50, slope, offset)) if isinstance(each, Health)]
    assert {(each.source, each.status, each.reason) for each in found} == {
        (ONE, Status.DEGRADED, Reason.DRIFT),
        (OTHER, Status.DEGRADED, Reason.DRIFT),
    }
    assert "drifted apart" in found[0].detail
    again = [each for each in told(made, twins(50, 200)) if isinstance(each, Health)]
    assert [each.reason for each in again[-2:]] == [Reason.RECOVERED] * 2


def test_boards_that_do_not_follow_each_other_have_no_slope() -> None:
    noise = [mean(OTHER, hour, 15 + 12 * math.cos(hour * 1.7)) for hour in range(60)]
    means = [each for hour in range(60) for each in (mean(ONE, hour, air(hour)), noise[hour])]
    agreement, health, _ = told(rule(), means)[:3]
    assert isinstance(agreement, SensorAgreement)
    assert isinstance(health, Health)
    assert (agreement.slope, agreement.offset_ugm3) == (None, None)
    assert "do not follow" in health.detail


def test_clean_steady_air_says_nothing_of_drift_unless_they_contradict_each_other() -> None:
    def steady(other: float) -> list[Observation]:
        means = [each for h in range(48) for each in (mean(ONE, h, 4.0), mean(OTHER, h, other))]
        return told(rule(), means)

    assert [type(each) for each in steady(4.3)] == [SensorAgreement]
    assert [type(each) for each in steady(40.0)] == [SensorAgreement, Health, Health]


def test_absent_means_and_other_ones_do_not_count() -> None:
    others = [
        mean(ONE, 1, None),
        mean(ONE, 1, 5.0, pollutant=Pollutant.PM10),
        mean(ONE, 1, 5.0, averaging=Averaging.DAY),
        mean(SourceId("third", 2, Component.SERIAL_BOARD), 1, 5.0),
    ]
    made = rule()
    assert told(made, others) == []
    assert made.remember()["means"] == {"one": {}, "other": {}}


def test_the_memory_is_bounded_and_outlives_a_restart() -> None:
    made = rule(days=3)
    told(made, twins(0, 500))
    state = json.loads(json.dumps(made.remember()))
    assert len(state["means"]["one"]) == 72
    after = rule(days=3)
    after.recall(state)
    assert len(told(after, twins(500, 528))) == 1  # at hour 504


@pytest.mark.parametrize(
    "wrong", [{}, {"means": 5}, {"means": {"one": {"1": "nan"}}, "told_day": 1, "drifted": False}]
)
def test_a_memory_of_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        rule().recall(wrong)
