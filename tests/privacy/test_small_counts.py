"""Few people are told as "fewer than k", and nothing beside that tells how few."""

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.report_base import (
    BelowK,
    CrowdReport,
    EventReport,
    LegalBasis,
    PeopleCount,
    Purpose,
    Quantity,
    Share,
    Tied,
    TimeResolution,
    Topic,
    marker,
)
from edge.domain.scene_observations import PeopleCount as Seen
from edge.domain.time import CaptureTime
from edge.privacy import gate
from edge.privacy.gate import Gate
from edge.privacy.policy import Policy
from edge.privacy.policy_file import Ground

GROUND = Ground(purpose=Purpose.CROWD_SAFETY, legal_basis=LegalBasis.PUBLIC_TASK, retention_days=7)
NOON_NS = 1_777_636_800_000_000_000
BELOW = BelowK.BELOW_K


class Crowd(CrowdReport):
    """A report as detectors of crowds have them."""

    kind: Literal["people_count"] = "people_count"
    people: PeopleCount | None
    people_low: PeopleCount | None
    speed_ms: Annotated[float, Field(ge=0, le=20), Quantity("m/s", 0.1), Tied("people")] | None = None
    headings: Annotated[tuple[Share, ...], Field(max_length=8), Tied("people")] = ()


class Alarm(CrowdReport, EventReport):
    """An alarm that counts people."""

    people: PeopleCount | None = None


def seen(**values: Any) -> Seen:
    defaults: dict[str, Any] = {
        "source": SourceId("camera", 1, Component.CAMERA),
        "time": CaptureTime(NOON_NS + 83 * 10**9, 0, 1.0),
        "result_time_ns": NOON_NS + 143 * 10**9,
        "duration_s": 60,
        "frames": 300,
        "people": 4,
        "people_low": 2,
        "people_high": 9,
        "vehicles": 0,
        "two_wheelers": 0,
        "speed_ms": 1.26,
        "headings": (0.25, 0.75),
    }
    return Seen(**(defaults | values))


@pytest.fixture(autouse=True)
def _counted(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = Crowd
    monkeypatch.setitem(gate._MOULDS, "people_count", gate._mould(model))


def told(k: int = 5, **values: Any) -> Any:
    return Gate(Policy({"people_count": GROUND}, k=k)).admit(seen(**values))


def test_a_small_count_leaves_as_a_band_and_what_would_tell_it_does_not_leave() -> None:
    report = told()
    assert (report.k, report.people, report.people_low) == (5, BELOW, BELOW)
    assert (report.speed_ms, report.headings) == (None, ())


def test_a_large_count_leaves_as_it_is() -> None:
    report = told(people=12.4, people_low=5)
    assert (report.people, report.people_low, report.speed_ms) == (12, 5, 1.3)
    assert report.headings == (0.25, 0.75)


def test_nobody_and_one_and_four_look_alike() -> None:
    assert told(people=0, people_low=0) == told(people=1, people_low=1) == told(people=4, people_low=4)


def test_a_count_not_made_is_absent_not_small() -> None:
    assert told(people=None, people_low=None).people is None


def test_a_negative_count_is_refused() -> None:
    assert told(people=-1) is None


def test_times_are_coarse() -> None:
    report = told()
    assert (report.phenomenon_time.minute, report.phenomenon_time.second) == (1, 0)
    assert (report.result_time.minute, report.result_time.second) == (2, 0)


def test_an_alarm_that_counts_people_has_coarse_times_too() -> None:
    resolution = marker(Alarm.model_fields["phenomenon_time"], TimeResolution)
    assert resolution == TimeResolution(60)
    assert Alarm.topic is Topic.EVENT
    assert {"k", "time_unsynchronised"} <= Alarm.model_fields.keys()


@given(st.integers(2, 1000), st.floats(0, 10_000), st.floats(0, 10_000))
def test_no_count_below_k_ever_leaves(k: int, people: float, low: float) -> None:
    report = told(k, people=people, people_low=low)
    for count, given_count in ((report.people, people), (report.people_low, low)):
        assert count == BELOW if round(given_count) < k else count == round(given_count) >= k
    assert (report.speed_ms is None) == (report.people is BELOW)


@pytest.mark.parametrize(
    ("values", "said"),
    [({"people": 3}, "3 is below k = 5"), ({"people": "below_k", "speed_ms": 1.0}, "would tell how many")],
)
def test_the_contract_itself_refuses_a_small_count(values: dict[str, Any], said: str) -> None:
    report = told(people=12, people_low=5).model_dump()
    with pytest.raises(ValidationError, match=said):
        Crowd.model_validate(report | {"speed_ms": None, "headings": ()} | values)
