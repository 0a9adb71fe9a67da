"""`lamppost models evaluate rapid_motion`: how much rapid motion of people is in each clip."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.cli.models import tables
from edge.cli.output import FINE, FOUND_PROBLEM, complain, emit_json
from edge.detectors.people import DEFAULT, finder_of
from edge.inference.session import Model, open_model
from edge.vision.finder import Finder
from edge.vision.opencv import opencv
from edge.vision.picture import Thinning, as_bgr
from edge.vision.rapid import RapidMotion

MODEL = "rapid_motion"
RATE_HZ = 10.0
PERSON_FROM = 0.25
"""Score from which on a box is taken for a person here."""
_ASK_EVERY_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare clips and result."""
    parser.add_argument("--clips", required=True, type=Path, metavar="CSV", help="CSV with a column `clip`")
    parser.add_argument("--out", required=True, type=Path, help="CSV to write: clip, score")
    parser.add_argument("--detector", default=DEFAULT, metavar="NAME", help=f"default: {DEFAULT}")
    parser.set_defaults(do=run)


def run(args: argparse.Namespace, models: Path) -> int:
    """Write the table. A clip that cannot be evaluated keeps its row with an empty cell; exit code 1 then."""
    names = tables.listed(args.clips, "clip")
    model = open_model(models / MODEL)
    finder = finder_of(open_model(models / args.detector, args.fetched), PERSON_FROM, faint=1.0)
    failed: list[str] = []

    def rows() -> Iterator[tuple[str, str]]:
        for name in names:
            try:
                yield name, f"{clip_score(model, finder, args.clips.parent / name):.6f}"
            except tables.RowError as error:
                complain(f"{name}: {error}")
                failed.append(name)
                yield name, ""

    tables.write(args.out, ("clip", "score"), rows())
    if args.json:
        emit_json({"clips": len(names), "failed": len(failed), "out": str(args.out)})
    return FOUND_PROBLEM if failed else FINE


def clip_score(model: Model, finder: Finder, path: Path) -> float:
    """Return the highest score of any two seconds of a clip. Raises RowError."""
    return max(float(model.run(features[None])[0][0, 0]) for features in clip_features(finder, path))


def clip_features(finder: Finder, path: Path) -> list[NDArray[np.float32]]:
    """Return the features of every two seconds of a clip, half a second apart; at least one.

    Raises:
        RowError: not a video, or too short.
    """
    if not path.is_file():
        raise tables.RowError("no such file; check the path")
    cv2 = opencv()
    video = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    per_s = video.get(cv2.CAP_PROP_FPS) or 25.0
    motion, thinning, asked_s, number = RapidMotion(), Thinning(RATE_HZ), 0.0, 0
    found: list[NDArray[np.float32]] = []
    features = None
    while video.grab():
        seconds, number = number / per_s, number + 1
        if not thinning.wants(seconds):
            continue
        readable, picture = video.retrieve()
        if not readable:
            continue
        image = as_bgr(picture)
        boxes = finder.find(image)
        motion.take(image, boxes.corners[boxes.labels == finder.labels.index("person")], seconds)
        features = motion.features()
        if features is not None and seconds >= 2.0 and seconds - asked_s >= _ASK_EVERY_S:
            found, asked_s = [*found, features], seconds
    if features is not None and not found:
        found = [features]
    if not found:
        raise tables.RowError(f"is no video, or shorter than {1 / RATE_HZ * 8:.1f} s")
    return found
