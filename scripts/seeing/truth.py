"""What is in the recordings: boxes, tracks and heads, and the measures against them."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.vision.boxes import Boxes, Floats, overlaps
from edge.vision.opencv import opencv


@dataclass
class Labelled:
    """One picture: boxes that count, and boxes that may be found or not."""

    image: Image
    boxes: list[list[float]] = field(default_factory=list)
    ignored: list[list[float]] = field(default_factory=list)


def coco(vision: Path, classes: Sequence[str]) -> Iterator[Labelled]:
    """Yield the pictures of boxes.csv with the boxes of some classes."""
    pictures: dict[str, Labelled] = {}
    for row in _rows(vision / "boxes.csv"):
        if row["image"] not in pictures:
            pictures[row["image"]] = Labelled(opencv().imread(str(vision / row["image"])))
        if row["class"] in classes:
            picture = pictures[row["image"]]
            (picture.ignored if row["ignore"] == "1" else picture.boxes).append(_corners(row))
    yield from pictures.values()


def tracks(table: Path) -> Mapping[int, list[tuple[int, list[float]]]]:
    """Return, for each frame, (track, corners) of a sequence's table."""
    found: dict[int, list[tuple[int, list[float]]]] = defaultdict(list)
    for row in _rows(table):
        found[int(row["frame"])].append((int(row["track"]), _corners(row)))
    return found


def sequence(video: Path, table: Path, every: int) -> Iterator[tuple[int, Labelled]]:
    """Yield (frame, picture with its boxes); frames count from 1."""
    truth = tracks(table)
    last, reader, number = max(truth), opencv().VideoCapture(str(video)), 0
    while number < last:
        readable, image = reader.read()
        if not readable:
            return
        number += 1
        if (number - 1) % every == 0:
            yield number, Labelled(image, [corners for _, corners in truth.get(number, [])])


def heads(vision: Path) -> Mapping[str, int]:
    """Return how many heads each picture of heads.csv has."""
    found: dict[str, int] = defaultdict(int)
    for row in _rows(vision / "heads.csv"):
        found[row["image"]] += 1
    return found


def average_precision(pictures: Sequence[tuple[Boxes, Labelled]]) -> float:
    """Return AP at an overlap of 0.5, area under the precision envelope, of boxes of one class."""
    scored: list[tuple[float, bool]] = []
    total = 0
    for found, truth in pictures:
        total += len(truth.boxes)
        scored += _judged(found, truth)
    scored.sort(key=lambda one: -one[0])
    right = np.array([hit for _, hit in scored], float)
    if not total or not len(right):
        return 0.0
    recall = np.cumsum(right) / total
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * envelope))


def _judged(found: Boxes, truth: Labelled) -> Iterator[tuple[float, bool]]:
    found = found.only(np.argsort(-found.scores))
    shared = overlaps(found.corners, _table(truth.boxes))
    excused = overlaps(found.corners, _table(truth.ignored))
    taken: NDArray[np.bool_] = np.zeros(len(truth.boxes), bool)
    for row, score in enumerate(found.scores):
        fits = np.where(taken, 0, shared[row])
        if len(fits) and fits.max() >= 0.5:
            taken[fits.argmax()] = True
            yield float(score), True
        elif not len(truth.ignored) or excused[row].max() < 0.3:
            yield float(score), False


def _table(boxes: list[list[float]]) -> Floats:
    return np.array(boxes, np.float32).reshape(-1, 4)


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _corners(row: Mapping[str, str]) -> list[float]:
    return [float(row[key]) for key in ("x1", "y1", "x2", "y2")]
