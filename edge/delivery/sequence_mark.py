"""A mark above every number that was used, so that none is used twice when the outbox is damaged or gone.

The outbox itself knows its last number. The mark is read only when it cannot say. It runs ahead, so that it
is written once in many thousand reports; the numbers up to it are then skipped.
"""

import os
from pathlib import Path

AHEAD = 10_000

_EPOCH_S = 1_577_836_800  # 2020-01-01 UTC
_PER_SECOND = 1000
_HIGHEST = 2**53
"""As far as a number survives a subscriber that reads JSON numbers as floats; 280 000 years at our pace."""


def fresh_sequence(utc_ns: int) -> int:
    """Return where numbering begins when nothing is known of earlier numbers, from the time.

    A lamppost that made fewer than 1000 reports a second since its first one has not used that number, even
    when its disk was replaced. With a clock before 2020 it is 1.
    """
    return max(1, (utc_ns // 1_000_000_000 - _EPOCH_S) * _PER_SECOND)


def mark_path(outbox: Path) -> Path:
    """Return the path of the mark of an outbox."""
    return outbox.with_name(outbox.name + ".sequence")


def read_mark(outbox: Path) -> int:
    """Return the mark of an outbox; 0 when there is none that can be read and believed."""
    try:
        return believed(int(mark_path(outbox).read_bytes()))
    except (OSError, ValueError):
        return 0


def believed(mark: int) -> int:
    """Return a number read from a file that may be damaged; 0 when no lamppost can have come so far."""
    return mark if 0 <= mark <= _HIGHEST else 0


def write_mark(outbox: Path, mark: int) -> None:
    """Write the mark; after a power loss it is the old one or the new one. Raises OSError."""
    path = mark_path(outbox)
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(b"%d\n" % mark)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power loss. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
