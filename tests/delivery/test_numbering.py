"""The chain of signed reports, from the gate to the disk: it survives what a lamppost survives."""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import pytest

from edge.delivery import writer as writing
from edge.delivery.chain_head import HeadFile
from edge.delivery.numbering import Numbering, Position
from edge.delivery.outbox import Entry, Link, Outbox, OutboxUnavailable, Record
from edge.delivery.writer import Writer
from edge.domain.air_reports import ParticulatesReport
from edge.domain.health import Component, Reason, Status
from edge.domain.node_reports import HealthReport
from edge.domain.report_base import LegalBasis, Priority, Purpose
from edge.signing.events import read_event
from edge.signing.key_list import TrustedKey
from edge.signing.key_store import KeyRing
from edge.signing.keys import PrivateKey
from edge.subscriber import Verifier, What

T = TypeVar("T")

SMALL = 400_000
"""Bytes of an outbox that some hundred reports fill."""
SOURCE = "/lp/v1/utrecht/pole-7"
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
OLD, NEW = PrivateKey.generate(), PrivateKey.generate()
TRUSTED = {key.key_id: TrustedKey(SOURCE, key.public) for key in (OLD, NEW)}


def air(number: int) -> ParticulatesReport:
    return ParticulatesReport(**GROUND, duration_s=60, readings=number)


def health() -> HealthReport:
    return HealthReport(
        **GROUND, component=Component.CAMERA, status=Status.OK, reason=Reason.STARTED, count=1
    )


def numbering(keys: KeyRing | None, position: Position | None = None) -> Numbering:
    return Numbering("utrecht", "pole-7", position or Position(1), keys, lambda: NOON)


def findings(entries: Sequence[Entry]) -> list[What]:
    verifier = Verifier(TRUSTED)
    found = [finding.what for entry in entries for finding in verifier.accept(entry.payload, entry.topic)]
    assert not [what for what in found if what is What.GAP] or verifier.missing() is not None
    return found


def missing(entries: Sequence[Entry]) -> dict[str, list[tuple[int, int]]]:
    verifier = Verifier(TRUSTED)
    for entry in entries:
        verifier.accept(entry.payload, entry.topic)
    return verifier.missing()


async def at_once(call: Callable[[], T]) -> T:
    return call()


def write(outbox: Outbox, keys: KeyRing | None, count: int, **settings: Any) -> Writer:
    async def main() -> Writer:
        writer = Writer(
            outbox, at_once, city="utrecht", node="pole-7", tell=lambda *_: None, keys=keys, **settings
        )
        for number in range(count):
            await writer.accept(air(number))
        await writer.flush()
        return writer

    return asyncio.run(main())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with Outbox(path, 10_000_000, 1) as opened:
        yield opened


def test_each_report_is_signed_and_names_the_one_before() -> None:
    made = numbering(KeyRing(OLD))
    entries = [made.entry(air(n)) for n in range(3)]
    events = [read_event(entry.payload) for entry in entries]
    assert [event.previous for event in events] == [None, events[0].fingerprint, events[1].fingerprint]
    assert all(event.signed_by(OLD.public) for event in events)
    assert made.position == Position(4, Link(events[2].fingerprint, OLD.key_id))
    assert findings(entries) == []


def test_the_same_reports_always_make_the_same_bytes() -> None:
    first, second = (
        [made.entry(air(n)).payload for n in range(3)]
        for made in (numbering(KeyRing(OLD)), numbering(KeyRing(OLD)))
    )
    assert first == second


def test_unsigned_reports_are_outside_the_chain() -> None:
    signed = numbering(KeyRing(OLD))
    entries = [signed.entry(air(0))]
    unsigned = numbering(None, signed.position)
    entries.append(unsigned.entry(health()))
    assert set(json.loads(entries[-1].payload)).isdisjoint({"signature", "keyid", "prevhash"})
    again = numbering(KeyRing(OLD), unsigned.position)
    entries.append(again.entry(air(1)))
    assert findings(entries) == [What.UNSIGNED]
    assert missing(entries) == {}  # the link shows that nothing signed was lost


def test_the_chain_goes_on_after_a_restart(outbox: Outbox, path: Path) -> None:
    for _ in range(3):
        write(outbox, KeyRing(OLD), 5)
        outbox.close()
    with Outbox(path, 10_000_000) as again:
        assert findings(again.pending(100)) == []
        last = again.pending(100)[-1]
        assert again.link() == Link(read_event(last.payload).fingerprint, OLD.key_id)


def test_a_rotation_is_announced_by_the_old_key(outbox: Outbox) -> None:
    write(outbox, KeyRing(OLD), 2)
    write(outbox, KeyRing(NEW, previous=OLD), 2)
    write(outbox, KeyRing(NEW, previous=OLD), 2)
    entries = outbox.pending(100)
    assert [entry.kind for entry in entries].count("rotation") == 1
    assert [read_event(entry.payload).key_id for entry in entries] == [OLD.key_id] * 3 + [NEW.key_id] * 4
    assert findings(entries) == [What.ROTATED]


def test_a_new_key_without_the_old_one_shows(outbox: Outbox) -> None:
    write(outbox, KeyRing(OLD), 2)
    write(outbox, KeyRing(NEW), 2)
    assert findings(outbox.pending(100)) == [What.KEY_CHANGED]


def test_without_its_key_nothing_but_health_leaves(outbox: Outbox) -> None:
    async def main() -> Writer:
        writer = Writer(outbox, at_once, city="utrecht", node="pole-7", tell=lambda *_: None, only={"health"})
        for report in (air(0), health(), air(1)):
            await writer.accept(report)
        await writer.flush()
        return writer

    assert asyncio.run(main()).withheld == 2
    assert [entry.kind for entry in outbox.pending(10)] == ["health"]
    assert findings(outbox.pending(10)) == [What.UNSIGNED]


def test_what_a_full_outbox_dropped_is_explained(path: Path) -> None:
    with Outbox(path, SMALL, 1) as outbox:
        write(outbox, KeyRing(OLD), 3)
        early = outbox.pending(2)
        outbox.delivered([entry.sequence for entry in early])
        write(outbox, KeyRing(OLD), 1000)
        assert sum(outbox.counts().evicted.values()) > 300
        came = [*early, *outbox.pending(10_000)]
    found = findings(came)
    assert set(found) == {What.GAP, What.EVICTED}
    assert missing(came) == {}
    # Whoever drops one more is not covered by the records.
    stolen = next(entry for entry in came[50:] if entry.kind == "particulates")
    came.remove(stolen)
    assert missing(came) == {SOURCE: [(stolen.sequence, stolen.sequence)]}


def test_what_somebody_else_put_into_the_outbox_is_not_explained(path: Path) -> None:
    """Who owns the publisher removes a report and lets a full outbox drop a false one of its number."""
    with Outbox(path, SMALL, 1) as outbox:
        write(outbox, KeyRing(OLD), 20)
        came = outbox.pending(100)
        outbox.delivered([entry.sequence for entry in came])
        false = Entry(7, "particulates", "t", came[7].payload, Priority.MEASURE)
        garbage = [Entry(n, "x", "t", b"x" * 900, Priority.MEASURE) for n in range(1, 7)]
        demoted = replace(numbering(KeyRing(OLD), Position(8)).entry(health()), priority=Priority.MEASURE)
        outbox.append([*garbage, false, demoted])
        write(outbox, KeyRing(OLD), 800)
        del came[6:8]
        assert missing([*came, *outbox.pending(10_000)]) == {SOURCE: [(7, 8)]}


class FullDisk(Outbox):
    """An outbox whose disk is full every other time, after the records were made."""

    fails = 0

    def append(
        self,
        entries: Sequence[Entry],
        record: Record = lambda _: None,
        before_commit: Callable[[Sequence[Entry]], None] = lambda _: None,
    ) -> None:
        self.fails += 1
        if self.fails % 2:
            record(list(entries[:3]))
            raise OutboxUnavailable(Reason.DISK_FULL, "disk full")
        super().append(entries, record, before_commit)


def test_a_full_disk_does_not_break_the_chain(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_RETRY_S", 0.001)
    with FullDisk(path, 10_000_000, 1) as outbox:
        write(outbox, KeyRing(OLD), 500)
        assert findings(outbox.pending(1000)) == []


def test_a_damaged_outbox_breaks_no_chain_that_can_be_read(outbox: Outbox, path: Path) -> None:
    write(outbox, KeyRing(OLD), 300)
    outbox.close()
    content = bytearray(path.read_bytes())
    content[40_000:44_096] = bytes(4096)
    path.write_bytes(content)
    with Outbox(path, 10_000_000) as repaired:
        write(repaired, KeyRing(OLD), 3)
        entries = repaired.pending(1000)
        assert repaired.counts().repaired == 1
    lost = 303 - len(entries)
    assert lost > 0
    assert set(findings(entries)) == {What.GAP}
    assert sum(last - first + 1 for first, last in missing(entries)[SOURCE]) == lost


def test_an_outbox_that_is_gone_begins_a_new_chain_and_says_so(outbox: Outbox, path: Path) -> None:
    write(outbox, KeyRing(OLD), 3)
    came = outbox.pending(10)
    outbox.close()
    path.unlink()
    with Outbox(path, 10_000_000) as fresh:
        write(fresh, KeyRing(OLD), 3)
        assert findings([*came, *fresh.pending(10)]) == [What.RESTARTED]


def test_an_outbox_that_was_put_back_shows_as_a_conflict(outbox: Outbox, path: Path) -> None:
    write(outbox, KeyRing(OLD), 3)
    outbox.close()
    old = path.read_bytes()
    write(outbox, KeyRing(OLD), 3)
    came = outbox.pending(10)
    outbox.close()
    path.write_bytes(old)
    for beside in (f"{path}-wal", f"{path}-shm"):
        Path(beside).unlink(missing_ok=True)
    with Outbox(path, 10_000_000) as restored:
        write(restored, KeyRing(OLD), 5)
        later = [entry for entry in restored.pending(20) if entry.sequence > 3]
    found = findings([*came, *later])
    assert {What.BROKEN_CHAIN, What.DUPLICATE, What.CONFLICT} & set(found)


def _write_until_killed(path: Path, pem: bytes) -> None:
    with Outbox(path, 100_000_000, 1) as outbox:
        while True:
            write(outbox, KeyRing(PrivateKey.from_pem(pem)), 7, head=HeadFile(path.parent / "sense"))


def test_kill_9_does_not_break_the_chain(path: Path) -> None:
    for round_number in range(2):
        process = get_context("spawn").Process(target=_write_until_killed, args=(path, OLD.pem))
        process.start()
        enough = 100 * (round_number + 1)
        while _count(path) < enough:
            process.join(0.02)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        process.close()
    with Outbox(path, 100_000_000) as outbox:
        entries = outbox.pending(100_000)
    assert len(entries) >= 200
    assert findings(entries) == []


def _count(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(path)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM reports").fetchone()
            return int(count)
    except sqlite3.Error:
        return 0
