"""The writer: from the gate to the outbox, in batches, without holding up the main loop."""

import asyncio
import fcntl
import logging
import os
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge.delivery.chain_head import DamagedHeadError, Head, HeadFile
from edge.delivery.mqtt_access import RunBlocking
from edge.delivery.numbering import Numbering, Position
from edge.delivery.outbox import Entry, Outbox, OutboxUnavailable
from edge.delivery.wakeup import notify
from edge.domain.health import Reason, Status
from edge.domain.report_base import Priority
from edge.domain.reports import Report
from edge.signing.key_store import KeyRing

_log = logging.getLogger(__name__)

_RETRY_S = 1.0
_BATCH = 200
_ORDER = list(Priority)

Tell = Callable[[Status, Reason, int, str], None]
"""Called when the outbox falls ill and when it is well again: status, reason, count, detail for the log."""


@contextmanager
def only_writer(outbox: Path) -> Iterator[None]:
    """Within: no other process writes to this outbox; two would number their reports alike.

    Raises:
        OutboxUnavailable: another process does.
    """
    path = outbox.with_name(outbox.name + ".writer")
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    except OSError as error:
        advice = "make its folder writable for the user that runs the daemon"
        raise OutboxUnavailable(Reason.NO_PERMISSION, f"{path}: {error.strerror}; {advice}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        message = f"outbox {outbox}: another `lamppost sense` or `run` writes to it; stop that one first"
        raise OutboxUnavailable(Reason.REFUSED, message) from error
    finally:
        os.close(lock)


class Writer:
    """Keeps reports in memory until the outbox has committed them.

    While the disk is full or fails, up to `limit` reports wait; then the least important, oldest first, are
    dropped. How many is told, once, when the disk is well again: to tell it before would only drop more.

    Args:
        outbox: touched only through `run_in_outbox`.
        run_in_outbox: runs a call in the one thread that may touch the outbox.
        city: name of the city, as in topics.
        node: name of the lamppost, as in topics.
        tell: called when the outbox falls ill and when it is well again.
        keys: sign the reports; None: they leave unsigned.
        only: kinds that may leave; None: all.
        head: where the chain is kept out of the publisher's reach; None: what the outbox says is believed.
        limit: reports that may wait.

    Attributes:
        withheld: reports of other kinds than `only`.
    """

    def __init__(
        self,
        outbox: Outbox,
        run_in_outbox: RunBlocking,
        *,
        city: str,
        node: str,
        tell: Tell,
        keys: KeyRing | None = None,
        only: Collection[str] | None = None,
        head: HeadFile | None = None,
        limit: int = 10_000,
    ) -> None:
        self._outbox = outbox
        self._run_in_outbox = run_in_outbox
        self._identity = (city, node)
        self._tell = tell
        self._keys = keys
        self._only = only
        self._head = head
        self.withheld = 0
        self._limit = limit
        self._numbering: Numbering | None = None
        self._waiting: deque[Report] = deque()
        self._batch: list[Entry] = []
        self._writing: asyncio.Future[None] | None = None
        self._came = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._ill = False
        self._dropped = 0
        self._ending = False

    async def accept(self, report: Report) -> None:
        """Take one report; waits only while many are not yet on disk and the disk is well."""
        if self._only is not None and report.kind not in self._only:
            self.withheld += 1
            return
        if not self._ending:
            await self._room.wait()
        self._waiting.append(report)
        self._drop_surplus()
        if len(self._waiting) >= self._limit // 10 and not self._ill:
            self._room.clear()
        self._came.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write everything that waits; keeps trying while the disk is ill."""
        while self._waiting or self._batch:
            if not await self._write_batch():
                await asyncio.sleep(_RETRY_S)

    def end(self) -> None:
        """Say that `run` is over: whoever waits for room would wait for ever."""
        self._ending = True
        self._room.set()

    async def last_flush(self) -> None:
        """Before the process ends: write what waits, once; what the disk still refuses is said and lost."""
        while (self._waiting or self._batch) and await self._write_batch():
            pass
        if lost := len(self._waiting) + len(self._batch):
            _log.error("outbox: %d reports could not be written before the end", lost)

    async def _write_batch(self) -> bool:
        try:
            if self._writing is None:
                numbering = await self._numbered()
                # A batch that the disk refused is tried again as it was, with its numbers and signatures.
                while self._waiting and len(self._batch) < _BATCH:
                    self._batch.append(numbering.entry(self._waiting.popleft()))
                self._writing = asyncio.ensure_future(self._append(numbering))
            # Who is cancelled here leaves it to `last_flush`: a batch is not written a second time.
            await asyncio.shield(self._writing)
        except OutboxUnavailable as error:
            self._writing = None
            self._fell_ill(error)
            return False
        self._writing = None
        self._batch = []
        self._room.set()
        self._recovered()
        notify(self._outbox.path)
        return True

    async def _append(self, numbering: Numbering) -> None:
        position = numbering.position

        def record(gone: Sequence[Entry]) -> Entry | None:
            if not gone:
                numbering.position = position
            return numbering.eviction(gone)

        def keep(accepted: Sequence[Entry]) -> None:
            if self._head is not None:
                self._head.write(Head(numbering.position, accepted))

        try:
            await self._run_in_outbox(lambda: self._outbox.append(self._batch, record, keep))
        except OutboxUnavailable:
            numbering.position = position  # a record of evictions that were undone
            raise

    async def _numbered(self) -> Numbering:
        if self._numbering is None:
            city, node = self._identity
            position, unwritten = await self._run_in_outbox(self._beginning)
            self._batch = [*unwritten]
            self._numbering = Numbering(city, node, position, self._keys)
            if (rotation := self._numbering.rotation()) is not None:
                self._batch.append(rotation)
        return self._numbering

    def _beginning(self) -> tuple[Position, Sequence[Entry]]:
        """Return where the chain has come to, and what of it the outbox has not got."""
        try:
            head = self._head.read() if self._head else None
        except DamagedHeadError as error:
            _log.error(
                "outbox: %s; the chain of reports begins anew, and whoever verifies it will see so", error
            )
            return Position(self._outbox.next_sequence()), ()
        if head is None:
            return Position(self._outbox.next_sequence(), self._outbox.link()), ()
        has_come_so_far = self._outbox.last_sequence() >= head.position.next_sequence - 1
        if has_come_so_far and self._outbox.link() == head.position.link:
            return head.position, ()
        return head.position, head.batch

    def _fell_ill(self, error: OutboxUnavailable) -> None:
        self._room.set()
        if not self._ill:
            self._ill = True
            self._tell(Status.FAILED, error.reason, 1, str(error))

    def _recovered(self) -> None:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            detail = f"outbox: {dropped} reports were dropped while the disk was not writable"
            self._tell(Status.DEGRADED, Reason.EVICTED, dropped, detail)
        if self._ill:
            self._ill = False
            self._tell(Status.OK, Reason.RECOVERED, 1, "outbox: writing again")

    def _drop_surplus(self) -> None:
        if len(self._waiting) <= self._limit:
            return
        number = min(range(len(self._waiting)), key=lambda i: (_ORDER.index(self._waiting[i].priority), i))
        del self._waiting[number]
        self._dropped += 1
