"""A progress bar that also reads well in a log file."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def progress(items: Sequence[Item], what: str, every: int = 1) -> Iterator[Item]:
    """Yield the items; tell on stderr, `every` so many, how far it is and how long it will take."""
    began = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if done % every and done < len(items):
            continue
        left_s = (time.monotonic() - began) / done * (len(items) - done)
        bar = "#" * (30 * done // len(items))
        end = "\r" if sys.stderr.isatty() and done < len(items) else "\n"
        sys.stderr.write(f"{what} [{bar:<30}] {done}/{len(items)}, {left_s:.0f} s left {end}")
        sys.stderr.flush()
