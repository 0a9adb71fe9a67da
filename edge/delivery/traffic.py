"""The day's traffic: bytes on the wire have a budget, because a lamppost's SIM card has one."""

import json
import logging
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from pathlib import Path

from edge.domain.report_base import Priority
from edge.domain.reports import REPORT_MODELS
from edge.domain.whole_file import write_whole

_log = logging.getLogger(__name__)

OVERHEAD_BYTES = 160
"""Of a message and its acknowledgement: MQTT, TLS, TCP and IP headers, both ways."""

_SHARES = {Priority.MEASURE: 0.8, Priority.HEALTH: 0.9}
"""How far reports of a priority may fill the day; then they wait in the outbox for the next one. Alarms never
wait: a late one is none, and the information budget bounds them."""

_PUT_RIGHT = timedelta(days=1)

_WRITTEN_EVERY = 0.01
"""Share of the budget after which the count is written down anew."""


class Traffic:
    """Counts what is sent, over restarts, and says which kinds wait.

    Args:
        path: where the count is kept; without a file of today it begins at 0.
        budget_bytes: of a day, UTC; 0: no budget, only a count.
    """

    def __init__(self, path: Path, budget_bytes: int) -> None:
        self._path = path
        self._budget_bytes = budget_bytes
        self._day = date.min
        self._written = 0
        self.bytes = 0

    def sent(self, today: date, topic: str, payload: bytes) -> None:
        """Count a message."""
        self._turn(today)
        self.bytes += len(topic) + len(payload) + OVERHEAD_BYTES
        if self._budget_bytes and self.bytes - self._written >= self._budget_bytes * _WRITTEN_EVERY:
            self._write()

    def held(self, today: date) -> Collection[str]:
        """Return the kinds of report that wait for tomorrow, because their share of the day is used up."""
        self._turn(today)
        if not self._budget_bytes:
            return ()
        return [kind for kind, share in _SHARE_OF.items() if self.bytes >= self._budget_bytes * share]

    def _turn(self, today: date) -> None:
        # A clock that goes back by hours begins no new day; one that was years ahead does, or all would wait.
        if timedelta(0) <= self._day - today <= _PUT_RIGHT:
            return
        self._day, self.bytes = today, 0
        try:
            kept: Mapping[str, object] = json.loads(self._path.read_text(encoding="ascii"))
            if kept["day"] == today.isoformat():
                self.bytes = max(0, int(str(kept["bytes"])))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s: the day's traffic is counted from 0: %r", self._path, error)
        self._written = self.bytes

    def _write(self) -> None:
        self._written = self.bytes
        content = json.dumps({"day": self._day.isoformat(), "bytes": self.bytes})
        try:
            write_whole(self._path, content.encode())
        except OSError as error:
            _log.warning("%s: the day's traffic cannot be kept over a restart: %s", self._path, error)


_SHARE_OF = {
    kind: _SHARES[model.priority] for kind, model in REPORT_MODELS.items() if model.priority in _SHARES
}
