"""Numbering: gives each report its number, its link to the one before, its signature and its bytes.

Signed reports make one chain per lamppost: each carries the fingerprint of the signed one before it. What
happens to the chain for a good reason is said in it: a rotation record, signed by the old key, hands over to
the new one; an eviction record names the reports that a full outbox dropped. The format: docs/signatures.md.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edge.delivery.cloud_events import chain_event, chain_topic, cloud_event, topic
from edge.delivery.outbox import Entry, Link
from edge.domain.report_base import Priority
from edge.domain.reports import REPORT_MODELS, Report
from edge.signing.canonical import canonical
from edge.signing.events import EVICTION, ROTATION, MalformedError, read_event, seal
from edge.signing.key_store import KeyRing
from edge.signing.keys import PrivateKey

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a chain has come to: the next number, and the last signed report."""

    next_sequence: int
    link: Link | None = None


class Numbering:
    """Makes outbox entries of reports, in order.

    Args:
        city: name of the city, as in topics.
        node: name of the lamppost, as in topics.
        position: where the chain has come to.
        keys: sign; None: reports leave unsigned and outside the chain.
        now: the time, UTC, for the chain's own records.

    Attributes:
        position: put it back when the outbox refused what was made since.
    """

    def __init__(
        self,
        city: str,
        node: str,
        position: Position,
        keys: KeyRing | None = None,
        now: Now = lambda: datetime.now(UTC),
    ) -> None:
        self._city = city
        self._node = node
        self._keys = keys
        self._now = now
        self.position = position

    def entry(self, report: Report) -> Entry:
        """Return the outbox entry of a report."""
        event = cloud_event(report, self._city, self._node, self.position.next_sequence)
        key = self._keys.current if self._keys else None
        return self._next(event, key, report.kind, topic(report, self._city, self._node), report.priority)

    def rotation(self) -> Entry | None:
        """Return the record that the key has changed since the last report; None when there is none to make.

        Without the old key nobody can vouch for the new one: the chain then goes on with the new key alone.
        """
        link, keys = self.position.link, self._keys
        if link is None or keys is None or link.key_id == keys.current.key_id:
            return None
        if keys.previous is None or keys.previous.key_id != link.key_id:
            return None
        new = keys.current.public
        return self._record(ROTATION, {"keyid": new.key_id, "public": str(new)}, keys.previous)

    def eviction(self, gone: Sequence[Entry]) -> Entry | None:
        """Return the record of reports that a full outbox dropped; None when reports are not signed.

        Only what this lamppost signed is named, and only from where it put it: whoever can write to the
        outbox's file might put something else there under the number of a report that they removed.
        """
        if self._keys is None:
            return None
        numbers = [entry.sequence for entry in gone if self._is_ours(entry)]
        if not numbers:
            return None
        return self._record(EVICTION, {"evicted": _ranges(sorted(numbers))}, self._keys.current)

    def _is_ours(self, entry: Entry) -> bool:
        assert self._keys is not None
        keys = [key.public for key in (self._keys.current, self._keys.previous) if key is not None]
        try:
            event = read_event(entry.payload)
        except MalformedError:
            return False
        model = REPORT_MODELS.get(event.kind)
        priority = model.priority if model else Priority.EVENT
        in_place = (event.sequence, priority) == (entry.sequence, entry.priority)
        return in_place and any(event.signed_by(key) for key in keys)

    def _record(self, kind: str, content: Mapping[str, Any], key: PrivateKey) -> Entry:
        event = chain_event(
            kind,
            content,
            self._now(),
            city=self._city,
            node=self._node,
            sequence=self.position.next_sequence,
        )
        # Nothing outranks it, or the explanation would be dropped before what it explains.
        return self._next(event, key, kind, chain_topic(kind, self._city, self._node), Priority.EVENT)

    def _next(
        self, event: Mapping[str, Any], key: PrivateKey | None, kind: str, where: str, priority: Priority
    ) -> Entry:
        sequence, link = self.position.next_sequence, self.position.link
        if key is None:
            payload, new = canonical(event), None
        else:
            sealed = seal(event, key, link.fingerprint if link else None)
            payload, new = sealed.payload, Link(sealed.fingerprint, key.key_id)
        self.position = Position(sequence + 1, new or link)
        return Entry(sequence, kind, where, payload, priority, new)


def _ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Return rising numbers as ranges of first and last."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges
