"""Indices of each hour, with what they rest on and what is missing."""

from typing import Any

from edge.domain.air_observations import AirMean
from edge.domain.air_quality import Averaging, IndexName, Pollutant
from edge.domain.events import AirIndex
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime
from edge.fusion.air_index import AirIndexRule, Config

AIR = SourceId("air", 0, Component.SERIAL_BOARD)
OTHER = SourceId("other", 1, Component.SERIAL_BOARD)
HOUR_NS = 3600 * NS_PER_S
NOON_NS = 472_000 * HOUR_NS


def mean(hour: int, pollutant: Pollutant, ugm3: float | None, **changed: Any) -> AirMean:
    begin_ns = NOON_NS + hour * HOUR_NS
    given: dict[str, Any] = {
        "source": AIR,
        "averaging": Averaging.HOUR,
        "indicative": False,
        "ended_ns": begin_ns + HOUR_NS,
        "result_time_ns": begin_ns + HOUR_NS + 60 * NS_PER_S,
    }
    time = CaptureTime(begin_ns, begin_ns)
    return AirMean(time=time, pollutant=pollutant, mean_ugm3=ugm3, capture_share=1.0, **{**given, **changed})


def later(hour: int, minute: int) -> int:
    return NOON_NS + hour * HOUR_NS + minute * 60 * NS_PER_S


def told(*moments: AirMean | int, finish: bool = False, **config: Any) -> list[AirIndex]:
    rule = AirIndexRule(Config(**config))
    events = [
        e for each in moments for e in (rule.elapse(each) if isinstance(each, int) else rule.accept(each))
    ]
    return [*events, *(rule.finish() if finish else ())]


def test_both_indices_a_quarter_after_the_hour() -> None:
    means: list[Any] = [mean(0, Pollutant.PM2_5, 20.0), mean(0, Pollutant.PM10, 20.0)]
    assert told(*means, later(1, 14)) == []
    dutch, european = told(*means, later(1, 14), later(1, 15), later(1, 16))
    assert (dutch.index, dutch.value, dutch.worst) == (IndexName.LKI, 4, Pollutant.PM2_5)
    assert (european.index, european.value) == (IndexName.EAQI_2024, 3)
    assert european.used == (Pollutant.PM2_5, Pollutant.PM10)
    assert european.missing == (Pollutant.NO2, Pollutant.O3, Pollutant.SO2)
    assert (european.time.utc_ns, european.indicative) == (NOON_NS, False)


def test_the_next_hour_also_ends_the_waiting() -> None:
    first, second = (mean(hour, Pollutant.PM10, 20.0 + hour) for hour in (0, 1))
    assert [event.time.utc_ns for event in told(first, second, indices=("lki",))] == [NOON_NS]


def test_cells_that_cross_respond_count_only_when_asked_for_and_then_it_is_told() -> None:
    means: list[Any] = [
        mean(0, Pollutant.PM10, 20.0),
        mean(0, Pollutant.NO2, 90.0, indicative=True),
        later(1, 20),
    ]
    (without,) = told(*means, indices=("eaqi_2024",))
    assert (without.value, without.indicative) == (2, False)
    assert Pollutant.NO2 in without.missing
    (with_cells,) = told(*means, indices=("eaqi_2024",), indicative_gases=True)
    assert (with_cells.value, with_cells.worst, with_cells.indicative) == (4, Pollutant.NO2, True)


def test_boards_are_averaged_and_others_left_out() -> None:
    means: list[Any] = [
        mean(0, Pollutant.PM10, 10.0),
        mean(0, Pollutant.PM10, 50.0, source=OTHER),
        later(1, 20),
    ]
    assert told(*means, indices=("eaqi_2024",))[0].value == 2
    assert told(*means, indices=("eaqi_2024",), sources=("other",))[0].value == 3


def test_an_hour_without_a_valid_mean_has_no_index() -> None:
    assert told(mean(0, Pollutant.PM10, None), later(1, 20)) == []
    assert told(mean(0, Pollutant.PM10, 5.0, averaging=Averaging.TWENTY_FOUR_HOURS), later(1, 20)) == []
    assert told(mean(0, Pollutant.CO, 5.0), later(1, 20)) == []


def test_a_late_mean_of_an_earlier_hour_is_not_mixed_in() -> None:
    means: list[Any] = [mean(1, Pollutant.PM10, 10.0), mean(0, Pollutant.PM10, 500.0), later(2, 20)]
    (only,) = told(*means, indices=("eaqi_2024",))
    assert (only.value, only.time.utc_ns) == (1, NOON_NS + HOUR_NS)


def test_at_the_end_the_hour_that_waits_is_told() -> None:
    (only,) = told(mean(0, Pollutant.PM10, 10.0), indices=("lki",), finish=True)
    assert only.result_time_ns == NOON_NS + HOUR_NS
    assert told(finish=True) == []
