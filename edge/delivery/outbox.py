"""The outbox: reports that the gate admitted, kept on disk until a broker has acknowledged them.

Two processes share it: one appends, one reads and deletes. Each uses its `Outbox` from one thread at a time,
and every call may wait for the disk. What `append` returned from survives kill -9 and a power loss.

Files, all beside the database: `-wal` and `-shm` are SQLite's; `.lock` is held while the database is in use,
exclusively while it is repaired; `.sequence` (see `sequence_mark`); `.damaged` is the latest damaged one;
`.traffic` is the publisher's count.
"""

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pydantic import Field

from edge.delivery.outbox_database import (
    DamagedError,
    OutboxUnavailable,
    inode_of,
    is_damage,
    open_database,
    unavailable,
    verify,
)
from edge.delivery.outbox_repair import damaged_path, finish, repair
from edge.delivery.outbox_rows import (
    EVICTED_AT_ONCE,
    Entry,
    Link,
    accept,
    evict,
    forget,
    oldest,
    read_counters,
    read_last_sequence,
    read_link,
    transaction,
    used_bytes,
)
from edge.delivery.sequence_mark import AHEAD, fresh_sequence, read_mark, write_mark
from edge.domain.health import Reason
from edge.domain.sections import LocalPath, Section

__all__ = ["Config", "Counts", "Entry", "Link", "Outbox", "OutboxUnavailable"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

_PASSING = {Reason.DISK_FULL, Reason.OVERRUN}
"""Trouble after which the connection is as good as before."""

_RECORDS_AT_ONCE = 1000
"""Numbers that the records of what one append drops may take, and far more."""
_BUDGET = 13 / 16
"""Share of the limit that the database may fill; the rest is for SQLite's log and one large batch."""


class Config(Section):
    """Settings of `[delivery.outbox]`."""

    path: LocalPath = Field(
        Path("/var/lib/lamppost/outbox.sqlite"), description="the database of reports not yet delivered"
    )
    max_mb: int = Field(
        256, ge=8, le=100_000, description="disk it may take, MB; then the least important, oldest reports go"
    )
    state: LocalPath | None = Field(
        None,
        description="folder that `sense` alone writes: where the chain is, what rules remember;"
        " default: `sense` beside the database",
    )

    @property
    def private(self) -> Path:
        """Folder for what the publisher must not be able to change."""
        return self.state or self.path.parent / "sense"


Record = Callable[[Sequence[Entry]], Entry | None]
"""Makes the record that says which reports a full outbox dropped; None: they go without one.

Each attempt to append begins by telling it of none: what it made in an attempt before was not committed.
"""


def _nothing(*_: object) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened to reports since the outbox was made, by kind; `repaired`: how often it was damaged."""

    accepted: Mapping[str, int] = field(default_factory=dict)
    delivered: Mapping[str, int] = field(default_factory=dict)
    evicted: Mapping[str, int] = field(default_factory=dict)
    repaired: int = 0

    @property
    def pending(self) -> int:
        """Reports that wait."""
        gone = sum(self.delivered.values()) + sum(self.evicted.values())
        return max(0, sum(self.accepted.values()) - gone)


class Outbox:
    """The database, opened at first use, opened anew when it was replaced, repaired when it is damaged.

    Every method raises OutboxUnavailable when the disk is full, slow, read-only or broken; then nothing has
    changed and the call may be repeated.

    Args:
        path: the database; its folder is made when missing.
        max_bytes: what it may take on disk.
        first_sequence: first number when no earlier one is known; default: from the time.
    """

    def __init__(self, path: Path, max_bytes: int, first_sequence: int | None = None) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._first_sequence = fresh_sequence(time.time_ns()) if first_sequence is None else first_sequence
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._verified_inode = 0
        self._given = 0
        self._mark = read_mark(path)

    def __enter__(self) -> Self:
        """Return itself; opening waits for the first use."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the database; a later call opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def next_sequence(self) -> int:
        """Return a number that no report of this lamppost has had, above all those before."""
        self._given = max(self._given, self.use(read_last_sequence)) + 1
        return self._given

    def last_sequence(self) -> int:
        """Return the highest number that it knows to be used."""
        return self.use(read_last_sequence)

    def link(self) -> Link | None:
        """Return what the chain of signed reports ends with; None when nothing is known of it."""
        return self.use(read_link)

    def append(
        self,
        entries: Sequence[Entry],
        record: Record = _nothing,
        before_commit: Callable[[Sequence[Entry]], None] = _nothing,
    ) -> None:
        """Accept reports, all or none; on return they are on disk. Repeating an entry changes nothing.

        Args:
            entries: reports, by rising number.
            record: makes the record of what is dropped to make room; it is accepted in the same moment.
            before_commit: told of everything that is about to be on disk, records included; what it raises
                leaves everything as it was.
        """
        if not entries:
            return
        self.use(lambda connection: self._append(connection, entries, record, before_commit))

    def pending(self, limit: int, after: int = 0, without: Collection[str] = ()) -> list[Entry]:
        """Return the oldest reports that wait, by sequence.

        Args:
            limit: at most so many.
            after: only those with a higher number.
            without: leave out these kinds.
        """
        return self.use(lambda connection: oldest(connection, limit, after, without))

    def delivered(self, sequences: Collection[int]) -> None:
        """Forget reports that a broker has acknowledged, and count them."""
        self.use(lambda connection: forget(connection, sequences))

    def counts(self) -> Counts:
        """Return the counters."""
        rows = self.use(read_counters)
        by_name: dict[str, dict[str, int]] = {}
        for name, kind, count in rows:
            by_name.setdefault(name, {})[kind] = count
        return Counts(
            accepted=by_name.get("accepted", {}),
            delivered=by_name.get("delivered", {}),
            evicted=by_name.get("evicted", {}),
            repaired=by_name.get("repaired", {}).get("", 0),
        )

    def _append(
        self,
        connection: sqlite3.Connection,
        entries: Sequence[Entry],
        record: Record,
        before_commit: Callable[[Sequence[Entry]], None],
    ) -> None:
        self._advance_mark(max(entry.sequence for entry in entries))
        records = []
        record(())
        with transaction(connection, durable=True):
            accept(connection, entries)
            while used_bytes(connection) > self._max_bytes * _BUDGET and (gone := evict(connection)):
                if (told := record(gone)) is not None:
                    accept(connection, [told])
                    records.append(told)
                if len(gone) < EVICTED_AT_ONCE:
                    break  # All that is left is the record itself.
            before_commit([*entries, *records])

    def _advance_mark(self, last: int) -> None:
        if last + _RECORDS_AT_ONCE < self._mark:
            return
        # The mark is a second line of defence; if the disk is full, the commit that follows says so.
        with suppress(OSError):
            write_mark(self.path, last + AHEAD)
            self._mark = last + AHEAD

    def use(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Run an action on the open database; it may run twice, so it begins and ends its own transaction."""
        try:
            try:
                return self._locked_run(action)
            except DamagedError as damage:
                self._repair(str(damage))
                return self._locked_run(action)
        except (DamagedError, sqlite3.Error, OSError) as error:
            trouble = unavailable(self.path, error)
            if trouble.reason not in _PASSING:
                self.close()
            raise trouble from error

    def _locked_run(self, action: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._locked(fcntl.LOCK_SH):
                return action(self._opened())
        except sqlite3.Error as error:
            if is_damage(error):
                raise DamagedError(str(error)) from error
            raise

    def _opened(self) -> sqlite3.Connection:
        inode = inode_of(self.path)
        if self._connection is None or inode != self._inode:
            self.close()
            self._inode = inode
            last = max(self._given, self._mark, self._first_sequence - 1)
            self._connection = open_database(self.path, self._max_bytes, last)
        if self._verified_inode != inode:
            verify(self._connection)
            self._verified_inode = inode
        return self._connection

    def _repair(self, damage: str) -> None:
        self.close()
        with self._locked(fcntl.LOCK_EX):
            if inode_of(self.path) != self._inode:
                return  # The other process has repaired it.
            saved = repair(self.path, self._max_bytes, max(self._given, self._mark))
        _log.error(
            "outbox %s: damaged (%s); %d reports were saved from it, the rest is in %s",
            *(self.path, damage, saved, damaged_path(self.path)),
        )

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o660)
        try:
            fcntl.flock(lock, how)
            if how == fcntl.LOCK_SH and not self.path.exists():
                fcntl.flock(lock, fcntl.LOCK_EX)
                finish(self.path)
                fcntl.flock(lock, fcntl.LOCK_SH)
            yield
        finally:
            os.close(lock)
