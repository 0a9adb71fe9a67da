"""Pictures to learn from: cut, scaled, put together, people pasted in; and what a bad camera makes of them.

The teachers look at a picture before the camera spoils it (`spoilt`), the network after.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.boxes import areas, intersections

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Dice = np.random.Generator

_PAD = 114
_SMALLEST_PERSON = 13
_PASTED_SCORE = 0.65
_SEEN_SHARE = 0.35
_PERSON = 0
_AROUND = 0.06


@dataclass(frozen=True)
class Store:
    """What is drawn from.

    Attributes:
        images: uint8 (h, w, 3) each, BGR.
        boxes: (n, 6) each: corners, score, class.
        weights: how often each picture is drawn, sum 1.
        cutouts: (picture, row of its boxes) of people that can be cut out.
    """

    images: Sequence[Image]
    boxes: Sequence[Floats]
    weights: NDArray[np.float64]
    cutouts: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Way:
    """How pictures are drawn: how often something happens, and how near a picture is looked at.

    Attributes:
        mosaic: several pictures in one.
        paste: people put in.
        aim: a person is chosen, and a size for it.
        near: where none is chosen, how many times the size that fits the picture at most.
        tone: brightness and colours changed.
        spoil: a bad camera, the night or the rain.
    """

    mosaic: float
    paste: float
    aim: float
    near: float
    tone: float
    spoil: float


WILD = Way(mosaic=0.45, paste=0.4, aim=0.5, near=2.4, tone=0.6, spoil=0.4)
CALM = Way(mosaic=0.15, paste=0.1, aim=0.3, near=1.5, tone=0.3, spoil=0.25)
"""Nearer to what a camera gives: for the end of training."""


def cutouts(boxes: Sequence[Floats]) -> list[tuple[int, int]]:
    """Return the people that are certain, large enough and that nothing else covers much."""
    found = []
    for picture, table in enumerate(boxes):
        for row, (left, top, right, bottom, score, kind) in enumerate(table):
            if kind != _PERSON or score < 0.72 or bottom - top < 48 or right - left < 14:
                continue
            others = np.delete(table, row, axis=0)
            others = others[others[:, 4] > 0.3]
            covered = intersections(others[:, :4], table[row : row + 1, :4]).sum()
            if covered < 0.15 * (right - left) * (bottom - top):
                found.append((picture, row))
    return found


def drawn(store: Store, side: int, dice: Dice, way: Way = WILD) -> tuple[Image, Floats]:
    """Return a new picture (side, side, 3) and its boxes (n, 6)."""
    canvas = np.full((side, side, 3), _PAD, np.uint8)
    boxes = []
    for left, top, right, bottom in _panes(side, dice, way.mosaic):
        pane, inside = _one(store, (right - left, bottom - top), dice, way)
        canvas[top:bottom, left:right] = pane
        boxes.append(inside + np.array([left, top, left, top, 0, 0], np.float32))
    table = np.concatenate(boxes)
    if store.cutouts and dice.random() < way.paste:
        table = _pasted(store, canvas, table, dice)
    return (_toned(canvas, dice) if dice.random() < way.tone else canvas), table


def _panes(side: int, dice: Dice, mosaic: float) -> list[tuple[int, int, int, int]]:
    if dice.random() > mosaic:
        return [(0, 0, side, side)]
    x, y = (int(side * dice.uniform(0.3, 0.7)) for _ in range(2))
    if dice.random() < 0.4:
        return [(0, 0, x, side), (x, 0, side, side)]
    return [(0, 0, x, y), (x, 0, side, y), (0, y, x, side), (x, y, side, side)]


def _one(store: Store, size: tuple[int, int], dice: Dice, way: Way) -> tuple[Image, Floats]:
    width, height = size
    number = int(dice.choice(len(store.images), p=store.weights))
    image, boxes = store.images[number], store.boxes[number]
    tall, wide = image.shape[:2]
    fit = min(width / wide, height / tall)
    people = boxes[(boxes[:, 5] == _PERSON) & (boxes[:, 4] > 0.4)]
    aim = None
    if len(people) and dice.random() < way.aim:
        aim = people[int(dice.integers(len(people)))]
        tallness = np.exp(dice.uniform(np.log(_SMALLEST_PERSON), np.log(0.95 * height)))
        scale = float(np.clip(tallness / (aim[3] - aim[1]), 0.75 * fit, 3.0))
    else:
        scale = fit * float(np.exp(dice.uniform(np.log(0.85), np.log(way.near))))
    across, down = scale * float(dice.uniform(0.92, 1.09)), scale
    # Where the pane begins in the scaled picture.
    left, top = (
        _begin((wide * across, width), _middle(aim, 0, across), dice),
        _begin((tall * down, height), _middle(aim, 1, down), dice),
    )
    pane = _window(image, (left, top), (across, down), (width, height))
    table = boxes * np.array([across, down, across, down, 1, 1], np.float32)
    table = _clipped(table - np.array([left, top, left, top, 0, 0], np.float32), width, height)
    if dice.random() < 0.5:
        pane = np.ascontiguousarray(pane[:, ::-1])
        table[:, [0, 2]] = width - table[:, [2, 0]]
    return pane, table


def _middle(aim: Floats | None, axis: int, scale: float) -> float | None:
    return None if aim is None else float(aim[axis] + aim[axis + 2]) / 2 * scale


def _begin(lengths: tuple[float, int], middle: float | None, dice: Dice) -> float:
    """Return where a window of the second length begins in a picture of the first; with `middle` in it."""
    length, window = lengths
    low, high = sorted((0.0, length - window))
    if middle is None:
        return float(dice.uniform(low, high))
    return float(np.clip(middle - window * float(dice.uniform(0.2, 0.8)), low, high))


def _window(
    image: Image, begin: tuple[float, float], scale: tuple[float, float], size: tuple[int, int]
) -> Image:
    across, down = scale
    how = cv2.INTER_LINEAR
    if down < 0.6:
        image = np.asarray(
            cv2.resize(image, None, fx=across, fy=down, interpolation=cv2.INTER_AREA), np.uint8
        )
        across = down = 1.0
    turn = np.array([[across, 0, -begin[0]], [0, down, -begin[1]]], np.float32)
    return np.asarray(cv2.warpAffine(image, turn, size, flags=how, borderValue=(_PAD,) * 3), np.uint8)


def _clipped(table: Floats, width: int, height: int) -> Floats:
    before = np.maximum((table[:, 2] - table[:, 0]) * (table[:, 3] - table[:, 1]), 1e-6)
    corners = np.clip(table[:, :4], 0, np.array([width, height, width, height], np.float32))
    sides = corners[:, 2:] - corners[:, :2]
    kept = (sides.prod(axis=1) > _SEEN_SHARE * before) & (sides.min(axis=1) > 3)
    return np.asarray(np.concatenate([corners, table[:, 4:]], axis=1)[kept], np.float32)


def _pasted(store: Store, canvas: Image, table: Floats, dice: Dice) -> Floats:
    side = len(canvas)
    middle = np.exp(dice.uniform(np.log(20), np.log(0.8 * side)))
    number = 1 + int(dice.integers(1, 3 if middle > 0.4 * side else 7))
    for _ in range(number):
        piece, share = _cut(store, store.cutouts[int(dice.integers(len(store.cutouts)))])
        height = int(np.clip(middle * dice.uniform(0.75, 1.3), _SMALLEST_PERSON, 0.98 * side))
        height = min(height, 2 * piece.shape[0])
        width = max(4, int(height * share))
        x = int(dice.integers(-width // 4, side - width // 2))
        y = min(int(dice.integers(0, side)), side - int(height * 0.8))
        if dice.random() < 0.5:
            piece = piece[:, ::-1]
        table = _put(canvas, table, piece, (x, y, width, height))
    return table


def _cut(store: Store, which: tuple[int, int]) -> tuple[Image, float]:
    """Return a person with a little around, and the person's width by the height."""
    picture, row = which
    left, top, right, bottom = (float(side) for side in store.boxes[picture][row, :4])
    around = _AROUND * (bottom - top)
    rows = slice(max(0, int(top - around)), int(bottom + around))
    columns = slice(max(0, int(left - around)), int(right + around))
    return store.images[picture][rows, columns], (right - left) / (bottom - top)


def _put(canvas: Image, table: Floats, piece: Image, place: tuple[int, int, int, int]) -> Floats:
    side = len(canvas)
    x, y, width, height = place
    around = int(_AROUND * height)
    size = (width + 2 * around, height + 2 * around)
    left, top = x - around, y - around
    a, b = max(0, left), max(0, top)
    c, d = min(side, left + size[0]), min(side, top + size[1])
    if c - a < 4 or d - b < 8:
        return table
    inner = (slice(b - top, d - top), slice(a - left, c - left))
    alpha = _soft_edge(size, (0.22 * width + around, 0.08 * height + around))[inner]
    piece = np.asarray(cv2.resize(piece, size, interpolation=cv2.INTER_AREA), np.uint8)[inner]
    canvas[b:d, a:c] = (canvas[b:d, a:c] * (1 - alpha) + piece * alpha).astype(np.uint8)
    corners = np.array([max(0, x), max(0, y), min(side, x + width), min(side, y + height)], np.float32)
    new = np.concatenate([corners, [_PASTED_SCORE, _PERSON]]).astype(np.float32)
    # What the new one covers is gone.
    gone = intersections(table[:, :4], corners[None])[:, 0] > 0.7 * areas(table[:, :4])
    return np.asarray(np.concatenate([table[~gone], new[None]]), np.float32)


def _soft_edge(size: tuple[int, int], widths: tuple[float, float]) -> Floats:
    """Return 0..1, (height, width, 1), rising over `widths` from the sides and from above and below."""
    across, down = (np.arange(length) for length in size)
    x = np.minimum(across, size[0] - 1 - across) / widths[0]
    y = np.minimum(down, size[1] - 1 - down) / widths[1]
    return np.clip(np.minimum(x[None], y[:, None]), 0, 1)[..., None].astype(np.float32)


def _toned(image: Image, dice: Dice) -> Image:
    levels = np.arange(256, dtype=np.float32)[:, None]
    gain = np.exp(dice.uniform(-0.2, 0.2, 3) * (dice.random() < 0.5) + dice.uniform(-0.3, 0.25))
    curve = np.clip(levels * gain + dice.uniform(-15, 15), 0, 255).astype(np.uint8)
    toned = cv2.LUT(image, curve[None])
    if dice.random() < 0.12:
        toned = cv2.cvtColor(cv2.cvtColor(toned, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return np.asarray(toned, np.uint8)


def spoilt(image: Image, dice: Dice) -> Image:
    """Return what a bad camera, the night or the rain make of a picture."""
    ways = [_night, _rain, _moved, _noisy, _compressed]
    for number in dice.permutation(len(ways))[: int(dice.integers(1, 3))]:
        image = ways[number](image, dice)
    return image


def _night(image: Image, dice: Dice) -> Image:
    levels = np.linspace(0, 1, 256, dtype=np.float32)
    curve = 255 * levels ** dice.uniform(1.3, 2.6) * dice.uniform(0.5, 1.0)
    return _noisy(np.asarray(cv2.LUT(image, curve.astype(np.uint8)), np.uint8), dice)


def _noisy(image: Image, dice: Dice) -> Image:
    # A quarter of the numbers, four times: random numbers are the dearest part.
    small = dice.normal(0, dice.uniform(2, 14), (image.shape[0] // 2 + 1, image.shape[1] // 2 + 1, 3))
    noise = np.tile(small.astype(np.float32), (2, 2, 1))[: image.shape[0], : image.shape[1]]
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


def _rain(image: Image, dice: Dice) -> Image:
    layer = np.zeros(image.shape[:2], np.uint8)
    slant, length = dice.uniform(-0.3, 0.3), int(dice.integers(8, 24))
    for x, y in dice.integers(0, len(image), (int(dice.integers(30, 200)), 2)):
        cv2.line(
            layer,
            (int(x), int(y)),
            (int(x + slant * length), int(y + length)),
            int(dice.integers(80, 200)),
            1,
        )
    veil = cv2.blur(layer, (3, 3))[..., None].astype(np.float32) * dice.uniform(0.3, 0.8)
    return np.clip(image * dice.uniform(0.75, 0.95) + veil, 0, 255).astype(np.uint8)


def _moved(image: Image, dice: Dice) -> Image:
    size = int(dice.integers(3, 8))
    kernel = np.zeros((size, size), np.float32)
    angle = dice.uniform(0, np.pi)
    reach = (size - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
    one, other = (np.array([size // 2] * 2) + way * reach for way in (1, -1))
    cv2.line(kernel, tuple(one.round().astype(int).tolist()), tuple(other.round().astype(int).tolist()), 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def _compressed(image: Image, dice: Dice) -> Image:
    _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(15, 70))])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)


def drawing_weights(sources: Sequence[str], shares: Mapping[str, float]) -> NDArray[np.float64]:
    """Return how often each picture is drawn; a share goes to the sources whose name begins with its key."""
    keys = [next((key for key in shares if source.startswith(key)), "") for source in sources]
    counts = {key: keys.count(key) for key in set(keys)}
    weights = np.array([shares.get(key, 1.0) / counts[key] for key in keys])
    return np.asarray(weights / weights.sum(), np.float64)
