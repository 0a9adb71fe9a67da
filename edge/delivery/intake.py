"""The intake: what the publisher does with a message on the lamppost's command topic."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from edge.delivery.commands import LONGEST_BYTES, Judge, RefusedError
from edge.delivery.inbox import Inbox, bell_path
from edge.delivery.mqtt_access import Message, RunBlocking
from edge.delivery.outbox import Outbox, OutboxUnavailable
from edge.delivery.wakeup import notify
from edge.domain.commands import Refusal

_log = logging.getLogger(__name__)

_QUEUE = 100
_AGAIN_S = 1.0
_COUNT_S = 1.0
"""Refused messages are written down this often at most: a flood of them costs the disk no more than one."""


class Intake:
    """Checks messages and passes the centre's commands on to `sense`; counts the others.

    Args:
        judge: knows the centre's commands.
        topic: where they come.
        outbox: whose inbox they go to; touched only through `run_in_outbox`.
        run_in_outbox: runs a call in the one thread that may touch the outbox.
        now: the time, UTC.
    """

    def __init__(
        self,
        judge: Judge,
        topic: str,
        outbox: Outbox,
        run_in_outbox: RunBlocking,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._judge = judge
        self.topic = topic
        self._inbox = Inbox(outbox)
        self._bell = bell_path(outbox.path)
        self._run = run_in_outbox
        self._now = now
        self._heard: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)
        self._refused: Counter[Refusal] = Counter()
        self._dealing = False

    def hear(self, message: Message) -> None:
        """Take a message; never waits."""
        if message.retained:
            return  # the broker keeps it for everyone who connects: a command is not for keeping
        if len(message.payload) > LONGEST_BYTES:
            self._refused[Refusal.MALFORMED] += 1
            return
        try:
            self._heard.put_nowait(message.payload)
        except asyncio.QueueFull:
            self._refused[Refusal.TOO_MANY] += 1

    @property
    def idle(self) -> bool:
        """Whether everything that was heard is dealt with."""
        return self._heard.empty() and not self._dealing and not self._refused

    async def run(self) -> None:
        """Deal with what is heard until cancelled; a disk that fails is tried again."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._count())
            while True:
                payload = await self._heard.get()
                self._dealing = True
                await self._surely_deal_with(payload)
                self._dealing = False

    async def _count(self) -> None:
        while True:
            refused, self._refused = self._refused, Counter()
            try:
                if refused:
                    _log.warning(
                        "commands: refused %s", ", ".join(f"{n} {r.value}" for r, n in refused.items())
                    )
                    await self._run(partial(self._inbox.count_refused, refused))
            except OutboxUnavailable as error:
                _log.warning("commands: %s", error)
                self._refused.update(refused)
            await asyncio.sleep(_COUNT_S)

    async def _surely_deal_with(self, payload: bytes) -> None:
        while True:
            try:
                await self._deal_with(payload)
            except OutboxUnavailable as error:
                _log.warning("commands: %s", error)
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def _deal_with(self, payload: bytes) -> None:
        try:
            self._judge.check(payload, self._now())
            if not await self._run(lambda: self._inbox.put(payload)):
                raise RefusedError(Refusal.TOO_MANY)
        except RefusedError as refusal:
            self._refused[refusal.reason] += 1
        else:
            notify(self._bell)
