"""The verifier: is a report authentic, in its place, and has none before it been dropped?

It takes reports in the order in which they come and keeps, for each lamppost, the newest number, the last few
hundred fingerprints and the numbers that are missing. A report that is not authentic changes nothing.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from edge.signing.events import (
    EVICTION,
    ROTATION,
    MalformedError,
    ReceivedEvent,
    evicted_ranges,
    following_key_id,
    read_event,
)
from edge.signing.key_list import TrustedKey
from edge.subscriber.chain import Chain
from edge.subscriber.findings import Finding, What
from edge.subscriber.gaps import Range


class Verifier:
    """Checks reports of any number of lampposts.

    Args:
        keys: whom to believe, by key id; see `load_key_list`.
        redelivery: a report that comes again within so many of the newest is MQTT's "at least once"; one that
            comes again later is a replay.

    Attributes:
        checked: messages that were given to it.
    """

    def __init__(self, keys: Mapping[str, TrustedKey], *, redelivery: int = 100) -> None:
        self._keys = keys
        self._redelivery = redelivery
        self._chains: dict[str, Chain] = {}
        self.checked = 0

    def accept(self, payload: bytes | str, topic: str | None = None) -> list[Finding]:
        """Take one message; an empty list says that it is authentic and follows the one before.

        Args:
            payload: as it was received, or stored and written again by whatever JSON program.
            topic: where it was received, if that is known.
        """
        self.checked += 1
        try:
            event = read_event(payload)
            doubt = self._doubt(event, topic)
            return [doubt] if doubt else list(self._place(event))
        except MalformedError as error:
            return [Finding(What.MALFORMED, "", 0, 0, str(error))]

    def missing(self) -> dict[str, list[Range]]:
        """Return, for each lamppost, the ranges of numbers that neither came nor were said to be evicted."""
        return {source: list(chain.gaps) for source, chain in self._chains.items() if chain.gaps}

    def newest(self) -> dict[str, int]:
        """Return, for each lamppost, the number of its newest authentic report."""
        return {source: chain.newest for source, chain in self._chains.items()}

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs after a restart, as a JSON object."""
        return {source: chain.state() for source, chain in self._chains.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another verifier has come to. Raises ValueError when this is not what `state` gave."""
        try:
            self._chains = {source: Chain.of(content) for source, content in state.items()}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a verifier's state: {error!r}") from error

    def _doubt(self, event: ReceivedEvent, topic: str | None) -> Finding | None:
        """Return why the report is not authentic, None when it is."""
        if event.key_id is None:
            return _finding(What.UNSIGNED, event, "bears no signature: anyone may have written it")
        key = self._keys.get(event.key_id)
        if key is None:
            return _finding(
                What.UNKNOWN_KEY, event, f"signed by {event.key_id[:60]}, which the list of keys lacks"
            )
        if not event.signed_by(key.public):
            return _finding(What.BAD_SIGNATURE, event, "was altered, or somebody else wrote it")
        return _misused(key, event, topic)

    def _place(self, event: ReceivedEvent) -> Iterator[Finding]:
        chain = self._chains.get(event.source)
        if chain is None:
            self._chains[event.source] = Chain.begun_by(event)
            yield from self._obey(self._chains[event.source], event)
        elif event.sequence > chain.newest:
            yield from self._advance(chain, event)
        elif event.sequence in chain.recent:
            yield self._again(chain, event)
        elif chain.lacks(event.sequence):
            yield from self._fill(chain, event)
        else:
            yield _finding(What.REPLAY, event, f"an old report again: {chain.newest} came already")

    def _advance(self, chain: Chain, event: ReceivedEvent) -> Iterator[Finding]:
        if chain.retired(event):
            yield _retired(event)
            return
        yield from _break(chain, event)
        if event.key_id not in {chain.key_id, chain.following}:
            detail = f"signed by {event.key_id}, and {chain.key_id} did not hand over to it"
            yield _finding(What.KEY_CHANGED, event, detail, accepted=True)
        chain.advance(event)
        yield from self._obey(chain, event)

    def _again(self, chain: Chain, event: ReceivedEvent) -> Finding:
        if chain.recent[event.sequence].fingerprint != event.fingerprint:
            return _finding(What.CONFLICT, event, "another report bore this number, and both are signed")
        if chain.newest - event.sequence > self._redelivery or event.key_id != chain.key_id:
            return _finding(What.REPLAY, event, f"an old report again: {chain.newest} came already")
        return _finding(What.DUPLICATE, event, "came twice")

    def _fill(self, chain: Chain, event: ReceivedEvent) -> Iterator[Finding]:
        if chain.retired(event):
            yield _retired(event)
            return
        if not chain.fits(event):
            yield _finding(What.BROKEN_CHAIN, event, "does not fit between its neighbours", accepted=True)
        chain.fill(event)
        yield _finding(What.LATE, event, "came after later ones", accepted=True)
        yield from self._obey(chain, event)

    def _obey(self, chain: Chain, event: ReceivedEvent) -> Iterator[Finding]:
        """Take note of what a record says about the chain."""
        if event.kind == ROTATION:
            chain.hand_over(event, following_key_id(event))
            yield _finding(What.ROTATED, event, f"{chain.following} signs from now on", accepted=True)
        elif event.kind == EVICTION:
            for first, last in evicted_ranges(event):
                for low, high in chain.explain(first, last):
                    yield Finding(
                        What.EVICTED,
                        event.source,
                        low,
                        high,
                        "dropped by the lamppost, its outbox was full",
                        True,
                    )


def _break(chain: Chain, event: ReceivedEvent) -> Iterator[Finding]:
    if event.previous == chain.fingerprint:
        return  # numbers may jump after a repair; the link shows that nothing is missing
    if event.previous is None:
        detail = f"begins a new chain; what came after {chain.newest} is unknown"
        yield _finding(What.RESTARTED, event, detail, accepted=True)
    elif event.sequence == chain.newest + 1:
        detail = f"follows another report than the {chain.newest} that came"
        yield _finding(What.BROKEN_CHAIN, event, detail, accepted=True)
    else:
        first, last = chain.newest + 1, event.sequence - 1
        yield Finding(What.GAP, event.source, first, last, "did not come", accepted=True)


def _finding(what: What, event: ReceivedEvent, detail: str, *, accepted: bool = False) -> Finding:
    return Finding(what, event.source, event.sequence, event.sequence, detail, accepted)


def _retired(event: ReceivedEvent) -> Finding:
    return _finding(What.RETIRED_KEY, event, f"signed by {event.key_id}, which was replaced before")


def _misused(key: TrustedKey, event: ReceivedEvent, topic: str | None) -> Finding | None:
    if event.sequence == 0:
        raise MalformedError("a signed report without a number")
    if key.source != event.source:
        return _finding(What.WRONG_SOURCE, event, f"signed by the key of {key.source}")
    if topic is not None and not _fits(topic, event):
        return _finding(What.WRONG_TOPIC, event, f"came on {topic[:100]}, where it does not belong")
    reason = _not_valid(key, event)
    return _finding(What.KEY_NOT_VALID, event, reason) if reason else None


def _fits(topic: str, event: ReceivedEvent) -> bool:
    prefix, _, kind = topic.rpartition("/")
    return prefix.rpartition("/")[0] == event.source.removeprefix("/") and kind == event.kind


def _not_valid(key: TrustedKey, event: ReceivedEvent) -> str | None:
    if key.revoked:
        return "signed by a key that was revoked"
    if key.valid_from is None and key.valid_until is None:
        return None
    time = _signed_at(event)
    if key.valid_from is not None and time < key.valid_from:
        return f"signed before its key is valid ({key.valid_from.isoformat()})"
    if key.valid_until is not None and time >= key.valid_until:
        return f"signed after its key was valid ({key.valid_until.isoformat()})"
    return None


def _signed_at(event: ReceivedEvent) -> datetime:
    """Return when it was signed: `time` is when what it tells of began, a day before for a mean of a day."""
    try:
        result_time = event.content.get("data", {}).get("result_time")
        time = datetime.fromisoformat(event.content["time"] if result_time is None else result_time)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedError("its time is none") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
