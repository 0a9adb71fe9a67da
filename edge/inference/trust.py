"""Whether what a model says of bangs is still believed: the false alarms that people reported.

One small file of the node's state. A person reports a false alarm (`lamppost feedback`, or a command from the
centre); after more of them within a window than the settings allow the node is demoted, until a person resets
it. That follows from the times in the file alone, so it survives a restart. Only this module knows the file.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.domain.complaint import Complaint
from edge.domain.whole_file import write_whole

Times = tuple[int, ...]
"""When false alarms were reported, UTC, seconds since 1970, earliest first."""

_S_PER_DAY = 86_400
_NS_PER_S = 1_000_000_000
# A demoted node names nothing that could be a further false alarm: the file stays far below this.
_MOST_KEPT = 1000
_KEY = "false_alarms_utc_s"


class TrustError(Complaint):
    """The file cannot be read or written. The message says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the node is demoted, after how many false alarms; `detail` is for people."""

    demoted: bool
    false_alarms: int
    detail: str


def false_alarms(path: Path) -> Times:
    """Return the false alarms since the last reset; none when nobody has reported one.

    Raises:
        TrustError: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        times = content[_KEY]
        if not all(type(time) is int for time in times):
            raise TypeError("a time is not a whole number")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise TrustError(f"{path}: {error.strerror}; check its permissions") from error
    except (ValueError, KeyError, TypeError) as error:
        advice = "`lamppost feedback reset` begins it anew"
        raise TrustError(f"{path}: not a list of false alarms ({error}); {advice}") from error
    return tuple(sorted(times))


def overspent(times: Times, budget: int, days: float) -> bool:
    """Whether more than `budget` false alarms were reported within any `days` since the last reset."""
    return any(late - early <= days * _S_PER_DAY for early, late in zip(times, times[budget:], strict=False))


def judge(path: Path, budget: int, days: float) -> Verdict:
    """Return whether the node is demoted; one whose file cannot be read does not know, and is."""
    try:
        times = false_alarms(path)
    except TrustError as error:
        return Verdict(True, 0, str(error))
    detail = f"{len(times)} false alarms reported since the last reset; budget {budget} in {days:g} days"
    return Verdict(overspent(times, budget, days), len(times), detail)


def report_false_alarm(path: Path, utc_ns: int) -> Times:
    """Add one that was reported at this time; return all. Raises TrustError."""
    return _change(path, lambda: tuple(sorted((*false_alarms(path), utc_ns // _NS_PER_S)))[-_MOST_KEPT:])


def reset(path: Path) -> Times:
    """Forget all; the node names bangs again. Raises TrustError."""
    return _change(path, tuple)


def _change(path: Path, change: Callable[[], Times]) -> Times:
    # A power cut leaves the old file or the new one; two who report at once do not lose one of the two.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(path.parent):
            times = change()
            # A technician is root, the daemon that reads it is not.
            write_whole(path, json.dumps({_KEY: times}).encode(), mode=0o644)
    except OSError as error:
        raise TrustError(f"{path}: {error.strerror}; is this the right user?") from error
    return times


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
