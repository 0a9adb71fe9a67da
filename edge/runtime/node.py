"""The roles put together: `sense`, `publish`, or both in one process (`lamppost run`)."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from edge.delivery import embedded_broker, publisher
from edge.delivery.outbox import Config as OutboxConfig
from edge.delivery.outbox import Outbox
from edge.delivery.writer import Numbering, Writer
from edge.domain.health import Component, Reason, Status
from edge.domain.time import Clock
from edge.runtime.notify import notify
from edge.runtime.sense import Sense, gate_of
from edge.runtime.settings import Settings
from edge.runtime.worker import Worker


@asynccontextmanager
async def stopped_by_signals(stop: Callable[[], None]) -> AsyncIterator[None]:
    """Within: SIGTERM and SIGINT call `stop` instead of killing the process."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        notify("STOPPING=1")


@asynccontextmanager
async def outbox_of(settings: Settings) -> AsyncIterator[tuple[Outbox, Worker]]:
    """Open the outbox in a worker of its own, the only thread that touches it."""
    config = settings.section("delivery", "outbox") or OutboxConfig()
    assert isinstance(config, OutboxConfig)
    with Worker("outbox") as worker:
        outbox = await worker(lambda: Outbox(config.path, config.max_mb * 1_000_000))
        try:
            yield outbox, worker
        finally:
            await worker(outbox.close)


@asynccontextmanager
async def sensing(settings: Settings, clock: Clock, outbox: Outbox, worker: Worker) -> AsyncIterator[Sense]:
    """Give a `Sense` that writes to the outbox; on the way out everything admitted is on disk."""
    tasks: set[asyncio.Task[None]] = set()

    def tell(status: Status, reason: Reason, count: int, detail: str) -> None:
        task = asyncio.ensure_future(sense.tell(Component.OUTBOX, status, reason, count, detail))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    node = settings.node
    numbering = Numbering(node.city, node.id, await worker(outbox.next_sequence))
    writer = Writer(outbox, worker, numbering, tell)
    sense = Sense(settings, gate_of(settings), writer.accept, clock)
    writing = asyncio.create_task(writer.run())
    try:
        yield sense
    finally:
        writing.cancel()
        await asyncio.gather(writing, *tasks, return_exceptions=True)
        await writer.last_flush()


@asynccontextmanager
async def publishing(
    settings: Settings, outbox: Outbox, worker: Worker
) -> AsyncIterator[publisher.Publisher]:
    """Publish from the outbox within; with `[delivery.embedded_broker]` to a broker in this process."""
    config = settings.section("delivery", "publisher") or publisher.Config()
    assert isinstance(config, publisher.Config)
    async with AsyncExitStack() as stack:
        if (embedded := settings.section("delivery", "embedded_broker")) is not None:
            assert isinstance(embedded, embedded_broker.Config)
            host, port = await stack.enter_async_context(embedded_broker.embedded_broker(embedded.port))
            config = config.model_copy(update={"host": host, "port": port})
        connector = stack.enter_context(Worker("connect"))
        made = publisher.Publisher(
            config,
            outbox=outbox,
            city=settings.node.city,
            node=settings.node.id,
            run_in_outbox=worker,
            connect_runner=connector,
        )
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def run_sense(settings: Settings, clock: Clock) -> None:
    """The role `sense`, until a signal or the end of every recording."""
    async with (
        outbox_of(settings) as (outbox, worker),
        sensing(settings, clock, outbox, worker) as sense,
        stopped_by_signals(sense.stop),
    ):
        await sense.run()


async def run_publish(settings: Settings) -> None:
    """The role `publish`, until a signal."""
    stop = asyncio.Event()
    async with (
        outbox_of(settings) as (outbox, worker),
        publishing(settings, outbox, worker),
        stopped_by_signals(stop.set),
    ):
        notify("READY=1")
        await stop.wait()


async def run_both(settings: Settings, clock: Clock) -> None:
    """Both roles in one process, for a bench, a demo or a small site."""
    async with (
        outbox_of(settings) as (outbox, worker),
        publishing(settings, outbox, worker),
        sensing(settings, clock, outbox, worker) as sense,
        stopped_by_signals(sense.stop),
    ):
        await sense.run()
