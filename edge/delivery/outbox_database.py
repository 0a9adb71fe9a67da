"""The outbox's SQLite file: how it is opened, what is in it, and what its errors mean."""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from edge.domain.health import Reason

BUSY_TIMEOUT_S = 30.0
"""An SD card can stall for seconds while the other process commits."""

_APPLICATION_ID = 0x4C504F42
_SCHEMA_VERSION = 1
_PAGE_BYTES = 4096
_WAL_SHARE = 16
"""The log beside the database may take this fraction of the whole before it is folded in."""

_SCHEMA = """
CREATE TABLE reports (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
    priority INTEGER NOT NULL
);
CREATE INDEX by_priority ON reports (priority, sequence);
CREATE TABLE counters (
    name TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (name, kind)
) WITHOUT ROWID;
"""


class OutboxUnavailable(Exception):  # noqa: N818 - a state of the disk that passes, not a mistake
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
    log_pages = max(16, min(1000, max_bytes // _WAL_SHARE // _PAGE_BYTES))
    # Before the journal mode, which makes the file's first page.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {log_pages}")
    connection.execute(f"PRAGMA journal_size_limit = {log_pages * _PAGE_BYTES}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        _make_or_know(connection, path, last_sequence)
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")


def _make_or_know(connection: sqlite3.Connection, path: Path, last_sequence: int) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables:
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO counters VALUES ('last_sequence', '', ?)", (last_sequence,))
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
    elif application != _APPLICATION_ID:
        raise OutboxUnavailable(
            Reason.UNREADABLE, f"{path}: is another program's database; give delivery.outbox another path"
        )
    elif version != _SCHEMA_VERSION:
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
    """Tell whether an error says that the file is not an intact database."""
    return _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def unavailable(path: Path, error: sqlite3.Error | OSError | DamagedError) -> OutboxUnavailable:
    """Say what an error of the database or the file system means and what to do about it."""
    reason, detail = Reason.UNREADABLE, str(error)
    if isinstance(error, OSError):
        reason = _REASON_OF_ERRNO.get(error.errno or 0, reason)
        detail = error.strerror or detail
    elif isinstance(error, sqlite3.Error):
        reason = _REASON_OF_CODE.get(_code(error), reason)
    return OutboxUnavailable(reason, f"outbox {path}: {detail}; {_ADVICE[reason]}")


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
