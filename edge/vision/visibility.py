"""What a picture lets one see: its light, its contrast and its sharpness."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.vision.opencv import opencv
from edge.vision.picture import shrunk

_WIDTH = 640
_WHITE = 250


@dataclass(frozen=True, slots=True)
class Visibility:
    """What can be seen.

    Attributes:
        brightest: 99th percentile of the grey levels, 0..255.
        contrast: from the 5th to the 95th percentile, grey levels.
        white_share: share of pixels that are white.
        blur: 0 sharp .. 1 blurred.
    """

    brightest: float
    contrast: float
    white_share: float
    blur: float


def visibility(image: Image) -> Visibility:
    """Judge a picture, uint8, shape (height, width, 3), BGR, by itself."""
    grey = _grey(image)
    dark, light, brightest = np.percentile(grey, (5, 95, 99))
    white_share = np.count_nonzero(grey >= _WHITE) / grey.size
    return Visibility(float(brightest), float(light - dark), white_share, _blur(grey.astype(np.float32)))


def _grey(image: Image) -> Image:
    """Return the picture in grey, at most 640 wide, freed of single noisy pixels, which look sharp."""
    cv2 = opencv()
    grey: Image = cv2.medianBlur(cv2.cvtColor(shrunk(image, _WIDTH), cv2.COLOR_BGR2GRAY), 3)
    return grey


def _blur(grey: NDArray[np.float32]) -> float:
    """Return how little of the picture's variation a further blur takes away.

    Source: Crete et al., The blur effect, Human Vision and Electronic Imaging XII, SPIE 6492 (2007).
    """
    cv2 = opencv()
    remains = []
    for axis, size in ((1, (9, 1)), (0, (1, 9))):
        variation = np.abs(np.diff(grey, axis=axis))
        lost = variation - np.abs(np.diff(cv2.blur(grey, size), axis=axis))
        total = float(variation.sum())
        remains.append(1 - float(np.maximum(lost, 0).sum()) / total if total else 1.0)
    return max(remains)
