"""One connection: MQTT 5 and 3.1.1, against mosquitto, the embedded broker and servers that misbehave."""

import asyncio
import logging
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from edge.delivery.embedded_broker import embedded_broker
from edge.delivery.mqtt import Connection, connect
from edge.delivery.mqtt_access import Access, Message, Tls, Version, Will
from edge.delivery.mqtt_errors import BrokerError, ProtocolRefusedError, PublishRefusedError, connect_failed

T = TypeVar("T")
Broker = Any
MakeBroker = Callable[..., Any]


def run(main: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(120):
            await main

    asyncio.run(limited())


async def in_thread(call: Callable[[], T]) -> T:
    return await asyncio.to_thread(call)


async def opened(broker: Broker, client_id: str = "tester", **more: Any) -> Connection:
    access = Access(host=broker.host, port=broker.port, client_id=client_id, **more)
    return await connect(access, in_thread)


def failure(access: Access) -> BrokerError:
    with pytest.raises(BrokerError) as caught:
        asyncio.run(connect(access, in_thread))
    assert "\n" not in str(caught.value)
    assert access.where in str(caught.value)
    return caught.value


@pytest.mark.parametrize("version", Version)
def test_what_is_published_arrives(mosquitto: Broker, version: Version) -> None:
    async def main() -> None:
        received: asyncio.Queue[Message] = asyncio.Queue()
        subscriber = await opened(mosquitto, "subscriber")
        await subscriber.subscribe("lp/v1/+/+/event/#", received.put_nowait)
        publisher = await opened(mosquitto, "publisher", versions=(version,))
        assert publisher.version is version
        await publisher.publish("lp/v1/u/n/event/impulse", b"bang", content_type="text/plain", expiry_s=60)
        await publisher.publish("lp/v1/u/n/measure/health", b"not asked for")
        await publisher.publish("lp/v1/u/n/event/impulse", b"again")
        first, second = await received.get(), await received.get()
        assert (first.topic, first.payload, first.retained) == ("lp/v1/u/n/event/impulse", b"bang", False)
        assert (second.payload, second.content_type) == (b"again", None)
        is_5 = version is Version.V5
        assert (first.content_type, first.expiry_s) == (("text/plain", 60) if is_5 else (None, None))
        await publisher.close()
        await subscriber.close()
        assert publisher.lost.result() is None

    run(main())


def test_a_message_larger_than_any_buffer_arrives(mosquitto: Broker) -> None:
    async def main() -> None:
        received: asyncio.Queue[Message] = asyncio.Queue()
        connection = await opened(mosquitto)
        await connection.subscribe("big", received.put_nowait)
        await connection.publish("big", bytes(8_000_000))
        assert len((await received.get()).payload) == 8_000_000
        await connection.close()

    run(main())


def test_many_in_flight_are_acknowledged(mosquitto: Broker) -> None:
    async def main() -> None:
        connection = await opened(mosquitto)
        assert connection.in_flight == 20
        await asyncio.gather(*(connection.publish("t", b"%d" % n) for n in range(500)))
        await connection.close()

    run(main())


@pytest.mark.parametrize("version", Version)
def test_the_will_is_published_after_a_loss_and_not_after_a_goodbye(
    mosquitto: Broker, version: Version
) -> None:
    async def main() -> None:
        received: asyncio.Queue[Message] = asyncio.Queue()
        watcher = await opened(mosquitto, "watcher")
        await watcher.subscribe("state/#", received.put_nowait)
        polite = await opened(mosquitto, "polite", versions=(version,), will=Will("state/polite", b"gone"))
        await polite.close()
        rude = await opened(mosquitto, "rude", versions=(version,), will=Will("state/rude", b"gone"))
        rude.abandon()
        will = await received.get()
        assert (will.topic, will.payload) == ("state/rude", b"gone")
        late: asyncio.Queue[Message] = asyncio.Queue()
        await watcher.subscribe("state/+", late.put_nowait)
        assert (await late.get()).retained
        await watcher.close()

    run(main())


def test_the_session_outlives_the_connection(mosquitto: Broker) -> None:
    async def main() -> None:
        received: asyncio.Queue[Message] = asyncio.Queue()
        first = await opened(mosquitto, "keeper", session_s=600)
        await first.subscribe("news", received.put_nowait)
        await first.close()
        other = await opened(mosquitto, "other")
        await other.publish("news", b"kept for you")
        access = Access(host=mosquitto.host, port=mosquitto.port, client_id="keeper", session_s=600)
        again = await connect(access, in_thread, {"news": received.put_nowait})
        assert (await received.get()).payload == b"kept for you"
        await again.close()
        await other.close()

    run(main())


def test_a_broker_that_dies_ends_the_connection_and_what_is_in_flight(mosquitto: Broker) -> None:
    async def main() -> None:
        connection = await opened(mosquitto)
        mosquitto.stop()
        with pytest.raises(BrokerError, match="connection lost"):
            await connection.publish("t", b"x")
        with pytest.raises(BrokerError, match="connection lost"):
            await connection.lost
        with pytest.raises(BrokerError, match="not connected"):
            await connection.publish("t", b"x")
        with pytest.raises(BrokerError, match="not connected"):
            await connection.subscribe("t", lambda _: None)
        await connection.close()

    run(main())


def test_a_second_client_of_the_same_name_throws_the_first_out(mosquitto: Broker) -> None:
    async def main() -> None:
        first = await opened(mosquitto, "twin")
        second = await opened(mosquitto, "twin")
        with pytest.raises(BrokerError, match="connection lost"):
            await first.lost
        await second.publish("t", b"x")
        await second.close()

    run(main())


@pytest.mark.parametrize(
    ("code", "said"),
    [(0x8E, "another client calls itself 'twin'"), (0x8B, r"connection lost \(Server shutting down\)")],
)
def test_why_the_broker_ends_a_connection_is_told(code: int, said: str) -> None:
    async def main(port: int) -> None:
        connection = await connect(Access(host="127.0.0.1", port=port, client_id="twin"), in_thread)
        with pytest.raises(BrokerError, match=said):
            await connection.lost

    with server(b"\x20\x03\x00\x00\x00\xe0\x02" + bytes([code]) + b"\x00", connections=1) as port:
        run(main(port))


def test_a_message_that_the_broker_refuses_leaves_the_connection_well(
    make_mosquitto: MakeBroker, tmp_path: Path
) -> None:
    (tmp_path / "acl").write_text("topic readwrite allowed/#\n")
    broker = make_mosquitto(f"acl_file {tmp_path / 'acl'}")
    broker.start()

    async def main() -> None:
        connection = await opened(broker)
        with pytest.raises(PublishRefusedError, match="refused a message on forbidden: Not authorized"):
            await connection.publish("forbidden", b"x")
        await connection.publish("allowed/1", b"x")
        await connection.close()

    run(main())


def test_a_subscription_that_the_broker_refuses_is_told() -> None:
    connack, suback = b"\x20\x03\x00\x00\x00", b"\x90\x04\x00\x01\x00\x87"

    async def main(port: int) -> None:
        connection = await connect(Access(host="127.0.0.1", port=port, client_id="c"), in_thread)
        with pytest.raises(BrokerError, match="refused a subscription: Not authorized"):
            await connection.subscribe("secret", lambda _: None)
        connection.abandon()

    with server(connack, suback, connections=1) as port:
        run(main(port))


def test_wrong_credentials_are_told(make_mosquitto: MakeBroker, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    maker = shutil.which("mosquitto_passwd")
    if maker is None:
        pytest.skip("mosquitto_passwd is not installed")
    subprocess.run([maker, "-c", "-b", str(passwords), "node", "right"], check=True, capture_output=True)
    broker = make_mosquitto("allow_anonymous false", f"password_file {passwords}")
    broker.start()
    for version in Version:
        access = Access(
            host=broker.host,
            port=broker.port,
            client_id="c",
            versions=(version,),
            username="node",
            password="wrong",
        )
        assert "check delivery.publisher.username and password_file" in str(
            failure(access)
        ) or "not authorised" in str(failure(access))

    async def main() -> None:
        connection = await opened(broker, username="node", password="right")
        await connection.publish("t", b"x")
        await connection.close()

    run(main())


def test_nobody_listening_is_told(free_port: int) -> None:
    error = failure(Access(host="127.0.0.1", port=free_port, client_id="c"))
    assert "connection refused; is the broker running" in str(error)


def test_an_unknown_name_is_told() -> None:
    error = failure(Access(host="broker.invalid", port=1883, client_id="c"))
    assert "the name is not known" in str(error)
    assert "check delivery.publisher.host" in str(error)


@contextmanager
def server(*answers: bytes | None, connections: int, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Accept connections; answer whatever is said with the next of `answers`, then hang up; None: stay."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kept: list[socket.socket] = []

        def serve() -> None:
            for _ in range(connections):
                client, _ = listening.accept()
                if tls is not None:
                    client = tls.wrap_socket(client, server_side=True)
                for answer in answers:
                    client.recv(1000)
                    client.sendall(answer or b"")
                if answers[-1] is None:
                    kept.append(client)
                else:
                    client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()
        for client in kept:
            client.close()


def test_a_server_that_hangs_up_is_told() -> None:
    with server(b"", connections=2) as port:
        error = failure(Access(host="127.0.0.1", port=port, client_id="c"))
    assert "no answer to a greeting in MQTT 3.1.1; is it an MQTT broker" in str(error)


def test_a_server_that_speaks_something_else_is_told() -> None:
    with server(b"HTTP/1.1 400 Bad Request\r\n\r\n", connections=2) as port:
        error = failure(Access(host="127.0.0.1", port=port, client_id="c"))
    assert "is it an MQTT broker" in str(error)


def test_a_server_that_never_answers_is_told() -> None:
    with server(None, connections=2) as port:
        error = failure(Access(host="127.0.0.1", port=port, client_id="c", timeout_s=0.3))
    assert "no answer to a greeting in MQTT 3.1.1" in str(error)


@pytest.mark.parametrize(
    ("properties", "said"),
    [(b"\x24\x00", "offers no QoS 1"), (b"\x25\x00", "retains nothing")],
)
def test_a_broker_that_cannot_do_what_a_node_needs_is_told(properties: bytes, said: str) -> None:
    connack = b"\x00\x00" + bytes([len(properties)]) + properties
    with server(b"\x20" + bytes([len(connack)]) + connack, connections=1) as port:
        error = failure(Access(host="127.0.0.1", port=port, client_id="c"))
    assert said in str(error)


@pytest.mark.parametrize("code", [0x88, 0x89, 0x8A, 0x97])
def test_other_refusals_are_told_by_name(code: int) -> None:
    with server(b"\x20\x03\x00" + bytes([code]) + b"\x00", connections=1) as port:
        error = failure(Access(host="127.0.0.1", port=port, client_id="c"))
    assert not isinstance(error, ProtocolRefusedError)
    assert str(error).count(":") >= 2


def test_the_embedded_broker_speaks_3_1_1(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with embedded_broker() as (host, port):
            access = Access(host=host, port=port, client_id="c", session_s=60, will=Will("state", b"gone"))
            received: asyncio.Queue[Message] = asyncio.Queue()
            connection = await connect(access, in_thread)
            assert connection.version is Version.V3_1_1
            await connection.subscribe("t/#", received.put_nowait)
            for n in range(100):
                await connection.publish(f"t/{n}", b"%d" % n, content_type="text/plain", expiry_s=5)
            assert [(await received.get()).payload for _ in range(100)] == [b"%d" % n for n in range(100)]
            await connection.close()

    run(main())
    assert not caplog.records
    assert logging.getLogger("amqtt").propagate


def test_the_embedded_broker_ends_with_clients_still_there() -> None:
    async def main() -> None:
        async with embedded_broker() as (host, port):
            connection = await connect(Access(host=host, port=port, client_id="c"), in_thread)
            reader, writer = await asyncio.open_connection(host, port)
        with pytest.raises(BrokerError):
            await connection.lost
        await connection.close()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    run(main())


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n", b"\x10\xff\xff\xff\x7f\x00\x04MQTT\x05"])
def test_the_embedded_broker_turns_away_what_is_not_mqtt_3_1_1(said: bytes) -> None:
    async def main() -> None:
        async with embedded_broker() as (host, port):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(said)
            assert await reader.read() == b"\x20\x02\x00\x01"
            writer.close()
            await writer.wait_closed()
            rude = socket.create_connection((host, port))
            rude.close()

    run(main())


def test_the_embedded_broker_listens_on_loopback_only_and_tells_a_taken_port(free_port: int) -> None:
    async def main() -> None:
        async with embedded_broker(free_port) as (host, port):
            assert (host, port) == ("127.0.0.1", free_port)
            with pytest.raises(BrokerError, match="another port, or 0 for any free one"):
                async with embedded_broker(free_port):
                    pass

    run(main())


def test_connecting_can_be_cancelled_while_the_thread_still_tries(mosquitto: Broker) -> None:
    go_on, done = threading.Event(), threading.Event()

    async def main() -> None:
        def slow(call: Callable[[], Any]) -> Any:
            def late() -> Any:
                go_on.wait()
                try:
                    return call()
                finally:
                    done.set()

            return asyncio.to_thread(late)

        access = Access(host=mosquitto.host, port=mosquitto.port, client_id="c")
        task = asyncio.create_task(connect(access, slow))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await asyncio.to_thread(done.wait)

    run(main())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with an authority and the certificates it gave to `localhost` and to a node."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")

    def call(*words: str) -> None:
        subprocess.run([openssl, *words], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    call("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca")
    for name, more in (("server", "subjectAltName=DNS:localhost"), ("node", "extendedKeyUsage=clientAuth")):
        (folder / f"{name}.ext").write_text(more)
        call("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        call(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-out", f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext"),
        )
    return folder


@pytest.fixture
def tls_broker(make_mosquitto: MakeBroker, certificates: Path) -> Broker:
    broker = make_mosquitto(
        f"cafile {certificates / 'ca.pem'}",
        f"certfile {certificates / 'server.pem'}",
        f"keyfile {certificates / 'server.key'}",
        "require_certificate true",
    )
    broker.start()
    return broker


def test_tls_with_certificates_on_both_sides(tls_broker: Broker, certificates: Path) -> None:
    tls = Tls(certificates / "ca.pem", certificates / "node.pem", certificates / "node.key")

    async def main() -> None:
        received: asyncio.Queue[Message] = asyncio.Queue()
        connection = await connect(
            Access(host="localhost", port=tls_broker.port, client_id="c", tls=tls), in_thread
        )
        await connection.subscribe("t", received.put_nowait)
        # Many small messages arrive in one TLS record: what is decrypted must be read without a new wake-up.
        sent = [connection.publish("t", b"%d" % n) for n in range(300)]
        await asyncio.gather(*sent)
        assert [(await received.get()).payload for _ in range(300)] == [b"%d" % n for n in range(300)]
        await connection.close()

    run(main())


def test_all_that_one_tls_record_holds_is_read(certificates: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    connack, goodbye = b"\x20\x03\x00\x00\x00", b"\xe0\x02\x8b\x00"

    async def main(port: int) -> None:
        tls = Tls(certificates / "ca.pem")
        connection = await connect(Access(host="localhost", port=port, client_id="c", tls=tls), in_thread)
        with pytest.raises(BrokerError, match="Server shutting down"):
            await connection.lost

    # The server stays, so nothing but the record itself can wake the client.
    with server(connack + goodbye, None, connections=1, tls=context) as port:
        run(main(port))


def test_tls_that_fails_is_told(tls_broker: Broker, certificates: Path, mosquitto: Broker) -> None:
    ca = certificates / "ca.pem"

    def said(host: str, port: int, tls: Tls) -> str:
        return str(failure(Access(host=host, port=port, client_id="c", tls=tls, timeout_s=3)))

    assert "check delivery.publisher.ca_file and host" in said("localhost", tls_broker.port, Tls())
    assert "IP address mismatch" in said("127.0.0.1", tls_broker.port, Tls(ca))
    assert "No such file or directory" in said("localhost", tls_broker.port, Tls(Path("/absent/ca.pem")))
    assert "/absent/ca.pem" in said("localhost", tls_broker.port, Tls(Path("/absent/ca.pem")))
    assert said("localhost", tls_broker.port, Tls(ca))
    assert "delivery.publisher.tls" in said("localhost", mosquitto.port, Tls(ca))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(101, "Network is unreachable"), "Network is unreachable; check the network"),
        (ConnectionResetError(104, "Connection reset by peer"), "broken off (Connection reset by peer)"),
        (ValueError("odd"), "ValueError: odd"),
        (TimeoutError(), "no answer within 1 s; check the network, the firewall and the port"),
        (ssl.SSLError(1, "WRONG"), "TLS: "),
        (PermissionError(13, "Permission denied", "/k.pem"), "/k.pem: Permission denied; check the path"),
    ],
)
def test_other_failures_are_told(error: Exception, said: str) -> None:
    assert str(connect_failed("h:1", error, 1.0)).startswith(f"broker h:1: {said}")
