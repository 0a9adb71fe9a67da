"""Measures the exported network: on pictures held out of the corpus, and with --final on the public sets.

    python -m scripts.people.evaluate --cache FOLDER --teachers models_reference
        [--final DATA/vision --pets vtest.avi]

Everything is chosen on the held-out pictures, whose truth is what several teachers agree on. The public sets
are looked at when all is chosen; figures_LICENCES.json keeps what was found.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.vision.boxes import Boxes
from edge.vision.finder import Finder
from scripts.onnx_files import one_thread_session
from scripts.people.corpus import CLASSES, LICENCES, PICTURES, SIDE, pictures
from scripts.people.teachers import COLUMNS, PicoDet, Yolox, one_class_each, read_boxes
from scripts.seeing import peers
from scripts.seeing.truth import Labelled, average_precision, coco, sequence

_SURE, _DOUBTFUL = 0.5, 0.2
_FEWEST = 20
_GROUPS = {"person": (0,), "two_wheeler": (1, 3), "vehicle": (2, 4, 5)}
_BEST = np.arange(0.1, 0.75, 0.025)


def main() -> None:
    """Print and keep figures and thresholds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True)
    parser.add_argument("--licences", choices=LICENCES, default="any")
    parser.add_argument("--final", type=Path, metavar="DATA/vision", help="measure the public sets, too")
    parser.add_argument("--pets", type=Path, help="vtest.avi of Debian's opencv-doc")
    args = parser.parse_args()
    path = args.cache / f"people_{args.licences}.onnx"
    ours = finder_of_file(path)
    figures: dict[str, Any] = {"held_out": {}, "thresholds": {}, "public": {}}
    held = held_out(args.cache)
    finders: dict[str, Any] = {
        "ours": ours,
        "yolox_nano": Yolox(args.teachers),
        "picodet_s": PicoDet(args.teachers),
    }
    finders["fastestdet"] = peers.FastestDet(args.teachers)  # people only
    for name, finder in finders.items():
        seen = [finder.find(image) for image, _ in held]
        figures["held_out"][name] = _held_out_figures(seen, [boxes for _, boxes in held])
        if name == "ours":
            measured = figures["held_out"][name]
            figures["thresholds"] = {group: _threshold(seen, held, group) for group in measured}
    figures["ms"] = times(path, args.teachers)
    if args.final:
        figures["public"] = _public(args, ours)
    text = json.dumps(figures, indent=1)
    (args.cache / f"figures_{args.licences}.json").write_text(text, encoding="utf-8")
    print(text)


def finder_of_file(path: Path, lowest: float = 0.02, columns: Sequence[int] = range(len(CLASSES))) -> Finder:
    """Return what finds all six classes with a network whose output has them in these columns."""
    network = one_thread_session(path)
    given = network.get_inputs()[0].name
    return Finder(
        network=lambda batch: network.run(None, {given: batch}),
        size=(SIDE, SIDE),
        labels=CLASSES,
        classes=np.array(columns),
        lowest=np.full(len(CLASSES), lowest, np.float32),
    )


def held_out(cache: Path) -> list[tuple[Any, Any]]:
    """Return pictures that training does not see, with the teachers' boxes (n, 6)."""
    found = read_boxes(cache)
    held = [
        (np.asarray(cv2.imread(str(cache / PICTURES / one.file)), np.uint8), one_class_each(found[one.file]))
        for one in pictures(cache)
        if one.part == "dev"
    ]
    if not held:
        raise SystemExit(f"{cache}: no picture is held out of training, so nothing can be chosen or measured")
    return held


def _labelled(boxes: Any, group: str) -> Labelled:
    """Boxes that teachers agree on count; those of which they are not sure may be found or not."""
    of_group = boxes[np.isin(boxes[:, 5], _GROUPS[group])]
    sure = of_group[:, 4] >= _SURE
    doubtful = of_group[~sure & (of_group[:, 4] >= _DOUBTFUL)]
    blank = np.zeros((1, 1, 3), np.uint8)
    return Labelled(blank, of_group[sure, :4].tolist(), doubtful[:, :4].tolist())


def _held_out_figures(seen: Sequence[Boxes], truth: Sequence[Any]) -> dict[str, float]:
    """Return AP of each group of which there are enough."""
    figures = {}
    for group, classes in _GROUPS.items():
        labelled = [_labelled(boxes, group) for boxes in truth]
        if sum(len(one.boxes) for one in labelled) >= _FEWEST:
            found = [one.only(np.isin(one.labels, classes)) for one in seen]
            figures[group] = average_precision(list(zip(found, labelled, strict=True)))
    return figures


def _threshold(seen: Sequence[Boxes], held: Sequence[tuple[Any, Any]], group: str) -> float:
    """Return the score at which as many are found as the teachers are sure of."""
    wanted = sum(len(_labelled(boxes, group).boxes) for _, boxes in held)
    scores = np.concatenate([found.scores[np.isin(found.labels, _GROUPS[group])] for found in seen])
    return float(min(_BEST, key=lambda score: abs(int((scores >= score).sum()) - wanted)))


def times(path: Path, teachers: Path) -> dict[str, float]:
    """Return milliseconds of processor time of a network alone, one thread, in turns with its peers."""
    files = {
        "ours": (path, SIDE),
        "yolox_nano": (teachers / "yolox_nano" / "yolox_nano.onnx", 416),
        "picodet_s": (teachers / "picodet_s" / "picodet_s_416_coco.onnx", 416),
        "fastestdet": (teachers / "fastestdet" / "FastestDet.onnx", 352),
    }
    opened = {name: (one_thread_session(file), side) for name, (file, side) in files.items()}
    spent: dict[str, list[float]] = {name: [] for name in files}
    for _ in range(20):
        for name, (network, side) in opened.items():
            batch = {network.get_inputs()[0].name: np.full((1, 3, side, side), 99, np.float32)}
            began_s = time.process_time()
            network.run(None, batch)
            spent[name].append(time.process_time() - began_s)
    return {name: 1000 * float(np.median(one)) for name, one in spent.items()}


def _public(args: argparse.Namespace, ours: Finder) -> dict[str, dict[str, float]]:
    sets = {
        "coco": list(coco(args.final, ("person",))),
        "pets": [one for _, one in sequence(args.pets, args.final / "sequences" / "PETS09-S2L1.csv", 10)],
        "campus": [
            one
            for _, one in sequence(
                args.final / "sequences" / "TUD-Campus.mp4", args.final / "sequences" / "TUD-Campus.csv", 3
            )
        ],
    }
    finders: dict[str, Any] = {
        "ours": ours,
        "yolox_nano": finder_of_file(args.teachers / "yolox_nano" / "yolox_nano.onnx", columns=COLUMNS),
        "picodet_s": peers.PicoDet(args.teachers),
        "fastestdet": peers.FastestDet(args.teachers),
    }
    found = {
        name: {
            place: average_precision([(_people(finder.find(one.image)), one) for one in labelled])
            for place, labelled in sets.items()
        }
        for name, finder in finders.items()
    }
    vehicles = [(_vehicles(ours.find(one.image)), one) for one in coco(args.final, ("car", "bus", "truck"))]
    found["ours"]["coco_vehicles"] = average_precision(vehicles)
    return found


def _people(boxes: Boxes) -> Boxes:
    return boxes.only(boxes.labels == 0)


def _vehicles(boxes: Boxes) -> Boxes:
    return boxes.only(np.isin(boxes.labels, _GROUPS["vehicle"]))


if __name__ == "__main__":
    main()
