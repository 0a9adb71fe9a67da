"""From the troubles of one source to few, steady health observations."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from edge.domain.health import Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health
from edge.domain.time import NS_PER_S, CaptureTime

_CALM_S = 8.0
"""A degraded source is well again after so long without trouble: recovery is promised within 10 s."""

_RESTLESS_S = 30.0
"""Calm that is asked of a source which fell ill again within `_REPEAT_S` of a recovery: a loose plug."""

_REPEAT_S = 60.0
"""The same trouble is told again after so long, with the number of times it happened since."""

# A recording that ends is no illness: the source did all it had.
_FATAL = {Reason.NO_DEVICE, Reason.NO_PERMISSION, Reason.NO_FRAMES, Reason.UNREADABLE, Reason.EXCEPTION}


@dataclass
class _Trouble:
    told_ns: int
    untold: int = 0


@dataclass
class SourceHealth:
    """Health of one source: feed it troubles and signs of life, it says when something changed."""

    source: SourceId
    _status: Status | None = None
    _last_trouble_ns: int = 0
    _recovered_ns: int | None = None
    _restless: bool = False
    _troubles: dict[Reason, _Trouble] = field(default_factory=dict)

    def trouble(self, time: CaptureTime, reason: Reason, detail: str, count: int = 1) -> Iterator[Health]:
        """Take note of a trouble; yield a health observation when it is new or due to be told again."""
        self._last_trouble_ns = time.monotonic_ns
        if self._status is Status.OK and self._recovered_ns is not None:
            self._restless = time.monotonic_ns - self._recovered_ns < _REPEAT_S * NS_PER_S
        worse = self._become(Status.FAILED if reason in _FATAL else Status.DEGRADED)
        known = self._troubles.get(reason)
        if known is not None and not worse and time.monotonic_ns - known.told_ns < _REPEAT_S * NS_PER_S:
            known.untold += count
            return
        total = count + (known.untold if known else 0)
        self._troubles[reason] = _Trouble(time.monotonic_ns)
        assert self._status is not None
        yield self._say(time, self._status, reason, detail, total)

    def alive(self, time: CaptureTime) -> Iterator[Health]:
        """Take note of a good frame; yield `ok` at the first one and once the source has calmed down."""
        if self._status is None:
            self._status = Status.OK
            yield self._say(time, Status.OK, Reason.STARTED, "first frame", 1)
        elif self._status is not Status.OK and self._calm(time):
            self._status = Status.OK
            self._recovered_ns = time.monotonic_ns
            self._troubles.clear()
            yield self._say(time, Status.OK, Reason.RECOVERED, "well again", 1)

    def ended(self, time: CaptureTime) -> Iterator[Health]:
        """Take note of the end of a recording."""
        yield self._say(time, self._status or Status.OK, Reason.ENDED, "the recording ended", 1)

    def _become(self, status: Status) -> bool:
        worse = self._status is not Status.FAILED and self._status is not status
        if worse:
            self._status = status
        return worse

    def _calm(self, time: CaptureTime) -> bool:
        calm_s = (time.monotonic_ns - self._last_trouble_ns) / NS_PER_S
        if self._restless:
            return calm_s >= _RESTLESS_S
        # A source that had failed is well as soon as it gives a frame.
        return self._status is Status.FAILED or calm_s >= _CALM_S

    def _say(self, time: CaptureTime, status: Status, reason: Reason, detail: str, count: int) -> Health:
        return Health(
            source=self.source,
            time=time,
            component=self.source.component,
            status=status,
            reason=reason,
            count=count,
            detail=f"{self.source.name}: {detail}",
        )
