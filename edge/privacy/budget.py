"""The information budget: how many bits, and how many reports of a kind, may leave a lamppost.

Under 50 bit/s averaged over an hour and under 600 bit/s over ten seconds, the rate of the lowest standardised
speech codec (MELPe, STANAG 4591): what leaves cannot be speech. Nothing in here believes a detector: what a
report can say is counted, not what it says.
"""

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

from edge.domain.report_base import Priority
from edge.domain.time import NS_PER_S

HOUR_S = 3600
HOUR_BITS = 50 * HOUR_S
SHORT_S = 10
SHORT_BITS = 600 * SHORT_S
MINUTE_S = 60

SHARES = {Priority.MEASURE: 0.6, Priority.HEALTH: 0.65, Priority.EVENT: 0.8, Priority.CALL: 1.0}
"""How far reports of a priority may fill the budget: what is left is for those above."""

SHARES_OF_A_KIND = {
    Priority.MEASURE: 0.34,
    Priority.HEALTH: 0.34,
    Priority.EVENT: 0.34,
    Priority.CALL: 0.1,
}
"""How much of it one kind may take: a night of bangs leaves room for other alarms. A bang is told as several
kinds, which together fill what alarms may; the rest is for calls, half of it for each of the two kinds."""


@dataclass
class _Window:
    """What was spent in the latest `length_s`, in whole bits, so that nothing is lost to rounding."""

    length_s: int
    limit: int
    spent: int = 0
    _spends: deque[tuple[int, str, int]] = field(default_factory=deque)
    _by_kind: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def has_room(self, now_ns: int, kind: str, bits: int, priority: Priority) -> bool:
        while self._spends and self._spends[0][0] <= now_ns - self.length_s * NS_PER_S:
            _, gone, freed = self._spends.popleft()
            self.spent -= freed
            self._by_kind[gone] -= freed
        within_kind = self._by_kind[kind] + bits < self.limit * SHARES_OF_A_KIND[priority]
        return within_kind and self.spent + bits < self.limit * SHARES[priority]

    def spend(self, now_ns: int, kind: str, bits: int) -> None:
        self._spends.append((now_ns, kind, bits))
        self.spent += bits
        self._by_kind[kind] += bits


class Budget:
    """What has left lately, and whether more may. State: a few thousand numbers at most."""

    def __init__(self) -> None:
        self._now_ns = 0
        self._windows = (_Window(HOUR_S, HOUR_BITS), _Window(SHORT_S, SHORT_BITS))
        self._times: dict[str, deque[int]] = {}

    @property
    def spent(self) -> tuple[int, int]:
        """Bits of the latest hour and of the latest ten seconds, as of the last report."""
        hour, short = self._windows
        return hour.spent, short.spent

    def spend(self, now_ns: int, kind: str, bits: float, *, per_minute: int, priority: Priority) -> bool:
        """Take the bits of one report out of the budget, if they are there; else change nothing.

        Args:
            now_ns: a monotonic clock; one that goes back is taken to stand still.
            kind: of the report.
            bits: what it can say.
            per_minute: so many of its kind leave in any minute.
            priority: how far it may fill the budget.
        """
        self._now_ns = max(self._now_ns, now_ns)
        times = self._times.setdefault(kind, deque(maxlen=per_minute))
        if len(times) == per_minute and times[0] > self._now_ns - MINUTE_S * NS_PER_S:
            return False
        whole = math.ceil(bits)
        if not all(window.has_room(self._now_ns, kind, whole, priority) for window in self._windows):
            return False
        for window in self._windows:
            window.spend(self._now_ns, kind, whole)
        times.append(self._now_ns)
        return True
