"""What rules remember over a restart: a small JSON file, written as a whole or not at all.

It holds means and counts that have passed the detectors, nothing that a report could not hold. It lies where
the publisher cannot write: who can change a sum can have a false mean signed.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.domain.whole_file import write_whole

_log = logging.getLogger(__name__)

_MAX_BYTES = 4_000_000

States = Mapping[str, Mapping[str, Any]]
"""Section of a rule to its state."""


def memory_path(private: Path) -> Path:
    """Return where the rules' memory is in the folder that `sense` alone writes."""
    return private / "rules.json"


def load_memory(path: Path) -> States:
    """Return what was remembered; nothing when there is none or it is damaged, which is logged."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES + 1))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("%s: cannot be read (%s); means and counts of the air begin anew", path, error)
        return {}
    if not isinstance(content, dict):
        _log.warning("%s: holds no table of rules; means and counts of the air begin anew", path)
        return {}
    return {name: state for name, state in content.items() if isinstance(state, dict)}


def save_memory(path: Path, states: States) -> None:
    """Write it; after a power loss it is the old one or the new one. Raises OSError."""
    write_whole(path, json.dumps(states, separators=(",", ":")).encode())
