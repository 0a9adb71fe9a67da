"""Trouble of one source, counted per reason and told at a bearable rate. Time is an argument."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from edge.domain.frames import Fault
from edge.domain.health import Reason
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime

FAULT_SPACING_S = 5.0
"""The same trouble is told at most so often; shorter than the calm after which a source counts as well."""


@dataclass(frozen=True, slots=True)
class _Told:
    """Trouble of one reason: when it was told last, and what came since."""

    at_ns: int
    detail: str = ""
    untold: int = 0


class Troubles:
    """Counts trouble per reason and tells it at most every `FAULT_SPACING_S`."""

    def __init__(self, source: SourceId, advice: Mapping[Reason, str]) -> None:
        """Start.

        Args:
            source: named in every fault.
            advice: what to do about trouble of a reason.
        """
        self._source = source
        self._advice = advice
        self._told: dict[Reason, _Told] = {}

    def note(self, reason: Reason, detail: str) -> None:
        """Count one trouble."""
        known = self._told.get(reason) or _Told(-(1 << 62))
        self._told[reason] = replace(known, detail=detail, untold=known.untold + 1)

    def rested(self, reason: Reason, time: CaptureTime) -> bool:
        """Whether trouble of this reason would be told at once."""
        known = self._told.get(reason)
        return known is None or (time.monotonic_ns - known.at_ns) / NS_PER_S >= FAULT_SPACING_S

    def lasts(self, reason: Reason, time: CaptureTime, detail: str) -> bool:
        """Note trouble that is a state, once for each time it is told; return whether it was noted."""
        rested = self.rested(reason, time)
        if rested:
            self.note(reason, detail)
        return rested

    def due(self, time: CaptureTime, *, all_of_them: bool = False) -> Iterator[Fault]:
        """Yield what may be told now."""
        for reason, told in self._told.items():
            if told.untold and (all_of_them or self.rested(reason, time)):
                self._told[reason] = _Told(time.monotonic_ns)
                detail = f"{told.detail}; {self._advice.get(reason, '')}"
                yield Fault(self._source, time, reason, detail, told.untold)
