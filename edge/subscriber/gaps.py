"""Numbers that are missing, as ranges."""

Range = tuple[int, int]
"""First and last number."""


def without(gaps: list[Range], first: int, last: int) -> tuple[list[Range], list[Range]]:
    """Take numbers out of gaps.

    Args:
        gaps: rising ranges that do not touch.
        first: of the numbers to take out.
        last: of them.

    Returns:
        The gaps that are left, and the ranges that were taken out of them.
    """
    left: list[Range] = []
    taken: list[Range] = []
    for low, high in gaps:
        overlap = (max(low, first), min(high, last))
        if overlap[0] > overlap[1]:
            left.append((low, high))
            continue
        taken.append(overlap)
        if low < overlap[0]:
            left.append((low, overlap[0] - 1))
        if overlap[1] < high:
            left.append((overlap[1] + 1, high))
    return left, taken


def holds(gaps: list[Range], number: int) -> bool:
    """Return whether a number is missing."""
    return any(low <= number <= high for low, high in gaps)
