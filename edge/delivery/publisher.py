"""The publisher: from the outbox to the broker, in order, at least once, through every outage."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field, model_validator

from edge.delivery.backlog import Backlog
from edge.delivery.carrier import Carrier, Pace
from edge.delivery.cloud_events import state_topic
from edge.delivery.intake import Intake
from edge.delivery.mqtt import Connection, connect
from edge.delivery.mqtt_access import Access, RunBlocking, Tls, Version, Will
from edge.delivery.mqtt_errors import BrokerError, connect_failed
from edge.delivery.outbox import Outbox, OutboxUnavailable
from edge.delivery.publisher_status import Board, PublisherStatus
from edge.delivery.traffic import Traffic
from edge.delivery.wakeup import Receiver
from edge.domain.sections import LocalPath, Section

_log = logging.getLogger(__name__)

_HEARTBEATS_MISSED = 3
_FAILURES_REMEMBERED = 3
"""After so many failures in a row every version of MQTT is tried again, not only the one that worked."""

_ANY_VERSION = (Version.V5, Version.V3_1_1)

_LONGEST_PACKET_BYTES = 131_072
"""A command of any length that is read, and its topic."""


class Config(Section):
    """Settings of `[delivery.publisher]`."""

    host: str = Field("localhost", min_length=1, description="name or address of the broker")
    port: int = Field(1883, ge=1, le=65_535, description="8883 is usual with TLS")
    protocol: Literal["auto", "5", "3.1.1"] = Field(
        "auto", description="version of MQTT; auto: 5, else 3.1.1"
    )
    tls: bool = Field(False, description="encrypt, and check the broker's certificate")
    ca_file: LocalPath | None = Field(None, description="certificates to trust; default: those of the system")
    certificate_file: LocalPath | None = Field(None, description="this node's certificate (PEM)")
    key_file: LocalPath | None = Field(None, description="the key of this node's certificate (PEM)")
    username: str | None = Field(None, description="name at the broker")
    password_file: LocalPath | None = Field(None, description="file whose first line is the password")
    in_flight: int = Field(20, ge=1, le=1000, description="reports sent and not yet acknowledged, at most")
    heartbeat_s: int = Field(30, ge=1, le=3600, description="how often the node's state is published")
    keepalive_s: int = Field(30, ge=5, le=3600, description="a silent connection is tested after this long")
    acknowledge_s: float = Field(30, ge=0.1, le=600, description="without an answer for so long it is lost")
    connect_s: float = Field(10, ge=0.1, le=120, description="how long connecting may take")
    retry_min_s: float = Field(1, ge=0.01, le=60, description="first wait before connecting again")
    retry_max_s: float = Field(60, ge=0.01, le=3600, description="longest wait before connecting again")
    will_delay_s: int = Field(
        15, ge=0, le=3600, description="a loss shorter than this does not show as offline (MQTT 5)"
    )
    session_s: int = Field(
        604_800, ge=0, le=31_536_000, description="how long the broker keeps this node's session (MQTT 5)"
    )
    message_expiry_s: int = Field(
        604_800,
        ge=60,
        le=31_536_000,
        description="the broker drops a report not passed on for so long (MQTT 5)",
    )

    mb_per_day: float = Field(
        100,
        ge=0,
        le=100_000,
        description="traffic of a day (UTC), MB; then measures and health wait, alarms never; 0: no limit",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "Config":
        files = {
            "ca_file": self.ca_file,
            "certificate_file": self.certificate_file,
            "key_file": self.key_file,
        }
        if not self.tls and (unused := [name for name, file in files.items() if file is not None]):
            raise ValueError(f"{', '.join(unused)} would not be used; set tls = true")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together; give both or none")
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file would not be used; give username too")
        if self.retry_min_s > self.retry_max_s:
            raise ValueError("retry_min_s is longer than retry_max_s")
        return self


def access_of(config: Config, client_id: str) -> Access:
    """Return how to reach the broker, as nobody's session; reads the password's file.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    password = None
    if config.password_file is not None:
        password = config.password_file.read_text(encoding="utf-8").partition("\n")[0]
    return Access(
        host=config.host,
        port=config.port,
        client_id=client_id,
        versions=_ANY_VERSION if config.protocol == "auto" else (Version(config.protocol),),
        tls=Tls(config.ca_file, config.certificate_file, config.key_file) if config.tls else None,
        username=config.username,
        password=password,
        keepalive_s=config.keepalive_s,
        timeout_s=config.connect_s,
        longest_packet_bytes=_LONGEST_PACKET_BYTES,
    )


class Publisher:
    """Publishes what waits in the outbox, and the node's state.

    Args:
        config: which broker, and how.
        outbox: touched only through `run_in_outbox`.
        city: name of the city, as in topics.
        node: name of the lamppost, as in topics.
        run_in_outbox: runs a call in the one thread that may touch the outbox.
        connect_runner: runs calls that wait for the network, in a thread of their own.
        intake: takes the centre's commands; None: this lamppost hears none.
        now: the time, UTC, for the node's state.
    """

    def __init__(
        self,
        config: Config,
        *,
        outbox: Outbox,
        city: str,
        node: str,
        run_in_outbox: RunBlocking,
        connect_runner: RunBlocking,
        intake: Intake | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._config = config
        self._outbox_path = outbox.path
        self._backlog = Backlog(outbox, run_in_outbox)
        self._board = Board(now)
        kept = outbox.path.with_name(outbox.path.name + ".traffic")
        self._traffic = Traffic(kept, round(config.mb_per_day * 1_000_000))
        self._client_id = f"{city}-{node}"
        self._state_topic = state_topic(city, node)
        self._run_blocking = connect_runner
        self._intake = intake
        self._wake = asyncio.Event()
        self._version: Version | None = None
        self._failures = 0

    @property
    def status(self) -> PublisherStatus:
        """How publishing goes."""
        return self._board.status

    async def drained(self) -> None:
        """Wait until nothing waits in the outbox: while the broker is away, for ever."""
        self._board.count(await self._backlog.counts())
        await self._board.empty.wait()

    async def run(self) -> None:
        """Publish until cancelled; then tell the broker that the node is offline."""
        with self._listening():
            while True:
                try:
                    await self._publish()
                except BrokerError as error:
                    self._failures += 1
                    self._board.trouble(error)
                await asyncio.sleep(self._retry_s())

    async def _publish(self) -> None:
        carrier = await self._connected()
        try:
            await carrier.carry(self._began)
        finally:
            self._board.write(connected=False, refused=())
            await carrier.take_leave()

    def _began(self) -> None:
        self._failures = 0
        self._board.write(connected=True, version=self._version)
        where = f"{self._config.host}:{self._config.port}"
        self._board.well(f"publisher: connected to {where} in MQTT {self._version}")

    async def _connected(self) -> Carrier:
        try:
            self._board.count(await self._backlog.counts())
        except OutboxUnavailable as error:
            self._board.trouble(error)
        try:
            access = await self._run_blocking(self._access)
        except (OSError, ValueError) as error:
            raise connect_failed(f"{self._config.host}:{self._config.port}", error, 0) from error
        connection = await self._connect(access)
        self._version = connection.version
        config = self._config
        pace = Pace(
            in_flight=config.in_flight,
            heartbeat_s=config.heartbeat_s,
            expires_s=self._expires_s,
            acknowledge_s=config.acknowledge_s,
            message_expiry_s=config.message_expiry_s,
        )
        return Carrier(
            connection,
            self._backlog,
            self._board,
            traffic=self._traffic,
            state_topic=self._state_topic,
            pace=pace,
            wake=self._wake,
        )

    async def _connect(self, access: Access) -> Connection:
        intake = self._intake
        if intake is None:
            return await connect(access, self._run_blocking)
        # Commands that came while this lamppost was away are handed over before it can subscribe again.
        connection = await connect(access, self._run_blocking, {intake.topic: intake.hear})
        try:
            await connection.subscribe(intake.topic, intake.hear)
        except BrokerError as error:
            # A broker that lets nobody command is no reason to keep reports back.
            self._board.trouble(error)
        return connection

    def _access(self) -> Access:
        offline = self._board.node_state(online=False, expires_s=self._expires_s)
        will = Will(self._state_topic, offline, self._config.will_delay_s)
        access = access_of(self._config, self._client_id)
        return replace(access, will=will, versions=self._versions(), session_s=self._config.session_s)

    def _versions(self) -> tuple[Version, ...]:
        if self._config.protocol != "auto":
            return (Version(self._config.protocol),)
        if self._version is not None and self._failures < _FAILURES_REMEMBERED:
            return (self._version,)
        return _ANY_VERSION

    @property
    def _expires_s(self) -> int:
        return _HEARTBEATS_MISSED * self._config.heartbeat_s

    def _retry_s(self) -> float:
        """Return the next wait: longer after each failure, and never the same at all nodes of a city."""
        longest = min(self._config.retry_max_s, self._config.retry_min_s * 2.0 ** min(self._failures, 20))
        return longest * random.uniform(0.5, 1.0)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        try:
            receiver = Receiver(self._outbox_path)
        except OSError as error:
            _log.warning("publisher: no nudges, so reports leave some seconds later: %s", error)
            yield
            return

        def nudged() -> None:
            receiver.drain()
            self._backlog.more = True
            self._wake.set()

        with receiver:
            loop.add_reader(receiver.fileno(), nudged)
            try:
                yield
            finally:
                loop.remove_reader(receiver.fileno())
