"""The publisher: at least once, in order, through every outage; and the node's retained state."""

import asyncio
import json
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge.delivery import carrier
from edge.delivery.embedded_broker import embedded_broker
from edge.delivery.mqtt import Connection, connect
from edge.delivery.mqtt_access import Access, Message, Version
from edge.delivery.outbox import Entry, Outbox, OutboxUnavailable
from edge.delivery.publisher import Config, Publisher
from edge.delivery.wakeup import notify
from edge.domain.health import Reason
from edge.domain.node_reports import NodeState
from edge.domain.report_base import Priority
from edge.runtime.worker import Worker

Broker = Any
MakeBroker = Callable[..., Any]
STATE = "lp/v1/utrecht/pole-7/state"
NOW = datetime(2026, 5, 1, 12, 0, 0, 999, tzinfo=UTC)


def run(main: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await main

    asyncio.run(limited())


def entry(sequence: int, kind: str = "health") -> Entry:
    payload = b'{"id":"pole-7-%d"}' % sequence
    return Entry(sequence, kind, f"lp/v1/utrecht/pole-7/measure/{kind}", payload, Priority.HEALTH)


def entries(first: int, last: int) -> list[Entry]:
    return [entry(n) for n in range(first, last + 1)]


def config(broker: Broker, **more: Any) -> Config:
    quick = {"retry_min_s": 0.05, "retry_max_s": 0.2, "will_delay_s": 0}
    return Config(host=broker.host, port=broker.port, **quick | more)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with Outbox(path, 50_000_000, 1) as made:
        yield made


@asynccontextmanager
async def publishing(settings: Config, outbox: Outbox) -> AsyncIterator[tuple[Publisher, Worker]]:
    """Run a publisher within; also gives the worker that may touch the outbox."""
    with Worker("outbox") as worker, Worker("connect") as connector:
        publisher = Publisher(
            settings,
            outbox=outbox,
            city="utrecht",
            node="pole-7",
            run_in_outbox=worker,
            connect_runner=connector,
            now=lambda: NOW,
        )
        task = asyncio.create_task(publisher.run())
        try:
            yield publisher, worker
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


class Subscriber:
    """A real subscriber, connected straight to the broker."""

    def __init__(self) -> None:
        self.reports: list[int] = []
        self.messages: list[Message] = []
        self.states: asyncio.Queue[NodeState] = asyncio.Queue()
        self.retained: list[bool] = []
        self._came = asyncio.Event()

    def take(self, message: Message) -> None:
        if message.topic == STATE:
            self.states.put_nowait(NodeState.model_validate_json(message.payload))
            self.retained.append(message.retained)
        else:
            self.messages.append(message)
            self.reports.append(int(json.loads(message.payload)["id"].rpartition("-")[2]))
        self._came.set()

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._came.clear()
            await self._came.wait()

    async def latest(self, sequence: int) -> None:
        """Wait until this report is the last that came."""
        await self.until(lambda: self.reports[-1:] == [sequence])

    async def has(self, count: int) -> None:
        """Wait for so many different reports."""
        await self.until(lambda: len(self.in_order) >= count)

    @property
    def in_order(self) -> list[int]:
        """Return the reports without repetitions, in the order of their first arrival."""
        return list(dict.fromkeys(self.reports))


@asynccontextmanager
async def subscribed(broker: Broker) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber()
    connection = await connected(broker)
    await connection.subscribe("lp/v1/#", subscriber.take)
    try:
        yield subscriber
    finally:
        await connection.close()


async def connected(broker: Broker) -> Connection:
    async def in_thread(call: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(call)

    return await connect(Access(host=broker.host, port=broker.port, client_id="subscriber"), in_thread)


@pytest.mark.parametrize("protocol", ["auto", "5", "3.1.1"])
def test_what_waits_is_delivered_in_order_and_forgotten(
    mosquitto: Broker, outbox: Outbox, protocol: str
) -> None:
    outbox.append(entries(1, 150))

    async def main() -> None:
        async with (
            subscribed(mosquitto) as subscriber,
            publishing(config(mosquitto, protocol=protocol), outbox) as (publisher, _),
        ):
            await publisher.drained()
            await subscriber.until(lambda: len(subscriber.reports) == 150)
            assert subscriber.reports == list(range(1, 151))
            first = subscriber.messages[0]
            assert (first.topic, first.payload) == (entry(1).topic, entry(1).payload)
            assert not any(message.retained for message in subscriber.messages)
            is_5 = protocol != "3.1.1"
            assert first.content_type == ("application/cloudevents+json" if is_5 else None)
            assert first.expiry_s == (604_800 if is_5 else None)
            status = publisher.status
            assert (status.connected, status.pending, status.delivered) == (True, 0, 150)
            assert status.version is (Version.V5 if is_5 else Version.V3_1_1)
            assert status.last_error is None

    run(main())
    assert outbox.counts().delivered == {"health": 150}


def test_when_the_days_traffic_is_used_up_measures_wait_and_alarms_go(
    mosquitto: Broker, outbox: Outbox
) -> None:
    outbox.append([entry(n, "sound_level") for n in range(1, 101)])
    outbox.append([entry(n, "impulse") for n in range(101, 111)])

    async def main() -> None:
        async with (
            subscribed(mosquitto) as subscriber,
            publishing(config(mosquitto, mb_per_day=0.02, in_flight=4), outbox) as (publisher, _),
        ):
            await subscriber.latest(110)
            kinds = [message.topic.rpartition("/")[2] for message in subscriber.messages]
            assert kinds.count("impulse") == 10
            assert 50 < kinds.count("sound_level") < 100
            assert "sound_level" in publisher.status.held
            assert 16_000 < publisher.status.bytes_today < 20_000
            assert "they wait for tomorrow" in (publisher.status.last_error or "")

    run(main())


def test_a_nudge_makes_a_report_leave_at_once(mosquitto: Broker, outbox: Outbox) -> None:
    async def main() -> None:
        async with (
            subscribed(mosquitto) as subscriber,
            publishing(config(mosquitto), outbox) as (publisher, worker),
        ):
            await subscriber.states.get()
            await publisher.drained()
            for n in range(1, 11):
                await worker(partial(outbox.append, [entry(n)]))
                notify(outbox.path)
                async with asyncio.timeout(carrier._LOOK_S / 2):
                    await subscriber.latest(n)

    run(main())


def test_without_nudges_the_outbox_is_looked_at(
    mosquitto: Broker, outbox: Outbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_socket(_: Path) -> None:
        raise OSError("no sockets here")

    monkeypatch.setattr("edge.delivery.publisher.Receiver", no_socket)
    monkeypatch.setattr(carrier, "_LOOK_S", 0.1)

    async def main() -> None:
        async with (
            subscribed(mosquitto) as subscriber,
            publishing(config(mosquitto), outbox) as (publisher, worker),
        ):
            await publisher.drained()
            # The second is lower: it was written by a node whose outbox was made anew.
            for n in (100, 5):
                await worker(partial(outbox.append, [entry(n)]))
                await subscriber.latest(n)

    run(main())
    assert "no nudges, so reports leave some seconds later: no sockets here" in caplog.text


def test_birth_heartbeat_and_goodbye_are_retained_state(mosquitto: Broker, outbox: Outbox) -> None:
    outbox.append(entries(1, 3))

    async def main() -> None:
        async with subscribed(mosquitto) as subscriber:
            async with publishing(config(mosquitto, heartbeat_s=1), outbox):
                birth = await subscriber.states.get()
                assert birth == NodeState(
                    online=True, time=NOW.replace(microsecond=0), expires_s=3, pending=3
                )
                beat = await subscriber.states.get()
                assert (beat.online, beat.pending, beat.delivered, beat.evicted) == (True, 0, 3, 0)
            goodbye = await subscriber.states.get()
            assert (goodbye.online, goodbye.expires_s) == (False, 3)
        async with subscribed(mosquitto) as late:
            assert not (await late.states.get()).online
            assert late.retained == [True]

    run(main())


def _publish(path: Path, port: int) -> None:
    async def main() -> None:
        settings = Config(host="127.0.0.1", port=port, retry_min_s=0.05, will_delay_s=0)
        async with publishing(settings, Outbox(path, 50_000_000, 1)):
            await asyncio.Event().wait()

    asyncio.run(main())


def test_kill_9_of_the_publisher_loses_nothing_and_shows_as_offline(
    mosquitto: Broker, outbox: Outbox
) -> None:
    spawn = multiprocessing.get_context("spawn")
    outbox.append(entries(1, 1000))

    async def main() -> None:
        async with subscribed(mosquitto) as subscriber:
            for target in (200, 1000):
                process = spawn.Process(target=_publish, args=(outbox.path, mosquitto.port))
                process.start()
                while not (await subscriber.states.get()).online:
                    pass
                await subscriber.has(target)
                assert process.pid is not None
                os.kill(process.pid, signal.SIGKILL)
                await asyncio.to_thread(process.join)
                process.close()
                while (await subscriber.states.get()).online:
                    pass
            assert subscriber.in_order == list(range(1, 1001))

    run(main())


def test_a_broker_that_restarts_gets_the_rest(mosquitto: Broker, outbox: Outbox) -> None:
    async def main() -> None:
        async with publishing(config(mosquitto), outbox) as (publisher, worker):
            await worker(lambda: outbox.append(entries(1, 10)))
            await publisher.drained()
            while not publisher.status.connected:
                await asyncio.sleep(0.01)
            mosquitto.stop()
            await worker(lambda: outbox.append(entries(11, 500)))
            while "connection refused" not in str(publisher.status.last_error):
                await asyncio.sleep(0.01)
            assert publisher.status.pending == 490
            assert publisher.status.last_error_at == NOW
            mosquitto.start()
            await publisher.drained()
            assert publisher.status.delivered == 500

    run(main())


class Cutter:
    """A wire between publisher and broker that can be cut."""

    host = "127.0.0.1"

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> "Cutter":
        self._server = await asyncio.start_server(self._relay, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        there_reader, there_writer = await asyncio.open_connection(self._broker.host, self._broker.port)
        self._writers += [writer, there_writer]
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(500):
                writer.write(piece)
                await writer.drain()
        writer.close()


def test_a_wire_that_is_cut_again_and_again_loses_nothing_and_keeps_the_order(
    mosquitto: Broker, outbox: Outbox
) -> None:
    outbox.append(entries(1, 600))

    async def main() -> None:
        async with (
            subscribed(mosquitto) as subscriber,
            Cutter(mosquitto) as wire,
            publishing(config(wire, in_flight=7), outbox) as (publisher, _),
        ):
            for target in range(50, 600, 70):
                await subscriber.has(target)
                wire.cut()
            await publisher.drained()
            await subscriber.has(600)
            assert subscriber.in_order == list(range(1, 601))
            assert wire.connections >= 8
            assert "connection lost" in str(publisher.status.last_error)

    run(main())


def test_what_worked_is_remembered(outbox: Outbox) -> None:
    outbox.append(entries(1, 5))

    async def main() -> None:
        async with embedded_broker() as (host, port):
            broker = Config(host=host, port=port)
            async with Cutter(broker) as wire, publishing(config(wire), outbox) as (publisher, worker):
                await publisher.drained()
                assert publisher.status.version is Version.V3_1_1
                assert wire.connections == 2
                wire.cut()
                await worker(lambda: outbox.append(entries(6, 8)))
                await publisher.drained()
                assert wire.connections == 3

    run(main())
    assert outbox.counts().delivered == {"health": 8}


def test_a_broker_that_refuses_the_password_loses_nothing(
    make_mosquitto: MakeBroker, outbox: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "passwords").touch()
    (tmp_path / "password").write_text("secret\n")
    broker = make_mosquitto("allow_anonymous false", f"password_file {tmp_path / 'passwords'}")
    broker.start()
    outbox.append(entries(1, 20))

    async def main() -> None:
        settings = config(broker, username="node", password_file=tmp_path / "password")
        async with publishing(settings, outbox) as (publisher, _):
            while publisher._failures < 3:
                await asyncio.sleep(0.01)
            assert not publisher.status.connected
            assert publisher.status.pending == 20

    run(main())
    assert outbox.counts().pending == 20
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 1, (
        "told once, not at every try"
    )
    assert "secret" not in caplog.text


def test_a_missing_password_file_is_told(mosquitto: Broker, outbox: Outbox, tmp_path: Path) -> None:
    async def main() -> None:
        settings = config(mosquitto, username="node", password_file=tmp_path / "absent")
        async with publishing(settings, outbox) as (publisher, _):
            while publisher.status.last_error is None:
                await asyncio.sleep(0.01)
            said = publisher.status.last_error
            assert f"{tmp_path / 'absent'}: No such file or directory; check the path" in said

    run(main())


def test_a_kind_that_the_broker_refuses_stays_and_the_others_go_on(
    make_mosquitto: MakeBroker, outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acl").write_text(
        f"topic readwrite {STATE}\ntopic readwrite lp/v1/+/+/measure/health\ntopic read #\n"
    )
    broker = make_mosquitto(f"acl_file {tmp_path / 'acl'}")
    broker.start()
    monkeypatch.setattr(carrier, "_REFUSED_AGAIN_S", 0.3)
    outbox.append([entry(n, "health" if n % 2 else "secret") for n in range(1, 101)])

    async def main() -> None:
        async with (
            subscribed(broker) as subscriber,
            publishing(config(broker), outbox) as (publisher, _),
        ):
            await subscriber.until(lambda: len(subscriber.reports) >= 50)
            assert subscriber.in_order == list(range(1, 100, 2))
            while publisher.status.refused != ("secret",):
                await asyncio.sleep(0.01)
            said = str(publisher.status.last_error)
            assert "refused a message on lp/v1/utrecht/pole-7/measure/secret: Not authorized" in said
            assert publisher.status.connected
            (tmp_path / "acl").write_text("topic readwrite #\n")
            broker.reload()
            await publisher.drained()
            await subscriber.has(100)
            assert not publisher.status.refused

    run(main())


class Flaky(Outbox):
    """An outbox on a disk that fails when told to."""

    fails = ""

    def _fail(self, name: str) -> None:
        if name in self.fails:
            raise OutboxUnavailable(Reason.DISK_FULL, f"outbox: {name} fails")

    def delivered(self, sequences: Collection[int]) -> None:
        self._fail("delivered")
        super().delivered(sequences)

    def pending(self, limit: int, after: int = 0, without: Collection[str] = ()) -> list[Entry]:
        self._fail("pending")
        return super().pending(limit, after, without)

    def counts(self) -> Any:
        self._fail("counts")
        return super().counts()


def test_a_disk_that_does_not_delete_repeats_nothing_while_the_process_lives(
    mosquitto: Broker, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "_DISK_AGAIN_S", 0.02)

    async def main(outbox: Flaky) -> None:
        async with (
            subscribed(mosquitto) as subscriber,
            Cutter(mosquitto) as wire,
            publishing(config(wire), outbox) as (publisher, _),
        ):
            await subscriber.until(lambda: len(subscriber.reports) >= 100)
            wire.cut()
            await subscriber.has(200)
            assert publisher.status.delivered == 0
            outbox.fails = ""
            await publisher.drained()
            again = len(subscriber.reports) - 200
            assert again <= 20, "only what was in flight when the wire was cut may come twice"

    with Flaky(path, 50_000_000, 1) as flaky:
        flaky.append(entries(1, 200))
        flaky.fails = "delivered"
        run(main(flaky))
        assert flaky.counts().delivered == {"health": 200}


def test_an_outbox_that_cannot_be_read_is_told_and_tried_again(
    mosquitto: Broker, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "_DISK_AGAIN_S", 0.02)

    async def main(outbox: Flaky) -> None:
        async with (
            subscribed(mosquitto) as subscriber,
            publishing(config(mosquitto), outbox) as (publisher, _),
        ):
            assert (await subscriber.states.get()).online
            while publisher.status.last_error != "outbox: pending fails":
                await asyncio.sleep(0.01)
            outbox.fails = ""
            await subscriber.until(lambda: subscriber.reports == [1, 2, 3])

    with Flaky(path, 50_000_000, 1) as flaky:
        flaky.append(entries(1, 3))
        flaky.fails = "pending counts"
        run(main(flaky))


def test_when_very_much_cannot_be_deleted_publishing_waits_for_the_disk(
    mosquitto: Broker, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "_DISK_AGAIN_S", 0.02)
    monkeypatch.setattr("edge.delivery.backlog._UNDELETED_LIMIT", 40)

    async def main(outbox: Flaky) -> None:
        async with (
            subscribed(mosquitto) as subscriber,
            publishing(config(mosquitto), outbox) as (publisher, _),
        ):
            await subscriber.until(lambda: len(subscriber.reports) >= 40)
            await asyncio.sleep(0.3)
            assert len(subscriber.reports) <= 60
            outbox.fails = ""
            await publisher.drained()
            await subscriber.until(lambda: subscriber.reports == list(range(1, 201)))

    with Flaky(path, 50_000_000, 1) as flaky:
        flaky.append(entries(1, 200))
        flaky.fails = "delivered"
        run(main(flaky))


@contextmanager
def mute_broker(acknowledged: int) -> Iterator[int]:
    """Accept clients and acknowledge so many messages of each, then nothing."""
    listening = socket.create_server(("127.0.0.1", 0))
    clients: list[socket.socket] = []

    def converse(client: socket.socket) -> None:
        with suppress(OSError):
            client.recv(2000)
            client.sendall(b"\x20\x03\x00\x00\x00")
            for mid in range(1, acknowledged + 1):
                client.recv(2000)
                client.sendall(b"\x40\x02\x00" + bytes([mid]))
            while client.recv(2000):
                pass

    threads: list[threading.Thread] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                clients.append(client)
                threads.append(threading.Thread(target=converse, args=(client,)))
                threads[-1].start()

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        server.join()
        for client in clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for client in clients:
            client.close()


@pytest.mark.parametrize("acknowledged", [0, 1])
def test_a_broker_that_falls_silent_is_left_and_tried_again(
    outbox: Outbox, acknowledged: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "_FAREWELL_S", 0.1)
    monkeypatch.setattr("edge.delivery.mqtt._GOODBYE_S", 0.1)
    outbox.append(entries(1, 3))

    async def main(port: int) -> None:
        settings = Config(host="127.0.0.1", port=port, acknowledge_s=0.2, retry_min_s=0.05)
        async with publishing(settings, outbox) as (publisher, _):
            while publisher._failures < 1 or "did not acknowledge" not in str(publisher.status.last_error):
                await asyncio.sleep(0.01)
            said = "publisher: the broker did not acknowledge a message within 0.2 s; connecting again"
            assert publisher.status.last_error == said

    with mute_broker(acknowledged) as port:
        run(main(port))
    assert outbox.counts().pending == 3


def test_a_broker_that_takes_one_message_at_a_time_gets_one_at_a_time(
    make_mosquitto: MakeBroker, outbox: Outbox
) -> None:
    broker = make_mosquitto("max_inflight_messages 1")
    broker.start()
    outbox.append(entries(1, 60))

    async def main() -> None:
        async with (
            subscribed(broker) as subscriber,
            publishing(config(broker, heartbeat_s=1), outbox) as (publisher, _),
        ):
            await publisher.drained()
            await subscriber.until(lambda: subscriber.reports == list(range(1, 61)))
            assert publisher.status.last_error is None

    run(main())


def test_days_without_a_network_end_well(mosquitto: Broker, outbox: Outbox, free_port: int) -> None:
    # Mosquitto keeps 1000 messages for a subscriber that is slower than the publisher, and drops the rest.
    for first in range(1, 901, 300):
        outbox.append(entries(first, first + 299))

    async def main() -> None:
        async with publishing(Config(port=free_port, retry_min_s=0.01, retry_max_s=0.02), outbox) as (
            publisher,
            _,
        ):
            while publisher._failures < 20:
                await asyncio.sleep(0.01)
            assert publisher.status.pending == 900
        async with (
            subscribed(mosquitto) as subscriber,
            publishing(config(mosquitto), outbox) as (publisher, _),
        ):
            await publisher.drained()
            await subscriber.until(lambda: len(subscriber.reports) == 900)
            assert subscriber.reports == list(range(1, 901))

    run(main())


def came(subscriber: Subscriber, count: int) -> bool:
    return len(subscriber.reports) >= count


def test_two_deliveries_carry_the_same_bytes(mosquitto: Broker, path: Path) -> None:
    async def main(outbox: Flaky) -> None:
        async with subscribed(mosquitto) as subscriber:
            for expected in (5, 10):
                async with publishing(config(mosquitto), outbox):
                    await subscriber.until(partial(came, subscriber, expected))
            first, second = subscriber.messages[:5], subscriber.messages[5:]
            assert [m.payload for m in first] == [m.payload for m in second]

    with Flaky(path, 50_000_000, 1) as flaky:
        flaky.append(entries(1, 5))
        flaky.fails = "delivered"
        run(main(flaky))


def test_the_wait_grows_has_a_limit_and_differs_from_node_to_node(outbox: Outbox) -> None:
    settings = Config(retry_min_s=1, retry_max_s=60)
    publisher = Publisher(
        settings,
        outbox=outbox,
        city="utrecht",
        node="pole-7",
        run_in_outbox=Worker("unused"),
        connect_runner=Worker("unused"),
    )
    for failures, longest in ((0, 1), (1, 2), (5, 32), (6, 60), (1000, 60)):
        publisher._failures = failures
        waits = [publisher._retry_s() for _ in range(50)]
        assert longest / 2 <= min(waits) < max(waits) <= longest


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ca_file": "x"}, "ca_file would not be used; set tls = true"),
        ({"tls": True, "key_file": "x"}, "certificate_file and key_file go together"),
        ({"password_file": "x"}, "give username too"),
        ({"retry_min_s": 5, "retry_max_s": 2}, "retry_min_s is longer than retry_max_s"),
        ({"protocol": "4"}, "protocol"),
        ({"password": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Config.model_validate(wrong)


def test_a_city_or_node_that_breaks_topics_is_refused(outbox: Outbox) -> None:
    with pytest.raises(ValueError, match="is no name for a city or a node"):
        Publisher(
            Config(),
            outbox=outbox,
            city="u/#",
            node="n",
            run_in_outbox=Worker("unused"),
            connect_runner=Worker("unused"),
        )
