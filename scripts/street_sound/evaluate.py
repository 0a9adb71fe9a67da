"""Measure the street-sound network and its peers on the same segments, calibrate it, plot, and ship it.

    python -m scripts.street_sound.evaluate --recordings DIR --peers DIR --cache DIR [--ship]
        [--elsewhere FILE] [--further FILE] [--variants FILE]

Every recording is scored with the last layer that was fitted without its fold. `--ship` exports the network
with the one fitted on everything, calibrated, with its card, to models/street_sound, and writes
docs/street_sound.md with the plots.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np
import numpy.typing as npt
import torch

from edge.dsp.log_mel import SAMPLE_RATE_HZ, WINDOW_SAMPLES, log_mel
from scripts.onnx_files import one_thread_session
from scripts.street_sound import plots
from scripts.street_sound.corpus import FOLDS, SEED, Clip, read_manifest, read_tracks
from scripts.street_sound.figures import VARIANT, Row, Truth, found, markdown, table
from scripts.street_sound.head import load, refuse_others
from scripts.street_sound.labels import OUTPUTS, SILENCE
from scripts.street_sound.measures import (
    Mask,
    Share,
    alarms,
    platt,
    probability_of,
    rate_per_hour,
    share_by_group,
    threshold_at,
)
from scripts.street_sound.network import export
from scripts.street_sound.peers import tag_families
from scripts.street_sound.pooling_figures import rows as pooling_rows
from scripts.street_sound.scores import Scores, Windows, ours, peers, windows
from scripts.street_sound.shipping import OFF, Rate, write_card
from scripts.street_sound.train import trained

Floats = npt.NDArray[np.float64]
OPERATING_POINT = 0.005
"""Share of the segments of hard negatives that may exceed the shipped threshold."""
_UNCLEAR = 1.0  # log-odds between gunshot and firework below which the answer is `unclear`
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Findings:
    """What is shipped with the weights: calibration, thresholds in logits, and figures at the threshold.

    Attributes:
        calibration: slope and offset of each class.
        reliability: probabilities calibrated on the other folds, and the truth.
        limits: thresholds in logits.
        false_of: share of the hard negatives over the threshold, of each of `folds`.
        recalls: at the threshold.
        rates: false alarms an hour at the threshold.
        folds: that were measured.
    """

    calibration: dict[str, tuple[float, float]]
    reliability: dict[str, tuple[Floats, Mask]]
    limits: dict[str, float]
    false_of: dict[str, list[float]]
    recalls: dict[str, Share]
    rates: dict[str, Rate]
    folds: list[int]

    def probabilities(self) -> dict[str, float]:
        """The thresholds as calibrated probabilities."""
        return {n: float(probability_of(np.array(t), self.calibration[n])) for n, t in self.limits.items()}


def _fit(logits: Floats, holds: Mask) -> tuple[float, float]:
    return platt(logits, holds) if holds.sum() > 3 else (1.0, 0.0)


def _cross_fitted(logits: Floats, holds: Mask, fold: npt.NDArray[np.int64]) -> Floats:
    """Probabilities of each fold, calibrated on the other folds."""
    found = np.empty(holds.size)
    for f in np.unique(fold):
        inside = fold == f
        found[inside] = probability_of(logits[inside], _fit(logits[~inside], holds[~inside]))
    return found


def _rate(scored: Scores, quiet: set[int], k: int, limit: float, hours: float) -> Rate:
    count = 0
    for clip in quiet:
        rows = slice(*np.searchsorted(scored.clip, [clip, clip + 1]))
        count += alarms(scored.start_s[rows], scored.logits[rows, k] > limit)
    return rate_per_hour(count, hours)


def find(clips: list[Clip], tracks: list[npt.NDArray[np.int16]], scored: Scores, truth: Truth) -> Findings:
    """Calibrate on out-of-fold segments, choose the thresholds, and measure at them."""
    segments, told = scored.told(by_segment=True).of_segments(), scored.told(by_segment=False)
    fold = np.array([clips[i].fold for i in segments.clip])
    findings = Findings({}, {}, {}, {}, {}, {}, [int(f) for f in np.unique(fold)])
    for k, name in enumerate(OUTPUTS):
        holds, against = truth.positive(name), truth.negative(name)
        logits, asked = segments.logits[:, k].astype(float), holds | against
        findings.calibration[name] = _fit(logits[asked], holds[asked])
        findings.limits[name] = threshold_at(logits[against], OPERATING_POINT)
        if name in OFF:
            continue
        crossed: Floats = _cross_fitted(logits[asked], holds[asked], fold[asked])
        findings.reliability[name] = crossed, holds[asked]
        limit = findings.limits[name]
        over = logits > limit
        findings.false_of[name] = [float(over[against & (fold == f)].mean()) for f in findings.folds]
        findings.recalls[name] = share_by_group(over[holds], truth.group[holds])
        # A clip that is silent in part still holds elsewhere what it is called.
        quiet = set(segments.clip[against].tolist()) - set(segments.clip[~against].tolist())
        hours = sum(tracks[i].size for i in quiet) / SAMPLE_RATE_HZ / 3600
        findings.rates[name] = _rate(told, quiet, k, limit, hours)
    return findings


def _answers(segments: Scores, findings: Findings) -> npt.NDArray[np.int64]:
    """Index of the answer of each segment: 0..7 a class, 8 unclear, 9 none."""
    odds = np.stack(
        [s * segments.logits[:, k] + o for k, (s, o) in enumerate(findings.calibration.values())], axis=1
    )
    over = segments.logits > np.array(list(findings.limits.values()))
    over &= ~np.isin(OUTPUTS, list(OFF))
    best = np.where(over, odds, -np.inf).argmax(axis=1)
    answer = np.where(over.any(axis=1), best, 9)
    close = np.abs(odds[:, 0] - odds[:, 1]) < _UNCLEAR
    return np.where((answer < 2) & close, 8, answer)


@dataclass(frozen=True)
class _Tables:
    """Scores, truth and rows of the segments, rows of whole recordings, and of what pooling does."""

    segments: dict[str, Scores]
    truth: Truth
    rows: list[Row]
    whole: list[Row]
    pooling: list[str]


def _plot(docs: Path, tables: _Tables, findings: Findings) -> None:
    truth, models = tables.truth, tables.segments
    plots.reliability_plot(docs / "street_sound_reliability.png", findings.reliability)
    curves = {
        name: {
            m: (s.logits[truth.positive(name), k], s.logits[truth.negative(name), k])
            for m, s in models.items()
            if m != VARIANT
        }
        for k, name in enumerate(OUTPUTS)
        if truth.positive(name).sum() > 3
    }
    plots.trade_off_plot(docs / "street_sound_trade_off.png", curves)
    labels, answers = sorted(set(truth.label)), _answers(models["ours"], findings)
    counts = np.stack([np.bincount(answers[truth.label == label], minlength=10) for label in labels])
    plots.confusion_plot(docs / "street_sound_confusion.png", counts, labels, [*OUTPUTS, "unclear", "none"])


def _median_ms(work: Callable[[], object]) -> float:
    spent = []
    for _ in range(200):
        began = time.perf_counter()
        work()
        spent.append(1000 * (time.perf_counter() - began))
    return float(np.median(spent))


def _tables(clips: list[Clip], seen: Windows, models: dict[str, Scores]) -> _Tables:
    """All rows, from the scores of windows (mn04's windows are whole segments)."""
    segments = {name: scores.told(by_segment=True).of_segments() for name, scores in models.items()}
    of_clips = {name: scores.told(by_segment=False).of_clips() for name, scores in models.items()}
    truth = Truth(clips, segments["ours"], seen.silence(segments["ours"]))
    heard = Truth(clips, of_clips["ours"], np.zeros(of_clips["ours"].clip.size, bool))
    pooling = pooling_rows(clips, seen, models["ours"])
    return _Tables(segments, truth, table(truth, segments), found(heard, of_clips), pooling)


def _read(path: Path | None) -> str:
    return path.read_text(encoding="utf-8") if path else ""


def _report(
    findings: Findings, tables: _Tables, model: Path, variants: Path | None, elsewhere: Path | None
) -> str:
    limits = findings.probabilities()
    alarm_rows = [
        f"| {n} | {r[0]:.1f} ({r[1]:.1f}..{r[2]:.1f}) | {findings.recalls[n]} | {limits[n]:.3f} | "
        + ", ".join(f"{100 * share:.1f}" for share in findings.false_of[n])
        + " |"
        for n, r in findings.rates.items()
    ]
    sound = np.random.default_rng(0).normal(0, 0.1, WINDOW_SAMPLES).astype(np.float32)
    session, picture = one_thread_session(model), log_mel(sound)[None]
    return Template((Path(__file__).parent / "report.md").read_text(encoding="utf-8")).substitute(
        alarms="\n".join(alarm_rows),
        table=markdown(tables.rows, list(tables.rows[0].values)),
        whole=markdown(tables.whole, list(tables.whole[0].values)),
        pooling="\n".join(tables.pooling),
        mel_ms=f"{_median_ms(lambda: log_mel(sound)):.1f}",
        network_ms=f"{_median_ms(lambda: session.run(None, {'log_mel': picture})):.1f}",
        folds=len(findings.folds),
        silent=int((tables.truth.label == SILENCE).sum()),
        segments=tables.truth.label.size,
        variants=_read(variants),
        elsewhere=_read(elsewhere),
    )


def _ship(args: argparse.Namespace, clips: list[Clip], findings: Findings, tables: _Tables) -> None:
    folder = _ROOT / "models" / "street_sound"
    folder.mkdir(parents=True, exist_ok=True)
    head = args.cache / f"networks-{args.licences}" / "all.head.pt"
    net, judge = load(trained(args.cache), tag_families(args.peers), head)
    slopes, offsets = zip(*findings.calibration.values(), strict=True)
    export(net, judge, folder / "model.onnx", list(slopes), list(offsets))
    write_card(
        folder,
        clips=[c for c in clips if c.permissive or args.licences == "any"],
        thresholds=findings.probabilities(),
        why=f"{100 * OPERATING_POINT:g} % of the segments of hard negatives exceed it, out of fold",
        rates=findings.rates,
        rows=tables.rows,
        seed=SEED,
        further=args.further,
    )
    report = _report(findings, tables, folder / "model.onnx", args.variants, args.elsewhere)
    (_ROOT / "docs" / "street_sound.md").write_text(report, encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--peers", type=Path, required=True, help="folder with efficientat_mn04/ and yamnet/")
    parser.add_argument("--cache", type=Path, required=True, help="folder that head.py wrote")
    parser.add_argument("--licences", choices=("any", "permissive"), default="any")
    parser.add_argument("--further", type=Path, help="TOML with [[materials]] of the further recordings")
    parser.add_argument("--variants", type=Path, help="Markdown about other variants, put into the report")
    parser.add_argument(
        "--elsewhere", type=Path, help="Markdown that elsewhere.py wrote, put into the report"
    )
    parser.add_argument("--ship", action="store_true", help="write models/street_sound and docs/")
    return parser.parse_args()


def main() -> None:
    """Measure, and ship if asked."""
    args = _arguments()
    torch.set_num_threads(1)
    clips = read_manifest(args.recordings, SEED)
    tracks = read_tracks(args.recordings, clips, args.cache)
    seen = windows(args.cache, tracks)
    refuse_others(args.cache / f"networks-{args.licences}", trained(args.cache))
    scored = ours(args.cache / f"networks-{args.licences}", clips, seen)
    others = peers(args.peers, args.cache, clips, tracks)
    models = {"ours": scored, **{n: s.only(scored.clip) for n, s in others.items()}}
    variant = args.cache / "networks-permissive"
    if args.licences == "any" and all((variant / f"{k}.head.pt").exists() for k in range(FOLDS)):
        refuse_others(variant, trained(args.cache))
        models[VARIANT] = ours(variant, clips, seen)
    tables = _tables(clips, seen, models)
    findings = find(clips, tracks, scored, tables.truth)
    for rows in (tables.rows, tables.whole):
        sys.stdout.write(markdown(rows, list(models)) + "\n\n")
    sys.stdout.write("\n".join(tables.pooling) + "\n\n")
    for name, rate in findings.rates.items():
        sys.stdout.write(f"{name}: {rate[0]:.1f} false alarms an hour, recall {findings.recalls[name]}\n")
    if args.ship:
        _plot(_ROOT / "docs", tables, findings)
        _ship(args, clips, findings, tables)


if __name__ == "__main__":
    main()
