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
_FARTHEST_LOGIT = 2.5
_SUREST = 1e-4
_USUAL_LOGIT = 2.5
_USUAL_SPREAD = 1.5
"""What the model scores on crops that it learnt from: free ones around -2.5, occupied ones around 2.5."""
_WEIGHT_OF_USUAL = 0.1
"""As if a tenth as many bays again, of either kind, had scored as usual: so a camera whose bays are all
occupied, or all free, keeps a place for the others."""
_ALONE, _DECIDED_LOGIT = 0.9, 1.5
"""Nearly all bays are one heap; it says which kind it is from this logit on. In fog they are neither."""
_FEWEST_OF_A_GROUP = 0.02
_LEAST_SPREAD = 0.3
_ROUNDS = 60


def logits(scores: Iterable[float]) -> NDArray[np.float64]:
    """Return scores, 0..1, on the scale on which free and occupied bays make two even heaps."""
    kept = np.clip(np.fromiter(scores, np.float64), _SUREST, 1 - _SUREST)
    found: NDArray[np.float64] = np.log(kept / (1 - kept))
    return found


def camera_shift(scores: Iterable[float]) -> float:
    """Return the logit that parts the free from the occupied bays of one camera.

    It is 0 while scores are few, and where they are one heap that is neither.

    What the model takes for a car differs from camera to camera by a shift, and where nearly all bays are
    occupied, a doubtful one is more likely so. Both stand in the scores: they are taken for two normal
    distributions, found by expectation and maximisation, starting from what is usual and held to it. Source:
    Dempster, Laird and Rubin, Maximum likelihood from incomplete data via the EM algorithm, Journal of the
    Royal Statistical Society B 39 (1977).
    """
    found = logits(scores)
    if len(found) < _FEWEST_SCORES:
        return 0.0
    shares, middles, spreads = _two_groups(found)
    if shares.max() > _ALONE and abs(middles[shares.argmax()]) < _DECIDED_LOGIT:
        return 0.0
    places = np.linspace(-_FARTHEST_LOGIT, _FARTHEST_LOGIT, 201)
    places = places[(places > middles[0]) & (places < middles[1])]
    if not len(places):
        return 0.0
    free, occupied = _logs(places, shares, middles, spreads).T
    return float(places[np.abs(free - occupied).argmin()])


def _two_groups(found: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return share, middle and spread of the free and of the occupied bays among logits, each (2,)."""
    count = len(found)
    usual = np.array([-_USUAL_LOGIT, _USUAL_LOGIT])
    shares, middles, spreads = np.full(2, 0.5), usual, np.full(2, _USUAL_SPREAD)
    held = _WEIGHT_OF_USUAL * count
    for _ in range(_ROUNDS):
        logs = _logs(found, shares, middles, spreads)
        belongs = np.exp(logs - logs.max(axis=1, keepdims=True))
        belongs /= belongs.sum(axis=1, keepdims=True)
        sizes = belongs.sum(axis=0)
        middles = (found @ belongs + held * usual) / (sizes + held)
        off = ((found[:, None] - middles) ** 2 * belongs).sum(axis=0)
        spreads = np.sqrt((off + held * _USUAL_SPREAD**2) / (sizes + held)).clip(min=_LEAST_SPREAD)
        shares = (sizes + _FEWEST_OF_A_GROUP * count) / (count * (1 + 2 * _FEWEST_OF_A_GROUP))
    return shares, middles, spreads


def _logs(
    places: NDArray[np.float64],
    shares: NDArray[np.float64],
    middles: NDArray[np.float64],
    spreads: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the logarithms of two normal densities times their shares, (n, 2), but for a constant."""
    logs: NDArray[np.float64] = np.log(shares / spreads) - 0.5 * ((places[:, None] - middles) / spreads) ** 2
    return logs


def shifted(score: float, shift: float) -> float:
    """Return a score as it would be on a camera without a shift."""
    return float(1 / (1 + np.exp(shift - logits([score])[0])))
