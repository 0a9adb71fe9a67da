"""Commands on the side of `sense`: checked again, obeyed at most once, and answered."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from edge.delivery.commands import Config, Judge, RefusedError
from edge.delivery.inbox import Inbox, bell_path
from edge.delivery.outbox import Outbox, OutboxUnavailable
from edge.delivery.wakeup import Receiver
from edge.domain.actuator import SceneCommand
from edge.domain.commands import (
    CommandAnswer,
    FalseAlarmOrder,
    Order,
    Outcome,
    PolicyOrder,
    Refusal,
    RestartOrder,
    SceneOrder,
    ThresholdOrder,
)
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S
from edge.inference.trust import TrustError, report_false_alarm
from edge.privacy.policy import PolicyError
from edge.runtime.command_memory import CommandMemory, CommandMemoryError
from edge.runtime.sense import Sense
from edge.runtime.settings import Settings
from edge.runtime.thresholds import OutOfBoundsError, with_threshold
from edge.runtime.worker import Worker

_log = logging.getLogger(__name__)

_SOURCE = SourceId("node", 0, Component.COMMANDS)
_LOOK_S = 5.0
"""How often the inbox is looked at without the bell."""
_COUNT_S = 60.0
"""How often it is reported how many messages were refused."""


class Obedience:
    """Takes the centre's commands out of the inbox and has them carried out.

    Args:
        config: whose commands, and which.
        settings: of this lamppost, before anything was commanded.
        sense: carries them out and reports the answers.
        outbox: whose inbox it is; touched only through `worker`.
        worker: the outbox's thread.
    """

    def __init__(
        self, config: Config, settings: Settings, sense: Sense, outbox: Outbox, worker: Worker
    ) -> None:
        node = settings.node
        self._config = config
        self._settings = settings
        self._sense = sense
        self._judge = Judge(config.keys, node.city, node.id, config.longest_s)
        self._inbox = Inbox(outbox)
        self._bell = bell_path(outbox.path)
        self._worker = worker
        self._rung = asyncio.Event()
        self._counted_at = -_COUNT_S

    async def run(self) -> None:
        """Obey until cancelled, or until a command restarts `sense`."""
        await self._sense.ready.wait()
        with self._listening():
            while not self._sense.restarting:
                try:
                    await self._obey_all()
                except (OutboxUnavailable, CommandMemoryError) as error:
                    _log.warning("commands: %s", error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self._rung.wait()
                self._rung.clear()

    async def _obey_all(self) -> None:
        for payload in await self._worker(self._inbox.waiting):
            if self._sense.restarting:
                return
            order, outcome, reason = await self._obey(payload)
            await self._worker(partial(self._inbox.forget, payload))
            await self._answer(order, order.number if order else 0, outcome, reason)
            if outcome is Outcome.DONE and isinstance(order, RestartOrder | ThresholdOrder):
                self._sense.restart()
        await self._count_refused()

    async def _obey(self, payload: bytes) -> tuple[Order | None, Outcome, Refusal]:
        try:
            order = self._judge.check(payload, self._now())
            memory = await self._worker(lambda: CommandMemory.read(self._config.state))
            if order.number <= memory.highest:
                raise RefusedError(Refusal.REPLAYED, order)
            # Remembered before it is done: a command is obeyed once or, when the power fails now, not at all.
            await self._worker(lambda: memory.taking(order.number).write(self._config.state))
            if order.action not in self._config.allow:
                raise RefusedError(Refusal.NOT_ALLOWED, order)
            await self._carry_out(order)
        except RefusedError as refusal:
            return refusal.order, Outcome.REFUSED, refusal.reason
        except CommandMemoryError as error:
            _log.error("commands: %s", error)
            return None, Outcome.FAILED, Refusal.TROUBLE
        except TrustError as error:
            _log.warning("commands: %s", error)
            return order, Outcome.FAILED, Refusal.TROUBLE
        _log.info("commands: number %d, %s: done", order.number, order.action)
        return order, Outcome.DONE, Refusal.NONE

    async def _carry_out(self, order: Order) -> None:
        match order:
            case SceneOrder():
                await self._light(order)
            case PolicyOrder():
                await self._take_policy(order)
            case ThresholdOrder():
                await self._set_threshold(order)
            case FalseAlarmOrder():
                await self._count_false_alarm(order)
            case RestartOrder():
                pass  # once it is answered

    async def _light(self, order: SceneOrder) -> None:
        if not self._settings.of("actuators"):
            raise RefusedError(Refusal.NOT_EQUIPPED, order)
        now = self._sense.clock.now()
        command = SceneCommand(
            source=_SOURCE,
            time=now,
            result_time_ns=now.utc_ns,
            scene=order.scene,
            duration_s=order.duration_s,
        )
        await self._sense.observe(command)

    async def _take_policy(self, order: PolicyOrder) -> None:
        policies = self._sense.policies
        if policies is None:
            raise RefusedError(Refusal.NOT_EQUIPPED, order)
        try:
            now = self._now()
            await self._worker(lambda: policies.offer(order.policy.encode(), order.seal, now))
        except PolicyError as error:
            _log.warning("commands: %s", error)
            raise RefusedError(Refusal.BAD_POLICY, order) from error
        await self._sense.look_at_policy()

    async def _set_threshold(self, order: ThresholdOrder) -> None:
        try:
            with_threshold(self._settings, self._config, order.detector, order.setting, order.value)
        except OutOfBoundsError as error:
            _log.warning("commands: %s", error)
            raise RefusedError(Refusal.OUT_OF_BOUNDS, order) from error
        name, folder = f"{order.detector}.{order.setting}", self._config.state
        await self._worker(lambda: CommandMemory.read(folder).setting(name, order.value).write(folder))

    async def _count_false_alarm(self, order: FalseAlarmOrder) -> None:
        # Not by its class: importing a detector would load what opens devices into the publisher.
        section = self._settings.section("detectors", "street_sound")
        kept: Path | None = getattr(section, "false_alarms", None)
        if kept is None:
            raise RefusedError(Refusal.NOT_EQUIPPED, order)
        at_ns = round(order.at.timestamp() * NS_PER_S)
        await self._worker(lambda: report_false_alarm(kept, at_ns))

    async def _count_refused(self) -> None:
        """Report, now and then, how many messages the publisher took for no command of the centre."""
        now_s = time.monotonic()
        if now_s - self._counted_at < _COUNT_S:
            return
        self._counted_at = now_s
        counts = await self._worker(self._inbox.refused)
        memory = await self._worker(lambda: CommandMemory.read(self._config.state))
        for reason, count in counts.items():
            new = count - memory.counted.get(reason, 0)
            if new > 0:
                await self._answer(None, 0, Outcome.REFUSED, reason, count=new)
        counted = {reason.value: count for reason, count in counts.items()}
        if counted != memory.counted:
            await self._worker(lambda: memory.counting(counted).write(self._config.state))

    async def _answer(
        self, order: Order | None, number: int, outcome: Outcome, reason: Refusal, count: int = 1
    ) -> None:
        now = self._sense.clock.now()
        answer = CommandAnswer(
            source=_SOURCE,
            time=now,
            result_time_ns=now.utc_ns,
            number=number,
            action=order.action if order else None,
            outcome=outcome,
            reason=reason,
            count=count,
        )
        await self._sense.observe(answer)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._sense.clock.now().utc_ns / NS_PER_S, UTC)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        try:
            receiver = Receiver(self._bell)
        except OSError as error:
            _log.warning("commands: no bell, so they are heard some seconds later: %s", error)
            yield
            return

        def rung() -> None:
            receiver.drain()
            self._rung.set()

        with receiver:
            loop.add_reader(receiver.fileno(), rung)
            try:
                yield
            finally:
                loop.remove_reader(receiver.fileno())
