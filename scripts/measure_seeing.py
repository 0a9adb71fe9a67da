#!/usr/bin/env python3
"""Measure what the camera lane sees, beside public detectors, and write docs/seeing_figures.md.

    scripts/measure_seeing.py --vision DATA/vision --pets vtest.avi --peers models_reference --fetched FOLDER
    scripts/measure_seeing.py --cards-only      # only the figures of the cards, and the cost of parking bays

`vtest.avi` is in Debian's package opencv-doc. One thread; times are processor time of this machine.
"""

import argparse
import resource
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from edge.detectors import crowd, flash, parking, people, picture_health, rapid_motion, scene_motion
from edge.domain.frames import Image, VideoFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.observations import Observation
from edge.domain.scene_observations import PeopleCount
from edge.domain.shipped import shipped
from edge.domain.stages import Attentive, Detector
from edge.domain.time import CaptureTime
from edge.inference.session import open_model
from edge.vision.boxes import Boxes
from edge.vision.crossings import PixelLine, crossings
from edge.vision.finder import Finder
from edge.vision.opencv import opencv
from edge.vision.tracks import Track, Tracker
from scripts.seeing.peers import FastestDet, PicoDet
from scripts.seeing.truth import Labelled, average_precision, coco, heads, sequence, tracks

OUT = Path(__file__).resolve().parent.parent / "docs" / "seeing_figures.md"
CARDS = "Shipped models (from their cards)"
BAYS = "Parking bays, looked at every 5 s at 640x480"
LANE = "The camera lane at 640x480"
VEHICLES = ("car", "bus", "truck")
MODELS = ("people", "people_yolox")
# Tiles for crowds and a person's threshold with them, chosen with people_yolox; None is the card's.
CROWDS: tuple[tuple[tuple[int, int], float | None], ...] = (((1, 1), None), ((3, 2), 0.15), ((4, 3), 0.2))
# The far road and path of the PETS camera: people there are in the picture, but not in its truth.
PETS_IGNORE = (((0.0, 0.0), (1.0, 0.0), (1.0, 0.29), (0.0, 0.29)),)
PETS_LINES: tuple[PixelLine, ...] = tuple(
    ((x, 560.0), (x, 180.0)) for x in (230.0, 307.0, 384.0, 461.0, 538.0)
)
SOURCE = SourceId("camera", 0, Component.CAMERA)
Row = tuple[str, ...]


class Peer(Protocol):
    """Anything that finds people."""

    def find(self, image: Image) -> Boxes:
        """Return boxes; label 0 is a person."""
        ...


def main() -> None:
    """Measure all, write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("vision", "pets", "peers", "fetched"):
        parser.add_argument(f"--{name}", type=Path, required="--cards-only" not in sys.argv)
    parser.add_argument("--cards-only", action="store_true")
    args = parser.parse_args()
    if args.cards_only:
        _renew_cards()
        return
    parts = [
        "<!-- Written by scripts/measure_seeing.py: do not edit, run it again. -->\n",
        _table("AP at IoU 0.5, processor time", _detection(args)),
        _table("Counting", list(_counting(args))),
        _table(CARDS, list(_cards())),
        _table(BAYS, list(_bays())),
        _table(LANE, list(_lane(args))),
    ]
    OUT.write_text("\n".join(parts), encoding="utf-8")
    print("\n".join(parts))


def _renew_cards() -> None:
    before, _, after = OUT.read_text(encoding="utf-8").partition(f"## {CARDS}\n")
    tables = (_table(CARDS, list(_cards())), _table(BAYS, list(_bays())), after[after.index(f"## {LANE}") :])
    OUT.write_text(before + "\n".join(tables), encoding="utf-8")


def _table(title: str, rows: Sequence[Row]) -> str:
    head, *rest = rows
    lines = [f"## {title}\n", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rest)]) + "\n"


def _finder(args: argparse.Namespace, model: str, lowest: float) -> Finder:
    finder = people.finder_of(open_model(shipped("models") / model, args.fetched), faint=1.0)
    finder.lowest[:] = lowest
    return finder


def _detection(args: argparse.Namespace) -> list[Row]:
    finders = {
        "ours (models/people)": _finder(args, "people", 0.02),
        "YOLOX-nano (models/people_yolox)": _finder(args, "people_yolox", 0.02),
    }
    peers: Mapping[str, Peer] = {
        **finders,
        "PicoDet-S": PicoDet(args.peers),
        "FastestDet": FastestDet(args.peers),
    }
    sets = {
        "COCO": list(coco(args.vision, ("person",))),
        "PETS09-S2L1": [p for _, p in _pets(args, 10)],
        "TUD-Campus": [p for _, p in _campus(args, 3)],
    }
    rows: list[Row] = [("detector, people", *sets, "ms a picture, median")]
    for name, peer in peers.items():
        costs_s: list[float] = []
        figures = []
        for labelled in sets.values():
            found = [(_only_people(_timed(peer, one.image, costs_s)), one) for one in labelled]
            figures.append(f"{average_precision(found):.2f}")
        rows.append((name, *figures, f"{1000 * np.median(costs_s):.0f}"))
    for name, finder in finders.items():
        numbers = [number for number, label in enumerate(finder.labels) if label in VEHICLES]
        found = [(_only(finder.find(one.image), numbers), one) for one in coco(args.vision, VEHICLES)]
        rows.append((f"{name}: cars, buses and trucks", f"{average_precision(found):.2f}", "-", "-", "-"))
    return rows


def _timed(peer: Peer, image: Image, costs_s: list[float]) -> Boxes:
    """Find; add the processor time that it took."""
    began_s = time.process_time()
    boxes = peer.find(image)
    costs_s.append(time.process_time() - began_s)
    return boxes


def _only(boxes: Boxes, labels: Sequence[int]) -> Boxes:
    return boxes.only(np.isin(boxes.labels, labels))


def _only_people(boxes: Boxes) -> Boxes:
    return _only(boxes, [0])


def _pets(args: argparse.Namespace, every: int) -> Iterator[tuple[int, Labelled]]:
    yield from sequence(args.pets, args.vision / "sequences" / "PETS09-S2L1.csv", every)


def _campus(args: argparse.Namespace, every: int) -> Iterator[tuple[int, Labelled]]:
    folder = args.vision / "sequences"
    yield from sequence(folder / "TUD-Campus.mp4", folder / "TUD-Campus.csv", every)


def _counting(args: argparse.Namespace) -> Iterator[Row]:
    yield "what", "settings", "figure", "target"
    for model in MODELS:
        off, held = _pets_counts(args, model)
        settings = f"{model}; ignore: the far road"
        yield "PETS09-S2L1, mean absolute error of a picture", settings, f"{off:.2f}", "1.2"
        yield "PETS09-S2L1, intervals of 10 s that hold the true mean", "the same", held, "9 in 10"
    for model in MODELS:
        for tiling, threshold in CROWDS:
            errors, relative = _head_errors(args, model, tiling, threshold)
            shown = f"{model}; tiles {tiling[0]}x{tiling[1]}, threshold {threshold or 'of the card'}"
            yield "heads, mean absolute error", shown, f"{errors:.1f} ({relative:.0%} of the mean)", "4.5"
    for model in MODELS:
        truth, found = _pets_crossings(args, model)
        settings = f"{model}; 5 pictures a second"
        yield "PETS09-S2L1, crossings of five upright lines", settings, f"{found} of {truth}", "10 %"


def _config(args: argparse.Namespace, **settings: Any) -> people.Config:
    return people.Config(fetched=args.fetched, **settings)


def _pets_counts(args: argparse.Namespace, model: str) -> tuple[float, str]:
    config = _config(args, model=model, tiles=(1, 1), interval_s=10, ignore=PETS_IGNORE)
    detector = people.build(config)
    assert isinstance(detector, people.PeopleDetector)
    search = people.search_of(
        config, people.finder_of(open_model(shipped("models") / config.model, args.fetched))
    )
    errors: list[float] = []
    told: list[Observation] = []
    true: list[tuple[float, int]] = []
    for number, one in _pets(args, 4):
        at_s = number / 10
        errors.append(float(search.look(one.image, at_s).counts[0]) - len(one.boxes))
        true.append((at_s, len(one.boxes)))
        told += detector.accept(VideoFrame(SOURCE, _at(at_s), one.image))
    counts = [o for o in [*told, *detector.finish()] if isinstance(o, PeopleCount) and o.people is not None]
    held = 0
    for count in counts:
        begun_s = (count.time.monotonic_ns - _at(0).monotonic_ns) / 1e9
        mean = np.mean([n for at_s, n in true if begun_s <= at_s < begun_s + count.duration_s + 0.01])
        held += bool((count.people_low or 0) <= mean <= (count.people_high or 0))
    return float(np.mean(np.abs(errors))), f"{held} of {len(counts)}"


def _head_errors(
    args: argparse.Namespace, model: str, tiling: tuple[int, int], threshold: float | None
) -> tuple[float, float]:
    opened = open_model(shipped("models") / model, args.fetched)
    config = _config(args, model=model, tiles=tiling)
    truth = heads(args.vision)
    errors = []
    for name, number in truth.items():
        # A picture of its own camera: the tiles are searched at once.
        search = people.search_of(config, people.finder_of(opened, threshold))
        found = search.look(opencv().imread(str(args.vision / name)), 0.0)
        errors.append(abs(float(found.counts[0]) - number))
    return float(np.mean(errors)), float(np.mean(errors) / np.mean(list(truth.values())))


def _pets_crossings(args: argparse.Namespace, model: str) -> tuple[int, int]:
    truth = _true_crossings(args)
    config = _config(args, model=model, tiles=(1, 1), ignore=PETS_IGNORE)
    search = people.search_of(
        config, people.finder_of(open_model(shipped("models") / config.model, args.fetched))
    )
    tracker, found = Tracker(certain=1.0), 0
    for number, one in _pets(args, 2):
        boxes = _only_people(search.look(one.image, number / 10).boxes)
        found += len(crossings(tracker.follow(boxes, number / 10), PETS_LINES))
    return truth, found


def _true_crossings(args: argparse.Namespace) -> int:
    """Count the crossings of the true tracks in the way in which ours are counted."""
    known: dict[int, Track] = {}
    total = 0
    for _, seen in sorted(tracks(args.vision / "sequences" / "PETS09-S2L1.csv").items()):
        now = []
        for number, (left, top, right, bottom) in seen:
            box = np.array([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top])
            track = known.setdefault(number, Track(number, 0, box, 0.0, 0.0))
            track.box = box
            now.append(track)
        total += len(crossings(now, PETS_LINES))
    return total


def _cards() -> Iterator[Row]:
    yield "model", "figure", "on", "value", "target"
    for name in ("rapid_motion", "parking"):
        card = tomllib.loads((shipped("models") / name / "card.toml").read_text(encoding="utf-8"))
        for figure in card["figures"]:
            value = f"{figure['value']:.3f}"
            if "low" in figure:
                value += f" ({figure['low']:.2f} to {figure['high']:.2f})"
            yield name, figure["what"], figure["on"], value, str(figure.get("target", "-"))


def _bays() -> Iterator[Row]:
    yield "bays", "ms a look", "share of one core"
    picture = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    every_s, looks = 5.0, 20
    for count in (4, 20, 256):
        corners = [(n % 16 / 16, n // 16 / 16) for n in range(count)]
        bays = tuple(((x, y), (x + 1 / 16, y), (x + 1 / 16, y + 1 / 16), (x, y + 1 / 16)) for x, y in corners)
        detector = parking.build(parking.Config(bays=bays, look_every_s=every_s))
        frames = [VideoFrame(SOURCE, _at(every_s * n), picture) for n in range(looks)]
        began_s = time.process_time()
        for frame in frames:
            list(detector.accept(frame))
        look_s = (time.process_time() - began_s) / looks
        yield str(count), f"{1000 * look_s:.0f}", f"{look_s / every_s:.1%}"


def _lane(args: argparse.Namespace) -> Iterator[Row]:
    yield "detectors", "pictures a second on one core"
    images = [one.image for _, one in _campus(args, 1)]
    counting = _config(args)
    build = {
        "people (tiles 2x2 every 5 s)": [people.build(counting)],
        "people, crowd, rapid_motion, flash, scene_motion, picture_health": [
            picture_health.build(picture_health.Config()),
            people.build(counting),
            crowd.build(crowd.Config()),
            rapid_motion.build(rapid_motion.Config()),
            flash.build(flash.Config()),
            scene_motion.build(scene_motion.Config()),
        ],
    }
    for name, detectors in build.items():
        yield name, f"{_speed(images, detectors):.1f} (target 8)"
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    yield "most memory of this measurement, all of its models and recordings loaded", f"{peak_mb:.0f} MB"


def _speed(images: Sequence[Image], detectors: Sequence[Detector]) -> float:
    """Return pictures per second of processor time, at ten pictures a second of scene time."""
    frames = [VideoFrame(SOURCE, _at(n / 10), images[n % len(images)]) for n in range(100)]
    began_s = time.process_time()
    for frame in frames:
        for detector in detectors:
            for observation in detector.accept(frame):
                for other in detectors:
                    if other is not detector and isinstance(other, Attentive):
                        other.notice(observation)
    return len(frames) / (time.process_time() - began_s)


def _at(seconds: float) -> CaptureTime:
    return CaptureTime(1_767_225_600_000_000_000, 1_000_000_000).shifted(seconds)


if __name__ == "__main__":
    main()
