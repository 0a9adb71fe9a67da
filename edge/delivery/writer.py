"""The writer: from the gate to the outbox, in batches, without holding up the main loop."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from edge.delivery.cloud_events import cloud_event, topic
from edge.delivery.mqtt_access import RunBlocking
from edge.delivery.outbox import Entry, Outbox, OutboxUnavailable
from edge.delivery.wakeup import notify
from edge.domain.health import Reason, Status
from edge.domain.reports import Priority, Report

_log = logging.getLogger(__name__)

_RETRY_S = 1.0
_BATCH = 200
_ORDER = list(Priority)

Tell = Callable[[Status, Reason, int, str], None]
"""Called when the outbox falls ill and when it is well again: status, reason, count, detail for the log."""


class Numbering:
    """Gives each report the next number of this node and its form on the wire.

    Args:
        city: name of the city, as in topics.
        node: name of the lamppost, as in topics.
        next_sequence: the number of the first report.
    """

    def __init__(self, city: str, node: str, next_sequence: int) -> None:
        self._city = city
        self._node = node
        self._sequence = next_sequence

    def entry(self, report: Report) -> Entry:
        """Return the outbox entry of a report."""
        sequence = self._sequence
        self._sequence += 1
        return Entry(
            sequence=sequence,
            kind=report.kind,
            topic=topic(report, self._city, self._node),
            payload=cloud_event(report, self._city, self._node, sequence),
            priority=report.priority,
        )


class Writer:
    """Keeps reports in memory until the outbox has committed them.

    While the disk is full or fails, up to `limit` reports wait; then the least important, oldest first, are
    dropped and counted: the gap in the sequence and a health report say so.
    """

    def __init__(
        self,
        outbox: Outbox,
        run_in_outbox: RunBlocking,
        numbering: Numbering,
        tell: Tell,
        limit: int = 10_000,
    ) -> None:
        self._outbox = outbox
        self._run_in_outbox = run_in_outbox
        self._numbering = numbering
        self._tell = tell
        self._limit = limit
        self._waiting: deque[Entry] = deque()
        self._came = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._ill = False
        self.written = 0

    async def accept(self, report: Report) -> None:
        """Take one report; waits only while many are not yet on disk and the disk is well."""
        await self._room.wait()
        self._waiting.append(self._numbering.entry(report))
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
        while self._waiting:
            if not await self._write_batch():
                await asyncio.sleep(_RETRY_S)

    async def last_flush(self) -> None:
        """Before the process ends: write what waits, once; what the disk still refuses is said and lost."""
        while self._waiting and await self._write_batch():
            pass
        if self._waiting:
            _log.error("outbox: %d reports could not be written before the end", len(self._waiting))

    async def _write_batch(self) -> bool:
        batch = [self._waiting[i] for i in range(min(_BATCH, len(self._waiting)))]
        try:
            await self._run_in_outbox(lambda: self._outbox.append(batch))
        except OutboxUnavailable as error:
            self._fell_ill(error)
            return False
        # Only what stands at the front was written: dropping surplus may have changed the rest meanwhile.
        written = {entry.sequence for entry in batch}
        self._waiting = deque(entry for entry in self._waiting if entry.sequence not in written)
        self.written += len(batch)
        self._room.set()
        if self._ill:
            self._ill = False
            self._tell(Status.OK, Reason.RECOVERED, 1, "outbox: writing again")
        notify(self._outbox.path)
        return True

    def _fell_ill(self, error: OutboxUnavailable) -> None:
        self._room.set()
        if not self._ill:
            self._ill = True
            _log.error("%s", error)
            self._tell(Status.FAILED, error.reason, 1, str(error))

    def _drop_surplus(self) -> None:
        if len(self._waiting) <= self._limit:
            return
        victim = min(self._waiting, key=lambda entry: (_ORDER.index(entry.priority), entry.sequence))
        self._waiting.remove(victim)
        self._tell(
            Status.DEGRADED, Reason.EVICTED, 1, "outbox: a report was dropped, the disk is not writable"
        )
