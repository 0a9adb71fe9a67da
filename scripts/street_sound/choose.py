"""Compares terms of fitting the last layer, inside the folds that it learns from.

For each fold left out, each of the three others is scored by a last layer that two taught: nothing of the
fold left out is looked at. The mean over the folds left out looks at all of them, though; so what would have
been chosen for each fold alone is told as well. Needs the common start: a network that was trained on labels
of the folds has seen what it would be scored on.

    python -m scripts.street_sound.choose --recordings DIR --peers DIR --cache DIR [--network base]
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import astuple
from itertools import product
from pathlib import Path

import numpy as np
import torch

from scripts.street_sound.corpus import FOLDS, SEED, Clip, read_manifest, read_tracks
from scripts.street_sound.figures import FALSE_POSITIVES, Truth
from scripts.street_sound.head import Heard, Terms, answers, fit, hear, load
from scripts.street_sound.labels import OUTPUTS
from scripts.street_sound.measures import early_recall, threshold_at
from scripts.street_sound.peers import tag_families
from scripts.street_sound.progress import progress
from scripts.street_sound.scores import Scores, Windows, joined, windows
from scripts.street_sound.shipping import OFF

_ASKED = [n for n in OUTPUTS if n not in OFF]
_GRID = [
    *(Terms(keep, prior) for keep, prior in product((1e-3, 3e-3, 1e-2), (0.3, 0.6, 1.0))),
    *(Terms(mixed=mixed) for mixed in (0.03, 0.3, 1.0)),
]


def inside(heard: Heard, clips: list[Clip], left_out: int, terms: Terms) -> Scores:
    """Scores of the segments outside `left_out`, each by a layer that the two other folds taught."""
    folds, fold = [k for k in range(FOLDS) if k != left_out], np.array([c.fold for c in clips])
    return joined(
        [
            answers(heard, fit(heard, clips, [k for k in folds if k != asked], terms), fold == asked)
            for asked in folds
        ]
    )


def judged(scores: Scores, truth: Truth) -> tuple[list[float], list[float]]:
    """Of each class: recall over the first false positives, and at FALSE_POSITIVES."""
    early, at_limit = [], []
    for name in _ASKED:
        found = scores.logits[:, OUTPUTS.index(name)]
        holds, against = found[truth.positive(name)], found[truth.negative(name)]
        early.append(early_recall(holds, against))
        at_limit.append(float((holds > threshold_at(against, FALSE_POSITIVES)).mean()))
    return early, at_limit


def _compared(heard: Heard, clips: list[Clip], seen: Windows, terms: Terms) -> list[float]:
    """Write a row of the table; return the early recall of each fold left out."""
    early, at_limit = [], []
    for left_out in range(FOLDS):
        scores = inside(heard, clips, left_out, terms)
        found = judged(scores, Truth(clips, scores, seen.silence(scores)))
        early.append(float(np.mean(found[0])))
        at_limit.append(found[1])
    cells = [*map(str, astuple(terms)), f"{np.mean(early):.4f}", f"{np.mean(at_limit):.4f}"]
    sys.stdout.write("| " + " | ".join([*cells, *(f"{x:.3f}" for x in np.mean(at_limit, axis=0))]) + " |\n")
    sys.stdout.flush()
    return early


def chosen(early: dict[Terms, list[float]]) -> Iterator[str]:
    """Say what would have been chosen for each fold alone."""
    for left_out in range(FOLDS):
        best = max(early, key=lambda terms: early[terms][left_out])
        yield (
            f"without fold {left_out}: {best}, early recall {early[best][left_out]:.4f}; "
            f"with the terms of head.py {early[Terms()][left_out]:.4f}\n"
        )


def main() -> None:
    """Print a row for each of the terms, and which are best for each fold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--peers", type=Path, required=True, help="folder of the teachers")
    parser.add_argument("--cache", type=Path, required=True, help="folder that training wrote")
    parser.add_argument("--network", default="base", help="name of the weights in networks-any")
    args = parser.parse_args()
    torch.set_num_threads(1)
    clips = read_manifest(args.recordings, SEED)
    seen = windows(args.cache, read_tracks(args.recordings, clips, args.cache))
    net, judge = load(args.cache / "networks-any" / f"{args.network}.pt", tag_families(args.peers))
    heard = hear(net, judge, seen, args.cache / "pool-any")
    names = ["keep", "prior", "mixed", "early recall", "recall at 1 %", *_ASKED]
    sys.stdout.write("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|\n")
    early = {terms: _compared(heard, clips, seen, terms) for terms in progress(_GRID, "terms")}
    sys.stdout.write("\n" + "".join(chosen(early)))


if __name__ == "__main__":
    main()
