"""The inbox: commands that the publisher found to be the centre's, until `sense` has dealt with them.

It is a table of the outbox's database. `sense` believes nothing in it: the publisher may be somebody else's.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.delivery.commands import LONGEST_BYTES
from edge.delivery.outbox import Outbox
from edge.delivery.outbox_rows import transaction
from edge.domain.commands import Refusal

_ROOM = 50
"""Commands that may wait; a flood finds no more room."""
_REFUSED = "refused_command"


def bell_path(outbox: Path) -> Path:
    """Return what `edge.delivery.wakeup` takes for the bell that says that there is a command."""
    return outbox.with_name(outbox.name + ".inbox")


class Inbox:
    """The table, through the outbox that holds it; every method raises OutboxUnavailable.

    Args:
        outbox: used from one thread at a time.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def put(self, payload: bytes) -> bool:
        """Keep a command; returns whether there was room. The same one twice is one."""

        def put(connection: sqlite3.Connection) -> bool:
            with transaction(connection, durable=True):
                (waiting,) = connection.execute("SELECT count(*) FROM inbox").fetchone()
                if waiting >= _ROOM:
                    return False
                connection.execute("INSERT OR IGNORE INTO inbox (payload) VALUES (?)", (payload,))
                return True

        return self._outbox.use(put)

    def waiting(self) -> Sequence[bytes]:
        """Return the commands that wait, oldest first; of what cannot be one, nothing."""
        rows = self._outbox.use(
            lambda connection: connection.execute(
                "SELECT payload FROM inbox WHERE typeof(payload) = 'blob' AND length(payload) <= ?"
                " ORDER BY place LIMIT ?",
                (LONGEST_BYTES, _ROOM),
            ).fetchall()
        )
        return [payload for (payload,) in rows]

    def forget(self, payload: bytes) -> None:
        """Take out a command that was dealt with."""

        def forget(connection: sqlite3.Connection) -> None:
            with transaction(connection, durable=True):
                connection.execute("DELETE FROM inbox WHERE payload = ?", (payload,))

        self._outbox.use(forget)

    def count_refused(self, refused: Mapping[Refusal, int]) -> None:
        """Count messages that are no commands of the centre, by reason."""

        def count(connection: sqlite3.Connection) -> None:
            with transaction(connection, durable=False):
                connection.executemany(
                    "INSERT INTO counters VALUES (?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                    [(_REFUSED, reason.value, number) for reason, number in refused.items()],
                )

        self._outbox.use(count)

    def refused(self) -> Mapping[Refusal, int]:
        """Return how many messages were refused since the outbox was made, by reason."""
        rows = self._outbox.use(
            lambda connection: connection.execute(
                "SELECT kind, count FROM counters WHERE name = ? AND typeof(count) = 'integer'", (_REFUSED,)
            ).fetchall()
        )
        return {Refusal(kind): count for kind, count in rows if kind in set(Refusal)}
