"""Reads the crops of parking bays once and keeps them as one array file for `train.py`.

    python -m scripts.parking.corpus --images parking.csv --street street.csv --cache FOLDER

`parking.csv` has the columns image, state (free | occupied) and source; paths are relative to its folder.
`street.csv` has boxes of vehicles (image, class, x1, y1, x2, y2, labels_complete_for, source): each vehicle
and an empty piece of the same picture beside it are two more bays of cameras that no bay was labelled on.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
Crop = tuple[NDArray[np.uint8], int, str]

SIZE = 64
STATES = ("free", "occupied")
FILE = "bays.npz"


_SMALLEST = 22.0
"""Pixels: a smaller vehicle would be enlarged into a blur that no camera gives."""
_MOST_OF_A_PICTURE = 3
SEED = 2026


def main() -> None:
    """Write `bays.npz`: images uint8 (n, 64, 64, 3) BGR, occupied (n,), source (n,)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--street", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    args = parser.parse_args()
    crops = list(_bays(args.images))
    if args.street:
        crops += _street(args.street, np.random.default_rng(SEED))
    images, occupied, sources = zip(*crops, strict=True)
    args.cache.mkdir(parents=True, exist_ok=True)
    np.savez(
        args.cache / FILE, images=np.stack(images), occupied=np.array(occupied), source=np.array(sources)
    )
    for source in sorted(set(sources)):
        print(f"{source}: {sources.count(source)}")


def _read(path: Path) -> NDArray[np.uint8]:
    from edge.vision.opencv import opencv

    image: NDArray[np.uint8] | None = opencv().imread(str(path))
    if image is None:
        raise SystemExit(f"{path}: cannot be read; remove its rows")
    return image


def _sized(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from edge.vision.opencv import opencv

    small: NDArray[np.uint8] = opencv().resize(image, (SIZE, SIZE), interpolation=opencv().INTER_AREA)
    return small


def _bays(table: Path) -> Iterator[Crop]:
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield _sized(_read(table.parent / row["image"])), STATES.index(row["state"]), row["source"]


def _street(table: Path, dice: np.random.Generator) -> Iterator[Crop]:
    with table.open(newline="", encoding="utf-8") as file:
        pictures: dict[str, list[Mapping[str, str]]] = defaultdict(list)
        for row in csv.DictReader(file):
            if "vehicle" in row["labels_complete_for"]:
                pictures[row["image"]].append(row)
    for name, rows in pictures.items():
        boxes = [_box(row) for row in rows if row["class"]]
        vehicles = [_box(row) for row in rows if row["class"] == "vehicle"]
        large = [b for b in vehicles if min(b[2] - b[0], b[3] - b[1]) >= _SMALLEST]
        if large:
            yield from _crops(_read(table.parent / name), large, boxes, f"street_{rows[0]['source']}", dice)


def _box(row: Mapping[str, str]) -> Box:
    return float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"])


def _crops(
    image: NDArray[np.uint8], vehicles: Sequence[Box], boxes: Sequence[Box], source: str, dice: Any
) -> Iterator[Crop]:
    height, width = image.shape[:2]
    for number in dice.permutation(len(vehicles))[:_MOST_OF_A_PICTURE]:
        x1, y1, x2, y2 = vehicles[number]
        margin = dice.uniform(-0.05, 0.15, 4) * np.array([x2 - x1, y2 - y1, x2 - x1, y2 - y1])
        inside = (
            round(max(0, x1 - margin[0])),
            round(max(0, y1 - margin[1])),
            round(min(width, x2 + margin[2])),
            round(min(height, y2 + margin[3])),
        )
        yield _sized(image[inside[1] : inside[3], inside[0] : inside[2]]), 1, source
        place = _empty_place(boxes, (x1, y1, x2, y2), (width, height), dice)
        if place is not None:
            left, top, right, bottom = place
            yield _sized(image[top:bottom, left:right]), 0, source


def _empty_place(
    boxes: Sequence[Box], like: Box, size: tuple[int, int], dice: Any
) -> tuple[int, int, int, int] | None:
    """Return a place near a vehicle, of its size, that no labelled box covers by more than a corner."""
    width, height = like[2] - like[0], like[3] - like[1]
    for _ in range(20):
        left = like[0] + dice.uniform(-2.5, 2.5) * width
        top = like[1] + dice.uniform(-1.2, 1.2) * height
        if left < 0 or top < 0 or left + width > size[0] or top + height > size[1]:
            continue
        covered = max(
            max(0.0, min(b[2], left + width) - max(b[0], left))
            * max(0.0, min(b[3], top + height) - max(b[1], top))
            for b in boxes
        )
        if covered < 0.1 * width * height:
            return round(left), round(top), round(left + width), round(top + height)
    return None


if __name__ == "__main__":
    main()
