"""The window: reports that were sent and are not yet acknowledged. Small, because the outbox is the queue."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge.delivery.mqtt_errors import PublishRefusedError
from edge.delivery.outbox import Entry


@dataclass(frozen=True, slots=True)
class _Flight:
    entry: Entry
    future: asyncio.Future[None]
    deadline: float


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of reports since it was last asked.

    Attributes:
        acknowledged: numbers of reports that the broker has.
        refused: reports that the broker does not take, with what it said.
    """

    acknowledged: tuple[int, ...]
    refused: tuple[tuple[Entry, str], ...]


class Window:
    """The reports in flight on one connection.

    Args:
        size: at most so many.
        wake: called when the fate of one is known.
    """

    def __init__(self, size: int, wake: Callable[[], None]) -> None:
        self._size = size
        self._wake = wake
        self._flights: dict[int, _Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def __contains__(self, sequence: object) -> bool:
        return sequence in self._flights

    @property
    def room(self) -> int:
        """How many more may be sent."""
        return self._size - len(self._flights)

    @property
    def half_empty(self) -> bool:
        """So few are in flight that it is worth asking for more."""
        return len(self._flights) * 2 <= self._size and self.room > 0

    @property
    def deadline(self) -> float:
        """When the oldest must be acknowledged, in the event loop's time; infinity without one."""
        oldest = next(iter(self._flights.values()), None)
        return float("inf") if oldest is None else oldest.deadline

    def sent(self, entry: Entry, future: asyncio.Future[None], deadline: float) -> None:
        """Take note of a report that was sent; `future` is done when it is acknowledged."""
        self._flights[entry.sequence] = _Flight(entry, future, deadline)
        future.add_done_callback(lambda _: self._wake())

    def land(self) -> Landed:
        """Take out what is acknowledged or refused. What a lost connection took along stays in flight."""
        acknowledged, refused = [], []
        for flight in [flight for flight in self._flights.values() if flight.future.done()]:
            error = flight.future.exception()
            if error is None:
                acknowledged.append(flight.entry.sequence)
            elif isinstance(error, PublishRefusedError):
                refused.append((flight.entry, str(error)))
            else:
                continue
            del self._flights[flight.entry.sequence]
        return Landed(tuple(acknowledged), tuple(refused))
