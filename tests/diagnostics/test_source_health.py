"""Few, steady health observations from many troubles."""

import pytest

from edge.diagnostics.source_health import SourceHealth
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health
from edge.domain.time import CaptureTime

START = CaptureTime(1_700_000_000_000_000_000, 5_000_000_000)


@pytest.fixture
def health() -> SourceHealth:
    return SourceHealth(SourceId("front", 0, Component.MICROPHONE))


def brief(observations: list[Health]) -> list[tuple[Status, Reason, int]]:
    return [(o.status, o.reason, o.count) for o in observations]


def test_the_first_frame_says_started_and_the_next_say_nothing(health: SourceHealth) -> None:
    said = [o for t in range(5) for o in health.alive(START.shifted(t))]
    assert brief(said) == [(Status.OK, Reason.STARTED, 1)]


def test_the_same_trouble_is_told_once_a_minute_with_its_count(health: SourceHealth) -> None:
    said = [o for t in range(0, 121, 1) for o in health.trouble(START.shifted(t), Reason.CHECKSUM, "bad")]
    assert brief(said) == [
        (Status.DEGRADED, Reason.CHECKSUM, 1),
        (Status.DEGRADED, Reason.CHECKSUM, 60),
        (Status.DEGRADED, Reason.CHECKSUM, 60),
    ]


def test_a_degraded_source_recovers_after_calm_not_at_once(health: SourceHealth) -> None:
    list(health.trouble(START, Reason.GARBAGE, "noise"))
    said = [(t, o) for t in range(1, 15) for o in health.alive(START.shifted(t))]
    assert [(t, o.status, o.reason) for t, o in said] == [(8, Status.OK, Reason.RECOVERED)]


def test_a_failed_source_recovers_with_its_first_frame(health: SourceHealth) -> None:
    list(health.trouble(START, Reason.NO_DEVICE, "gone"))
    assert brief(list(health.alive(START.shifted(0.1)))) == [(Status.OK, Reason.RECOVERED, 1)]


def test_a_failure_after_a_degradation_is_told_at_once(health: SourceHealth) -> None:
    list(health.trouble(START, Reason.GARBAGE, "noise"))
    said = list(health.trouble(START.shifted(1), Reason.NO_DEVICE, "gone"))
    assert brief(said) == [(Status.FAILED, Reason.NO_DEVICE, 1)]


def test_a_failed_source_stays_failed_while_it_is_degraded_too(health: SourceHealth) -> None:
    list(health.trouble(START, Reason.NO_DEVICE, "gone"))
    said = list(health.trouble(START.shifted(1), Reason.GARBAGE, "noise"))
    assert brief(said) == [(Status.FAILED, Reason.GARBAGE, 1)]


def test_the_end_of_a_recording_is_no_illness(health: SourceHealth) -> None:
    list(health.alive(START))
    assert brief(list(health.ended(START.shifted(9)))) == [(Status.OK, Reason.ENDED, 1)]


def test_the_detail_names_the_source(health: SourceHealth) -> None:
    (said,) = health.trouble(START, Reason.NO_DEVICE, "no such device")
    assert said.detail == "front: no such device"
    assert said.component is Component.MICROPHONE


def test_a_loose_plug_is_told_seldom(health: SourceHealth) -> None:
    said: list[Health] = []
    for tenth in range(1200):
        now = START.shifted(tenth / 10)
        said += health.trouble(now, Reason.NO_DEVICE, "gone") if tenth % 4 == 0 else health.alive(now)
    assert brief(said)[:3] == [
        (Status.FAILED, Reason.NO_DEVICE, 1),
        (Status.OK, Reason.RECOVERED, 1),
        (Status.FAILED, Reason.NO_DEVICE, 1),
    ]
    assert len(said) <= 5
    calm = [o for second in range(40) for o in health.alive(START.shifted(120 + second))]
    assert brief(calm) == [(Status.OK, Reason.RECOVERED, 1)]
