"""Where a key stands in a TOML text; `tomllib` does not say."""

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*\[(\[)?\s*([^\[\]]+?)\s*\]?\]\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-\"'.]+?)\s*=")


def line_of(text: str, location: Sequence[str | int]) -> int | None:
    """Return the 1-based line on which `location` or its nearest enclosing table begins; None when nowhere.

    Args:
        text: the TOML text.
        location: keys and array indices from the top, such as ("sources", "serial_board", 1, "port").
    """
    best: tuple[int, int] | None = None
    table: tuple[str | int, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    wanted = _without_first_index(location)
    for number, line in enumerate(text.splitlines(), start=1):
        here = None
        if header := _HEADER.match(line):
            keys = _split(header[2])
            table = keys
            if header[1]:
                counts[keys] = counts.get(keys, -1) + 1
                table = (*keys, counts[keys])
            here = table
        elif key := _KEY.match(line):
            here = (*table, *_split(key[1]))
        for candidate in (tuple(location), wanted):
            shared = min(len(here or ()), len(candidate))
            if here and here[:shared] == candidate[:shared] and (best is None or shared > best[0]):
                best = (shared, number)
    return best[1] if best else None


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _without_first_index(location: Sequence[str | int]) -> tuple[str | int, ...]:
    # A single table where an array of tables is allowed is element 0 of it.
    parts = list(location)
    for i, part in enumerate(parts):
        if part == 0:
            del parts[i]
            break
    return tuple(parts)
