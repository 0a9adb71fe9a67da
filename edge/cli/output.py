"""What every verb prints with: JSON lines on stdout, people's text on stderr, and the exit codes."""

import argparse
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.domain.complaint import Complaint

FINE = 0
FOUND_PROBLEM = 1
WRONG_USE = 2
BROKEN = 3

_LONGEST_S = 1e8
"""Three years; a timer that never rings has no use."""


class UsageError(Complaint):
    """The command was used wrongly; the message says what, where and what to do."""

    wrong_use = True


def seconds(text: str) -> float:
    """Return a length of time given on the command line. Raises argparse.ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < _LONGEST_S:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return value


def emit_json(record: Mapping[str, Any]) -> None:
    """Print one JSON object on one line of stdout. Refuses NaN and infinity (ValueError)."""
    sys.stdout.write(json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def complain(message: str) -> None:
    """Print one line for people on stderr."""
    sys.stderr.write(f"lamppost: {message}\n")


def existing_file(path: str) -> Path:
    """Return `path` if it is a file one can read. Raises UsageError that says what to do."""
    found = Path(path)
    if found.is_dir():
        raise UsageError(f"{path}: is a directory; give a file inside it")
    if not found.exists():
        raise UsageError(f"{path}: no such file; check the path")
    try:
        found.open("rb").close()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; check its permissions") from error
    return found
