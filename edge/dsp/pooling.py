"""Evidence of several windows taken together, for sounds that last longer than one.

A siren or a horn is in several windows of one second; a dog or a squeaking brake that sounds like one for a
moment is not. Pooled evidence lies halfway between the largest and the mean of the windows'
log-odds: between the two ways that are common in learning from what is labelled as a whole (Wang, Li and
Metze 2019).
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def log_odds(probability: npt.ArrayLike) -> Floats:
    """Return ln(p / (1 - p)), finite at 0 and 1."""
    p = np.clip(np.asarray(probability, dtype=np.float64), 1e-9, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


def probability_of(odds: npt.ArrayLike) -> Floats:
    """Return the probability of log-odds."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(odds, dtype=np.float64))))


def pooled(odds: npt.NDArray[np.floating]) -> Floats:
    """Return the pooled log-odds of windows.

    Args:
        odds: (n, k), n >= 1 windows of k classes.

    Returns:
        (k,). Shifting the log-odds of a class, or scaling them (by more than 0), does the same to the result.
    """
    together = np.asarray(odds, dtype=np.float64)
    return np.asarray((together.max(axis=0) + together.mean(axis=0)) / 2)


def pooled_over(odds: npt.NDArray[np.floating], start_s: npt.ArrayLike, span_s: float) -> Floats:
    """Return for each window the pooled log-odds of the sound of `span_s` seconds that ends with it.

    Args:
        odds: (n, k) of windows of one second; n may be 0.
        start_s: (n,) when they begin, ascending.
        span_s: seconds, at least 1.

    Returns:
        (n, k). What is missing before the first window is left out.
    """
    starts = np.asarray(start_s, dtype=np.float64)
    first = np.searchsorted(starts, starts - (span_s - 1.0) - 1e-6)
    together = [pooled(odds[a : b + 1]) for b, a in enumerate(first)]
    return np.stack(together) if together else np.empty(np.shape(odds))
