"""Plots for people: reliability, detection-error trade-off, confusion."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

mpl.use("Agg")
from matplotlib import pyplot as plt
from scipy.stats import norm

from scripts.street_sound.measures import Mask, reliability

Floats = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]
_TICKS = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)


def _save(figure: "plt.Figure", path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def reliability_plot(path: Path, curves: dict[str, tuple[Doubles, Mask]]) -> None:
    """Share of true segments against the mean calibrated probability, one panel a class."""
    figure, axes = plt.subplots(2, 4, figsize=(12, 6.2))
    for axis in axes.flat:
        axis.set_visible(False)
    for axis, (name, (probability, truth)) in zip(axes.flat, curves.items(), strict=False):
        axis.set_visible(True)
        rows, error = reliability(probability, truth)
        mean, share, count = (np.array(x) for x in zip(*rows, strict=True))
        axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        axis.plot(mean, share, "o-", color="tab:blue")
        for x, y, n in zip(mean, share, count, strict=True):
            axis.annotate(str(n), (x, y), fontsize=7, xytext=(2, -9), textcoords="offset points")
        axis.set(title=f"{name}\nexpected calibration error {error:.3f}", xlim=(0, 1), ylim=(0, 1))
        axis.set(xlabel="calibrated probability", ylabel="share true")
    _save(figure, path)


def trade_off_plot(path: Path, curves: dict[str, dict[str, tuple[Floats, Floats]]]) -> None:
    """Misses against false positives on normal-deviate axes: class, then model to (positives, negatives)."""
    figure, axes = plt.subplots(2, 4, figsize=(13, 6.6))
    for axis in axes.flat:
        axis.set_visible(False)
    ticks = np.asarray(norm.ppf(_TICKS))
    for axis, (name, models) in zip(axes.flat, curves.items(), strict=False):
        axis.set_visible(True)
        for model, (positives, negatives) in models.items():
            limits = np.unique(np.quantile(np.concatenate([positives, negatives]), np.linspace(0, 1, 2000)))
            false = np.array([(negatives > t).mean() for t in limits])
            missed = np.array([(positives <= t).mean() for t in limits])
            axis.plot(
                norm.ppf(np.clip(false, 5e-4, 0.97)), norm.ppf(np.clip(missed, 5e-4, 0.97)), label=model
            )
        axis.axvline(norm.ppf(0.01), color="0.8", linewidth=1)
        axis.set_xticks(ticks, [f"{100 * t:g}" for t in _TICKS])
        axis.set_yticks(ticks, [f"{100 * t:g}" for t in _TICKS])
        axis.set(
            title=name,
            xlabel="false positives, %",
            ylabel="missed, %",
            xlim=ticks[[0, -2]],
            ylim=ticks[[0, -1]],
        )
    axes.flat[0].legend(fontsize=8)
    _save(figure, path)


def confusion_plot(path: Path, counts: npt.NDArray[np.int64], truths: list[str], answers: list[str]) -> None:
    """Share of the segments of each label that got each answer."""
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    figure, axis = plt.subplots(figsize=(8, 7))
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (i, j), n in np.ndenumerate(counts):
        if n:
            axis.text(
                j,
                i,
                str(n),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if share[i, j] > 0.6 else "black",
            )
    axis.set_xticks(range(len(answers)), answers, rotation=40, ha="right")
    axis.set_yticks(range(len(truths)), truths)
    axis.set(xlabel="answer at the shipped operating point", ylabel="label")
    _save(figure, path)
