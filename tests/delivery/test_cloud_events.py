"""CloudEvents: canonical bytes that a consumer can validate, and the topics."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from edge.delivery.cloud_events import cloud_event, state_topic, topic
from edge.delivery.numbering import Numbering, Position
from edge.domain.air_reports import ParticulatesReport
from edge.domain.health import Absence, Component, Reason, Status
from edge.domain.node_reports import HealthReport
from edge.domain.report_base import LegalBasis, Purpose
from edge.domain.reports import REPORT, Report
from edge.domain.sound_reports import ImpulseReport
from edge.domain.trigger import Trigger

COMMON: dict[str, Any] = {
    "phenomenon_time": datetime(2026, 5, 1, 12, tzinfo=UTC),
    "result_time": datetime(2026, 5, 1, 12, 0, 1, tzinfo=UTC),
    "time_uncertainty_ms": 0.4,
    "purpose": Purpose.MAINTENANCE,
    "legal_basis": LegalBasis.PUBLIC_TASK,
    "retention_days": 7,
}
HEALTH = HealthReport(
    **COMMON, sensor=0, component=Component.CAMERA, status=Status.OK, reason=Reason.RECOVERED, count=1
)
BANG = ImpulseReport(
    **COMMON | {"phenomenon_time": datetime(2026, 5, 1, 12, 0, 0, 123400, tzinfo=UTC)},
    time_unsynchronised=False,
    confirmed=False,
    because=(Trigger.IMPULSE_ONSET,),
    calibrated=True,
    clipped=False,
    lcpeak_db=101.3,
    above_floor_db=31.0,
    rise_s=0.001,
    duration_s=0.1,
    impulses=1,
)


def wire(report: Report, sequence: int) -> bytes:
    return Numbering("utrecht", "pole-7", Position(sequence)).entry(report).payload


def test_the_bytes_are_canonical() -> None:
    assert wire(HEALTH, 42) == (
        b'{"data":{"component":"camera","count":1,"kind":"health","legal_basis":"public_task",'
        b'"phenomenon_time":"2026-05-01T12:00:00Z","purpose":"maintenance","reason":"recovered",'
        b'"result_time":"2026-05-01T12:00:01Z","retention_days":7,"sensor":0,"status":"ok",'
        b'"time_uncertainty_ms":0.4},"datacontenttype":"application/json","id":"pole-7-42",'
        b'"sequence":"0000000000000042","source":"/lp/v1/utrecht/pole-7","specversion":"1.0",'
        b'"time":"2026-05-01T12:00:00Z","type":"org.lamppost-edge.health.v1"}'
    )


def test_a_consumer_gets_the_report_back() -> None:
    for report in (HEALTH, BANG):
        event = json.loads(wire(report, 1))
        assert REPORT.validate_python(event["data"]) == report
        assert event["time"] == event["data"]["phenomenon_time"]
        assert datetime.fromisoformat(event["time"]) == report.phenomenon_time


def test_what_was_not_measured_is_left_out_and_an_unknown_uncertainty_is_said() -> None:
    air = ParticulatesReport(
        **COMMON | {"time_uncertainty_ms": None},
        sensor=1,
        duration_s=60,
        readings=0,
        pm10_ugm3=0.0,
        absence=Absence.STALE,
    )
    data = json.loads(wire(air, 1))["data"]
    assert "pm2_5_ugm3" not in data
    assert data["pm10_ugm3"] == 0.0
    assert data["time_uncertainty_ms"] is None
    assert REPORT.validate_python(data) == air


def test_sequences_sort_as_text() -> None:
    said = [cloud_event(HEALTH, "u", "n", n)["sequence"] for n in (9, 10, 99, 1000, 10**15)]
    assert said == sorted(said)


def test_topics() -> None:
    assert topic(BANG, "utrecht", "pole-7") == "lp/v1/utrecht/pole-7/event/impulse"
    assert topic(HEALTH, "utrecht", "pole-7") == "lp/v1/utrecht/pole-7/measure/health"
    assert state_topic("utrecht", "pole-7") == "lp/v1/utrecht/pole-7/state"


@pytest.mark.parametrize("name", ["", "Utrecht", "-a", "a/b", "a+", "#", "a b", "a" * 33, "é", "a\n"])
def test_a_name_that_could_break_a_topic_is_refused(name: str) -> None:
    for city, node in ((name, "node"), ("city", name)):
        with pytest.raises(ValueError, match="is no name for a city or a node"):
            cloud_event(HEALTH, city, node, 1)
        with pytest.raises(ValueError, match="is no name for a city or a node"):
            state_topic(city, node)
