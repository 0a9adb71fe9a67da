"""The outbox's SQLite file: how it is opened, what is in it, and what its errors mean."""

import errno
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from edge.delivery.sequence_mark import HIGHEST
from edge.domain.complaint import Complaint
from edge.domain.health import Reason
from edge.domain.report_base import Priority

BUSY_TIMEOUT_S = 30.0
"""An SD card can stall for seconds while the other process commits."""

_APPLICATION_ID = 0x4C504F42
_SCHEMA_VERSION = 2
_PAGE_BYTES = 4096
_WAL_SHARE = 16
"""The log beside the database may take this fraction of the whole before it is folded in."""

PLACES = 1 << 56
"""How many places a priority has in the table; a report's place is its rank times this, plus its number.

So reports of one priority lie together, oldest first, and evicting them frees whole pages of the file. Lying
by number alone, they would leave holes that nothing fills.
"""

_SCHEMA = """
CREATE TABLE reports (
    place INTEGER PRIMARY KEY, kind TEXT NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE counters (
    name TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (name, kind)
) WITHOUT ROWID;
CREATE TABLE inbox (place INTEGER PRIMARY KEY, payload BLOB NOT NULL UNIQUE);
CREATE TABLE chain (fingerprint TEXT NOT NULL, key_id TEXT NOT NULL);
"""


class OutboxUnavailable(Complaint):
    """The outbox cannot be read or written now. Nothing that it accepted is lost; try again later.

    Attributes:
        reason: for a health report.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class DamagedError(Exception):
    """The file is not an intact database."""


def inode_of(path: Path) -> int:
    """Return the inode of the database file; makes an empty one when there is none. Raises OSError."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not simply opened and closed: closing a file drops this process's SQLite locks on it.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o660)
        try:
            return os.fstat(descriptor).st_ino
        finally:
            os.close(descriptor)


def open_database(path: Path, max_bytes: int, last_sequence: int) -> sqlite3.Connection:
    """Open the outbox's database and make its tables when it is empty.

    Args:
        path: an existing file, perhaps empty.
        max_bytes: what the database and its log may take together.
        last_sequence: for an empty database: the number before the first report's.

    Raises:
        DamagedError: it is not an intact database.
        OutboxUnavailable: it belongs to something else.
        sqlite3.Error: it cannot be read or written.
    """
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=32
    )
    try:
        _set_up(connection, path, max_bytes, last_sequence)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, path: Path, max_bytes: int, last_sequence: int) -> None:
    if _is_empty(connection):
        # Both are kept in the file, and the first must come before its first page is written.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if _is_empty(connection):
            _make_tables(connection, last_sequence)
        connection.execute("COMMIT")
    _refuse_foreign(connection, path)
    log_pages = max(16, min(1000, max_bytes // _WAL_SHARE // _PAGE_BYTES))
    connection.execute(f"PRAGMA wal_autocheckpoint = {log_pages}")
    connection.execute(f"PRAGMA journal_size_limit = {log_pages * _PAGE_BYTES}")


def _is_empty(connection: sqlite3.Connection) -> bool:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return not tables


def _make_tables(connection: sqlite3.Connection, last_sequence: int) -> None:
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute("INSERT INTO counters VALUES ('last_sequence', '', ?)", (last_sequence,))
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION_ID:
        raise OutboxUnavailable(
            Reason.UNREADABLE, f"{path}: is another program's database; give delivery.outbox another path"
        )
    if version != _SCHEMA_VERSION:
        raise OutboxUnavailable(
            Reason.UNREADABLE,
            f"{path}: is an outbox of form {version}, this program knows form {_SCHEMA_VERSION};"
            " let the lamppost-edge that wrote it deliver what is in it, then move it away",
        )


def verify(connection: sqlite3.Connection) -> None:
    """Read through the whole database. Raises DamagedError when it is not intact."""
    with closing(connection.execute("PRAGMA quick_check(1)")) as rows:
        (verdict,) = rows.fetchone()
    if verdict != "ok":
        raise DamagedError(" ".join(str(verdict).split()))


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error says that the file is not an intact outbox."""
    if _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return True
    # The publisher may be somebody else's, and may have dropped a table or written text that is none.
    return str(error).startswith(("no such table", "no such column", "Could not decode"))


def is_sound(row: Sequence[object]) -> bool:
    """Tell whether a row of `reports` is one; both processes write to it, and one may be somebody else's."""
    place, kind, topic, payload = row
    if not (isinstance(kind, str) and isinstance(topic, str) and isinstance(payload, bytes)):
        return False
    return isinstance(place, int) and 0 <= place < len(Priority) * PLACES and is_count(place % PLACES)


def is_counter(row: Sequence[object]) -> bool:
    """Tell whether a row of `counters` is one."""
    name, kind, count = row
    return isinstance(name, str) and isinstance(kind, str) and is_count(count)


def is_count(value: object) -> bool:
    """Tell whether a value is a number that a lamppost may have come to."""
    return isinstance(value, int) and 0 <= value <= HIGHEST


def unavailable(path: Path, error: sqlite3.Error | OSError | DamagedError) -> OutboxUnavailable:
    """Say what an error of the database or the file system means and what to do about it."""
    reason, detail = Reason.UNREADABLE, str(error)
    if isinstance(error, OSError):
        reason = reason_of(error)
        detail = error.strerror or detail
    elif isinstance(error, sqlite3.Error):
        reason = _REASON_OF_CODE.get(_code(error), reason)
    return OutboxUnavailable(reason, f"outbox {path}: {detail}; {_ADVICE[reason]}")


def reason_of(error: OSError) -> Reason:
    """Say in a health report's terms what an error of the file system means."""
    return _REASON_OF_ERRNO.get(error.errno or 0, Reason.UNREADABLE)


def _code(error: sqlite3.Error) -> int:
    # Errors of the Python module itself carry no code. The low byte is the primary one.
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


_REASON_OF_ERRNO = {
    errno.ENOSPC: Reason.DISK_FULL,
    errno.EDQUOT: Reason.DISK_FULL,
    errno.EFBIG: Reason.DISK_FULL,
    errno.EACCES: Reason.NO_PERMISSION,
    errno.EPERM: Reason.NO_PERMISSION,
    errno.EROFS: Reason.NO_PERMISSION,
}
_REASON_OF_CODE = {
    sqlite3.SQLITE_FULL: Reason.DISK_FULL,
    sqlite3.SQLITE_READONLY: Reason.NO_PERMISSION,
    sqlite3.SQLITE_CANTOPEN: Reason.NO_PERMISSION,
    sqlite3.SQLITE_PERM: Reason.NO_PERMISSION,
    sqlite3.SQLITE_BUSY: Reason.OVERRUN,
    sqlite3.SQLITE_LOCKED: Reason.OVERRUN,
}
_ADVICE = {
    Reason.DISK_FULL: "free some space on that disk",
    Reason.NO_PERMISSION: "check that its folder exists and that this user may write there",
    Reason.OVERRUN: "another process holds it, or the disk is very slow",
    Reason.UNREADABLE: "check the disk (SD card) and the path",
}
