"""Whether a board that speaks can be believed: values that stand still for hours, values that jump.

What a board says that cannot be decoded, silence and its own fault flags are told by its source.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from pydantic import Field

from edge.decoding.plausibility import Screen
from edge.domain.frames import Frame, ReadingFrame
from edge.domain.health import Absence, Component, Reason, Status
from edge.domain.observations import Health
from edge.domain.sections import DetectorSection
from edge.domain.time import NS_PER_S

FRAME = ReadingFrame

_HOUR_NS = 3600 * NS_PER_S


class Config(DetectorSection):
    """Settings of `[detectors.reading_health]`."""

    unchanged_s: float = Field(
        7200.0,
        ge=60,
        le=86_400,
        description="a board all of whose values stand still for so long is stuck, s",
    )
    jumps: int = Field(10, ge=2, le=1000, description="so many jumps within an hour are a fault")


class ReadingHealth:
    """State: since when the board has been ill, by each of the two illnesses."""

    def __init__(self, config: Config) -> None:
        self._screen = Screen(config.unchanged_s)
        self._limit = config.jumps
        self._jumps: deque[int] = deque(maxlen=config.jumps)
        self._ill: set[Reason] = set()
        self._told_ns: dict[Reason, int] = {}

    def accept(self, frame: Frame) -> Iterable[Health]:
        """Take one reading; give what changed in the board's health, and once an hour what did not."""
        if not isinstance(frame, ReadingFrame):
            return
        absent = self._screen.take(frame).absent
        news = [why for name, why in absent.items() if name not in frame.absent]
        now_ns = frame.time.monotonic_ns
        yield from self._tell(frame, Reason.STALE, self._screen.stuck)
        if Absence.JUMP in news:
            self._jumps.append(now_ns)
        while self._jumps and now_ns - self._jumps[0] > _HOUR_NS:
            self._jumps.popleft()
        many = len(self._jumps) == self._limit or (Reason.IMPLAUSIBLE in self._ill and bool(self._jumps))
        yield from self._tell(frame, Reason.IMPLAUSIBLE, many)

    def finish(self) -> Iterable[Health]:
        """Nothing is held back."""
        return ()

    def _tell(self, frame: ReadingFrame, reason: Reason, ill: bool) -> Iterator[Health]:
        now_ns = frame.time.monotonic_ns
        if ill and (reason not in self._ill or now_ns - self._told_ns[reason] >= _HOUR_NS):
            self._ill.add(reason)
            self._told_ns[reason] = now_ns
            yield _health(frame, Status.DEGRADED, reason, _DETAILS[reason], max(1, len(self._jumps)))
        elif not ill and reason in self._ill:
            self._ill.remove(reason)
            if not self._ill:
                yield _health(frame, Status.OK, Reason.RECOVERED, "its values are believable again")


_DETAILS = {
    Reason.STALE: "it speaks, but every value stands still; switch it off and on, else replace it",
    Reason.IMPLAUSIBLE: "its values jump; check cable and supply, look for water or an insect in the sensor",
}


def _health(frame: ReadingFrame, status: Status, reason: Reason, detail: str, count: int = 1) -> Health:
    return Health(
        source=frame.source,
        time=frame.time,
        component=Component.SERIAL_BOARD,
        status=status,
        reason=reason,
        count=count,
        detail=f"{frame.source.name}: {detail}",
    )


def build(config: Config) -> ReadingHealth:
    """Return the detector."""
    return ReadingHealth(config)
