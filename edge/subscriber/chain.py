"""What is known of one lamppost's chain of signed reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from edge.signing.events import ReceivedEvent
from edge.subscriber.gaps import Range, holds, without

_RECENT = 1000
_MOST_GAPS = 10_000


class Seen(NamedTuple):
    """A report that came: its fingerprint, and the one it names as the report before it."""

    fingerprint: str
    previous: str | None


@dataclass
class Chain:
    """One lamppost's chain, as far as it came.

    Attributes:
        newest: highest number that came.
        fingerprint: of that one.
        key_id: who signed it.
        following: the key that a rotation record named to sign from then on.
        retired_at: key id to the last number that it may have signed.
        recent: the last ones that came, by number.
        gaps: numbers that did not come.
    """

    newest: int
    fingerprint: str
    key_id: str
    following: str | None = None
    retired_at: dict[str, int] = field(default_factory=dict)
    recent: dict[int, Seen] = field(default_factory=dict)
    gaps: list[Range] = field(default_factory=list)

    @classmethod
    def begun_by(cls, event: ReceivedEvent) -> Self:
        """Begin with an authentic report."""
        assert event.key_id is not None
        chain = cls(event.sequence, event.fingerprint, event.key_id)
        chain._remember(event)
        return chain

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """Return the chain that gave this state. Raises KeyError, TypeError, ValueError."""
        return cls(
            newest=int(state["newest"]),
            fingerprint=str(state["fingerprint"]),
            key_id=str(state["key_id"]),
            following=state["following"],
            retired_at={str(key): int(number) for key, number in state["retired_at"].items()},
            recent={int(number): Seen(*seen) for number, seen in state["recent"].items()},
            gaps=[(int(first), int(last)) for first, last in state["gaps"]],
        )

    def state(self) -> dict[str, Any]:
        """Return all of it as a JSON object."""
        return {
            "newest": self.newest,
            "fingerprint": self.fingerprint,
            "key_id": self.key_id,
            "following": self.following,
            "retired_at": self.retired_at,
            "recent": {str(number): list(seen) for number, seen in self.recent.items()},
            "gaps": self.gaps,
        }

    def lacks(self, number: int) -> bool:
        """Return whether a number is missing."""
        return holds(self.gaps, number)

    def retired(self, event: ReceivedEvent) -> bool:
        """Return whether its key had been replaced before it."""
        return event.sequence > self.retired_at.get(event.key_id or "", event.sequence)

    def advance(self, event: ReceivedEvent) -> None:
        """Take a report that is newer than all before."""
        assert event.key_id is not None
        if event.previous not in (None, self.fingerprint) and event.sequence > self.newest + 1:
            self.gaps = [*self.gaps, (self.newest + 1, event.sequence - 1)][-_MOST_GAPS:]
        if event.key_id != self.key_id:
            self.retired_at.setdefault(self.key_id, event.sequence - 1)
            self.following = None
        self.newest, self.fingerprint, self.key_id = event.sequence, event.fingerprint, event.key_id
        self._remember(event)

    def fits(self, event: ReceivedEvent) -> bool:
        """Return whether a report that was missing belongs between those that came."""
        before, after = self.recent.get(event.sequence - 1), self.recent.get(event.sequence + 1)
        follows = before is None or event.previous == before.fingerprint
        return follows and (after is None or after.previous == event.fingerprint)

    def fill(self, event: ReceivedEvent) -> None:
        """Take a report that was missing, and with it the numbers that its links show to be no report's."""
        first = last = event.sequence
        lower = [number for number in self.recent if number < event.sequence]
        higher = [number for number in self.recent if number > event.sequence]
        if lower and self.recent[max(lower)].fingerprint == event.previous:
            first = max(lower) + 1
        if higher and self.recent[min(higher)].previous == event.fingerprint:
            last = min(higher) - 1
        self.gaps, _ = without(self.gaps, first, last)
        self._remember(event)

    def explain(self, first: int, last: int) -> list[Range]:
        """Take evicted numbers out of the gaps; return those that were missing."""
        self.gaps, taken = without(self.gaps, first, last)
        return taken

    def hand_over(self, event: ReceivedEvent, following: str) -> None:
        """Take note of a rotation record."""
        assert event.key_id is not None
        self.retired_at[event.key_id] = event.sequence
        self.retired_at.pop(following, None)
        if event.sequence == self.newest:
            self.following = following

    def _remember(self, event: ReceivedEvent) -> None:
        self.recent[event.sequence] = Seen(event.fingerprint, event.previous)
        if len(self.recent) > _RECENT:
            del self.recent[min(self.recent)]
