"""One connection to a broker, driven by the event loop.

paho-mqtt does the protocol; its own thread, queue and reconnecting are not used: the loop watches its socket,
the outbox is the queue, and after a loss a new `Connection` is made.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from socket import IPPROTO_TCP, TCP_NODELAY
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from edge.delivery.mqtt_access import Access, Message, OnMessage, RunBlocking, Version, properties_of
from edge.delivery.mqtt_errors import (
    BrokerError,
    ProtocolRefusedError,
    PublishRefusedError,
    connect_failed,
    lost,
    refused,
    unanswered,
)

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

_TICK_S = 1.0
_GOODBYE_S = 2.0
_FOREVER_S = 0xFFFF_FFFF


async def connect(
    access: Access, run_blocking: RunBlocking, listeners: Mapping[str, OnMessage] = MappingProxyType({})
) -> "Connection":
    """Connect, with the next version of MQTT when the broker does not speak one.

    Args:
        access: how.
        run_blocking: runs what may wait.
        listeners: topic filter to what is called for messages of an earlier session, which may come at once.

    Raises:
        BrokerError: no connection.
    """
    *others, last = access.versions
    for version in others:
        with suppress(ProtocolRefusedError):
            return await _connect(access, version, run_blocking, listeners)
    return await _connect(access, last, run_blocking, listeners)


async def _connect(
    access: Access, version: Version, run_blocking: RunBlocking, listeners: Mapping[str, OnMessage]
) -> "Connection":
    connection = Connection(access, version, listeners)
    try:
        await connection.open(run_blocking)
    except BaseException:
        connection.abandon()
        raise
    return connection


@dataclass(frozen=True, slots=True)
class _Outgoing:
    topic: str
    payload: bytes
    retain: bool
    properties: "Properties | None"
    future: asyncio.Future[None]


class Connection:
    """One connection, made by `connect`.

    Attributes:
        version: version of MQTT that it speaks.
        in_flight: how many unacknowledged messages the broker takes at once; more are held back here.
        lost: done when the connection is over; its exception says why, None after `close`.
    """

    def __init__(self, access: Access, version: Version, listeners: Mapping[str, OnMessage]) -> None:
        self._loop = asyncio.get_running_loop()
        self._access = access
        self._attached = False
        self._abandoned = False
        self._closing = False
        self._acknowledged: asyncio.Future[None] = self._future()
        self._held: deque[_Outgoing] = deque()
        self._published: dict[int, _Outgoing] = {}
        self._subscribed: dict[int, asyncio.Future[None]] = {}
        self._listeners = list(listeners.items())
        self._tick: asyncio.TimerHandle | None = None
        self.version = version
        self.in_flight = 65_535
        self.lost: asyncio.Future[None] = self._future()
        self._client = self._make_client()

    async def open(self, run_blocking: RunBlocking) -> None:
        """Connect and wait for the broker's answer. Raises BrokerError."""
        try:
            await run_blocking(self._connect_socket)
        except (OSError, ValueError) as error:
            raise connect_failed(self._access.where, error, self._access.timeout_s) from error
        self._attach()
        try:
            async with asyncio.timeout(self._access.timeout_s):
                await self._acknowledged
        except TimeoutError as error:
            # Some brokers of 3.1.1 wait for the rest of what they take for a long packet.
            raise unanswered(self._access.where, self.version) from error

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        content_type: str | None = None,
        expiry_s: int | None = None,
    ) -> asyncio.Future[None]:
        """Send with QoS 1.

        Args:
            topic: where.
            payload: what.
            retain: the broker keeps it for who subscribes later.
            content_type: of the payload; MQTT 5 only.
            expiry_s: the broker drops it when it could not pass it on for so long; MQTT 5 only.

        Returns:
            A future, done when the broker has acknowledged. Its exception is a PublishRefusedError when the
            broker does not take this message, another BrokerError when the connection is lost.
        """
        future = self._future()
        if self.lost.done():
            future.set_exception(BrokerError(f"broker {self._access.where}: not connected"))
            return future
        properties = properties_of(
            self.version, "PUBLISH", ContentType=content_type, MessageExpiryInterval=expiry_s
        )
        self._held.append(_Outgoing(topic, payload, retain, properties, future))
        self._send_held()
        return future

    def _send_held(self) -> None:
        while self._held and len(self._published) < self.in_flight:
            out = self._held.popleft()
            sent = self._client.publish(
                out.topic, out.payload, qos=1, retain=out.retain, properties=out.properties
            )
            self._published[sent.mid] = out

    async def subscribe(self, topic_filter: str, on_message: OnMessage, qos: int = 1) -> None:
        """Receive what is published on matching topics. Raises BrokerError.

        Args:
            topic_filter: with `+` and `#`.
            on_message: called in the event loop for each message; must not wait or raise.
            qos: at most this quality of service.
        """
        _, mid = self._client.subscribe(topic_filter, qos=qos)
        if mid is None or self.lost.done():
            raise BrokerError(f"broker {self._access.where}: not connected")
        if (topic_filter, on_message) not in self._listeners:
            self._listeners.append((topic_filter, on_message))
        future = self._subscribed[mid] = self._future()
        await future

    async def close(self) -> None:
        """Say goodbye, so that the broker does not publish the will, and disconnect."""
        self._closing = True
        try:
            if not self.lost.done():
                self._client.disconnect()
                await asyncio.wait([self.lost], timeout=_GOODBYE_S)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Drop the connection without a word."""
        self._abandoned = True
        self._end(None)
        if (socket := self._client.socket()) is not None:
            self._detach(socket)
            socket.close()

    def _make_client(self) -> "Client":
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        access, is_5 = self._access, self.version is Version.V5
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=access.client_id,
            clean_session=None if is_5 else access.session_s == 0,
            protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = access.timeout_s
        client.max_inflight_messages = 0  # `publish` keeps to what the broker takes
        if access.username is not None:
            client.username_pw_set(access.username, access.password)
        if access.will is not None:
            delay_s = access.will.delay_s
            properties = properties_of(self.version, "WILLMESSAGE", WillDelayInterval=delay_s)
            client.will_set(access.will.topic, access.will.payload, qos=1, retain=True, properties=properties)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_register_write = self._on_want_write
        client.on_socket_unregister_write = self._on_want_no_write
        client.on_socket_close = self._on_socket_close
        return client

    def _connect_socket(self) -> None:
        """Runs outside the loop."""
        access = self._access
        if access.tls is not None:
            self._client.tls_set_context(access.tls.context())
        is_5 = self.version is Version.V5
        session: dict[str, Any] = {}
        if is_5:
            expiry_s = min(access.session_s, _FOREVER_S)
            session["clean_start"] = access.session_s == 0
            session["properties"] = properties_of(
                self.version,
                "CONNECT",
                SessionExpiryInterval=expiry_s,
                MaximumPacketSize=access.longest_packet_bytes,
            )
        self._client.connect(access.host, access.port, keepalive=access.keepalive_s, **session)
        if self._abandoned and (socket := self._client.socket()) is not None:
            socket.close()

    def _attach(self) -> None:
        socket: Any = self._client.socket()
        self._attached = True
        # A small report is sent at once, not when the answer to the one before has come.
        socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._loop.add_reader(socket, self._readable)
        self._on_want_write()
        self._tick = self._loop.call_later(_TICK_S, self._keep_alive)

    def _readable(self) -> None:
        self._client.loop_read()
        # What TLS has already decrypted makes the socket readable no more.
        while isinstance(socket := self._client.socket(), ssl.SSLSocket) and socket.pending():
            self._client.loop_read()

    def _writable(self) -> None:
        self._client.loop_write()

    def _keep_alive(self) -> None:
        self._client.loop_misc()
        if not self.lost.done():
            self._tick = self._loop.call_later(_TICK_S, self._keep_alive)

    def _on_want_write(self, *_: Any) -> None:
        # Asked first by the thread that connects, which must not touch the loop; `_attach` makes up for it.
        if self._attached and (socket := self._client.socket()) is not None:
            self._loop.add_writer(socket, self._writable)

    def _on_want_no_write(self, _client: "Client", _userdata: Any, socket: Any) -> None:
        if self._attached:
            self._loop.remove_writer(socket)

    def _on_socket_close(self, _client: "Client", _userdata: Any, socket: Any) -> None:
        self._detach(socket)

    def _detach(self, socket: Any) -> None:
        if self._attached:
            self._loop.remove_reader(socket)
            self._loop.remove_writer(socket)

    def _on_connect(
        self,
        _client: "Client",
        _userdata: Any,
        _flags: "ConnectFlags",
        reason: "ReasonCode",
        properties: "Properties | None",
    ) -> None:
        if reason.is_failure:
            self._refuse(refused(self._access.where, reason.getName()))
        elif getattr(properties, "MaximumQoS", 2) == 0:
            self._refuse(refused(self._access.where, "QoS not supported"))
        elif getattr(properties, "RetainAvailable", 1) == 0:
            self._refuse(refused(self._access.where, "Retain not supported"))
        elif not self._acknowledged.done():
            self.in_flight = getattr(properties, "ReceiveMaximum", self.in_flight)
            self._acknowledged.set_result(None)

    def _refuse(self, error: BrokerError) -> None:
        if not self._acknowledged.done():
            self._acknowledged.set_exception(error)

    def _on_disconnect(
        self,
        _client: "Client",
        _userdata: Any,
        flags: "DisconnectFlags",
        reason: "ReasonCode",
        _properties: "Properties | None",
    ) -> None:
        where = self._access.where
        self._refuse(unanswered(where, self.version))
        said = reason.getName() if flags.is_disconnect_packet_from_server else None
        self._end(lost(where, self._access.client_id, said))

    def _end(self, error: BrokerError | None) -> None:
        if self._tick is not None:
            self._tick.cancel()
        if self.lost.done():
            return
        if error is None or self._closing:
            self.lost.set_result(None)
        else:
            self.lost.set_exception(error)
        outgoing = [*self._published.values(), *self._held]
        for future in (*(out.future for out in outgoing), *self._subscribed.values()):
            if not future.done():
                future.set_exception(error or BrokerError(f"broker {self._access.where}: disconnected"))

    def _on_publish(
        self,
        _client: "Client",
        _userdata: Any,
        mid: int,
        reason: "ReasonCode",
        _properties: "Properties | None",
    ) -> None:
        out = self._published.pop(mid, None)
        if out is not None and not out.future.done():
            if reason.is_failure:
                text = f"broker {self._access.where}: refused a message on {out.topic}: {reason.getName()}"
                out.future.set_exception(PublishRefusedError(text))
            else:
                out.future.set_result(None)
        self._send_held()

    def _on_subscribe(
        self,
        _client: "Client",
        _userdata: Any,
        mid: int,
        reasons: "list[ReasonCode]",
        _properties: "Properties | None",
    ) -> None:
        future = self._subscribed.pop(mid, None)
        if future is None or future.done():
            return
        if any(reason.is_failure for reason in reasons):
            names = ", ".join(reason.getName() for reason in reasons)
            future.set_exception(BrokerError(f"broker {self._access.where}: refused a subscription: {names}"))
        else:
            future.set_result(None)

    def _on_message(self, _client: "Client", _userdata: Any, message: "MQTTMessage") -> None:
        from paho.mqtt.client import topic_matches_sub

        properties = message.properties
        received = Message(
            topic=message.topic,
            payload=bytes(message.payload),
            retained=message.retain,
            content_type=getattr(properties, "ContentType", None),
            expiry_s=getattr(properties, "MessageExpiryInterval", None),
        )
        for topic_filter, on_message in self._listeners:
            if topic_matches_sub(topic_filter, message.topic):
                on_message(received)

    def _future(self) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self._loop.create_future()
        # An error that nobody waits for has been told by `lost` already.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return future
