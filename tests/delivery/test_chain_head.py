"""Whoever owns the publisher can write to the outbox: where the chain is, `sense` knows for itself."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edge.delivery import writer as writing
from edge.delivery.chain_head import DamagedHeadError, Head, HeadFile
from edge.delivery.numbering import Position
from edge.delivery.outbox import Entry, Link, Outbox, OutboxUnavailable, Record
from edge.delivery.outbox_database import DamagedError
from edge.delivery.writer import Writer
from edge.domain.health import Reason
from edge.domain.report_base import Priority
from edge.signing.events import read_event
from edge.signing.key_store import KeyRing
from edge.subscriber import What
from tests.delivery.test_numbering import NEW, OLD, SMALL, SOURCE, T, air, findings, missing, write

KEYS = KeyRing(OLD)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def head(tmp_path: Path) -> HeadFile:
    return HeadFile(tmp_path / "sense")


def session(
    path: Path, head: HeadFile, count: int, keys: KeyRing = KEYS, limit: int = 10_000_000
) -> list[Entry]:
    """Start `sense`, let it make some reports and end it; return what waits."""
    with Outbox(path, limit, 1) as outbox:
        write(outbox, keys, count, head=head)
        return outbox.pending(100_000)


def taken(path: Path) -> list[Entry]:
    """Do what the publisher does: deliver everything, and forget it."""
    with Outbox(path, 10_000_000, 1) as outbox:
        entries = outbox.pending(100_000)
        outbox.delivered([entry.sequence for entry in entries])
    return entries


def pretend_last(path: Path, last: Entry) -> None:
    """Let the outbox say that nothing came after `last`."""
    event = read_event(last.payload)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE chain SET fingerprint = ?, key_id = ?", (event.fingerprint, event.key_id))
        connection.execute("UPDATE counters SET count = ? WHERE name = 'last_sequence'", (last.sequence,))
        connection.execute("DELETE FROM reports WHERE place % (1 << 56) > ?", (last.sequence,))


@pytest.mark.parametrize(
    ("hidden", "lost"), [(1, {}), (3, {}), (4, {SOURCE: [(6, 6)]}), (8, {SOURCE: [(2, 6)]})]
)
def test_a_shortened_outbox_hides_nothing(
    path: Path, head: HeadFile, hidden: int, lost: dict[str, list[tuple[int, int]]]
) -> None:
    """What was in the last batch is still known and comes once more; what was before it is a gap."""
    for _ in range(3):
        session(path, head, 3)
    came = taken(path)[:-hidden]
    pretend_last(path, came[-1])
    came += session(path, head, 4)
    assert missing(came) == lost
    assert {entry.sequence for entry in came} == {*range(1, 10 - hidden), *range(7, 14)}
    assert set(findings(came)) <= {What.DUPLICATE, What.GAP}


def test_no_number_is_given_twice_whatever_the_outbox_says(path: Path, head: HeadFile) -> None:
    session(path, head, 3)
    came = taken(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM chain")
        connection.execute("UPDATE counters SET count = 9000000000000000 WHERE name = 'last_sequence'")
    later = session(path, head, 2)
    assert [entry.sequence for entry in later if entry not in came] == [4, 5]
    assert set(findings([*came, *later])) <= {What.DUPLICATE}


class EndError(Exception):
    """The end of the process."""


class Ending(HeadFile):
    """A head after whose writing the process ends: what was to be committed is not."""

    def write(self, head: Head) -> None:
        super().write(head)
        raise EndError


def test_the_end_between_head_and_commit_loses_nothing_and_looks_like_nothing(
    path: Path, head: HeadFile
) -> None:
    session(path, head, 3)
    with pytest.raises(EndError):
        session(path, Ending(head.path.parent), 3)
    came = taken(path)
    assert len(came) == 3
    came += session(path, head, 3)
    assert [entry.sequence for entry in came] == list(range(1, 10))
    assert findings(came) == []


def test_the_end_right_after_the_commit_looks_like_nothing_even_if_all_is_delivered(
    path: Path, head: HeadFile
) -> None:
    came: list[Entry] = []
    for _ in range(3):
        session(path, head, 3)
        came += taken(path)
    assert [entry.sequence for entry in came] == list(range(1, 10))
    assert findings(came) == []


def test_records_of_a_full_outbox_and_of_a_new_key_are_part_of_it(path: Path, head: HeadFile) -> None:
    entries = session(path, head, 700, limit=SMALL)
    assert any("/chain/eviction" in entry.topic for entry in entries)
    entries += [entry for entry in session(path, head, 3, KeyRing(NEW, OLD)) if entry not in entries]
    assert set(findings(entries)) <= {What.GAP, What.EVICTED, What.ROTATED}
    assert missing(entries) == {}


def test_an_outbox_that_is_gone_shows_as_a_gap(path: Path, head: HeadFile) -> None:
    for _ in range(2):
        session(path, head, 3)
    came = taken(path)[:2]
    path.unlink()
    came += session(path, head, 3)
    assert missing(came) == {SOURCE: [(3, 3)]}
    assert [entry.sequence for entry in came] == [1, 2, *range(4, 10)]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"next": 0, "link": null, "batch": []}', "[" * 100_000]
)
def test_a_damaged_head_begins_a_new_chain_and_says_so(path: Path, head: HeadFile, content: str) -> None:
    session(path, head, 3)
    head.path.write_text(content)
    with pytest.raises(DamagedHeadError, match=r"chain\.json: is damaged"):
        head.read()
    assert findings(session(path, head, 3)) == [What.RESTARTED]


def test_what_is_written_is_read(head: HeadFile) -> None:
    assert head.read() is None
    link = Link("abc", "0123")
    batch = [
        Entry(7, "impulse", "lp/v1/a", '{"a":"é"}'.encode(), Priority.EVENT, link),
        Entry(8, "health", "lp/v1/b", b"{}", Priority.HEALTH),
    ]
    head.write(Head(Position(9, link), batch))
    kept = head.read()
    assert kept == Head(Position(9, link), batch)
    assert [entry.link for entry in kept.batch] == [link, None]
    assert [file.name for file in head.path.parent.iterdir()] == ["chain.json"]
    assert head.path.parent.stat().st_mode & 0o777 == 0o700


def test_what_cannot_be_kept_is_not_committed(
    path: Path, head: HeadFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_RETRY_S", 0.001)

    class Stubborn(HeadFile):
        refusals = 3

        def write(self, head: Head) -> None:
            if self.refusals:
                self.refusals -= 1
                raise OutboxUnavailable(Reason.DISK_FULL, "disk full")
            super().write(head)

    came = session(path, Stubborn(head.path.parent), 3)
    assert [entry.sequence for entry in came] == [1, 2, 3]
    assert findings(came) == []


def test_a_folder_that_is_a_file_is_told(head: HeadFile) -> None:
    head.path.parent.write_text("")
    with pytest.raises(OutboxUnavailable, match=r"chain\.json: Not a directory; .*set state in"):
        head.read()


class DamagedOnce(Outbox):
    """An outbox that is found damaged once, when the records of what it drops were made already."""

    damaged = False

    def append(
        self,
        entries: Sequence[Entry],
        record: Record = lambda _: None,
        before_commit: Callable[[Sequence[Entry]], None] = lambda _: None,
    ) -> None:
        def once(accepted: Sequence[Entry]) -> None:
            if len(accepted) > len(entries) and not self.damaged:
                self.damaged = True
                raise DamagedError("a page is torn")
            before_commit(accepted)

        super().append(entries, record, once)


def test_records_that_a_damage_undid_leave_no_trace(path: Path) -> None:
    with DamagedOnce(path, SMALL, 1) as outbox:
        write(outbox, KEYS, 700)
        assert outbox.damaged
        entries = outbox.pending(10_000)
    assert set(findings(entries)) <= {What.GAP, What.EVICTED}
    assert missing(entries) == {}


class Counted(Outbox):
    """An outbox that writes down with which number each batch began."""

    begun: list[int]

    def append(
        self,
        entries: Sequence[Entry],
        record: Record = lambda _: None,
        before_commit: Callable[[Sequence[Entry]], None] = lambda _: None,
    ) -> None:
        self.begun.append(entries[0].sequence)
        super().append(entries, record, before_commit)


def test_a_batch_that_was_cancelled_is_not_written_twice(path: Path, head: HeadFile) -> None:
    """The end of `sense` comes while the outbox's thread commits, and drops reports to make room."""

    async def main(outbox: Outbox) -> None:
        committed, go_on = asyncio.Event(), asyncio.Event()

        async def slowly(call: Callable[[], T]) -> T:
            result = call()
            if result is None and outbox.counts().evicted:
                committed.set()
                await go_on.wait()
            return result

        writer = Writer(
            outbox, slowly, city="utrecht", node="pole-7", tell=lambda *_: None, keys=KEYS, head=head
        )
        for number in range(700):
            await writer.accept(air(number))
        running = asyncio.create_task(writer.run())
        await committed.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        go_on.set()
        await writer.last_flush()

    with Counted(path, SMALL, 1) as outbox:
        outbox.begun = []
        asyncio.run(main(outbox))
        assert len(outbox.begun) == len(set(outbox.begun)) > 2
        assert outbox.counts().accepted["particulates"] == 700
    entries = session(path, head, 3, limit=SMALL)
    assert set(findings(entries)) <= {What.GAP, What.EVICTED}
    assert missing(entries) == {}


def test_an_entry_again_does_not_put_the_chain_back(path: Path) -> None:
    with Outbox(path, 10_000_000, 1) as outbox:
        write(outbox, KEYS, 5)
        first, *_, last = [
            replace(e, link=Link(read_event(e.payload).fingerprint, OLD.key_id)) for e in outbox.pending(9)
        ]
        outbox.append([first])
        assert outbox.link() == last.link
