"""Clocks for recordings: a given start, in real time or standing still for a replay at full speed."""

import time

from edge.domain.time import NS_PER_S, CaptureTime


class RecordingClock:
    """Begins at `start_utc_ns` and runs in real time, or stands still.

    A recording at full speed never waits: on a clock that stands still all recordings begin at the same
    instant, so two replays give the same reports to the nanosecond.
    """

    def __init__(self, start_utc_ns: int, *, standing: bool) -> None:
        self._start_utc_ns = start_utc_ns
        self._standing = standing
        self._began_ns = time.monotonic_ns()

    def now(self) -> CaptureTime:
        """Return the present instant; a recording's clock is exact by decree."""
        elapsed_ns = 0 if self._standing else time.monotonic_ns() - self._began_ns
        return CaptureTime(self._start_utc_ns + elapsed_ns, NS_PER_S + elapsed_ns, 0.0)

    def sleep(self, seconds: float) -> None:
        """Wait, unless the clock stands still."""
        if not self._standing and seconds > 0:
            time.sleep(seconds)
