"""A signed CloudEvent: how it is sealed, and how whoever receives it reads it.

What is signed is the canonical form of the event without its `signature`. `keyid` says which key signed it,
`prevhash` is the fingerprint of the signed event before it. docs/signatures.md is the format.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.signing.canonical import NotCanonicalError, canonical, joined, members
from edge.signing.keys import PrivateKey, PublicKey, base64_of, unbase64

KEY_ID = "keyid"
PREVIOUS = "prevhash"
SIGNATURE = "signature"

TYPE_PREFIX = "org.lamppost-edge."
EVICTION = "eviction"
ROTATION = "rotation"


class MalformedError(ValueError):
    """What was received is no event of this project; says why."""


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """A signed event, ready to leave.

    Attributes:
        payload: canonical bytes.
        fingerprint: what the next event's `prevhash` will say.
    """

    payload: bytes
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event as it came, not yet believed.

    Attributes:
        content: all its attributes.
        source: `/lp/v1/{city}/{node}`, as it says.
        kind: the `sound_level` of `org.lamppost-edge.sound_level.v1`.
        sequence: its number, 0 without one.
        message: the bytes that should have been signed.
        fingerprint: base64url of the SHA-256 of `message`.
        key_id: whose signature it bears, as it says; None: it is not signed.
        signature: of `message`; empty when it is not signed.
        previous: fingerprint of the signed event before it; None in the first one.
    """

    content: Mapping[str, Any]
    source: str
    kind: str
    sequence: int
    message: bytes
    fingerprint: str
    key_id: str | None
    signature: bytes
    previous: str | None

    def signed_by(self, key: PublicKey) -> bool:
        """Return whether this key signed it."""
        return key.key_id == self.key_id and key.verify(self.message, self.signature)


def fingerprint_of(message: bytes) -> str:
    """Return the fingerprint of the bytes that were signed."""
    return base64_of(hashlib.sha256(message).digest())


def seal(event: Mapping[str, Any], key: PrivateKey, previous: str | None = None) -> SealedEvent:
    """Sign an event.

    Args:
        event: its attributes.
        key: signs.
        previous: fingerprint of the signed event before it.
    """
    signed = {**event, KEY_ID: key.key_id}
    if previous is not None:
        signed[PREVIOUS] = previous
    spelled = members(signed)
    message = joined(spelled)
    spelled[SIGNATURE] = f'"{base64_of(key.sign(message))}"'
    return SealedEvent(joined(spelled), fingerprint_of(message))


def read_event(payload: bytes | str) -> ReceivedEvent:
    """Read an event, however it was spelled on its way. Raises MalformedError; believes nothing."""
    try:
        content = json.loads(payload, object_pairs_hook=_without_repetition, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not JSON: {error}") from error
    if not isinstance(content, dict):
        raise MalformedError("not a JSON object")
    signature = _text(content, SIGNATURE)
    try:
        message = canonical({name: value for name, value in content.items() if name != SIGNATURE})
        raw = unbase64(signature) if signature is not None else b""
    except (NotCanonicalError, ValueError) as error:
        raise MalformedError(str(error)) from error
    return ReceivedEvent(
        content=content,
        source=_text(content, "source") or "",
        kind=_kind(_text(content, "type") or ""),
        sequence=_sequence(content),
        message=message,
        fingerprint=fingerprint_of(message),
        key_id=_text(content, KEY_ID) if signature is not None else None,
        signature=raw,
        previous=_text(content, PREVIOUS),
    )


def evicted_ranges(event: ReceivedEvent) -> list[tuple[int, int]]:
    """Return which numbers, first and last, an eviction record names. Raises MalformedError."""
    try:
        ranges = [(int(first), int(last)) for first, last in event.content["data"]["evicted"]]
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError("an eviction record without its ranges") from error
    return ranges


def following_key_id(event: ReceivedEvent) -> str:
    """Return the id of the key that a rotation record hands over to. Raises MalformedError."""
    try:
        return str(event.content["data"]["keyid"])
    except (KeyError, TypeError) as error:
        raise MalformedError("a rotation record without its key") from error


def _kind(event_type: str) -> str:
    if not event_type.startswith(TYPE_PREFIX):
        raise MalformedError(f"its type is none of this project: {event_type[:60]!r}")
    return event_type.removeprefix(TYPE_PREFIX).rpartition(".")[0]


def _sequence(content: Mapping[str, Any]) -> int:
    text = _text(content, "sequence")
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise MalformedError(f"its sequence is no number: {text[:60]!r}")
    return int(text)


def _text(content: Mapping[str, Any], name: str) -> str | None:
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise MalformedError(f"{name} is not a string")
    return value


def _without_repetition(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise MalformedError("a name stands twice in one object")
    return content


def _refuse(name: str) -> float:
    raise MalformedError(f"{name} is no number")
