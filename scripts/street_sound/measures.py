"""Figures: recall at a false-positive rate, area under the curve, calibration, alarms per hour."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.stats import chi2, rankdata

from edge.dsp import pooling

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval and the number it is of."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}..{self.high:.2f})"


def threshold_at(negatives: Floats, false_positive_rate: float) -> float:
    """Smallest threshold that at most that share of the negatives exceeds."""
    return float(np.quantile(negatives, 1 - false_positive_rate, method="higher"))


def recall_at(positives: Floats, negatives: Floats, false_positive_rate: float) -> float:
    """Share of the positives that exceed the threshold of that false-positive rate."""
    return float((positives > threshold_at(negatives, false_positive_rate)).mean())


def auc(positives: Floats, negatives: Floats) -> float:
    """Area under the ROC curve: how often a positive exceeds a negative."""
    ranks = rankdata(np.concatenate([positives, negatives]))
    n, m = len(positives), len(negatives)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def early_recall(positives: Floats, negatives: Floats, most: float = 0.05) -> float:
    """Mean recall over the false-positive rates from 0 to `most`: less of an accident than at one rate."""
    limits = np.sort(negatives)[::-1][: max(1, int(most * negatives.size))]
    return float((np.asarray(positives)[:, None] > limits).mean())


def share_by_group(hit: Mask, group: npt.NDArray[np.int64], seed: int = 0) -> Share:
    """Share of hits; the interval is a bootstrap over groups, because clips of one recording agree."""
    rng = np.random.default_rng(seed)
    names, inverse = np.unique(group, return_inverse=True)
    hits, sizes = np.bincount(inverse, hit), np.bincount(inverse)
    drawn = rng.integers(0, len(names), (2000, len(names)))
    shares = hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return Share(float(hit.mean()), float(low), float(high), int(hit.size))


def rate_per_hour(events: int, hours: float) -> tuple[float, float, float]:
    """Rate with its exact 95 % Poisson interval (Garwood 1936)."""
    low = float(chi2.ppf(0.025, 2 * events) / 2) if events else 0.0
    return events / hours, low / hours, float(chi2.ppf(0.975, 2 * events + 2) / 2) / hours


def platt(logits: Floats, truth: Mask) -> tuple[float, float]:
    """Slope and offset of calibrated log-odds (Platt 1999), with his smoothed targets."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    wanted = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def cost(p: Floats) -> float:
        z = np.exp(p[0]) * logits + p[1]
        return float(np.mean(np.logaddexp(0, z) - wanted * z))

    slope, offset = minimize(cost, np.zeros(2), method="Nelder-Mead").x
    return float(np.exp(slope)), float(offset)


def probability_of(logits: Floats, calibration: tuple[float, float]) -> Floats:
    """Calibrated probabilities of logits."""
    return pooling.probability_of(calibration[0] * logits + calibration[1])


def reliability(
    probability: Floats, truth: Mask, bins: int = 10
) -> tuple[list[tuple[float, float, int]], float]:
    """Return (mean probability, share true, count) of each tenth, and the expected calibration error."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    rows, error = [], 0.0
    for k in range(bins):
        inside = place == k
        if inside.any():
            mean, share = float(probability[inside].mean()), float(truth[inside].mean())
            rows.append((mean, share, int(inside.sum())))
            error += abs(mean - share) * inside.mean()
    return rows, float(error)


def alarms(start_s: Floats, over: Mask, apart_s: float = 2.0) -> int:
    """Count alarms in one clip: windows over the threshold, those closer than `apart_s` being one."""
    times = np.sort(start_s[over])
    return int(1 + np.sum(np.diff(times) > apart_s)) if times.size else 0
