"""The backlog: what waits in the outbox, without what the broker already has."""

from collections.abc import Collection, Container

from edge.delivery.mqtt_access import RunBlocking
from edge.delivery.outbox import Counts, Entry, Outbox

_UNDELETED_LIMIT = 10_000


class Backlog:
    """The publisher's view of the outbox, read from the oldest report on.

    Every coroutine raises OutboxUnavailable and may be repeated.

    Args:
        outbox: touched only through `run_in_outbox`.
        run_in_outbox: runs a call in the one thread that may touch the outbox.

    Attributes:
        more: there may be reports that were not taken yet.
    """

    def __init__(self, outbox: Outbox, run_in_outbox: RunBlocking) -> None:
        self._outbox = outbox
        self._run = run_in_outbox
        self._after = 0
        self._acknowledged: set[int] = set()
        self.more = True

    @property
    def undeleted(self) -> int:
        """Reports that the broker has and the outbox still holds."""
        return len(self._acknowledged)

    @property
    def jammed(self) -> bool:
        """The disk has refused to delete so much that taking more would only repeat it after a restart."""
        return len(self._acknowledged) >= _UNDELETED_LIMIT

    def rewind(self) -> None:
        """Begin with the oldest report again."""
        self._after = 0
        self.more = True

    async def take(self, limit: int, flying: Container[int], without: Collection[str]) -> list[Entry]:
        """Return the next reports, oldest first.

        Args:
            limit: at most so many.
            flying: numbers that are on their way and are not taken again.
            without: leave out these kinds.
        """
        after = self._after
        rows = await self._run(lambda: self._outbox.pending(limit, after, without))
        self.more = len(rows) == limit
        if rows:
            self._after = rows[-1].sequence
        return [row for row in rows if row.sequence not in self._acknowledged and row.sequence not in flying]

    def acknowledge(self, sequences: Collection[int]) -> None:
        """Remember that the broker has these; `delete` takes them out."""
        self._acknowledged.update(sequences)

    async def delete(self) -> None:
        """Take out of the outbox what the broker has."""
        sequences = tuple(self._acknowledged)
        await self._run(lambda: self._outbox.delivered(sequences))
        self._acknowledged.difference_update(sequences)

    async def counts(self) -> Counts:
        """Return the outbox's counters."""
        return await self._run(self._outbox.counts)
