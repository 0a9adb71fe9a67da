#!/usr/bin/env python3
"""Calibrate the cues of crowds on simulated walkers, and write docs/crowd_cues_figures.md with its plot.

    OMP_NUM_THREADS=1 python -m scripts.measure_crowd --vision DATA/vision --pets vtest.avi

`vtest.avi` is in Debian's package opencv-doc. One scene is a minute of a street and takes about a second. It
ends with 1, and says what to write there, when edge/detectors/crowd.py does not have the calibration found.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from edge.detectors import people
from edge.detectors.crowd import CALIBRATIONS
from edge.domain.scene_observations import CrowdCue, Cue
from edge.domain.shipped import shipped
from edge.inference.session import open_model
from edge.vision.boxes import Boxes
from edge.vision.crowd import Calibration
from edge.vision.opencv import opencv
from scripts.crowd.calibrate import EDGES, bins, brier, calibration_error, fitted, probabilities, truths
from scripts.crowd.play import CUES, Missed, Played, Told, played, speeds_of_one, told_of_boxes
from scripts.crowd.reliability_plot import drawn
from scripts.crowd.scenes import EVENTS, LASTS_S, ORDINARY, Rng, Walkers
from scripts.crowd.sight import Look, Sight, measured
from scripts.crowd.sight import table as sight_rows
from scripts.crowd.walkers import WALK_M_S, Leg, Walker
from scripts.measure_seeing import PETS_IGNORE
from scripts.seeing.truth import tracks

DOCS = Path(__file__).resolve().parent.parent / "docs"
FIGURES, PLOT = "crowd_cues_figures.md", "crowd_cues_reliability.svg"
_REPORTED_FROM = 1_000_000
"""Seeds of the scenes that are reported on; those that are fitted on begin at 0."""
_PETS_HZ = 10
Row = tuple[str, ...]
Kinds = Mapping[str, Callable[[Rng], Walkers]]
KINDS: Kinds = {**{f"some {cue.replace('_', ' ')}": scene for cue, scene in EVENTS.items()}, **ORDINARY}


@dataclass(frozen=True, slots=True)
class Scenes:
    """What came of many scenes."""

    told: Sequence[Told]
    so: Sequence[Missed]


def main() -> int:
    """Measure, fit, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vision", type=Path, required=True)
    parser.add_argument("--pets", type=Path, required=True)
    parser.add_argument(
        "--scenes", type=int, default=20, help="of each ordinary kind, in each half; twice of others"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    args = parser.parse_args()
    looks = list(_pets(args.pets, tracks(args.vision / "sequences" / "PETS09-S2L1.csv")))
    sight = measured(_at_5_hz([look for look in looks if look.truth]), 768, 576)

    def everything(first: int) -> Scenes:
        """Movements of a cue are rarer than streets: twice as many scenes."""
        some = {kind: scene for kind, scene in KINDS.items() if kind not in ORDINARY}
        more = range(first, first + 2 * args.scenes)
        movements = all_played(some, sight, more, jobs=args.jobs)
        ordinary = all_played(ORDINARY, sight, range(first, first + args.scenes), jobs=args.jobs)
        return Scenes([*movements.told, *ordinary.told], [*movements.so, *ordinary.so])

    chosen = everything(0)
    calibrations: dict[Cue, Calibration] = {
        cue: fitted([one for one in chosen.told if one.cue is cue]) for cue in CUES
    }
    reported = everything(_REPORTED_FROM)
    seeds = range(_REPORTED_FROM, _REPORTED_FROM + max(args.scenes // 5, 1))
    unmeasured = all_played(KINDS, sight, seeds, ground=False, jobs=args.jobs)
    parts = [
        "<!-- Written by scripts/measure_crowd.py: do not edit, run it again. -->\n",
        _table("How the camera sees (PETS09-S2L1, 5 pictures a second)", list(sight_rows(sight))),
        _table("Calibration", list(calibration_rows(chosen, reported, calibrations))),
        _table("Reliability", list(_reliability(reported, calibrations))),
        _table("Without a ground plane, with the same calibration", list(_judged(unmeasured, calibrations))),
        _table("Movements that were so", list(found_rows(reported))),
        _table(
            f"Ordinary streets: cues an hour, and of these not so ({args.scenes} minutes of each)",
            list(ordinary_rows(reported, args.scenes)),
        ),
        _table("PETS09-S2L1, without a ground plane", list(_of_pets(looks, calibrations))),
        _table("The speed of one person, m/s", list(speed_rows(sight))),
    ]
    (DOCS / FIGURES).write_text("\n".join(parts), encoding="utf-8")
    (DOCS / PLOT).write_text(drawn(_panels(reported, calibrations)), encoding="utf-8")
    print("\n".join(parts))
    if calibrations != dict(CALIBRATIONS):
        print("write this into edge/detectors/crowd.py, CALIBRATIONS:", file=sys.stderr)
        for cue, found in calibrations.items():
            print(f"    Cue.{cue.name}: Calibration({found.slope}, {found.offset}),", file=sys.stderr)
        return 1
    return 0


def all_played(
    kinds: Kinds, sight: Sight, seeds: Sequence[int], *, ground: bool = True, jobs: int = 1
) -> Scenes:
    """Play scenes of each kind."""
    plays = [
        partial(played, kind, scene, sight, 1000 * seed + number, ground=ground)
        for number, (kind, scene) in enumerate(kinds.items())
        for seed in seeds
    ]
    each: list[Played] = [play() for play in plays] if jobs == 1 else _side_by_side(plays, jobs)
    return Scenes([told for one in each for told in one.told], [so for one in each for so in one.so])


def _side_by_side(plays: Sequence[Callable[[], Played]], jobs: int) -> list[Played]:
    with ProcessPoolExecutor(jobs) as pool:
        return [waiting.result() for waiting in [pool.submit(play) for play in plays]]


def _table(title: str, rows: Sequence[Row]) -> str:
    head, *rest = rows
    lines = [f"## {title}\n", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rest)]) + "\n"


def _mine(told: Sequence[Told], cue: Cue) -> list[Told]:
    return [one for one in told if one.cue is cue]


def calibration_rows(
    chosen: Scenes, reported: Scenes, calibrations: Mapping[Cue, Calibration]
) -> Iterator[Row]:
    """Yield what was fitted for each cue, and how it does on the scenes that had no part in it."""
    yield (
        *("cue", "slope", "offset", "told at the limit", "at twice", "fitted on"),
        *("reported on", "so", "Brier before", "after", "ECE before", "after"),
    )
    for cue, by in calibrations.items():
        at = [f"{by.probability(score):.2f}" for score in (0.5, 2 / 3)]
        fit = str(len(_mine(chosen.told, cue)))
        yield cue, f"{by.slope:.2f}", f"{by.offset:.2f}", *at, fit, *_figures(_mine(reported.told, cue), by)


def _figures(told: Sequence[Told], by: Calibration) -> Row:
    if not told:
        return "0", "-", "-", "-", "-", "-"
    true, before, after = truths(told), probabilities(told), probabilities(told, by)
    measures = (measure(score, true) for measure in (brier, calibration_error) for score in (before, after))
    return str(len(told)), f"{true.mean():.0%}", *(f"{figure:.3f}" for figure in measures)


def _judged(scenes: Scenes, calibrations: Mapping[Cue, Calibration]) -> Iterator[Row]:
    yield "cue", "reported on", "so", "Brier before", "after", "ECE before", "after"
    for cue, by in calibrations.items():
        yield cue, *_figures(_mine(scenes.told, cue), by)


def _reliability(reported: Scenes, calibrations: Mapping[Cue, Calibration]) -> Iterator[Row]:
    names = [f"{low:.1f} to {high:.1f}" for low, high in pairwise(EDGES)]
    yield "cue, share that was so of those told with", *names
    for cue, by in calibrations.items():
        told = _mine(reported.told, cue)
        cells = ["-"] * len(names)
        for mean, true, number in bins(probabilities(told, by), truths(told)):
            cells[min(int(np.digitize(mean, EDGES)) - 1, len(names) - 1)] = f"{true:.2f} of {number}"
        yield cue, *cells


def _panels(
    reported: Scenes, calibrations: Mapping[Cue, Calibration]
) -> Mapping[str, tuple[list[tuple[float, float, int]], list[tuple[float, float, int]]]]:
    panels = {}
    for cue, by in calibrations.items():
        told = _mine(reported.told, cue)
        true = truths(told)
        panels[cue.replace("_", " ")] = (bins(probabilities(told), true), bins(probabilities(told, by), true))
    return panels


def found_rows(scenes: Scenes) -> Iterator[Row]:
    """Yield how many of the true movements were told, and how late."""
    yield "cue", "were so", "told", "share", "seconds later than they could be, median", "nine in ten within"
    for cue in CUES:
        so = [one for one in scenes.so if one.cue is cue]
        delays_s = [one.delay_s for one in so if one.delay_s is not None]
        late = [f"{np.percentile(delays_s, part):.1f}" for part in (50, 90)] if delays_s else ["-", "-"]
        share = f"{len(delays_s) / len(so):.0%}" if so else "-"
        yield cue, str(len(so)), str(len(delays_s)), share, *late


def ordinary_rows(scenes: Scenes, number: int) -> Iterator[Row]:
    """Yield cues an hour of each kind of ordinary street, and how many of them the walkers did not do."""
    hours = number * LASTS_S / 3600
    yield "street", *CUES
    for kind in ORDINARY:
        cells = []
        for cue in CUES:
            told = [one for one in _mine(scenes.told, cue) if one.kind == kind and one.onset]
            wrong = sum(not one.true for one in told)
            cells.append(f"{len(told) / hours:.0f}, {wrong / hours:.0f} not so" if told else "0")
        yield kind, *cells


def _pets(video: Path, truth: Mapping[int, list[tuple[int, list[float]]]]) -> Iterator[Look]:
    """Yield what our detector of people finds in each picture, with who is there where that is known."""
    config = people.Config(tiles=(1, 1), ignore=PETS_IGNORE)
    finder = people.finder_of(open_model(shipped("models") / config.model, config.fetched))
    search, reader, number = people.search_of(config, finder), opencv().VideoCapture(str(video)), 0
    while (read := reader.read())[0]:
        number += 1
        found = search.look(read[1], number / _PETS_HZ).boxes
        yield Look(truth.get(number, ()), found.only(found.labels == 0))


def _at_5_hz(looks: Sequence[Look]) -> list[Sequence[Look]]:
    return [looks[::2], looks[1::2]]


def _of_pets(looks: Sequence[Look], calibrations: Mapping[Cue, Calibration]) -> Iterator[Row]:
    yield "tracks", "seconds", "cues told"
    known = [_as_found(look) for look in looks if look.truth]
    for name, boxes in (("the true ones", known[::2]), ("ours", [look.found for look in looks[::2]])):
        yield name, f"{2 * len(boxes) / _PETS_HZ:.0f}", _named(told_of_boxes(boxes, calibrations))


def speed_rows(sight: Sight, seeds: Sequence[int] = range(8)) -> Iterator[Row]:
    """Yield how fast people are told to be who walk and run across, towards the camera and away from it."""
    yield "way", "true", "seen, mean", "spread"
    ways = {"across": ((-8, 15), (60, 15)), "coming": ((0, 26), (0, -60)), "going": ((1, 8), (1, 80))}
    for name, (start, goal) in ways.items():
        for speed_m_s in (WALK_M_S, 3.0):
            walker = Walker(start, (Leg(goal, speed_m_s),))
            each = [speeds_of_one(walker, sight, seed, 8.0) for seed in seeds]
            true, seen = ([speed for one in each for speed in one[part]] for part in (0, 1))
            yield name, f"{np.mean(true):.2f}", f"{np.mean(seen):.2f}", f"{np.std(seen):.2f}"


def _as_found(look: Look) -> Boxes:
    corners = np.array([corners for _, corners in look.truth], np.float32).reshape(-1, 4)
    return Boxes(corners, np.full(len(corners), 1.5, np.float32), np.zeros(len(corners), np.intp))


def _named(cues: Sequence[CrowdCue]) -> str:
    shown = (f"{one.cue}, {one.people} people, for {one.lasted_s:.0f} s, {one.score:.2f}" for one in cues)
    return "; ".join(shown) or "none"


if __name__ == "__main__":
    sys.exit(main())
