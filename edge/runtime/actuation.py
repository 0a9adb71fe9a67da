"""Actuators: a thread for each, because a serial bridge or a sound card may block, and its link to the loop.

The thread goes on when the main loop does not: an actuator then hears no sign of life and returns to normal.
"""

import asyncio
import logging
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from edge.domain.actuator import Actuator
from edge.domain.city import City, Obedient
from edge.domain.events import Event
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.time import NS_PER_S, CaptureTime, Clock
from edge.runtime.settings import Settings

_log = logging.getLogger(__name__)

_STEP_S = 0.1
_MOST_WAITING = 256
_RELEASE_S = 9.0
"""The way back to normal: from the brightest light at the usual pace six seconds, and a turn before it."""


class Hand(threading.Thread):
    """Runs one actuator.

    Args:
        deliver: called with what it observes, in this thread; with None when it has ended.
        clock: the node's.
    """

    def __init__(
        self,
        actuator: Actuator,
        source: SourceId,
        clock: Clock,
        deliver: Callable[[Observation | None], None],
    ) -> None:
        super().__init__(name=f"actuator-{source.name}", daemon=True)
        self._actuator = actuator
        self._source = source
        self._clock = clock
        self._deliver = deliver
        self._halt = threading.Event()
        self._inbox: deque[Event | Observation | City] = deque(maxlen=_MOST_WAITING)
        self._heard_ns = clock.now().monotonic_ns

    def tell(self, finding: Event | Observation | City) -> None:
        """Called by the main loop: something to act upon; in a flood the oldest gives way."""
        self._inbox.append(finding)

    def beat(self, now_ns: int) -> None:
        """Called by the main loop about once a second: it is alive."""
        self._heard_ns = now_ns

    def halt(self) -> None:
        """Called by the main loop: go to the safe state and end."""
        self._halt.set()

    def run(self) -> None:
        """Thread body."""
        try:
            while not self._halt.wait(_STEP_S):
                self._once()
            self._release()
        except Exception as error:  # noqa: BLE001 - one broken actuator must not go unnoticed, nor take more with it
            _log.exception("actuator %s failed and is switched off", self._source.name)
            self._deliver(self._broken(error))
        finally:
            self._actuator.close()
            self._deliver(None)

    def _once(self) -> None:
        now = self._clock.now()
        while self._inbox:
            finding = self._inbox.popleft()
            if not isinstance(finding, City):
                self._actuator.notice(finding, now)
            elif isinstance(self._actuator, Obedient):
                self._actuator.obey(finding)
        self._give(self._actuator.step(now, self._heard_ns), now)

    def _release(self) -> None:
        begun_ns = self._clock.now().monotonic_ns
        while True:
            now = self._clock.now()
            self._give(self._actuator.release(now), now)
            if self._actuator.at_rest or now.monotonic_ns - begun_ns > _RELEASE_S * NS_PER_S:
                return
            self._clock.sleep(_STEP_S)

    def _give(self, observations: Iterable[Observation], now: CaptureTime) -> None:
        for observation in observations:
            self._deliver(replace(observation, result_time_ns=now.utc_ns))

    def _broken(self, error: Exception) -> Health:
        now = self._clock.now()
        return Health(
            source=self._source,
            time=now,
            result_time_ns=now.utc_ns,
            component=self._source.component,
            status=Status.FAILED,
            reason=Reason.EXCEPTION,
            detail=f"{self._source.name}: switched off: {type(error).__name__}: {error}",
        )


def fit_actuators(settings: Settings) -> list[tuple[SourceId, Actuator]]:
    """Build every actuator, on the calling thread. Raises ActuatorError."""
    counted: Counter[Component] = Counter()
    fitted: list[tuple[SourceId, Actuator]] = []
    for entry in settings.of("actuators"):
        component: Component = entry.module.COMPONENT
        source = SourceId(entry.name, counted[component], component)
        counted[component] += 1
        fitted.append((source, entry.module.build(entry.config, source)))
    return fitted


class Actuation:
    """The actuators at work, as the main loop sees them."""

    def __init__(self, fitted: Sequence[tuple[SourceId, Actuator]], clock: Clock) -> None:
        self._loop = asyncio.get_running_loop()
        self._observed: asyncio.Queue[Observation | None] = asyncio.Queue()
        self._hands = [Hand(actuator, source, clock, self._deliver) for source, actuator in fitted]

    def tell(self, finding: Event | Observation | City) -> None:
        """Tell every actuator."""
        for hand in self._hands:
            hand.tell(finding)

    def beat(self, now_ns: int) -> None:
        """Give a sign of life."""
        for hand in self._hands:
            hand.beat(now_ns)

    async def observed(self) -> AsyncIterator[Observation]:
        """Yield what actuators observe of themselves, until all have ended or time is up."""
        running = len(self._hands) + 1
        while running:
            observation = await self._observed.get()
            if observation is None:
                running -= 1
            else:
                yield observation

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Within, they work; on the way out they are told to go to their safe state: see `observed`."""
        for hand in self._hands:
            hand.start()
        try:
            yield
        finally:
            for hand in self._hands:
                hand.halt()
            self._observed.put_nowait(None)
            self._loop.call_later(_RELEASE_S + 1.0, self._give_up)

    def _give_up(self) -> None:
        for hand in self._hands:
            if hand.is_alive():
                _log.error("%s does not come to rest; leaving without it", hand.name)
                self._observed.put_nowait(None)

    def _deliver(self, observation: Observation | None) -> None:
        # A loop that has closed needs to know nothing more.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._observed.put_nowait, observation)
