"""How publishing goes: for the status page, and as the retained state of the node."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from edge.delivery.mqtt_access import Version
from edge.delivery.outbox import Counts
from edge.domain.node_reports import NodeState

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublisherStatus:
    """How publishing goes.

    Attributes:
        connected: the broker has accepted the birth message.
        version: version of MQTT spoken, or spoken last.
        pending: reports in the outbox when it was last looked at.
        delivered: reports acknowledged since the outbox was made, likewise.
        evicted: reports dropped from a full outbox, likewise.
        refused: kinds that the broker refuses now.
        bytes_today: sent since midnight UTC.
        held: kinds that wait for tomorrow, because the day's traffic is used up.
        last_error: what went wrong last; it stays after it is over.
        last_error_at: when.
    """

    connected: bool = False
    version: Version | None = None
    pending: int = 0
    delivered: int = 0
    evicted: int = 0
    refused: tuple[str, ...] = ()
    bytes_today: int = 0
    held: tuple[str, ...] = ()
    last_error: str | None = None
    last_error_at: datetime | None = None


class Board:
    """Where the parts of the publisher write how it goes.

    Args:
        now: the time, UTC.

    Attributes:
        empty: set while nothing waited in the outbox when it was last looked at.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.status = PublisherStatus()
        self.empty = asyncio.Event()
        self._logged: str | None = None

    def write(self, **changes: Any) -> None:
        """Change fields of the status."""
        self.status = replace(self.status, **changes)

    def count(self, counts: Counts) -> None:
        """Take over the counters of the outbox."""
        self.write(
            pending=counts.pending,
            delivered=sum(counts.delivered.values()),
            evicted=sum(counts.evicted.values()),
        )
        if counts.pending:
            self.empty.clear()
        else:
            self.empty.set()

    def trouble(self, error: Exception) -> None:
        """Note an error; the log tells it once, not at every attempt."""
        text = str(error)
        self.write(last_error=text, last_error_at=self.now())
        if text != self._logged:
            self._logged = text
            _log.warning("%s", text)

    def well(self, text: str) -> None:
        """Note that it goes well (again)."""
        self._logged = None
        _log.info("%s", text)

    def node_state(self, *, online: bool, expires_s: int) -> bytes:
        """Return the state of the node as it is published, JSON."""
        status = self.status
        state = NodeState(
            online=online,
            time=self.now().replace(microsecond=0),
            expires_s=expires_s,
            pending=status.pending,
            delivered=status.delivered,
            evicted=status.evicted,
            bytes_today=status.bytes_today,
        )
        return state.model_dump_json().encode()
