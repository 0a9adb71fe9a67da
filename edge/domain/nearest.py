"""The hint after an unknown name: the nearest one that exists, or all of them."""

import difflib
from collections.abc import Iterable


def nearest(word: object, known: Iterable[str]) -> str:
    """Return `did you mean 'x'?`, or `known: a, b` when nothing is near; empty when nothing is known."""
    names = list(known)
    close = difflib.get_close_matches(str(word).lower(), names, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(names)}" if names else "nothing is known here"
