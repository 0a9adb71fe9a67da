"""The roles put together: `sense`, `publish`, or both in one process (`lamppost run`)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edge.delivery import commands, embedded_broker, publisher
from edge.delivery.chain_head import HeadFile
from edge.delivery.commands import Judge, command_topic
from edge.delivery.intake import Intake
from edge.delivery.mqtt import connect
from edge.delivery.mqtt_access import Access, OnMessage
from edge.delivery.outbox import Config as OutboxConfig
from edge.delivery.outbox import Outbox, OutboxUnavailable
from edge.delivery.publisher import Publisher
from edge.delivery.writer import Writer, only_writer
from edge.domain.health import Component, Reason, Status
from edge.domain.observations import Health
from edge.domain.time import Clock
from edge.privacy.gate import Gate
from edge.privacy.noise import Ledger
from edge.privacy.policy_watch import SILENCE
from edge.runtime.command_memory import CommandMemory, CommandMemoryError
from edge.runtime.commands import Obedience
from edge.runtime.hardening import forbid_swapping
from edge.runtime.notify import notify
from edge.runtime.rule_memory import States, load_memory, memory_path, save_memory
from edge.runtime.sense import Sense, watch_of
from edge.runtime.settings import Settings
from edge.runtime.signals import stopped_by_signals
from edge.runtime.signing_keys import keys_of
from edge.runtime.thresholds import with_thresholds
from edge.runtime.worker import Worker
from edge.signing.key_store import KeyRing, KeyUnavailable

_log = logging.getLogger(__name__)

_LAST_DELIVERY_S = 5.0
_REPEAT_S = 60.0
"""How often a lasting trouble is told."""


@asynccontextmanager
async def outbox_of(settings: Settings) -> AsyncIterator[tuple[Outbox, Worker]]:
    """Open the outbox in a worker of its own, the only thread that touches it."""
    config = outbox_config(settings)
    with Worker("outbox") as worker:
        outbox = await worker(lambda: Outbox(config.path, config.max_mb * 1_000_000))
        await worker(lambda: _require_folder(config.path.parent, "path"))
        try:
            yield outbox, worker
        finally:
            await worker(outbox.close)


def _require_folder(folder: Path, setting: str, mode: int = 0o777) -> None:
    # A full disk may be freed while we run; a folder that is not ours needs a person, now.
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        advice = f"create it for the user that runs the daemon, or set {setting} in [delivery.outbox]"
        message = f"outbox folder {folder}: {error.strerror}; {advice}"
        raise OutboxUnavailable(Reason.NO_PERMISSION, message) from error


@asynccontextmanager
async def sensing(settings: Settings, clock: Clock, outbox: Outbox, worker: Worker) -> AsyncIterator[Sense]:
    """Give a `Sense` that writes to the outbox; on the way out everything admitted is on disk."""
    policies = watch_of(settings)
    gate = Gate(SILENCE, Ledger(settings.privacy.state / "epsilon.json") if settings.privacy else None)
    if policies is None:
        _log.warning("%s: no [privacy] policy: nothing but health will leave this lamppost", settings.path)
    private = outbox_config(settings).private
    await worker(lambda: _require_folder(private, "state", 0o700))
    with only_writer(outbox.path):
        # A bug in the writer ends the daemon, to be started anew, instead of leaving it green but deaf.
        async with asyncio.TaskGroup() as tasks:

            def tell(status: Status, reason: Reason, count: int, detail: str) -> None:
                tasks.create_task(sense.tell(Component.OUTBOX, status, reason, count, detail))

            keys, lost = await worker(lambda: _keys(settings))
            writer = Writer(
                outbox,
                worker,
                city=settings.node.city,
                node=settings.node.id,
                tell=tell,
                keys=keys,
                only=None if lost is None else {Health.kind},
                head=HeadFile(private),
            )
            memory = memory_path(private)

            async def keep(states: States) -> None:
                await worker(lambda: save_memory(memory, states))

            kept = await worker(lambda: load_memory(memory))
            sense = Sense(
                await worker(lambda: _as_commanded(settings)),
                gate,
                writer.accept,
                clock,
                policies=policies,
                run_blocking=worker,
                kept=kept,
                keep=keep,
            )
            helpers = [tasks.create_task(writer.run())]
            if (commanding := commands_config(settings)) is not None:
                obedience = Obedience(commanding, settings, sense, outbox, worker)
                helpers.append(tasks.create_task(obedience.run()))
            if lost is not None:
                helpers.append(tasks.create_task(_tell_lost_key(sense, writer, lost)))
            try:
                yield sense
            finally:
                for helper in helpers:
                    helper.cancel()
                writer.end()
        await writer.last_flush()


def _as_commanded(settings: Settings) -> Settings:
    """Return the settings with the thresholds that the centre has set."""
    config = commands_config(settings)
    if config is None:
        return settings
    try:
        return with_thresholds(settings, config, CommandMemory.read(config.state).thresholds)
    except CommandMemoryError as error:
        _log.error("commands: %s", error)
        return settings


def _keys(settings: Settings) -> tuple[KeyRing | None, KeyUnavailable | None]:
    try:
        return keys_of(settings), None
    except KeyUnavailable as error:
        return None, error


async def _tell_lost_key(sense: Sense, writer: Writer, lost: KeyUnavailable) -> None:
    """Without its key a lamppost lets nothing out but its health, unsigned, and that says so."""
    while True:
        detail = (
            f"signing: {lost}; until then nothing but health leaves, and {writer.withheld} reports did not"
        )
        await sense.tell(Component.SIGNING, Status.FAILED, lost.reason, max(1, writer.withheld), detail)
        await asyncio.sleep(_REPEAT_S)


async def _tell_swapping(sense: Sense) -> None:
    if trouble := forbid_swapping():
        await sense.tell(Component.MEMORY, Status.DEGRADED, Reason.NO_PERMISSION, 1, trouble)


@dataclass(frozen=True, slots=True)
class Publishing:
    """A publisher at work, and where its broker is."""

    publisher: Publisher
    host: str
    port: int


@asynccontextmanager
async def publishing(settings: Settings, outbox: Outbox, worker: Worker) -> AsyncIterator[Publishing]:
    """Publish from the outbox within; with `[delivery.embedded_broker]` to a broker in this process."""
    config = publisher_config(settings)
    async with AsyncExitStack() as stack:
        if (embedded := settings.section("delivery", "embedded_broker")) is not None:
            assert isinstance(embedded, embedded_broker.Config)
            host, port = await stack.enter_async_context(embedded_broker.embedded_broker(embedded.port))
            config = config.model_copy(update={"host": host, "port": port})
        intake = _intake(settings, outbox, worker)
        publisher = Publisher(
            config,
            outbox=outbox,
            city=settings.node.city,
            node=settings.node.id,
            run_in_outbox=worker,
            connect_runner=stack.enter_context(Worker("connect")),
            intake=intake,
        )
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(publisher.run())]
            if intake is not None:
                running.append(tasks.create_task(intake.run()))
            try:
                yield Publishing(publisher, config.host, config.port)
            finally:
                for task in running:
                    task.cancel()


def _intake(settings: Settings, outbox: Outbox, worker: Worker) -> Intake | None:
    config, node = commands_config(settings), settings.node
    if config is None:
        return None
    judge = Judge(config.keys, node.city, node.id, config.longest_s)
    return Intake(judge, command_topic(node.city, node.id), outbox, worker)


@asynccontextmanager
async def subscribed(broker: Publishing, topics: str, on_message: OnMessage) -> AsyncIterator[None]:
    """Receive within what the broker publishes on `topics`, as a central platform would."""
    with Worker("subscribe") as worker:
        access = Access(host=broker.host, port=broker.port, client_id="lamppost-subscriber")
        connection = await connect(access, worker)
        try:
            await connection.subscribe(topics, on_message)
            yield
        finally:
            await connection.close()


async def last_delivery(broker: Publishing) -> None:
    """Give what has just been written the time that a healthy broker needs."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_DELIVERY_S):
            await broker.publisher.drained()


def publisher_config(settings: Settings) -> publisher.Config:
    """Return `[delivery.publisher]` or its defaults."""
    config = settings.section("delivery", "publisher") or publisher.Config()
    assert isinstance(config, publisher.Config)
    return config


def commands_config(settings: Settings) -> commands.Config | None:
    """Return `[delivery.commands]`; None: this lamppost hears no commands."""
    config = settings.section("delivery", "commands")
    assert config is None or isinstance(config, commands.Config)
    return config


def outbox_config(settings: Settings) -> OutboxConfig:
    """Return `[delivery.outbox]` or its defaults."""
    config = settings.section("delivery", "outbox") or OutboxConfig()
    assert isinstance(config, OutboxConfig)
    return config


async def run_sense(settings: Settings, clock: Clock) -> bool:
    """The role `sense`, until a signal or the end of every recording; returns whether to begin anew."""
    async with (
        outbox_of(settings) as (outbox, worker),
        sensing(settings, clock, outbox, worker) as sense,
        stopped_by_signals(sense.stop),
    ):
        await _tell_swapping(sense)
        await sense.run()
    return sense.restarting


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


async def run_both(settings: Settings, clock: Clock) -> bool:
    """Both roles in one process, for a bench or a small site; returns whether to begin anew."""
    async with outbox_of(settings) as (outbox, worker), publishing(settings, outbox, worker) as broker:
        async with sensing(settings, clock, outbox, worker) as sense, stopped_by_signals(sense.stop):
            await _tell_swapping(sense)
            await sense.run()
        if broker.publisher.status.connected:
            await last_delivery(broker)
    return sense.restarting
