"""Commands from the centre: who may send them, which are obeyed, and how one is told from a forged one.

A command is a CloudEvent that is signed as a report is (docs/commands.md). The publisher checks it before it
writes it to the inbox, and `sense` checks it again: whoever owns the publisher cannot make one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from edge.delivery.cloud_events import node_topic
from edge.domain.commands import ORDER, Action, Order, Refusal
from edge.domain.sections import LocalPath, Section
from edge.signing.events import TYPE_PREFIX, MalformedError, read_event, seal
from edge.signing.keys import PrivateKey, PublicKey

KIND = "command"
LONGEST_BYTES = 100_000


def _known_key(text: str) -> str:
    try:
        PublicKey.from_text(text)
    except ValueError as error:
        message = f"is no public key: {error}; `lamppost keys show` prints one"
        raise ValueError(message) from error
    return text


def as_list(value: Any) -> Any:
    """Return a single value, where several are allowed, as a list of it."""
    return value if isinstance(value, list | tuple) else [value]


PublicKeyText = Annotated[str, AfterValidator(_known_key)]
"""A public key in the settings, as `lamppost keys show` prints it."""


class Bound(Section):
    """`[[delivery.commands.thresholds]]`: a threshold that the centre may set, and how far."""

    detector: str = Field(description="section of the detector: [detectors.THIS]")
    setting: str = Field(description="key of that section")
    min: float = Field(description="lowest value that is taken")
    max: float = Field(description="highest value that is taken")

    @model_validator(mode="after")
    def _rises(self) -> "Bound":
        if self.min > self.max:
            raise ValueError("min is above max")
        return self


class Config(Section):
    """Settings of `[delivery.commands]`; without this section the lamppost hears no commands."""

    city_key: Annotated[tuple[PublicKeyText, ...], BeforeValidator(as_list)] = Field(
        min_length=1, description="public key of who may command, or several while one follows another"
    )
    allow: tuple[Action, ...] = Field((), description="what it may ask for; empty: nothing")
    thresholds: tuple[Bound, ...] = Field((), description="thresholds that it may set")
    longest_s: int = Field(
        86_400, ge=1, le=2_678_400, description="a command that is valid for longer from now on is refused"
    )
    state: LocalPath = Field(
        Path("/var/lib/lamppost/sense"),
        description="folder that `sense` alone writes: the number of the last command, thresholds",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "Config":
        if (Action.THRESHOLD in self.allow) != bool(self.thresholds):
            raise ValueError(
                '"threshold" in allow and [[delivery.commands.thresholds]] go together; give both'
            )
        return self

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """Who may command."""
        return tuple(PublicKey.from_text(text) for text in self.city_key)


class RefusedError(Exception):
    """The command is not obeyed.

    Attributes:
        reason: why.
        order: what it asks for, when a known key signed it.
    """

    def __init__(self, reason: Refusal, order: Order | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.order = order


@dataclass(frozen=True, slots=True)
class Judge:
    """Tells a command that is meant for this lamppost from every other message.

    Attributes:
        keys: whoever may command.
        city: of this lamppost.
        node: its name.
        longest_s: longest time that a command may be valid from now on.
    """

    keys: Sequence[PublicKey]
    city: str
    node: str
    longest_s: int

    def check(self, payload: bytes, now: datetime) -> Order:
        """Return what the command asks for. Raises RefusedError."""
        order = self._authentic(payload)
        if (order.city, order.node) != (self.city, self.node):
            raise RefusedError(Refusal.ANOTHER_LAMPPOST)
        if order.expires <= now:
            raise RefusedError(Refusal.EXPIRED, order)
        if order.expires - now > timedelta(seconds=self.longest_s):
            raise RefusedError(Refusal.VALID_TOO_LONG, order)
        return order

    def _authentic(self, payload: bytes) -> Order:
        if len(payload) > LONGEST_BYTES:
            raise RefusedError(Refusal.MALFORMED)
        try:
            event = read_event(payload)
        except MalformedError as error:
            raise RefusedError(Refusal.MALFORMED) from error
        if event.key_id is None:
            raise RefusedError(Refusal.UNSIGNED)
        key = next((key for key in self.keys if key.key_id == event.key_id), None)
        if key is None:
            raise RefusedError(Refusal.UNKNOWN_KEY)
        if not event.signed_by(key):
            raise RefusedError(Refusal.BAD_SIGNATURE)
        try:
            if event.kind != KIND:
                raise RefusedError(Refusal.MALFORMED)
            return ORDER.validate_python(event.content.get("data"))
        except ValidationError as error:
            raise RefusedError(Refusal.MALFORMED) from error


def command_topic(city: str, node: str) -> str:
    """Return the topic that a lamppost hears commands on."""
    return f"{node_topic(city, node)}/cmd"


def sealed_command(order: Order, key: PrivateKey, now: datetime) -> bytes:
    """Return the bytes of a command, signed: what the centre publishes."""
    content: Mapping[str, Any] = order.model_dump(mode="json")
    event = {
        "specversion": "1.0",
        "id": f"{order.node}-{KIND}-{order.number}",
        "source": f"/lp/v1/{order.city}",
        "type": f"{TYPE_PREFIX}{KIND}.v1",
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "datacontenttype": "application/json",
        "data": content,
    }
    return seal(event, key).payload
