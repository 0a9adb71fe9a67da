"""Fits models/rapid_motion: a logistic model over the features of `edge.vision.rapid`.

    python -m scripts.rapid_motion.train --clips fights.csv --fetched FOLDER --cache FOLDER [--ship]

Features are computed once for each clip and detector and kept in the cache, so that it goes on where it was
interrupted; minutes on one core. The figures are of grouped folds: no clip is scored by a model that has seen
another clip of its source video. With --ship it writes models/rapid_motion.
"""

import argparse
import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import rankdata

from edge.cli.models.rapid_motion import PERSON_FROM, clip_features
from edge.detectors.people import finder_of
from edge.domain.shipped import shipped
from edge.inference.session import open_model
from edge.vision.rapid import FEATURES

SEED = 2026
FOLDS = 7
REPEATS = 10
# Weight of the squared coefficients; 0.003 to 0.3 give AUC within 0.01 of each other.
RIDGE = 0.03
FALSE_ALARMS = 0.05

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """Logit = (x - mean) / spread @ weights + bias."""

    mean: Floats
    spread: Floats
    weights: Floats
    bias: float

    def logits(self, features: Floats) -> Floats:
        """Return the logit of each row."""
        found: Floats = (features - self.mean) / self.spread @ self.weights + self.bias
        return found


def main() -> None:
    """Compute, fit, measure, ship."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--clips", type=Path, required=True, help="CSV: clip, label (fight | no_fight), source_video"
    )
    parser.add_argument("--fetched", type=Path, required=True, help="folder of fetched public models")
    parser.add_argument("--detector", default="people_yolox", metavar="NAME", help="what finds the people")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--ship", action="store_true")
    args = parser.parse_args()
    with args.clips.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    features = np.stack([_features(args, row["clip"]) for row in rows])
    rapid = np.array([row["label"] == "fight" for row in rows], float)
    videos = np.array([row["source_video"] for row in rows])
    out_of_fold = np.stack([_out_of_fold(features, rapid, videos, repeat) for repeat in range(REPEATS)])
    areas = [auc(rapid, scores) for scores in out_of_fold]
    print(f"AUC by source video: {np.mean(areas):.3f} (+- {np.std(areas):.3f} over {REPEATS} draws of folds)")
    low, high = _interval(out_of_fold.mean(axis=0), rapid, videos)
    print(f"90 % interval over source videos: {low:.3f} to {high:.3f}")
    slope, shift = _calibration(out_of_fold.ravel(), np.tile(rapid, REPEATS))
    fitted = fit(features, rapid)
    shipped_fit = Fit(fitted.mean, fitted.spread, slope * fitted.weights, slope * fitted.bias + shift)
    calm = np.sort(out_of_fold[:, rapid == 0].ravel())
    threshold = _sigmoid(slope * calm[int((1 - FALSE_ALARMS) * len(calm))] + shift)
    found = float((_sigmoid(slope * out_of_fold + shift)[:, rapid == 1] >= threshold).mean())
    print(f"threshold {threshold:.3f}: finds {found:.2f} of the clips, {FALSE_ALARMS:.0%} false alarms")
    if args.ship:
        ship(
            shipped_fit,
            {"auc": float(np.mean(areas)), "low": low, "high": high, "found": found},
            threshold,
            rows,
        )


def _features(args: argparse.Namespace, clip: str) -> Floats:
    kept = args.cache / args.detector / f"{Path(clip).stem}.npy"
    kept.parent.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        if not hasattr(args, "finder"):
            model = open_model(shipped("models") / args.detector, args.fetched)
            args.finder = finder_of(model, PERSON_FROM, faint=1.0)
        np.save(kept, clip_features(args.finder, args.clips.parent / clip)[0])
    found: Floats = np.load(kept).astype(float)
    return found


def fit(features: Floats, rapid: Floats) -> Fit:
    """Return the ridge-regularised logistic fit."""
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    given = np.hstack([(features - mean) / spread, np.ones((len(features), 1))])

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = given @ weights
        slopes = np.append(weights[:-1], 0)
        value = np.mean(np.logaddexp(0, logits) - rapid * logits) + RIDGE * np.sum(slopes**2)
        return float(value), given.T @ (_sigmoid(logits) - rapid) / len(rapid) + 2 * RIDGE * slopes

    best = minimize(loss, np.zeros(given.shape[1]), jac=True, method="L-BFGS-B").x
    return Fit(mean, spread, best[:-1], float(best[-1]))


def _out_of_fold(features: Floats, rapid: Floats, videos: NDArray[Any], repeat: int) -> Floats:
    groups = np.unique(videos)
    np.random.default_rng(SEED + repeat).shuffle(groups)
    logits = np.zeros(len(rapid))
    for fold in range(FOLDS):
        held = np.isin(videos, groups[fold::FOLDS])
        logits[held] = fit(features[~held], rapid[~held]).logits(features[held])
    return logits


def auc(rapid: Floats, scores: Floats) -> float:
    """Return the area under the receiver operating characteristic."""
    positives = rapid.sum()
    ranks = rankdata(scores)[rapid == 1].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * (len(rapid) - positives)))


def _interval(scores: Floats, rapid: Floats, videos: NDArray[Any]) -> tuple[float, float]:
    dice, groups = np.random.default_rng(SEED), np.unique(videos)
    where = {group: np.flatnonzero(videos == group) for group in groups}
    areas = []
    for _ in range(500):
        drawn = np.concatenate([where[group] for group in dice.choice(groups, len(groups))])
        if 0 < rapid[drawn].sum() < len(drawn):
            areas.append(auc(rapid[drawn], scores[drawn]))
    return float(np.percentile(areas, 5)), float(np.percentile(areas, 95))


def _calibration(logits: Floats, rapid: Floats) -> tuple[float, float]:
    """Return slope and shift that make the out-of-fold logits probabilities (Platt)."""

    def loss(both: Floats) -> float:
        moved = both[0] * logits + both[1]
        return float(np.mean(np.logaddexp(0, moved) - rapid * moved))

    slope, shift = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(slope), float(shift)


_sigmoid: Callable[[Any], Any] = lambda logits: 1 / (1 + np.exp(-logits))  # noqa: E731 - a formula


def ship(fitted: Fit, figures: dict[str, float], threshold: float, rows: list[dict[str, str]]) -> None:
    """Write models/rapid_motion."""
    folder = shipped("models") / "rapid_motion"
    folder.mkdir(exist_ok=True)
    content = _onnx(fitted)
    (folder / "model.onnx").write_bytes(content)
    text = (Path(__file__).parent / "card_head.toml").read_text(encoding="utf-8")
    values = figures | {
        "threshold": threshold,
        "false_alarms": FALSE_ALARMS,
        "sha256": hashlib.sha256(content).hexdigest(),
        "clips": len(rows),
        "videos": len({row["source_video"] for row in rows}),
        "features": len(FEATURES),
        "seed": SEED,
        "date": datetime.now(UTC).date().isoformat(),
    }
    for name, value in values.items():
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        text = text.replace(f"<{name}>", shown)
    (folder / "card.toml").write_text(text, encoding="utf-8")


def _onnx(fitted: Fit) -> bytes:
    from onnx import TensorProto, checker, helper, numpy_helper

    weights = (fitted.weights / fitted.spread).astype(np.float32)[:, None]
    bias = np.array([fitted.bias - fitted.mean / fitted.spread @ fitted.weights], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "weights"], ["moved"]),
            helper.make_node("Add", ["moved", "bias"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["probability"]),
        ],
        "rapid_motion",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", len(FEATURES)])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    return bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
