#!/usr/bin/env python3
"""Measure occupied and moving shares against the boxes of tracked people.

    scripts/measure_motion.py VIDEO TRACKS [--columns 60:612] [--rate-hz 5] [--learn-s 10] [--json]

TRACKS is a CSV file: frame (from 1), track, x1, y1, x2, y2 in pixels. A box is larger than the person in it,
so the shares cannot agree; `scaled error` is what is left without the mean ratio. With `--columns` the edges
are left out, where people are in view before and after they are tracked. OpenCV's MOG2 is measured too.
"""

import argparse
import csv
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edge.domain.frames import Image
from edge.vision.background import Background, Pace
from edge.vision.motion import MotionMeter, reduced
from edge.vision.opencv import opencv

Mask = NDArray[np.bool_]
Finder = Callable[[Image, float], Mask | None]

AVERAGED_S = 2.5


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of the video and the boxes in it; None where nothing was tracked yet or any more."""

    seconds: float
    image: Image
    boxes: Mask | None


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path)
    parser.add_argument("tracks", type=Path)
    parser.add_argument("--columns", default=":", help="first:last column of the picture that counts")
    parser.add_argument("--rate-hz", type=float, default=5.0)
    parser.add_argument("--learn-s", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    first, _, last = args.columns.partition(":")
    columns = slice(int(first or 0), int(last) if last else None)
    shown = list(pictures(args.video, boxes_of(args.tracks), args.rate_hz))
    background = Background(Pace(learn_s=args.learn_s))
    rows = [
        measured("ours", shown, columns, lambda image, s: as_mask(background.occupied(reduced(image), s))),
        measured("MOG2", shown, columns, mog2(args.learn_s)),
    ]
    speed_ms = milliseconds_a_picture(shown, Pace(learn_s=args.learn_s))
    if args.json:
        sys.stdout.write(json.dumps({"milliseconds_a_picture": round(speed_ms, 2), "rows": rows}) + "\n")
        return 0
    table = Table(*rows[0], title=f"{args.video.name}: {speed_ms:.1f} ms of processor time a picture")
    for row in rows:
        table.add_row(*(v if isinstance(v, str) else f"{v:.4g}" for v in row.values()))
    Console().print(table)
    return 0


def boxes_of(tracks: Path) -> dict[int, list[tuple[int, ...]]]:
    """Return the boxes of each frame, counted from 0."""
    boxes = defaultdict(list)
    with tracks.open() as file:
        for row in csv.DictReader(file):
            corners = tuple(max(0, round(float(row[name]))) for name in ("x1", "y1", "x2", "y2"))
            boxes[int(row["frame"]) - 1].append(corners)
    return boxes


def pictures(video: Path, boxes: dict[int, list[tuple[int, ...]]], rate_hz: float) -> Iterator[Shown]:
    """Yield every so many-th picture up to the last tracked one."""
    cv2 = opencv()
    capture = cv2.VideoCapture(str(video))
    video_hz = capture.get(cv2.CAP_PROP_FPS)
    step = max(1, round(video_hz / rate_hz))
    for index in range(max(boxes) + 1):
        readable, image = capture.read()
        if not readable:
            return
        if index % step == 0:
            truth = np.zeros(image.shape[:2], bool)
            for x1, y1, x2, y2 in boxes.get(index, ()):
                truth[y1:y2, x1:x2] = True
            yield Shown(index / video_hz, image, truth if index in boxes else None)


def as_mask(found: NDArray[np.uint8] | None) -> Mask | None:
    """Return it as booleans."""
    return None if found is None else found > 0


def mog2(learn_s: float) -> Finder:
    """Return OpenCV's own background model, shadows left out."""
    model = opencv().createBackgroundSubtractorMOG2(history=250, detectShadows=True)

    def find(image: Image, seconds: float) -> Mask | None:
        found = model.apply(reduced(image)) == 255
        return found if seconds > learn_s else None

    return find


def measured(name: str, shown: list[Shown], columns: slice, find: Finder) -> dict[str, str | float]:
    """Compare what is found with the boxes, picture by picture."""
    cv2 = opencv()
    found, true, filled, outside, times = [], [], [], [], []
    for picture in shown:
        mask = find(picture.image, picture.seconds)
        if mask is None or picture.boxes is None:
            continue
        height, width = picture.boxes.shape
        large = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
        large, boxes = large[:, columns], picture.boxes[:, columns]
        found.append(large.mean())
        true.append(boxes.mean())
        filled.append(large[boxes].mean() if boxes.any() else np.nan)
        outside.append((large & ~boxes).mean())
        times.append(picture.seconds)
    estimate, truth = np.array(found), np.array(true)
    bins = (np.array(times) // AVERAGED_S).astype(int)
    averaged = [[values[bins == k].mean() for k in np.unique(bins)] for values in (estimate, truth)]
    return {
        "model": name,
        "pictures": len(estimate),
        "boxes": float(truth.mean()),
        "occupied": float(estimate.mean()),
        "correlation": float(np.corrcoef(estimate, truth)[0, 1]),
        f"correlation over {AVERAGED_S} s": float(np.corrcoef(averaged)[0, 1]),
        "error": float(np.abs(estimate - truth).mean()),
        "scaled error": float(np.abs(estimate * truth.mean() / estimate.mean() - truth).mean()),
        "share of a box found": float(np.nanmean(filled)),
        "found outside": float(np.mean(outside)),
    }


def milliseconds_a_picture(shown: list[Shown], pace: Pace) -> float:
    """Return the processor time of the whole measurement of one picture."""
    meter = MotionMeter(pace)
    began = time.process_time()
    for picture in shown:
        meter.measure(picture.image, picture.seconds)
    return 1000 * (time.process_time() - began) / len(shown)


if __name__ == "__main__":
    sys.exit(main())
