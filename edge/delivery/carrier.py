"""The carrier: takes reports from the backlog to the broker over one connection, until it is lost."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from edge.delivery.backlog import Backlog
from edge.delivery.cloud_events import CONTENT_TYPE
from edge.delivery.mqtt import Connection
from edge.delivery.mqtt_errors import BrokerError
from edge.delivery.outbox import OutboxUnavailable
from edge.delivery.publisher_status import Board
from edge.delivery.traffic import Traffic
from edge.delivery.window import Window

_LOOK_S = 5.0
"""How often the outbox is looked at without a nudge."""
_REFUSED_AGAIN_S = 300.0
"""When a kind that the broker refused is tried again; the other kinds go on."""
_DISK_AGAIN_S = 1.0
_FAREWELL_S = 2.0
_STATE_CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits of one connection; see the publisher's `Config`."""

    in_flight: int
    heartbeat_s: float
    expires_s: int
    acknowledge_s: float
    message_expiry_s: int


class Carrier:
    """One connection's worth of publishing.

    Args:
        connection: to the broker.
        backlog: where reports come from.
        board: where it is told how it goes.
        traffic: counts what is sent, and says which kinds wait for tomorrow.
        state_topic: topic of the node's retained state.
        pace: its limits.
        wake: set by whoever has news; also by the carrier's own futures.
    """

    def __init__(
        self,
        connection: Connection,
        backlog: Backlog,
        board: Board,
        *,
        traffic: Traffic,
        state_topic: str,
        pace: Pace,
        wake: asyncio.Event,
    ) -> None:
        self._connection = connection
        self._backlog = backlog
        self._board = board
        self._traffic = traffic
        self._state_topic = state_topic
        self._pace = pace
        self._wake = wake
        self._time = asyncio.get_running_loop().time
        self._window = Window(min(pace.in_flight, connection.in_flight), wake.set)
        self._refused: dict[str, float] = {}
        self._heartbeat_at = 0.0
        self._look_at = 0.0
        self._again_at: dict[str, float] = {}

    async def carry(self, began: Callable[[], None]) -> None:
        """Announce the node, call `began`, and publish until the connection is lost. Raises BrokerError."""
        self._connection.lost.add_done_callback(lambda _: self._wake.set())
        await self._announce()
        began()
        self._backlog.rewind()
        while True:
            self._wake.clear()
            self._land()
            self._check()
            await self._tend()
            await self._rest()

    async def take_leave(self) -> None:
        """Say that the node goes offline, if the connection is still there, and close it."""
        connection = self._connection
        try:
            if not connection.lost.done():
                async with asyncio.timeout(_FAREWELL_S):
                    await self._publish_state(online=False)
                self._land()
                await self._backlog.delete()
        except (TimeoutError, BrokerError, OutboxUnavailable) as error:
            self._board.trouble(error)
        finally:
            await connection.close()

    async def _announce(self) -> None:
        try:
            async with asyncio.timeout(self._pace.acknowledge_s):
                await self._publish_state(online=True)
        except TimeoutError as error:
            raise self._silent_broker() from error

    def _publish_state(self, *, online: bool) -> asyncio.Future[None]:
        # The broker forgets a stale "online"; "offline" stays until the node says otherwise.
        self._heartbeat_at = self._time() + self._pace.heartbeat_s
        state = self._board.node_state(online=online, expires_s=self._pace.expires_s)
        self._traffic.sent(self._board.now().date(), self._state_topic, state)
        return self._connection.publish(
            self._state_topic,
            state,
            retain=True,
            content_type=_STATE_CONTENT_TYPE,
            expiry_s=self._pace.expires_s if online else None,
        )

    def _check(self) -> None:
        if self._connection.lost.done():
            self._connection.lost.result()
            raise BrokerError("publisher: the connection was closed")
        if self._time() >= self._window.deadline:
            raise self._silent_broker()

    def _silent_broker(self) -> BrokerError:
        return BrokerError(
            f"publisher: the broker did not acknowledge a message within {self._pace.acknowledge_s:g} s;"
            " connecting again"
        )

    def _land(self) -> None:
        landed = self._window.land()
        self._backlog.acknowledge(landed.acknowledged)
        for entry, said in landed.refused:
            self._refused[entry.kind] = self._time() + _REFUSED_AGAIN_S
            self._board.trouble(BrokerError(f"{said} (kind {entry.kind})"))
        if landed.refused:
            self._board.write(refused=tuple(sorted(self._refused)))

    async def _tend(self) -> None:
        """Do what is due; trouble with the disk in one step does not hold up the others."""
        self._take_up(self._time())
        await self._try(self._delete)
        await self._try(self._fill)
        if self._time() >= self._heartbeat_at:
            await self._try(self._count)
            self._publish_state(online=True)

    async def _try(self, step: Callable[[], Awaitable[None]]) -> None:
        if self._time() < self._again_at.get(step.__name__, 0.0):
            return
        try:
            await step()
        except OutboxUnavailable as error:
            self._board.trouble(error)
            self._again_at[step.__name__] = self._time() + _DISK_AGAIN_S

    def _take_up(self, now: float) -> None:
        """Look again at what was left: now and then at everything, later at kinds that were refused."""
        again = [kind for kind, at in self._refused.items() if now >= at]
        for kind in again:
            del self._refused[kind]
        if again:
            self._board.write(refused=tuple(sorted(self._refused)))
            self._backlog.rewind()
        if now >= self._look_at:
            self._look_at = now + _LOOK_S
            self._backlog.more = True
            if not len(self._window) and not self._backlog.undeleted:
                self._backlog.rewind()

    async def _delete(self) -> None:
        waiting = self._backlog.undeleted
        if waiting and (waiting >= self._pace.in_flight // 2 or not len(self._window)):
            await self._backlog.delete()
            if not len(self._window):
                await self._count()

    async def _count(self) -> None:
        self._board.count(await self._backlog.counts())

    async def _fill(self) -> None:
        backlog = self._backlog
        while backlog.more and not backlog.jammed and self._window.half_empty:
            without = {*self._refused, *self._held()}
            for entry in await backlog.take(self._window.room, self._window, without):
                self._traffic.sent(self._board.now().date(), entry.topic, entry.payload)
                future = self._connection.publish(
                    entry.topic,
                    entry.payload,
                    content_type=CONTENT_TYPE,
                    expiry_s=self._pace.message_expiry_s,
                )
                self._window.sent(entry, future, self._time() + self._pace.acknowledge_s)

    def _held(self) -> Collection[str]:
        """Return the kinds that wait for tomorrow; says so once."""
        held = self._traffic.held(self._board.now().date())
        self._board.write(bytes_today=self._traffic.bytes, held=tuple(held))
        if held:
            said = (
                f"publisher: today's budget of traffic is used for {', '.join(held)}; they wait for tomorrow"
            )
            self._board.trouble(BrokerError(said))
        return held

    async def _rest(self) -> None:
        now = self._time()
        again = [at for at in self._again_at.values() if at > now]
        until = min(self._heartbeat_at, self._look_at, self._window.deadline, *self._refused.values(), *again)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._wake.wait()
