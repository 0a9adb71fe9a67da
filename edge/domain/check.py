"""The result of a self-test."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one self-test, for `lamppost doctor`.

    Attributes:
        what: the thing tested, e.g. `microphone front`.
        ok: it works.
        detail: what was found.
        advice: what to do; empty when it works.
    """

    what: str
    ok: bool
    detail: str
    advice: str = ""
