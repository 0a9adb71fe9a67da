"""What every verb prints with: JSON lines on stdout, people's text on stderr, and the exit codes."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FINE = 0
FOUND_PROBLEM = 1
WRONG_USE = 2
BROKEN = 3


class UsageError(Exception):
    """The command was used wrongly; the message says what, where and what to do."""


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
