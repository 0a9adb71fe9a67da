"""Where the chain of reports has come to, kept where the publisher cannot write.

The outbox knows it too, but whoever owns the publisher can write to the outbox. Told that the chain is
shorter than it is, `sense` would give the numbers of reports that they removed once more, and nobody would
miss those.

It is written before each commit, together with what is about to be committed. So the outbox is never ahead of
it, and behind it only by the last batch, when the process ended in between: then that batch is written once
more. Whatever else the outbox lacks shows as a gap.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.delivery.numbering import Position
from edge.delivery.outbox import Entry, Link, OutboxUnavailable
from edge.delivery.outbox_database import reason_of
from edge.delivery.sequence_mark import believed
from edge.domain.report_base import Priority
from edge.domain.whole_file import write_whole

_FILE = "chain.json"
_ADVICE = "make it readable and writable for `lamppost sense`, or set state in [delivery.outbox]"


class DamagedHeadError(Exception):
    """What is in the file says nothing; the chain has to begin anew, and that shows."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain.

    Attributes:
        position: the next number and the last signed report.
        batch: the reports that were committed last, or should have been.
    """

    position: Position
    batch: Sequence[Entry]


class HeadFile:
    """The file, in a folder that `sense` alone writes; made when it is missing."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _FILE

    def read(self) -> Head | None:
        """Return what was written last; None when nothing ever was.

        Raises:
            DamagedHeadError: it says nothing.
            OutboxUnavailable: it cannot be read.
        """
        try:
            return _head(json.loads(self.path.read_bytes()))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unavailable(error) from error
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise DamagedHeadError(f"{self.path}: is damaged ({error})") from error

    def write(self, head: Head) -> None:
        """Keep it; after a power loss it is the old one or this one. Raises OutboxUnavailable."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self.path, json.dumps(_content(head), separators=(",", ":")).encode())
        except OSError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: OSError) -> OutboxUnavailable:
        return OutboxUnavailable(reason_of(error), f"{self.path}: {error.strerror}; {_ADVICE}")


def _content(head: Head) -> Mapping[str, Any]:
    return {
        "next": head.position.next_sequence,
        "link": _cells(head.position.link),
        "batch": [
            {
                "sequence": entry.sequence,
                "kind": entry.kind,
                "topic": entry.topic,
                "payload": entry.payload.decode(),
                "priority": entry.priority,
                "link": _cells(entry.link),
            }
            for entry in head.batch
        ],
    }


def _cells(link: Link | None) -> list[str] | None:
    return [link.fingerprint, link.key_id] if link else None


def _head(content: Mapping[str, Any]) -> Head:
    sequence = believed(int(content["next"]))
    if not sequence:
        raise ValueError("an impossible number")
    return Head(
        Position(sequence, _link(content["link"])),
        [
            Entry(
                int(row["sequence"]),
                str(row["kind"]),
                str(row["topic"]),
                row["payload"].encode(),
                Priority(row["priority"]),
                _link(row["link"]),
            )
            for row in content["batch"]
        ],
    )


def _link(cells: Sequence[str] | None) -> Link | None:
    if cells is None:
        return None
    fingerprint, key_id = cells
    return Link(str(fingerprint), str(key_id))
