"""The system's clock, and how well the kernel says it is disciplined."""

import ctypes
import time

from edge.domain.time import NS_PER_S, CaptureTime

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
_REFRESH_S = 10.0


class _Timex(ctypes.Structure):
    # struct timex of <sys/timex.h>; adjtimex(2). The tail pads to the kernel's 208 bytes.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("tail", ctypes.c_byte * 256),
    )


def kernel_uncertainty_ms() -> float | None:
    """Return the kernel's estimated clock error, ms; None when the clock is not synchronised (adjtimex(2)).

    A local question: it works without a network, in a private network namespace too.
    """
    timex = _Timex()
    # The C library is in this process already: to look for its file would start ldconfig each time.
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    if state in (-1, _TIME_ERROR) or timex.status & _STA_UNSYNC:
        return None
    # esterror is 0 on kernels whose time daemon does not set it; then only the maximum error is honest.
    return float(timex.esterror or timex.maxerror) / 1000.0


class SystemClock:
    """UTC for what happened, monotonic for how long; the discipline is asked of the kernel now and then."""

    def __init__(self) -> None:
        self._asked_at = -_REFRESH_S
        self._uncertainty_ms: float | None = None

    def now(self) -> CaptureTime:
        """Return the present instant."""
        monotonic_ns = time.monotonic_ns()
        if monotonic_ns / NS_PER_S - self._asked_at >= _REFRESH_S:
            self._asked_at = monotonic_ns / NS_PER_S
            self._uncertainty_ms = kernel_uncertainty_ms()
        return CaptureTime(time.time_ns(), monotonic_ns, self._uncertainty_ms)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(max(0.0, seconds))
