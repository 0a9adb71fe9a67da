"""Reads the crops of parking bays once and keeps them as one array file for `train.py`.

    python -m scripts.parking.corpus --images parking.csv --street street.csv --boxes boxes.csv \
        --loose FOLDER_OF_PICTURES ... --cache FOLDER

`parking.csv` has the columns image, state (free | occupied) and source; paths are relative to its folder.
The two others have boxes (`street.csv`: image, class, x1, y1, x2, y2, labels_complete_for, source;
`boxes.csv`: image, class, x1, y1, x2, y2, ignore). What lies around each vehicle is an occupied bay of a
camera that no bay was labelled on; the ground beside it, with or without a piece of a vehicle at the border,
and people are free ones.
Pieces of the loose pictures have no label: only the teacher says something about them.
"""

import argparse
import csv
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
Image = NDArray[np.uint8]
Crop = tuple[Image, int, str]
Rows = Sequence[Mapping[str, str]]

SIZE = 64
STATES = ("free", "occupied")
FILE = "bays.npz"
UNKNOWN = -1
SEED = 7

_SMALLEST = 22.0
"""Pixels: a smaller vehicle would be enlarged into a blur that no camera gives."""
_MOST_OF_A_PICTURE = 3
_EMPTY_SOURCE = "pklot_mog2"
"""Pictures of one car park without a car in it: seen through, all of them."""
_FROM_AN_EMPTY_PICTURE = 8
_FROM_A_PHOTOGRAPH = 4
_FROM_A_LOOSE_PICTURE = 12
_LOOSE = "street_loose"


def main() -> None:
    """Write `bays.npz`: images uint8 (n, 64, 64, 3) BGR, occupied (n,), source (n,)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--street", type=Path, required=True)
    parser.add_argument("--boxes", type=Path, required=True)
    parser.add_argument("--loose", type=Path, nargs="*", default=[], help="folders of pictures of anything")
    parser.add_argument("--cache", type=Path, required=True)
    args = parser.parse_args()
    dice = np.random.default_rng(SEED)
    crops = [*_bays(args.images), *_street(args.street, dice), *_photographs(args.boxes, dice)]
    crops += _loose(args.loose, np.random.default_rng(SEED))
    images, occupied, sources = zip(*crops, strict=True)
    args.cache.mkdir(parents=True, exist_ok=True)
    np.savez(
        args.cache / FILE, images=np.stack(images), occupied=np.array(occupied), source=np.array(sources)
    )
    for (source, state), count in sorted(Counter(zip(sources, occupied, strict=True)).items()):
        print(f"{source}: {count} {STATES[state] if state != UNKNOWN else 'unknown'}")


def _read(path: Path) -> Image:
    from edge.vision.opencv import opencv

    image: Image | None = opencv().imread(str(path))
    if image is None:
        raise SystemExit(f"{path}: cannot be read; remove its rows")
    return image


def _cut(image: Image, place: Box | None = None) -> Image:
    from edge.vision.opencv import opencv

    if place is not None:
        left, top, right, bottom = (round(edge) for edge in place)
        image = image[top:bottom, left:right]
    how = opencv().INTER_AREA if min(image.shape[:2]) > SIZE else opencv().INTER_LINEAR
    small: Image = opencv().resize(image, (SIZE, SIZE), interpolation=how)
    return small


def _rows(table: Path) -> dict[str, list[Mapping[str, str]]]:
    pictures: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            pictures[row["image"]].append(row)
    return pictures


def _boxes(rows: Rows, *classes: str) -> list[Box]:
    return [
        (float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"]))
        for row in rows
        if row["class"] in classes
    ]


def _bays(table: Path) -> Iterator[Crop]:
    for name, rows in _rows(table).items():
        yield _cut(_read(table.parent / name)), STATES.index(rows[0]["state"]), rows[0]["source"]


def _street(table: Path, dice: Any) -> Iterator[Crop]:
    for name, rows in _rows(table).items():
        source = f"street_{rows[0]['source']}"
        if rows[0]["source"] == _EMPTY_SOURCE:
            yield from _of_an_empty_place(_read(table.parent / name), source, dice)
        elif "vehicle" in rows[0]["labels_complete_for"]:
            image = _read(table.parent / name)
            vehicles = _boxes(rows, "vehicle")
            yield from _around_vehicles(image, vehicles, vehicles, source, dice)
            yield from _people(image, _boxes(rows, "person", "two_wheeler"), vehicles, source, dice)


def _photographs(table: Path, dice: Any) -> Iterator[Crop]:
    for name, rows in _rows(table).items():
        image = _read(table.parent / name)
        sure = [row for row in rows if row["ignore"] == "0"]
        vehicles = _boxes(rows, "car", "truck", "bus")
        large = [box for box in _boxes(sure, "car", "truck", "bus") if min(_size(box)) >= 32]
        yield from _around_vehicles(image, large, vehicles, "street_coco", dice)
        height, width = image.shape[:2]
        for _ in range(_FROM_A_PHOTOGRAPH):
            side = dice.uniform(60, min(width, height) * 0.6)
            left, top = dice.uniform(0, width - side), dice.uniform(0, height - side)
            place = (left, top, left + side, top + side)
            if _covered(place, vehicles) == 0:
                yield _cut(image, place), 0, "street_coco"


def _of_an_empty_place(image: Image, source: str, dice: Any) -> Iterator[Crop]:
    height, width = image.shape[:2]
    for _ in range(_FROM_AN_EMPTY_PICTURE):
        broad = dice.uniform(30, 110)
        tall = broad * dice.uniform(0.7, 1.3)
        left = dice.uniform(0, width - broad)
        top = dice.uniform(20, height - tall)
        yield _cut(image, (left, top, left + broad, top + tall)), 0, source


def _loose(folders: Sequence[Path], dice: Any) -> Iterator[Crop]:
    for path in sorted(path for folder in folders for path in folder.iterdir() if path.is_file()):
        image = _read(path)
        height, width = image.shape[:2]
        for _ in range(_FROM_A_LOOSE_PICTURE):
            broad = math.exp(dice.uniform(math.log(28), math.log(0.7 * min(width, height))))
            tall = broad * dice.uniform(0.75, 1.33)
            left, top = dice.uniform(0, width - broad), dice.uniform(0, max(0, height - tall))
            yield _cut(image, (left, top, left + broad, min(top + tall, height))), UNKNOWN, _LOOSE


def _around_vehicles(
    image: Image, vehicles: Sequence[Box], every: Sequence[Box], source: str, dice: Any
) -> Iterator[Crop]:
    large = [box for box in vehicles if min(_size(box)) >= _SMALLEST]
    for number in dice.permutation(len(large))[:_MOST_OF_A_PICTURE]:
        yield _cut(image, _around(large[number], (0.8, 1.4, 0.12), image, dice)), 1, source
        for place in _free_places(large[number], every, image, dice):
            yield _cut(image, place), 0, source


def _people(
    image: Image, people: Sequence[Box], vehicles: Sequence[Box], source: str, dice: Any
) -> Iterator[Crop]:
    for number in dice.permutation(len(people))[:1]:
        place = _around(people[number], (1.0, 2.0, 0.2), image, dice)
        if min(_size(place)) >= 20 and _covered(place, vehicles) < 0.05:
            yield _cut(image, place), 0, source


def _around(box: Box, how: tuple[float, float, float], image: Image, dice: Any) -> Box:
    """Return a place around a box: so many times as large (least, most), moved by a share of it at most."""
    least, most, moved = how
    (width, height), scale, squeeze = _size(box), dice.uniform(least, most), dice.uniform(0.85, 1.18)
    x = (box[0] + box[2]) / 2 + dice.uniform(-moved, moved) * width
    y = (box[1] + box[3]) / 2 + dice.uniform(-moved, moved) * height
    broad, tall = width * scale * squeeze / 2, height * scale / squeeze / 2
    return (
        max(0.0, x - broad),
        max(0.0, y - tall),
        min(float(image.shape[1]), x + broad),
        min(float(image.shape[0]), y + tall),
    )


def _free_places(like: Box, every: Sequence[Box], image: Image, dice: Any) -> list[Box]:
    """Return places near a vehicle, of its size: bare ground, and one with a vehicle at its border only."""
    found: dict[bool, Box] = {}
    (width, height), x, y = _size(like), (like[0] + like[2]) / 2, (like[1] + like[3]) / 2
    for _ in range(60):
        scale = dice.uniform(0.8, 1.5)
        broad, tall = width * scale, height * scale
        left = x + dice.uniform(-2.5, 2.5) * width - broad / 2
        top = y + dice.uniform(-1.4, 1.4) * height - tall / 2
        if left < 0 or top < 0 or left + broad > image.shape[1] or top + tall > image.shape[0]:
            continue
        place = (left, top, left + broad, top + tall)
        core = (left + 0.28 * broad, top + 0.28 * tall, left + 0.72 * broad, top + 0.72 * tall)
        covered = _covered(place, every)
        bare = covered < 0.06
        if (bare or (covered < 0.3 and _covered(core, every) == 0)) and bare not in found:
            found[bare] = place
        if len(found) == 2:
            break
    return list(found.values())


def _size(box: Box) -> tuple[float, float]:
    return box[2] - box[0], box[3] - box[1]


def _covered(place: Box, boxes: Sequence[Box]) -> float:
    """Return the share of a place that boxes cover; what two cover counts twice."""
    width, height = _size(place)
    common = (
        max(0.0, min(box[2], place[2]) - max(box[0], place[0]))
        * max(0.0, min(box[3], place[3]) - max(box[1], place[1]))
        for box in boxes
    )
    return sum(common) / (width * height)


if __name__ == "__main__":
    main()
