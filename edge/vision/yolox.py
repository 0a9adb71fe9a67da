"""What a YOLOX network takes and gives (Ge et al., Exceeding YOLO Series in 2021, arXiv 2107.08430)."""

import functools

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.vision.boxes import Boxes, Floats
from edge.vision.opencv import opencv

STRIDES = (8, 16, 32)
_PAD = 114
"""Grey level around the picture, as in its training."""


def letterboxed(image: Image, height: int, width: int) -> tuple[Floats, float]:
    """Fit a picture into the upper left of the network's input.

    Args:
        image: uint8 (h, w, 3), BGR.
        height: of the input, pixels.
        width: of the input, pixels.

    Returns:
        float32 (1, 3, height, width), BGR, 0..255; and input pixels per picture pixel.
    """
    cv2 = opencv()
    rows, columns = image.shape[:2]
    scale = min(height / rows, width / columns)
    small = (max(1, int(columns * scale)), max(1, int(rows * scale)))
    # Averaging keeps the far and small; for enlarging, it is the same as the nearest pixel.
    how = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
    canvas = np.full((height, width, 3), _PAD, np.uint8)
    canvas[: small[1], : small[0]] = cv2.resize(image, small, interpolation=how)
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], dtype=np.float32), scale


@functools.cache
def _grid(height: int, width: int) -> tuple[Floats, Floats]:
    """Return the place of each row of the output in its grid, (n, 2), and its stride, (n, 1)."""
    places, strides = [], []
    for stride in STRIDES:
        down, across = np.mgrid[: height // stride, : width // stride]
        places.append(np.stack([across.ravel(), down.ravel()], axis=1))
        strides.append(np.full((places[-1].shape[0], 1), stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(strides).astype(np.float32)


def rows_of(height: int, width: int) -> int:
    """Return how many rows the output has for an input of this size."""
    return len(_grid(height, width)[0])


def decoded(
    output: Floats, size: tuple[int, int], scale: float, classes: NDArray[np.intp], lowest: Floats
) -> Boxes:
    """Read the network's output.

    Args:
        output: (n, 5 + classes): centre x and y in grid cells, log of width and height in strides,
            objectness, and the classes' probabilities.
        size: height and width of the input, pixels.
        scale: input pixels per picture pixel.
        classes: the class of each label.
        lowest: score of each label from which on it counts.

    Returns:
        Boxes in pixels of the picture, each with its most probable label; doubles are still in them.

    Raises:
        ValueError: the output has another number of rows than such an input gives.
    """
    grid, stride = _grid(*size)
    if len(output) != len(grid):
        raise ValueError(f"{len(output)} rows, an input of {size[0]}x{size[1]} gives {len(grid)}")
    scores = output[:, 4:5] * output[:, 5:][:, classes]
    labels = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), labels]
    chosen = best >= lowest[labels]
    output, grid, stride = output[chosen], grid[chosen], stride[chosen]
    centre = (output[:, :2] + grid) * stride / scale
    # No thing is larger than e^10 strides: what is more is a broken output, and infinite.
    half = np.exp(np.minimum(output[:, 2:4], 10)) * stride / scale / 2
    corners = np.concatenate([centre - half, centre + half], axis=1)
    return Boxes(corners.astype(np.float32), best[chosen], labels[chosen].astype(np.intp))
