"""What the teachers say: boxes of each picture, once, and the features of one of them, while training.

python -m scripts.people.teachers --vision DATA/vision --teachers models_reference --cache FOLDER
"""

import argparse
import csv
import functools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.boxes import Boxes, joined, overlaps, suppressed
from edge.vision.finder import tiles
from edge.vision.yolox import STRIDES, letterboxed
from scripts.onnx_files import one_thread_session
from scripts.people.corpus import PICTURES, Picture, pictures

BOXES = "boxes.npz"
COLUMNS = (0, 1, 2, 3, 5, 7)
"""Our six classes among the teachers' eighty."""

# Tensors of the public YOLOX-nano graph: four stages of its body, three levels of its neck.
JUNCTIONS = ("721", "781", "841", "886", "956", "990", "1024")
QUARTERS = "683"
"""The picture as four of half the side, 12 channels."""
_HEADS = ("1066", "1108", "1150")
_SIDE = 416
_LOWEST = 0.06
_EVERY = 200
_SAME = 0.55
_ONE_THING = 0.6
_TILE_TRUST = 0.75
# Where labels of vehicles are complete, what no label confirms is worth this share of its score. People
# are not doubted: who rides, or stands far away, has no label in several sources that count as complete.
_UNCONFIRMED = 0.3
_LABELLED = 0.8
# Cameras that look down on small people and vehicles: searched in tiles, too.
_ELEVATED = ("fights", "persontracker", "intel")
# Sources with many people; in the others one look of one teacher, and the labels of vehicles, must do.
_PEOPLED = (*_ELEVATED, "manaus", "pennfudan", "overflow", "wangcnz")
# A photograph in which the first teacher is less sure than this gets no boxes.
_SEEN = 0.3
_GROUPS = {"person": (0,), "two_wheeler": (1, 3), "vehicle": (2, 4, 5)}
_SPREAD = np.array([58.395, 57.12, 57.375], np.float32)
_MEAN = np.array([123.675, 116.28, 103.53], np.float32)

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]


def inner_graph(folder: Path, given: str = "images") -> Any:
    """Return YOLOX-nano as ONNX, from `given` to its junctions and the end of its heads."""
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(folder / "yolox_nano" / "yolox_nano.onnx"))
    inner = onnx.utils.Extractor(model).extract_model([given], [*JUNCTIONS, *_HEADS])
    for value in [*inner.graph.input, *inner.graph.output]:
        for axis in (0, 2, 3):
            value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name}_{axis}"
    del inner.graph.value_info[:]
    return inner


class Yolox:
    """YOLOX-nano with onnxruntime, for batches of any size that 32 divides."""

    def __init__(self, folder: Path) -> None:
        self._session = one_thread_session(inner_graph(folder).SerializeToString())

    def rows(self, batch: Floats) -> Floats:
        """Return the rows (n, rows, 11) with probabilities.

        Args:
            batch: float32 (n, 3, h, w), BGR, 0..255.
        """
        outputs = self._session.run(None, {"images": batch})
        heads = [head.reshape(len(batch), 85, -1) for head in outputs[len(JUNCTIONS) :]]
        rows = np.concatenate(heads, axis=2).transpose(0, 2, 1)
        return np.asarray(rows[:, :, [*range(5), *(5 + c for c in COLUMNS)]], np.float32)

    def find(self, image: Image) -> Boxes:
        """Return what it finds in a picture, each class for itself."""
        batch, scale = letterboxed(image, _SIDE, _SIDE)
        rows = self.rows(batch)[0]
        corners = corners_of(rows[None, :, :4], (_SIDE, _SIDE))[0] / scale
        return _by_class(corners, rows[:, 4:5] * rows[:, 5:])


@functools.cache
def grid_of(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return cell (n, 2) and stride (n, 1) of each row for an input of this height and width."""
    cells, strides = [], []
    for stride in STRIDES:
        down, across = np.mgrid[: size[0] // stride, : size[1] // stride]
        cells.append(np.stack([across.ravel(), down.ravel()], axis=1))
        strides.append(np.full((len(cells[-1]), 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def corners_of(rows: Floats, size: tuple[int, int]) -> Floats:
    """Turn centres and sizes, (n, rows, 4) in cells and their logarithm, into corners in pixels."""
    cells, strides = grid_of(size)
    centre = (rows[..., :2] + cells) * strides
    half = np.exp(np.minimum(rows[..., 2:4], 8)) * strides / 2
    return np.concatenate([centre - half, centre + half], axis=-1).astype(np.float32)


class PicoDet:
    """PicoDet-S with our six classes."""

    def __init__(self, folder: Path) -> None:
        self._session = one_thread_session(folder / "picodet_s" / "picodet_s_416_coco.onnx")

    def find(self, image: Image) -> Boxes:
        """Return what it finds in a picture, each class for itself."""
        height, width = image.shape[:2]
        scale = _SIDE / max(height, width)
        small = cv2.resize(image, (round(width * scale), round(height * scale)))
        top, left = (_SIDE - small.shape[0]) // 2, (_SIDE - small.shape[1]) // 2
        canvas = np.zeros((_SIDE, _SIDE, 3), np.uint8)
        canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
        given = ((canvas[:, :, ::-1] - _MEAN) / _SPREAD).transpose(2, 0, 1)[None]
        outputs = self._session.run(None, {"image": np.ascontiguousarray(given, np.float32)})
        corners, scores = [], []
        for level, stride in enumerate((8, 16, 32, 64)):
            rows, columns = np.divmod(np.arange((-(-_SIDE // stride)) ** 2), -(-_SIDE // stride))
            bins = np.exp(outputs[4 + level][0].reshape(-1, 4, 8))
            far = (bins / bins.sum(axis=2, keepdims=True)) @ np.arange(8) * stride
            x, y = (columns + 0.5) * stride, (rows + 0.5) * stride
            box = np.stack([x - far[:, 0], y - far[:, 1], x + far[:, 2], y + far[:, 3]], axis=1)
            corners.append((box - [left, top, left, top]) / scale)
            scores.append(outputs[level][0][:, COLUMNS])
        return _by_class(np.concatenate(corners).astype(np.float32), np.concatenate(scores))


def _by_class(corners: Floats, scores: Floats) -> Boxes:
    row, label = np.nonzero(scores >= _LOWEST)
    found = Boxes(corners[row], scores[row, label], label.astype(np.intp))
    return suppressed(found, 0.6)


def _mirrored(found: Boxes, width: int) -> Boxes:
    left, top, right, bottom = found.corners.T
    corners = np.stack([width - right, top, width - left, bottom], axis=1)
    return Boxes(corners.astype(np.float32), found.scores, found.labels)


def agreed(image: Image, teachers: Sequence[Any], in_tiles: bool) -> Boxes:
    """Return what teachers find in a picture, in its mirror image and in tiles of it, as one list."""
    width = image.shape[1]
    mirror = np.ascontiguousarray(image[:, ::-1])
    views = [teacher.find(image) for teacher in teachers]
    views += [_mirrored(teacher.find(mirror), width) for teacher in teachers]
    near = list(_in_tiles(image, teachers[0])) if in_tiles else []
    return _fused(views, joined(near))


def _in_tiles(image: Image, teacher: Any) -> Iterator[Boxes]:
    height, width = image.shape[:2]
    for tile in tiles(width, height, (2, 2)):
        piece = np.ascontiguousarray(image[tile.top : tile.bottom, tile.left : tile.right])
        found = teacher.find(piece).moved(tile.left, tile.top)
        left, top, right, bottom = found.corners.T
        cut = ((left < tile.left + 3) & (tile.left > 0)) | ((right > tile.right - 3) & (tile.right < width))
        cut |= ((top < tile.top + 3) & (tile.top > 0)) | ((bottom > tile.bottom - 3) & (tile.bottom < height))
        yield found.only(~cut)


def _fused(views: Sequence[Boxes], near: Boxes) -> Boxes:
    every = joined([*views, Boxes(near.corners, near.scores * _TILE_TRUST, near.labels)])
    view = np.concatenate([*(np.full(len(one), n) for n, one in enumerate(views)), np.full(len(near), -1)])
    same = overlaps(every.corners, every.corners) > _SAME
    same &= every.labels[:, None] == every.labels[None, :]
    free = np.ones(len(every), bool)
    corners, scores, labels = [], [], []
    for first in np.argsort(-every.scores):
        if not free[first]:
            continue
        group = np.flatnonzero(same[first] & free)
        free[group] = False
        weight = every.scores[group]
        best = [weight[view[group] == n].max(initial=0) for n in range(len(views))]
        corners.append((every.corners[group] * weight[:, None]).sum(axis=0) / weight.sum())
        scores.append(max(float(np.mean(best)), float(weight[view[group] < 0].max(initial=0))))
        labels.append(every.labels[first])
    table = np.array(corners, np.float32).reshape(-1, 4)
    return Boxes(table, np.array(scores, np.float32), np.array(labels, np.intp))


def with_labels(found: Boxes, labelled: Sequence[tuple[str, list[float]]], complete: str) -> Boxes:
    """Let labels speak where there are some: confirm, add, and doubt what should have one and has none."""
    scores, added = found.scores.copy(), []
    for group, classes in _GROUPS.items():
        if ("person" if group == "person" else "vehicle") not in complete:
            continue
        ours = np.isin(found.labels, classes)
        true = np.array([corners for name, corners in labelled if name == group], np.float32).reshape(-1, 4)
        shared = overlaps(found.corners, true) * ours[:, None]
        right = (shared > 0.45).any(axis=1)
        scores[ours & right] = np.maximum(scores[ours & right], _LABELLED)
        if group != "person":
            scores[ours & ~right] *= _UNCONFIRMED
        missed = true[(shared <= 0.45).all(axis=0)] if len(found) else true
        added.append(Boxes(missed, np.full(len(missed), 0.7, np.float32), np.full(len(missed), classes[0])))
    return joined([Boxes(found.corners, scores, found.labels), *added])


def labels_of(vision: Path) -> dict[str, list[tuple[str, list[float]]]]:
    """Return (class, corners) of each picture of street.csv."""
    found: dict[str, list[tuple[str, list[float]]]] = defaultdict(list)
    with (vision / "street.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["class"]:
                found[row["image"]].append((row["class"], [float(row[k]) for k in ("x1", "y1", "x2", "y2")]))
    return found


def main() -> None:
    """Write the boxes of all pictures; goes on where it was interrupted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("vision", "teachers", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    corpus = pictures(args.cache)
    labelled = labels_of(args.vision)
    mark, found = args.cache / BOXES, read_boxes(args.cache)
    teachers = (Yolox(args.teachers), PicoDet(args.teachers))
    for number, one in enumerate(corpus):
        if one.file not in found:
            found[one.file] = _said_of(one, args.cache, teachers, labelled.get(one.original, []))
        if (number + 1) % _EVERY == 0 or number + 1 == len(corpus):
            np.savez(args.cache / "part.npz", **dict(found))  # type: ignore[arg-type]
            (args.cache / "part.npz").replace(mark)
            print(f"boxes of {number + 1} of {len(corpus)} pictures", flush=True)


def _said_of(
    one: Picture, cache: Path, teachers: Sequence[Any], labelled: Sequence[tuple[str, list[float]]]
) -> Floats:
    image = np.asarray(cv2.imread(str(cache / PICTURES / one.file)), np.uint8)
    if not one.original.startswith(("street/", "fights/")):
        found = photographed(image, teachers)
    elif one.source.startswith(_PEOPLED):
        found = agreed(image, teachers, one.source.startswith(_ELEVATED))
    else:
        found = teachers[0].find(image)
    boxes = with_labels(found, labelled, one.complete)
    return np.concatenate([boxes.corners, boxes.scores[:, None], boxes.labels[:, None]], axis=1).astype(
        np.float32
    )


def photographed(image: Image, teachers: Sequence[Any]) -> Boxes:
    """Return what is agreed on in a photograph with people or vehicles, else nothing."""
    first: Boxes = teachers[0].find(image)
    if first.scores.max(initial=0) < _SEEN:
        return first.only(np.zeros(len(first), bool))
    return agreed(image, teachers, in_tiles=False)


def read_boxes(cache: Path) -> dict[str, Floats]:
    """Return, for each picture, (n, 6): corners, score, class."""
    if not (cache / BOXES).exists():
        return {}
    with np.load(cache / BOXES) as kept:
        return {name: kept[name] for name in kept.files}


def one_class_each(table: Floats) -> Floats:
    """Return boxes (n, 6) without those that a stronger one of another class covers; people stay."""
    person = (table[:, 5] == 0).astype(np.intp)
    order = np.argsort(-table[:, 4], kind="stable")
    table, person = table[order], person[order]
    numbered = Boxes(table[:, :4], table[:, 4], person)
    doubles = overlaps(numbered.corners, numbered.corners) > _ONE_THING
    doubles &= person[:, None] == person[None, :]
    return table[~np.triu(doubles, 1).any(axis=0)]


if __name__ == "__main__":
    main()
