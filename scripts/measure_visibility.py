#!/usr/bin/env python3
"""Measure how far street pictures stay from the limits of `[detectors.picture_health]`.

    scripts/measure_visibility.py FOLDER... [--json]

Each picture, of a video the first, is judged as it is and blurred by a Gaussian of 0.6 or 1.2 % of its width.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from edge.detectors.picture_health import Config
from edge.domain.frames import Image
from edge.vision.opencv import opencv
from edge.vision.picture import as_bgr
from edge.vision.visibility import Visibility, visibility

BLURS = (0.0, 0.00625, 0.0125)
SUFFIXES = {".jpg", ".png", ".webp", ".mp4", ".avi"}


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    images = list(pictures(args.folders))
    rows = [summary(blur, [visibility(blurred(image, blur)) for image in images]) for blur in BLURS]
    if args.json:
        sys.stdout.write(json.dumps(rows) + "\n")
        return 0
    table = Table(*rows[0], title=f"{len(images)} pictures")
    for row in rows:
        table.add_row(*(f"{value:.4g}" for value in row.values()))
    Console().print(table)
    return 0


def pictures(folders: Sequence[Path]) -> Iterator[Image]:
    """Yield every readable picture and the first one of every video."""
    cv2 = opencv()
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in SUFFIXES):
        image = cv2.imread(str(path))
        if image is None:
            image = cv2.VideoCapture(str(path)).read()[1]
        if image is not None:
            yield as_bgr(image)


def blurred(image: Image, share: float) -> Image:
    """Blur by a Gaussian whose standard deviation is a share of the picture's width."""
    if not share:
        return image
    soft: Image = opencv().GaussianBlur(image, (0, 0), share * image.shape[1])
    return soft


def summary(blur: float, seen: list[Visibility]) -> dict[str, float]:
    """Return the extremes, and the share of pictures that each limit would flag."""
    limits = Config()
    return {
        "blurred by": blur,
        "least brightest": min(s.brightest for s in seen),
        "dark": float(np.mean([s.brightest < limits.dark_below for s in seen])),
        "most white": max(s.white_share for s in seen),
        "overexposed": float(np.mean([s.white_share > limits.white_share for s in seen])),
        "least contrast": min(s.contrast for s in seen),
        "obstructed": float(np.mean([s.contrast < limits.contrast_below for s in seen])),
        "median blur": float(np.median([s.blur for s in seen])),
        "most blur": max(s.blur for s in seen),
        "defocused": float(np.mean([s.blur > limits.blur_above for s in seen])),
    }


if __name__ == "__main__":
    sys.exit(main())
