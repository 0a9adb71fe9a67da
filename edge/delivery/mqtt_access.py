"""How to reach an MQTT broker, and what is exchanged with it."""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from paho.mqtt.properties import Properties

T = TypeVar("T")


class RunBlocking(Protocol):
    """Runs a call that may wait (looking up a name, connecting) outside the event loop."""

    def __call__(self, call: Callable[[], T]) -> Awaitable[T]:
        """Run `call`; the awaitable gives its result."""
        ...


class Version(StrEnum):
    """Version of MQTT."""

    V5 = "5"
    V3_1_1 = "3.1.1"


class _ClosingSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        # paho forgets the socket of a handshake that fails.
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class Tls:
    """How to trust the broker and be trusted.

    Attributes:
        ca_file: certificates to trust; None: those of the system.
        certificate_file: this client's certificate, with `key_file`; None: it shows none.
    """

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Read the files. Raises OSError, ssl.SSLError."""
        for path in (self.ca_file, self.certificate_file, self.key_file):
            if path is not None:
                path.open("rb").close()  # so that the error names the file
        context = ssl.create_default_context(cafile=self.ca_file)
        context.sslsocket_class = _ClosingSocket
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when this client is gone without a word."""

    topic: str
    payload: bytes
    delay_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a broker, and as whom.

    Attributes:
        client_id: unique at the broker; a second client with the same one throws the first out.
        versions: versions of MQTT to try, in order.
        session_s: how long the broker keeps subscriptions and messages for this client; 0: it starts afresh.
        timeout_s: for looking up, connecting and the broker's answer, each.
        longest_packet_bytes: the broker keeps longer ones to itself (MQTT 5 only); None: it sends any.
    """

    host: str
    port: int
    client_id: str
    versions: tuple[Version, ...] = (Version.V5, Version.V3_1_1)
    tls: Tls | None = None
    username: str | None = None
    password: str | None = None
    will: Will | None = None
    session_s: int = 0
    keepalive_s: int = 30
    timeout_s: float = 10.0
    longest_packet_bytes: int | None = None

    @property
    def where(self) -> str:
        """Host and port, for errors."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Message:
    """What a subscriber receives."""

    topic: str
    payload: bytes
    retained: bool
    content_type: str | None = None
    expiry_s: int | None = None


OnMessage = Callable[[Message], None]


def properties_of(version: Version, packet: str, **values: Any) -> "Properties | None":
    """Return the MQTT 5 properties of a kind of packet; None when there are none, as in MQTT 3.1.1."""
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    given = {name: value for name, value in values.items() if value is not None}
    if version is not Version.V5 or not given:
        return None
    properties = Properties(getattr(PacketTypes, packet))  # type: ignore[no-untyped-call] # paho's has no types
    for name, value in given.items():
        setattr(properties, name, value)
    return properties
