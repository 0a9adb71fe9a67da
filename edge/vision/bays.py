"""Cuts the parking bays of the settings out of a picture, each as the square that the model of bays takes."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.domain.polygon import Point
from edge.vision.opencv import opencv

SIDE = 64
"""Pixels; see models/parking."""
_SMALLEST_PX = 16
"""A bay whose picture is smaller shows nothing: its state is unknown."""


def cut(image: Image, bay: Sequence[Point]) -> Image | None:
    """Return one bay, uint8 (64, 64, 3), BGR; None when it is too small to be told.

    What is cut is the upright rectangle around the bay, as in the pictures that the model learnt from.
    """
    cv2 = opencv()
    height, width = image.shape[:2]
    corners = np.array(bay) * (width, height)
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    if min(right - left, bottom - top) < _SMALLEST_PX:
        return None
    piece = image[max(top, 0) : bottom, max(left, 0) : right]
    how = cv2.INTER_AREA if min(piece.shape[:2]) > SIDE else cv2.INTER_LINEAR
    found: Image = cv2.resize(piece, (SIDE, SIDE), interpolation=how)
    return found


def batch(crops: Sequence[Image]) -> NDArray[np.float32]:
    """Return crops as the model takes them: float32 (n, 3, 64, 64), BGR, 0..255."""
    return np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2), dtype=np.float32)


_FEWEST_SCORES = 40
# Share of the variance that two groups explain; of one group that is halved it is 2 / pi = 0.64.
_TWO_GROUPS = 0.75
_FEWEST_OF_A_GROUP = 0.05
_FARTHEST_LOGIT = 2.5
_SUREST = 1e-4
_LEAST_VARIANCE = 0.25


def logits(scores: Iterable[float]) -> NDArray[np.float64]:
    """Return scores, 0..1, on the scale on which free and occupied bays make two even heaps."""
    kept = np.clip(np.fromiter(scores, np.float64), _SUREST, 1 - _SUREST)
    found: NDArray[np.float64] = np.log(kept / (1 - kept))
    return found


def camera_shift(scores: Iterable[float]) -> float:
    """Return the logit that parts the free from the occupied bays of one camera; 0 when that cannot be told.

    What the model takes for a car differs from camera to camera by a shift; where there are bays of both
    kinds, their scores say how large it is. Source: Otsu, A threshold selection method from gray-level
    histograms, IEEE Transactions on Systems, Man and Cybernetics 9 (1979).
    """
    ordered = np.sort(logits(scores))
    count = len(ordered)
    total = float(ordered.var()) if count >= _FEWEST_SCORES else 0.0
    if total < _LEAST_VARIANCE:
        return 0.0
    sizes = np.arange(1, count)
    sums = np.cumsum(ordered)[:-1]
    low, high = sums / sizes, (ordered.sum() - sums) / (count - sizes)
    between = sizes * (count - sizes) * (low - high) ** 2 / count**2
    fewest = max(1, round(_FEWEST_OF_A_GROUP * count))
    between[: fewest - 1] = between[count - fewest :] = 0.0
    best = int(between.argmax())
    if between[best] < _TWO_GROUPS * total:
        return 0.0
    return float(np.clip((ordered[best] + ordered[best + 1]) / 2, -_FARTHEST_LOGIT, _FARTHEST_LOGIT))


def shifted(score: float, shift: float) -> float:
    """Return a score as it would be on a camera without a shift."""
    return float(1 / (1 + np.exp(shift - logits([score])[0])))
