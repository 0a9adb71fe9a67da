"""Between the gate and a disk that is full: nothing is lost before the limit, and the rest is counted."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from edge.delivery import writer as writing
from edge.delivery.outbox import Entry, Outbox, OutboxUnavailable, Record
from edge.delivery.writer import Tell, Writer, only_writer
from edge.domain.air_reports import ParticulatesReport
from edge.domain.health import Component, Reason, Status
from edge.domain.node_reports import HealthReport
from edge.domain.report_base import LegalBasis, Purpose
from edge.domain.reports import Report

T = TypeVar("T")

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GROUND: dict[str, Any] = {
    "phenomenon_time": NOON,
    "result_time": NOON,
    "time_uncertainty_ms": 1.0,
    "purpose": Purpose.AIR_QUALITY,
    "legal_basis": LegalBasis.NO_PERSONAL_DATA,
    "retention_days": 1,
    "sensor": 0,
}


def air(number: int) -> Report:
    return ParticulatesReport(**GROUND, duration_s=60, readings=number)


def health() -> Report:
    return HealthReport(
        **GROUND, component=Component.CAMERA, status=Status.OK, reason=Reason.STARTED, count=1
    )


class FullDisk(Outbox):
    """An outbox whose disk is full for the first few attempts."""

    def __init__(self, path: Path, full_for: int) -> None:
        super().__init__(path, 10_000_000)
        self.full_for = full_for

    def append(
        self,
        entries: Sequence[Entry],
        record: Record = lambda _: None,
        before_commit: Callable[[Sequence[Entry]], None] = lambda _: None,
    ) -> None:
        if self.full_for > 0:
            self.full_for -= 1
            raise OutboxUnavailable(Reason.DISK_FULL, f"outbox {self.path}: disk full; free some space")
        super().append(entries, record, before_commit)


async def at_once(call: Callable[[], T]) -> T:
    return call()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_RETRY_S", 0.001)


def written(outbox: Outbox) -> list[int]:
    return [json.loads(entry.payload)["data"].get("readings", -1) for entry in outbox.pending(100_000)]


def make(outbox: Outbox, tell: Tell, limit: int) -> Writer:
    return Writer(outbox, at_once, city="city", node="node", tell=tell, limit=limit)


def run(outbox: Outbox, reports: list[Report], limit: int = 10_000) -> list[tuple[Status, Reason]]:
    told: list[tuple[Status, Reason]] = []

    async def main() -> None:
        writer = make(outbox, lambda s, r, _count, _detail: told.append((s, r)), limit)
        for report in reports:
            await writer.accept(report)
        await writer.flush()

    asyncio.run(main())
    return told


def test_reports_wait_for_a_full_disk_and_none_is_lost(tmp_path: Path) -> None:
    with FullDisk(tmp_path / "outbox.sqlite", full_for=5) as outbox:
        told = run(outbox, [air(i) for i in range(500)])
        assert written(outbox) == list(range(500))
    assert told == [(Status.FAILED, Reason.DISK_FULL), (Status.OK, Reason.RECOVERED)]


def test_beyond_the_limit_the_least_important_and_oldest_go_and_are_counted(tmp_path: Path) -> None:
    with FullDisk(tmp_path / "outbox.sqlite", full_for=1) as outbox:
        told = run_while_full(outbox, [health(), *(air(i) for i in range(30))], limit=10)
        # The first one was in the batch that the disk refused; it does not count against the limit.
        assert written(outbox) == [-1, *range(20, 30)]
    assert told == [
        (Status.FAILED, Reason.DISK_FULL),
        (Status.DEGRADED, Reason.EVICTED),
        (Status.OK, Reason.RECOVERED),
    ]


def test_telling_of_dropped_reports_drops_no_more(tmp_path: Path) -> None:
    """What `tell` makes is a report too; while the disk is full it must not push the others out."""

    async def main() -> int:
        with FullDisk(tmp_path / "outbox.sqlite", full_for=20) as outbox:
            told: list[Report] = []
            writer = make(outbox, lambda *_: told.append(health()), limit=10)
            writing = asyncio.create_task(writer.run())
            for number in range(400):
                await writer.accept(told.pop() if told else air(number))
                await asyncio.sleep(0.0005)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await writer.last_flush()
            return written(outbox).count(-1)

    assert 1 <= asyncio.run(main()) <= 3


def test_the_disk_may_be_full_from_the_start(tmp_path: Path) -> None:
    class FullFromTheStart(FullDisk):
        def next_sequence(self) -> int:
            if self.full_for > 0:
                self.full_for -= 1
                raise OutboxUnavailable(Reason.DISK_FULL, "disk full")
            return super().next_sequence()

    with FullFromTheStart(tmp_path / "outbox.sqlite", full_for=3) as outbox:
        told = run(outbox, [air(i) for i in range(5)])
        assert written(outbox) == list(range(5))
    assert told == [(Status.FAILED, Reason.DISK_FULL), (Status.OK, Reason.RECOVERED)]


def test_a_second_writer_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    refused = pytest.raises(OutboxUnavailable, match="another `lamppost sense` or `run` writes to it")
    with only_writer(path), refused, only_writer(path):
        pass
    with only_writer(path):
        pass


def run_while_full(outbox: Outbox, reports: list[Report], limit: int) -> list[tuple[Status, Reason]]:
    told: list[tuple[Status, Reason]] = []

    async def main() -> None:
        writer = make(outbox, lambda s, r, _count, _detail: told.append((s, r)), limit)
        await writer.accept(reports[0])
        await writer.last_flush()  # the disk turns out to be full
        for report in reports[1:]:
            await writer.accept(report)
        await writer.flush()

    asyncio.run(main())
    return told


def test_a_healthy_disk_that_is_behind_makes_the_gate_wait(tmp_path: Path) -> None:
    async def main() -> bool:
        with Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
            writer = make(outbox, lambda *_: None, limit=100)
            for i in range(10):
                await writer.accept(air(i))
            try:
                await asyncio.wait_for(writer.accept(air(10)), 0.05)
            except TimeoutError:
                await writer.flush()
                await asyncio.wait_for(writer.accept(air(10)), 1)
                return True
            return False

    assert asyncio.run(main())
