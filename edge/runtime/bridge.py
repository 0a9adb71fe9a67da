"""The bridge: from the lanes' threads to the main loop, in order of the time at which things were known.

Recordings are merged strictly: an observation is released once every other recording has come as far, so
that a replay gives the same result however fast it runs. Live lanes are never waited for. Each lane may hold
a bounded number of observations here; a recording waits when it is full, a live lane sheds its oldest and
counts.

Time passes here too, once a second, so that what lasts can end when nothing more is observed: on the clock of
the recordings while there are any, else on the node's (`beat`).
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field

from edge.domain.observations import Observation
from edge.domain.time import NS_PER_S

_FOREVER = 2**63 - 1
_TICK_NS = NS_PER_S
_MOST_TICKS = 3600
"""Of a gap in a recording, its last hour is told second by second: nothing that lasts outlives that."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How far time has come, and what became known then.

    Attributes:
        now_ns: monotonic.
        observation: None when a second has passed.
    """

    now_ns: int
    observation: Observation | None = None


@dataclass
class _Inlet:
    live: bool
    known_until_ns: int = -1
    waiting: deque[tuple[int, Observation]] = field(default_factory=deque)
    shed: int = 0


class Bridge:
    """Carries observations from lanes to the loop it was made in.

    Args:
        live: for each lane, whether it is live (else a recording).
        capacity: observations that one lane may have waiting.
    """

    def __init__(self, live: Sequence[bool], capacity: int = 1000) -> None:
        self._inlets = [_Inlet(flag) for flag in live]
        self._capacity = capacity
        self._changed = threading.Condition()
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._open = True
        self._beat_ns = -1
        self._next_tick_ns: int | None = None

    def post(self, lane: int, known_ns: int, observations: Iterable[Observation] = ()) -> None:
        """Called by a lane: these became known at `known_ns` (monotonic), and nothing earlier will follow."""
        inlet = self._inlets[lane]
        with self._changed:
            inlet.known_until_ns = max(inlet.known_until_ns, known_ns)
            for observation in observations:
                self._make_room(inlet)
                inlet.waiting.append((known_ns, observation))
            worth_waking = any(i.waiting for i in self._inlets) or self._tick_is_due()
        if worth_waking:
            self._notify()

    def close(self, lane: int) -> None:
        """Called by a lane: nothing will follow."""
        with self._changed:
            self._inlets[lane].known_until_ns = _FOREVER
        self._notify()

    def beat(self, now_ns: int) -> None:
        """Called by the main loop about once a second: it is `now_ns` (monotonic)."""
        with self._changed:
            self._beat_ns = max(self._beat_ns, now_ns)
        self._notify()

    def abandon(self) -> None:
        """The main loop is going away: no lane waits for room any more."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def shed(self) -> int:
        """Return how many observations were shed since the last call."""
        with self._changed:
            total = sum(inlet.shed for inlet in self._inlets)
            for inlet in self._inlets:
                inlet.shed = 0
            return total

    async def moments(self) -> AsyncGenerator[Moment, None]:
        """Yield observations, in order of the time at which they were known, and the seconds between them.

        It ends when every lane has closed.
        """
        while True:
            released, finished = self._release()
            for moment in released:
                yield moment
            if finished:
                return
            if not released:
                await self._wake.wait()
                self._wake.clear()

    def _make_room(self, inlet: _Inlet) -> None:
        if inlet.live:
            if len(inlet.waiting) >= self._capacity:
                inlet.waiting.popleft()
                inlet.shed += 1
            return
        while len(inlet.waiting) >= self._capacity and self._open:
            self._notify()
            self._changed.wait(0.5)

    def _notify(self) -> None:
        # A loop that has closed needs no waking; the lane is about to be stopped.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def _release(self) -> tuple[list[Moment], bool]:
        with self._changed:
            released = [Moment(*item) for inlet in self._inlets if inlet.live for item in _drain(inlet)]
            while (lane := self._earliest()) is not None and self._all_came_as_far(lane):
                known_ns, observation = self._inlets[lane].waiting.popleft()
                released += [*self._ticks(known_ns), Moment(known_ns, observation)]
            released += self._ticks(self._come_ns())
            finished = all(i.known_until_ns == _FOREVER and not i.waiting for i in self._inlets)
            self._changed.notify_all()
        return released, finished

    def _come_ns(self) -> int:
        """Return how far time has come: as far as every recording; without one as far as the node's clock."""
        recordings = [i for i in self._inlets if not i.live and (i.waiting or i.known_until_ns < _FOREVER)]
        if not recordings:
            return self._beat_ns
        return min(i.waiting[0][0] - 1 if i.waiting else i.known_until_ns for i in recordings)

    def _tick_is_due(self) -> bool:
        come_ns = self._come_ns()
        return come_ns >= 0 and (self._next_tick_ns is None or come_ns >= self._next_tick_ns)

    def _ticks(self, come_ns: int) -> list[Moment]:
        if come_ns < 0:
            return []
        if self._next_tick_ns is None:
            self._next_tick_ns = (come_ns // _TICK_NS + 1) * _TICK_NS
        due = max(0, (come_ns - self._next_tick_ns) // _TICK_NS + 1)
        first_ns = self._next_tick_ns + max(0, due - _MOST_TICKS) * _TICK_NS
        self._next_tick_ns += due * _TICK_NS
        return [Moment(tick_ns) for tick_ns in range(first_ns, self._next_tick_ns, _TICK_NS)]

    def _earliest(self) -> int | None:
        fronts = [(i.waiting[0][0], lane) for lane, i in enumerate(self._inlets) if i.waiting and not i.live]
        return min(fronts)[1] if fronts else None

    def _all_came_as_far(self, lane: int) -> bool:
        # At equal times the lower lane goes first, so a higher one need only have come exactly as far.
        known_ns = self._inlets[lane].waiting[0][0]
        return all(
            other.live or (other.known_until_ns, number) > (known_ns, lane)
            for number, other in enumerate(self._inlets)
            if number != lane
        )


def _drain(inlet: _Inlet) -> list[tuple[int, Observation]]:
    items = list(inlet.waiting)
    inlet.waiting.clear()
    return items
