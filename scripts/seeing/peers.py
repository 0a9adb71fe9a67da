"""Public detectors to compare with, read as their authors do: PicoDet-S and FastestDet, people only."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.vision.boxes import Boxes, suppressed
from edge.vision.opencv import opencv
from scripts.onnx_files import one_thread_session

_LOWEST = 0.02
Floats = NDArray[np.float32]


def _people(corners: Floats, scores: Floats) -> Boxes:
    chosen = scores >= _LOWEST
    found = Boxes(corners[chosen].astype(np.float32), scores[chosen], np.zeros(chosen.sum(), np.intp))
    return suppressed(found, 0.5)


class FastestDet:
    """352 x 352, one grid of stride 16; the picture is squeezed into it."""

    def __init__(self, folder: Path) -> None:
        self._session = one_thread_session(folder / "fastestdet" / "FastestDet.onnx")

    def find(self, image: Image) -> Boxes:
        """Return the people in a picture."""
        height, width = image.shape[:2]
        given = opencv().resize(image, (352, 352)).transpose(2, 0, 1)[None].astype(np.float32) / 255
        out = self._session.run(None, {"input.1": given})[0][0].reshape(85, -1)
        rows, columns = np.divmod(np.arange(22 * 22), 22)
        scores = out[0] ** 0.6 * out[5] ** 0.4
        x, y = (np.tanh(out[1]) + columns) / 22 * width, (np.tanh(out[2]) + rows) / 22 * height
        half_w, half_h = width / (1 + np.exp(-out[3])) / 2, height / (1 + np.exp(-out[4])) / 2
        return _people(np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=1), scores)


class PicoDet:
    """416 x 416, letterboxed in the middle; distances as distributions over eight bins."""

    _MEAN = np.array([123.675, 116.28, 103.53], np.float32)
    _SPREAD = np.array([58.395, 57.12, 57.375], np.float32)

    def __init__(self, folder: Path) -> None:
        self._session = one_thread_session(folder / "picodet_s" / "picodet_s_416_coco.onnx")

    def find(self, image: Image) -> Boxes:
        """Return the people in a picture."""
        height, width = image.shape[:2]
        scale = 416 / max(height, width)
        small = opencv().resize(image, (round(width * scale), round(height * scale)))
        canvas = np.zeros((416, 416, 3), np.uint8)
        top, left = (416 - small.shape[0]) // 2, (416 - small.shape[1]) // 2
        canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
        given = ((canvas[:, :, ::-1] - self._MEAN) / self._SPREAD).transpose(2, 0, 1)[None]
        outs = self._session.run(None, {"image": np.ascontiguousarray(given, np.float32)})
        corners, scores = [], []
        for level, stride in enumerate((8, 16, 32, 64)):
            side = -(-416 // stride)
            rows, columns = np.divmod(np.arange(side * side), side)
            bins = outs[4 + level][0].reshape(-1, 4, 8)
            bins = np.exp(bins - bins.max(axis=2, keepdims=True))
            far = (bins / bins.sum(axis=2, keepdims=True)) @ np.arange(8) * stride
            x, y = (columns + 0.5) * stride, (rows + 0.5) * stride
            box = np.stack([x - far[:, 0], y - far[:, 1], x + far[:, 2], y + far[:, 3]], axis=1)
            corners.append((box - [left, top, left, top]) / scale)
            scores.append(outs[level][0][:, 0])
        return _people(np.concatenate(corners), np.concatenate(scores))
