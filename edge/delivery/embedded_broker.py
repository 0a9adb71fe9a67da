"""A broker inside this process, on loopback only, so that a demo or a bench needs no server. MQTT 3.1.1.

It keeps nothing on disk and lets everyone on this machine in. A lamppost in a street uses a real broker.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from pydantic import Field

from edge.delivery.mqtt_errors import BrokerError
from edge.domain.sections import Section

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_HOST = "127.0.0.1"
_LISTENER = "default"
_CONNECT = b"\x10"
_MQTT_3_1_1 = b"\x04"
_REFUSED_VERSION = b"\x20\x02\x00\x01"


class Config(Section):
    """Settings of `[delivery.embedded_broker]`; with this section the publisher uses it."""

    port: int = Field(0, ge=0, le=65_535, description="loopback port; 0: any free one")


@asynccontextmanager
async def embedded_broker(port: int = 0) -> AsyncIterator[tuple[str, int]]:
    """Run a broker within; gives its host and port.

    Raises:
        BrokerError: the port is taken or not allowed.
    """
    from amqtt.adapters import StreamWriterAdapter
    from amqtt.broker import Broker
    from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType

    # We listen ourselves and hand connections over: amqtt does not tell which free port it took.
    listener = ListenerConfig(type=ListenerType.EXTERNAL, bind=_HOST)
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    tasks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            # A client that leaves in the middle is its own business.
            with suppress(OSError, asyncio.IncompleteReadError):
                greeting = await _greeting(reader)
                if greeting[-1:] == _MQTT_3_1_1:
                    again = _Reader(greeting, reader)
                    await broker.external_connected(again, StreamWriterAdapter(writer), _LISTENER)
                else:
                    writer.write(_REFUSED_VERSION)
        finally:
            tasks.discard(task)
            writer.close()

    with _silent("amqtt"):
        broker = Broker(BrokerConfig(listeners={_LISTENER: listener}, plugins=plugins))
        await broker.start()
        try:
            server = await _listen(converse, port)
            try:
                yield _HOST, server.sockets[0].getsockname()[1]
            finally:
                server.close()
        finally:
            await broker.shutdown()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _greeting(reader: asyncio.StreamReader) -> bytes:
    """Read the beginning of a CONNECT up to the version, its last byte; b"" when it is something else.

    amqtt takes a CONNECT of MQTT 5 for a longer one of 3.1.1 and waits for the rest for ever.
    """
    begun = await reader.readexactly(1)
    if begun != _CONNECT:
        return b""
    while len(begun) < 5:
        begun += await reader.readexactly(1)
        if begun[-1] < 0x80:
            break
    return begun + await reader.readexactly(7)


class _Reader:
    """What was read already, then what follows; as amqtt's reader."""

    def __init__(self, begun: bytes, reader: asyncio.StreamReader) -> None:
        self._begun = begun
        self._reader = reader

    async def read(self, n: int) -> bytes:
        begun, self._begun = self._begun[:n], self._begun[n:]
        return begun + await self._reader.readexactly(n - len(begun))


async def _listen(converse: Converse, port: int) -> asyncio.Server:
    try:
        return await asyncio.start_server(converse, _HOST, port)
    except OSError as error:
        raise BrokerError(
            f"embedded broker: port {port} of {_HOST}: {error.strerror}; give delivery.embedded_broker"
            " another port, or 0 for any free one"
        ) from error


@contextmanager
def _silent(name: str) -> Iterator[None]:
    # It logs every packet and, as an error, every client that speaks MQTT 5.
    logger = logging.getLogger(name)
    before = logger.propagate
    nobody = logging.NullHandler()
    logger.propagate = False
    logger.addHandler(nobody)
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(nobody)
