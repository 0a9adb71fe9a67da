"""Batches of new pictures, drawn by several processes while the GPU learns from those before."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from scripts.people.augment import CALM, WILD, Image, Store, cutouts, drawing_weights, drawn, spoilt
from scripts.people.corpus import PICTURES, SEED, SIDE, Picture, pictures
from scripts.people.targets import LOWEST
from scripts.people.teachers import one_class_each, read_boxes

_SEEN, _EMPTY = "photograph_seen", "photograph_empty"
SHARES = {
    "fights": 0.15,
    "manaus": 0.10,
    "highway": 0.06,
    "topview": 0.03,
    "atl": 0.05,
    "openimg": 0.07,
    "pennfudan": 0.04,
    "persontracker": 0.02,
    "wangcnz": 0.03,
    "intel": 0.02,
    "pklot": 0.015,
    "overflow": 0.03,
    _SEEN: 0.38,
    _EMPTY: 0.07,
    "": 0.03,
}
"""How often something of a source is drawn; what no name begins with shares the last.

Of photographs, most are those in which the teachers saw something.
"""
_EARLY, _LATE = (224, 288), (288, 352, 416, 416)
"""Sides of the pictures: few, since a GPU looks for the best way at each anew."""
LARGER_FROM, CALM_FROM = 0.15, 0.86
_BATCHES_AHEAD = 3


class Drawn(NamedTuple):
    """A batch as it is drawn; all uint8 pictures BGR, (n, side, side, 3). A tuple, which can be pinned.

    Attributes:
        pictures: as the teacher sees them.
        spoilt: those of them that the network sees otherwise.
        which: (m,), which ones these are.
        boxes: float32 (n, most, 6), corners, score, class; what fills up has the score 0.
    """

    pictures: Tensor
    spoilt: Tensor
    which: Tensor
    boxes: Tensor


class Draws(Dataset):  # type: ignore[type-arg, misc, unused-ignore]
    """Batch after batch; `done`, 0..1, tells all processes how far the training is."""

    def __init__(self, store: Store, batch: int, done: Tensor) -> None:
        self._store, self._batch, self._done = store, batch, done

    def __getitem__(self, number: int) -> Drawn:
        """Draw a batch: the same one for the same number at the same time."""
        return draw(self._store, self._batch, np.random.default_rng((SEED, number)), float(self._done))


def draw(store: Store, batch: int, dice: np.random.Generator, done: float) -> Drawn:
    """Draw pictures as it suits how far the training is."""
    way = CALM if done >= CALM_FROM else WILD
    side = SIDE if done >= CALM_FROM else int(dice.choice(_EARLY if done < LARGER_FROM else _LATE))
    made = [drawn(store, side, dice, way) for _ in range(batch)]
    which = [number for number in range(batch) if dice.random() < way.spoil]
    seen = [spoilt(made[number][0], dice) for number in which]
    return Drawn(
        torch.from_numpy(np.stack([image for image, _ in made])),
        torch.from_numpy(np.stack(seen) if seen else np.zeros((0, side, side, 3), np.uint8)),
        torch.tensor(which, dtype=torch.int64),
        torch.from_numpy(_filled_up([boxes for _, boxes in made])),
    )


def _filled_up(tables: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    counted = [table[table[:, 4] > LOWEST] for table in tables]
    boxes = np.zeros((len(tables), max(1, *(len(table) for table in counted)), 6), np.float32)
    for row, table in zip(boxes, counted, strict=True):
        row[: len(table)] = table
    return boxes


def batches(draws: Draws, workers: int, first: int, pinned: bool) -> Iterator[Drawn]:
    """Draw without end from this number on, in so many processes; 0: in this one."""
    ahead = {"prefetch_factor": _BATCHES_AHEAD, "multiprocessing_context": "fork"} if workers else {}
    loader = DataLoader(
        draws,
        batch_size=None,
        sampler=range(first, 2**40),
        num_workers=workers,
        pin_memory=pinned,
        worker_init_fn=_alone,
        **ahead,
    )
    return iter(loader)


def _alone(_number: int) -> None:
    cv2.setNumThreads(1)


def load_store(cache: Path, licences: str, workers: int) -> Store:
    """Read the corpus and its boxes into memory."""
    found = read_boxes(cache)
    corpus = [one for one in pictures(cache) if one.part == "train" and (licences == "any" or one.permissive)]
    with ThreadPoolExecutor(max(1, workers)) as pool:
        images = list(pool.map(_read, [cache / PICTURES / one.file for one in corpus]))
    boxes = [one_class_each(found.get(one.file, np.zeros((0, 6), np.float32))) for one in corpus]
    sources = [_kind_of(one, len(table)) for one, table in zip(corpus, boxes, strict=True)]
    return Store(images, boxes, drawing_weights(sources, SHARES), cutouts(boxes))


def _kind_of(one: Picture, boxes: int) -> str:
    if one.original.startswith(("street/", "fights/")):
        return one.source
    return _SEEN if boxes else _EMPTY


def _read(path: Path) -> Image:
    """Return a picture. Raises SystemExit where it cannot be read."""
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path}: no picture that can be read; run scripts.people.corpus again")
    return np.asarray(image, np.uint8)
