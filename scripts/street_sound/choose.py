"""Compares terms of fitting the last layer, inside the folds that it learns from.

For each fold left out, each of the three others is scored by a last layer that two taught: nothing of the
fold left out is looked at. The mean over the folds left out looks at all of them, though; so what would have
been chosen for each fold alone is told as well. Each class has its own terms: few recordings of few sources
ask for other ones than many.

    python -m scripts.street_sound.choose --recordings DIR --peers DIR --cache DIR [--more DIR]
"""

import sys
from collections.abc import Iterator
from dataclasses import astuple
from itertools import combinations, product

import numpy as np
import numpy.typing as npt
import torch

from scripts.street_sound.corpus import FOLDS, SEED, Clip, read_manifest, read_tracks
from scripts.street_sound.figures import FALSE_POSITIVES, Truth
from scripts.street_sound.head import TERMS, Heard, Terms, answers, arguments, fit, listen
from scripts.street_sound.labels import OUTPUTS
from scripts.street_sound.measures import early_recall, recall_at
from scripts.street_sound.progress import progress
from scripts.street_sound.scores import Scores, Windows, joined, windows
from scripts.street_sound.shipping import OFF

Floats = npt.NDArray[np.float64]
_ASKED = [n for n in OUTPUTS if n not in OFF]
_GRID = [
    Terms(*values)
    for values in product((3e-4, 1e-3, 3e-3, 1e-2, 3e-2), (0.3, 0.6, 1.0, 1.5), (0.01, 0.1, 0.3))
]


def inside(heard: Heard, clips: list[Clip], terms: Terms) -> list[Scores]:
    """For each fold left out, scores of the others' segments, each by a layer that two others taught."""
    fold = np.array([c.fold for c in clips])
    found: dict[tuple[int, int], Scores] = {}
    for taught in combinations(range(FOLDS), FOLDS - 2):
        layer = fit(heard, clips, list(taught), dict.fromkeys(OUTPUTS, terms))
        for asked in set(range(FOLDS)) - set(taught):
            (left_out,) = set(range(FOLDS)) - {*taught, asked}
            found[left_out, asked] = answers(heard, layer, fold == asked)
    return [joined([found[k, asked] for asked in range(FOLDS) if asked != k]) for k in range(FOLDS)]


def judged(scores: Scores, truth: Truth) -> tuple[list[float], list[float]]:
    """Of each class: recall over the first false positives, and at FALSE_POSITIVES."""
    early, at_limit = [], []
    for name in _ASKED:
        found = scores.logits[:, OUTPUTS.index(name)]
        holds, against = found[truth.positive(name)], found[truth.negative(name)]
        early.append(early_recall(holds, against))
        at_limit.append(recall_at(holds, against, FALSE_POSITIVES))
    return early, at_limit


Early = dict[Terms, Floats]
"""Of each terms: early recall (FOLDS, len(_ASKED)), by fold left out."""


def _compared(heard: Heard, clips: list[Clip], seen: Windows, terms: Terms) -> Floats:
    """Write a row of the table; return the early recalls."""
    found = [judged(s, Truth(clips, s, seen.silence(s))) for s in inside(heard, clips, terms)]
    early, at_limit = (np.array(part) for part in zip(*found, strict=True))
    cells = [*map(str, astuple(terms))]
    cells += [f"{e:.3f}, {r:.3f}" for e, r in zip(early.mean(axis=0), at_limit.mean(axis=0), strict=True)]
    sys.stdout.write("| " + " | ".join(cells) + " |\n")
    sys.stdout.flush()
    return early


def chosen(early: Early) -> Iterator[str]:
    """Say of each class which terms are best, and which would have been for each fold alone."""
    for k, name in enumerate(_ASKED):
        best = max(early, key=lambda terms: early[terms][:, k].mean())
        used = f"; those of head.py {early[TERMS[name]][:, k].mean():.4f}" if TERMS[name] in early else ""
        yield f"{name}: {best}, early recall {early[best][:, k].mean():.4f}{used}\n"
        for left_out in range(FOLDS):
            alone = max(early, key=lambda terms: early[terms][left_out, k])
            yield (
                f"  without fold {left_out} {alone}, {early[alone][left_out, k]:.4f}; "
                f"with the best of all {early[best][left_out, k]:.4f}\n"
            )


def main() -> None:
    """Print a row for each of the terms, and which are best for each fold."""
    args = arguments(__doc__).parse_args()
    torch.set_num_threads(1)
    clips = read_manifest(args.recordings, SEED)
    seen = windows(args.cache, read_tracks(args.recordings, clips, args.cache))
    _, _, heard = listen(args, seen, args.cache / "pool-any")
    names = ["keep", "prior", "mixed", *(f"{name}: early recall, at 1 %" for name in _ASKED)]
    sys.stdout.write("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|\n")
    early = {terms: _compared(heard, clips, seen, terms) for terms in progress(_GRID, "terms")}
    sys.stdout.write("\n" + "".join(chosen(early)))


if __name__ == "__main__":
    main()
