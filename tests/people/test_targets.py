"""What the network shall say of pictures; needs PyTorch, which is not in this project's environment."""

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")  # the imports after it need it
# ruff: noqa: E402

from edge.vision.boxes import overlaps
from scripts.people.targets import Targets, targets_of
from scripts.people.teachers import corners_of, grid_of

Floats = NDArray[np.float32]
SIDE = 128


def silent(number: int = 1) -> Floats:
    """Give the rows of a teacher that sees nothing."""
    said = np.zeros((number, len(grid_of((SIDE, SIDE))[0]), 11), np.float32)
    said[..., 4:] = 0.01
    return said


def told(said: Floats, boxes: Floats) -> Targets:
    """Give the targets of a batch."""
    return targets_of(torch.from_numpy(said), torch.from_numpy(boxes), SIDE)


def test_rows_tell_the_box_that_the_teacher_missed() -> None:
    box = np.array([[30, 20, 70, 110, 0.8, 0]], np.float32)
    target = told(silent(), box[None])
    rows, taken = target.rows[0].numpy(), np.flatnonzero(target.weight[0].numpy() > 0)
    assert 1 <= len(taken) <= 8
    corners = corners_of(rows[None, :, :4], (SIDE, SIDE))[0]
    assert corners[taken] == pytest.approx(np.repeat(box[:, :4], len(taken), axis=0), abs=0.1)
    assert (rows[taken, 4] == np.float32(0.8)).all()
    assert (rows[taken, 5:].argmax(axis=1) == 0).all()
    assert float(target.near.sum()) > len(taken)


def test_without_boxes_rows_are_the_teachers() -> None:
    said = silent()
    said[0, 7, 4] = 0.9
    target = told(said, np.zeros((1, 1, 6), np.float32))
    assert (target.rows.numpy() == said).all()
    assert np.flatnonzero(target.weight[0].numpy()).tolist() == [7]
    assert float(target.near.sum()) == 0


def test_a_batch_is_told_what_each_picture_alone_is_told_box_by_box() -> None:
    dice = np.random.default_rng(5)
    said = silent(6)
    said[..., :4] = dice.normal(0, 0.7, said[..., :4].shape)
    said[..., 4:] = dice.uniform(0, 0.9, said[..., 4:].shape) ** 3
    boxes = np.zeros((6, 9, 6), np.float32)
    for picture in range(1, 6):
        for box in boxes[picture, : 2 * picture - 1]:
            corner, size = dice.uniform(-4, 90, 2), dice.uniform(6, 70, 2)
            box[:] = (*corner, *(corner + size), dice.uniform(0.2, 0.9), dice.integers(6))
    target = told(said, boxes)
    for picture in range(6):
        counted = boxes[picture][boxes[picture, :, 4] > 0.3]
        rows, weight, near = one_by_one(said[picture], counted)
        assert target.rows[picture].numpy() == pytest.approx(rows, abs=1e-4)
        assert target.weight[picture].numpy() == pytest.approx(weight, abs=1e-6)
        assert (target.near[picture].numpy() == near).all()


def one_by_one(said: Floats, boxes: Floats) -> tuple[Floats, Floats, Floats]:
    """Give rows, weight and near of one picture, going through its boxes and rows."""
    cells, strides = grid_of((SIDE, SIDE))
    rows, weight = said.copy(), np.where(said[:, 4] > 0.15, said[:, 4], 0).astype(np.float32)
    near, best = np.zeros(len(said), np.float32), np.zeros(len(said))
    shared = overlaps(boxes[:, :4], corners_of(said[None, :, :4], (SIDE, SIDE))[0])
    for number, (left, top, right, bottom, score, kind) in enumerate(boxes):
        suits = {}
        side = max(4.0, ((right - left) * (bottom - top)) ** 0.5)
        for row, (cell, (stride,)) in enumerate(zip(cells, strides, strict=True)):
            x, y = (cell + 0.5) * stride
            inside = left < x < right and top < y < bottom
            near[row] = max(near[row], inside)
            off = max(abs(x - (left + right) / 2), abs(y - (top + bottom) / 2)) / stride
            if off < 1 or (inside and off < 2.5):
                sure = (0.02 + said[row, 4] * said[row, 5 + int(kind)]) ** 0.4
                level = np.exp(-abs(np.log2(side / (5 * stride)))) ** 0.5
                suits[row] = sure * (0.05 + shared[number, row]) * level
        most = int(np.clip(sum(sorted(shared[number, row] for row in suits)[-10:]), 1, 8))
        for row in sorted(suits, key=lambda row: -suits[row])[:most]:
            if suits[row] <= best[row]:
                continue
            best[row], (stride,) = suits[row], strides[row]
            kinds = np.eye(6)[int(kind)] * (0.4 + 0.6 * shared[number, row])
            rows[row, :2] = np.array([left + right, top + bottom]) / 2 / stride - cells[row]
            rows[row, 2:4] = np.log(np.maximum([right - left, bottom - top], 1) / stride)
            rows[row, 4] = max(said[row, 4], score)
            rows[row, 5:] = np.maximum(0.6 * said[row, 5:], kinds)
            weight[row] = max(score, said[row, 4] if said[row, 4] > 0.15 else 0)
    return rows, weight, near
