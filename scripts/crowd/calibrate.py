"""Fits and judges the calibration of each cue on what was told of simulated scenes."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from edge.vision.crowd import AS_IT_IS, Calibration
from scripts.crowd.play import Told
from scripts.crowd.walkers import Array
from scripts.street_sound.measures import reliability

EDGES = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
_FEWEST = 8
# A weak prior on the slope, around the score as it is: few cues would else make a step of the curve.
_SLOPE_SPREAD = 2.0


def fitted(told: Sequence[Told]) -> Calibration:
    """Return the logistic curve that fits best what was true of cues by their score; rounded to 0.01.

    Raises:
        ValueError: too few of them.
    """
    if len(told) < _FEWEST:
        raise ValueError(
            f"{len(told)} cues were told; at least {_FEWEST} make a calibration: play more scenes"
        )
    score = np.array([one.score for one in told])
    true = np.array([one.true for one in told], float)
    # As Platt has it (1999): what is all true in a sample is not certain.
    goal = np.where(true > 0, (true.sum() + 1) / (true.sum() + 2), 1 / (len(true) - true.sum() + 2))
    evidence = np.log(score / (1 - score))

    def loss(curve: Array) -> float:
        logit = curve[0] * evidence + curve[1]
        surprise = float(np.sum(np.logaddexp(0, logit) - goal * logit))
        return surprise + 0.5 * ((float(curve[0]) - 1) / _SLOPE_SPREAD) ** 2

    best = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.1, None), (None, None)])
    return Calibration(round(float(best.x[0]), 2), round(float(best.x[1]), 2))


def probabilities(told: Sequence[Told], by: Calibration = AS_IT_IS) -> Array:
    """Return what would be told of each cue, float64 (n,)."""
    return np.array([by.probability(one.score) for one in told], float)


def truths(told: Sequence[Told]) -> Array:
    """Return 1 for what was so, 0 for what was not, float64 (n,)."""
    return np.array([one.true for one in told], float)


def brier(probability: Array, true: Array) -> float:
    """Return the mean squared difference of probability and truth."""
    return float(np.mean((probability - true) ** 2))


def bins(probability: Array, true: Array) -> list[tuple[float, float, int]]:
    """Return mean probability, share of true and number of each bin of `EDGES` that holds any."""
    return reliability(probability, true > 0, len(EDGES) - 1)[0]


def calibration_error(probability: Array, true: Array) -> float:
    """Return the expected calibration error over the bins."""
    return reliability(probability, true > 0, len(EDGES) - 1)[1]
