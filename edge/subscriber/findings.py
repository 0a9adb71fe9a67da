"""What a check of received reports finds."""

from dataclasses import dataclass
from enum import StrEnum


class What(StrEnum):
    """Kind of a finding. The last four are notes: they explain what looks odd and is harmless."""

    MALFORMED = "malformed"
    WRONG_TOPIC = "wrong_topic"
    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_SOURCE = "wrong_source"
    KEY_NOT_VALID = "key_not_valid"
    RETIRED_KEY = "retired_key"
    KEY_CHANGED = "key_changed"
    GAP = "gap"
    BROKEN_CHAIN = "broken_chain"
    RESTARTED = "restarted"
    CONFLICT = "conflict"
    REPLAY = "replay"
    DUPLICATE = "duplicate"
    LATE = "late"
    EVICTED = "evicted"
    ROTATED = "rotated"

    @property
    def is_problem(self) -> bool:
        """Whether someone should look into it."""
        return self not in _NOTES


_NOTES = frozenset({What.DUPLICATE, What.LATE, What.EVICTED, What.ROTATED})


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        source: which lamppost, as the report says; empty when it does not.
        first: number of the report, or of the first one of several.
        last: number of the last one.
        detail: for people.
        accepted: the report that led to it is authentic and may be used; not so for a forged or repeated one.
    """

    what: What
    source: str
    first: int
    last: int
    detail: str
    accepted: bool = False
