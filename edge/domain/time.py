"""Time: when something happened, how sure we are, and the clock everything takes as an argument."""

from dataclasses import dataclass
from typing import Protocol

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """When a frame's first sample was captured.

    Attributes:
        utc_ns: capture clock of the first sample mapped to UTC, nanoseconds since 1970.
        monotonic_ns: the same instant on the monotonic clock; durations are computed from this one.
        uncertainty_ms: one-sided bound on the error of `utc_ns`; None when the clock is not synchronised.
    """

    utc_ns: int
    monotonic_ns: int
    uncertainty_ms: float | None = None

    def shifted(self, seconds: float) -> "CaptureTime":
        """Return the instant `seconds` later (earlier when negative)."""
        delta_ns = nanoseconds(seconds)
        return CaptureTime(self.utc_ns + delta_ns, self.monotonic_ns + delta_ns, self.uncertainty_ms)

    def after_samples(self, count: int, rate_hz: int) -> "CaptureTime":
        """Return the instant `count` samples later, to the nearest ns in integers: it does not drift."""
        delta_ns = (count * NS_PER_S + rate_hz // 2) // rate_hz
        return CaptureTime(self.utc_ns + delta_ns, self.monotonic_ns + delta_ns, self.uncertainty_ms)


def nanoseconds(seconds: float) -> int:
    """Return a duration to the nearest ns."""
    return round(seconds * NS_PER_S)


def seconds_between(earlier: CaptureTime, later: CaptureTime) -> float:
    """Return the seconds between two instants on the monotonic clock; negative when `later` is earlier."""
    return (later.monotonic_ns - earlier.monotonic_ns) / NS_PER_S


class Clock(Protocol):
    """The clock a source or a task is given; tests and replays give their own."""

    def now(self) -> CaptureTime:
        """Return the present instant."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; returns at once on a clock that runs as fast as it can."""
        ...
