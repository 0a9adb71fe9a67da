"""What the outbox asks of its database: rows of reports, the end of their chain, counters.

All take an open connection. They raise `sqlite3.Error`, and DamagedError where a row is none that was
written here.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from edge.delivery.outbox_database import PLACES, DamagedError, is_count, is_counter, is_sound
from edge.domain.report_base import Priority

_RANK = {priority: rank for rank, priority in enumerate(Priority)}
_PRIORITIES = list(Priority)
EVICTED_AT_ONCE = 64
"""Reports that `evict` deletes, or all that are left."""
_VACUUMED_AT_ONCE = 64
_WORTH_VACUUMING = 256


@dataclass(frozen=True, slots=True)
class Link:
    """The end of the chain of signed reports: fingerprint of the last one, and the key that signed it."""

    fingerprint: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One report, ready to be published.

    Attributes:
        sequence: number of the report, never used twice by this lamppost.
        kind: kind of report, for the counters.
        topic: where it is published.
        payload: the bytes that are published.
        priority: when the outbox is full the lowest goes first, the oldest first among equals.
        link: what the chain of signed reports ends with once this one is accepted; None: it is not signed.
            Kept by the outbox, not with the report.
    """

    sequence: int
    kind: str
    topic: str
    payload: bytes
    priority: Priority
    link: Link | None = field(default=None, compare=False)


@contextmanager
def transaction(connection: sqlite3.Connection, *, durable: bool) -> Iterator[None]:
    """Within: all or nothing; a durable one is on disk afterwards."""
    # A forgotten deletion only repeats a delivery, so it need not wait for the disk.
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def accept(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Insert at least one report, count the new ones, move the chain's end; the caller's transaction."""
    accepted = [entry for entry in entries if _insert(connection, entry)]
    _count_all(connection, "accepted", [(entry.kind,) for entry in accepted])
    last = max(entry.sequence for entry in entries)
    connection.execute("UPDATE counters SET count = max(count, ?) WHERE name = 'last_sequence'", (last,))
    # What was accepted before is in the chain already, and perhaps not its end any more.
    links = [entry.link for entry in accepted if entry.link is not None]
    if links:
        connection.execute("DELETE FROM chain")
        connection.execute("INSERT INTO chain VALUES (?, ?)", (links[-1].fingerprint, links[-1].key_id))


def _entry(place: int, kind: str, topic: str, payload: bytes) -> Entry:
    if not is_sound((place, kind, topic, payload)):
        raise DamagedError("a row that holds no report")
    return Entry(place % PLACES, kind, topic, payload, _PRIORITIES[place // PLACES])


def _place(rank: int, sequence: int) -> int:
    return rank * PLACES + sequence


def _insert(connection: sqlite3.Connection, entry: Entry) -> bool:
    place = _place(_RANK[entry.priority], entry.sequence)
    inserted = connection.execute(
        "INSERT OR IGNORE INTO reports (place, kind, topic, payload) VALUES (?, ?, ?, ?)",
        (place, entry.kind, entry.topic, entry.payload),
    )
    return inserted.rowcount == 1


def oldest(connection: sqlite3.Connection, limit: int, after: int, without: Collection[str]) -> list[Entry]:
    """Return at most `limit` reports with numbers above `after`, but for the kinds in `without`."""
    found, kinds = [], json.dumps(list(without))
    for rank in range(len(_PRIORITIES)):
        found += connection.execute(
            "SELECT place, kind, topic, payload FROM reports WHERE place > ? AND place < ?"
            " AND kind NOT IN (SELECT value FROM json_each(?)) ORDER BY place LIMIT ?",
            (_place(rank, after), _place(rank + 1, 0), kinds, limit),
        ).fetchall()
    return [_entry(*row) for row in sorted(found, key=lambda row: row[0] % PLACES)[:limit]]


def read_last_sequence(connection: sqlite3.Connection) -> int:
    """Return the last number that was accepted."""
    row = connection.execute("SELECT count FROM counters WHERE name = 'last_sequence'").fetchone()
    if row is None or not is_count(row[0]):
        raise DamagedError("the last number is not in it")
    return int(row[0])


def read_link(connection: sqlite3.Connection) -> Link | None:
    """Return the end of the chain; None: nothing signed was accepted yet."""
    row = connection.execute("SELECT fingerprint, key_id FROM chain").fetchone()
    if row is None:
        return None
    if not all(isinstance(cell, str) for cell in row):
        raise DamagedError("the end of the chain is no fingerprint")
    return Link(*row)


def read_counters(connection: sqlite3.Connection) -> list[tuple[str, str, int]]:
    """Return name, kind and count of every counter."""
    rows = connection.execute("SELECT name, kind, count FROM counters").fetchall()
    if not all(is_counter(row) for row in rows):
        raise DamagedError("a counter that counts nothing")
    return rows


def forget(connection: sqlite3.Connection, sequences: Collection[int]) -> None:
    """Delete reports and count them as delivered, in a transaction of its own."""
    with transaction(connection, durable=False):
        gone = connection.execute(
            "DELETE FROM reports WHERE place IN (SELECT value FROM json_each(?)) RETURNING kind",
            (json.dumps([_place(rank, number) for number in sequences for rank in range(len(_PRIORITIES))]),),
        ).fetchall()
        _count_all(connection, "delivered", gone)
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if free > _WORTH_VACUUMING:
        # `execute` would stop after the first page.
        connection.executescript(f"PRAGMA incremental_vacuum({_VACUUMED_AT_ONCE})")


def evict(connection: sqlite3.Connection) -> list[Entry]:
    """Delete, count and return the least important, oldest reports; the caller's transaction."""
    rows = connection.execute(
        "DELETE FROM reports WHERE place IN (SELECT place FROM reports ORDER BY place LIMIT ?)"
        " RETURNING place, kind, topic, payload",
        (EVICTED_AT_ONCE,),
    ).fetchall()
    gone = [_entry(*row) for row in rows]
    _count_all(connection, "evicted", [(entry.kind,) for entry in gone])
    return gone


def _count_all(connection: sqlite3.Connection, name: str, rows: Sequence[tuple[str]]) -> None:
    for kind in {kind for (kind,) in rows}:
        _count(connection, name, kind, sum(row[0] == kind for row in rows))


def _count(connection: sqlite3.Connection, name: str, kind: str, count: int) -> None:
    connection.execute(
        "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
        (name, kind, count),
    )


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return what the pages in use take."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)
