"""What is sent to a board and when: opening, polling, reviving, closing. Pure: time is an argument."""

import heapq
from collections.abc import Iterator

from edge.decoding.commands import encode
from edge.decoding.profile import Profile


class Polling:
    """The commands of a profile's life cycle, in the order of their time."""

    def __init__(self, profile: Profile, now_s: float) -> None:
        """Start with the commands of `init`, then poll.

        Args:
            profile: the board.
            now_s: the present, on a monotonic clock.
        """
        self._cycle = profile.lifecycle
        self._period_s = profile.timing.period_s
        self._bytes = {name: encode(command, profile.codec) for name, command in profile.commands.items()}
        self._waits = {name: command.wait_s for name, command in profile.commands.items()}
        self._queue: list[tuple[float, int, str, float]] = []
        self._order = 0
        self.restart(now_s)

    def restart(self, now_s: float, *, revive: bool = False) -> None:
        """Begin again, as after opening; `revive`: the board said nothing for long."""
        self._queue.clear()
        time_s = now_s
        for name in (*self._cycle.init, *(self._cycle.revive if revive else ())):
            self._put(time_s, name, 0.0)
            time_s += self._waits[name]
        for name in self._cycle.poll:
            self._put(time_s, name, self._period_s)
            time_s += self._waits[name]
        for each in self._cycle.every:
            self._put(time_s, each.command, each.period_s)
            time_s += self._waits[each.command]

    def due(self, now_s: float) -> Iterator[bytes]:
        """Yield what is to be sent now."""
        while self._queue and self._queue[0][0] <= now_s:
            time_s, _, name, period_s = heapq.heappop(self._queue)
            if period_s:
                # Polls that were missed are not made up for.
                self._put(max(time_s + period_s, now_s), name, period_s)
            yield self._bytes[name]

    def rest_s(self, now_s: float) -> float | None:
        """Return how long nothing is due; None: for ever."""
        return max(0.0, self._queue[0][0] - now_s) if self._queue else None

    def farewell(self) -> Iterator[bytes]:
        """Yield what is sent before the port is closed."""
        return (self._bytes[name] for name in self._cycle.stop)

    def _put(self, time_s: float, name: str, period_s: float) -> None:
        self._order += 1
        heapq.heappush(self._queue, (time_s, self._order, name, period_s))
