"""Commands on the side of `sense`: checked again, obeyed at most once, and answered."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from edge.delivery.commands import Config, Judge, RefusedError
from edge.delivery.inbox import Inbox, bell_path
from edge.delivery.outbox import Outbox, OutboxUnavailable
from edge.delivery.wakeup import Receiver
from edge.detectors import street_sound
from edge.domain.commands import (
    Action,
    CommandAnswer,
    FalseAlarmOrder,
    Order,
    Outcome,
    PolicyOrder,
    Refusal,
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
            await self._worker(lambda payload=payload: self._inbox.forget(payload))  # type: ignore[misc]
            await self._answer(order.number if order else 0, order.action if order else None, outcome, reason)
            if order is not None and outcome is Outcome.DONE and order.action in _RESTARTS:
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
            _log.error("commands: %s", error)  # noqa: TRY400 - a complaint, not a bug
            return None, Outcome.FAILED, Refusal.TROUBLE
        except TrustError as error:
            _log.warning("commands: %s", error)
            return order, Outcome.FAILED, Refusal.TROUBLE
        _log.info("commands: number %d, %s: done", order.number, order.action)
        return order, Outcome.DONE, Refusal.NONE

    async def _carry_out(self, order: Order) -> None:
        carry_out: Callable[[], Awaitable[None]] | None = None
        match order:
            case SceneOrder():
                carry_out = lambda: self._light(order)  # noqa: E731
            case PolicyOrder():
                carry_out = lambda: self._take_policy(order)  # noqa: E731
            case ThresholdOrder():
                carry_out = lambda: self._set_threshold(order)  # noqa: E731
            case FalseAlarmOrder():
                carry_out = lambda: self._count_false_alarm(order)  # noqa: E731
        if carry_out is not None:
            await carry_out()
