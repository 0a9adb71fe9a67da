"""A mark above every number that was used, so that none is used twice when the outbox is damaged or gone.

The outbox itself knows its last number. The mark is read only when it cannot say. It runs ahead, so that it
is written once in many thousand reports; the numbers up to it are then skipped.
"""

from pathlib import Path

from edge.domain.whole_file import write_whole

AHEAD = 10_000

_EPOCH_S = 1_577_836_800  # 2020-01-01 UTC
_PER_SECOND = 1000
HIGHEST = 2**53
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
    return mark if 0 <= mark <= HIGHEST else 0


def write_mark(outbox: Path, mark: int) -> None:
    """Write the mark; after a power loss it is the old one or the new one. Raises OSError."""
    write_whole(mark_path(outbox), b"%d\n" % mark)
