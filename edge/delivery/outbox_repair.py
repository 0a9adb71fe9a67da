"""What is done about a damaged outbox: keep what can be read, move the rest aside, go on.

The new database is complete before the damaged one is moved, so a power loss at any moment leaves either the
damaged one in its place, to be found again, or the new one ready to be put there.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from edge.delivery.outbox_database import PLACES, is_counter, is_sound, open_database
from edge.delivery.sequence_mark import believed, read_mark
from edge.domain.whole_file import sync_folder

Row = tuple[int, str, str, bytes]

_FORWARD = "SELECT place, kind, topic, payload FROM reports ORDER BY place"
_BACKWARD = _FORWARD + " DESC"
_BESIDE = ("-wal", "-shm")


def damaged_path(path: Path) -> Path:
    """Return where a damaged outbox is moved; only the latest one is kept, so that the disk does not fill."""
    return path.with_name(path.name + ".damaged")


def repair(path: Path, max_bytes: int, last_sequence: int) -> int:
    """Replace a damaged outbox by a new one with every report that can still be read.

    The caller holds the outbox's lock exclusively and has closed its own connection.

    Args:
        path: the outbox.
        max_bytes: as for `open_database`.
        last_sequence: the last number known to be used.

    Returns:
        How many reports were saved.

    Raises:
        OSError, sqlite3.Error: the new one cannot be written.
    """
    new = _new_path(path)
    for leftover in (new, *(_beside(new, suffix) for suffix in _BESIDE)):
        leftover.unlink(missing_ok=True)
    new.touch(mode=0o660)
    counters = _counters(path)
    known = max(last_sequence, read_mark(path), believed(counters.get(("last_sequence", ""), 0)))
    with closing(open_database(new, max_bytes, known)) as connection:
        connection.execute("BEGIN")
        connection.executemany("INSERT OR IGNORE INTO reports VALUES (?, ?, ?, ?)", _rows(path))
        connection.executemany("INSERT INTO chain VALUES (?, ?)", _link(path))
        saved = _count(connection, counters)
        connection.execute("COMMIT")
    path.replace(damaged_path(path))
    finish(path)
    return saved


def finish(path: Path) -> None:
    """Put the new database in its place if a power loss prevented it. Raises OSError."""
    new = _new_path(path)
    if path.exists() or not new.exists():
        return
    for suffix in _BESIDE:
        # A log of the damaged database would be played into the new one.
        with suppress(FileNotFoundError):
            _beside(path, suffix).replace(_beside(damaged_path(path), suffix))
    new.replace(path)
    sync_folder(path.parent)


def _rows(path: Path) -> Iterator[Row]:
    """Yield every sound report: from the first to the damage, then from the last back to the damage."""
    for query in (_FORWARD, _BACKWARD):
        with suppress(sqlite3.Error), _readable(path) as connection:
            for row in connection.execute(query):
                if is_sound(row) and _is_json(row[3]):
                    yield row
            return


@contextmanager
def _readable(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        # Lets SQLite read a file that is shorter than it should be.
        connection.execute("PRAGMA writable_schema = ON")
        yield connection


def _is_json(payload: bytes) -> bool:
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return True


def _counters(path: Path) -> dict[tuple[str, str], int]:
    with suppress(sqlite3.Error), _readable(path) as connection:
        rows = connection.execute("SELECT name, kind, count FROM counters").fetchall()
        return {(name, kind): count for name, kind, count in filter(is_counter, rows)}
    return {}


def _link(path: Path) -> list[tuple[str, str]]:
    """Return the end of the chain of signed reports, if it can be read; else the chain begins anew."""
    with suppress(sqlite3.Error), _readable(path) as connection:
        rows = connection.execute("SELECT fingerprint, key_id FROM chain").fetchall()
        return [row for row in rows if all(isinstance(cell, str) for cell in row)][:1]
    return []


def _count(connection: sqlite3.Connection, counters: dict[tuple[str, str], int]) -> int:
    """Carry the counters over, so that what waits is what was saved; return how many were saved."""
    saved = dict(connection.execute("SELECT kind, count(*) FROM reports GROUP BY kind"))
    carried = {key: count for key, count in counters.items() if key[0] in {"delivered", "evicted"}}
    for kind in {*saved, *(kind for _, kind in carried)}:
        gone = carried.get(("delivered", kind), 0) + carried.get(("evicted", kind), 0)
        carried["accepted", kind] = saved.get(kind, 0) + gone
    carried["repaired", ""] = counters.get(("repaired", ""), 0) + 1
    connection.executemany("INSERT INTO counters VALUES (?, ?, ?)", [(*k, n) for k, n in carried.items()])
    connection.execute(
        "UPDATE counters SET count = max(count, (SELECT ifnull(max(place % ?), 0) FROM reports))"
        " WHERE name = 'last_sequence'",
        (PLACES,),
    )
    return sum(saved.values())


def _new_path(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
