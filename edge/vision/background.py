"""The empty scene, learnt from what the camera sees, and what of a picture differs from it.

Learnt at first as the median over a few seconds. Then every pixel that shows the scene follows it within
seconds, and every pixel that shows something else only within many minutes: the evening and a parked car need
no rule, and a crowd that stands still is not taken for the scene.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.vision.opencv import opencv

Mask = NDArray[np.uint8]
"""uint8, shape (height, width): 255 where something holds, else 0."""

_LEARNING_PICTURES = 25
_FEWEST_PICTURES = 5
# Below, a difference is compression: chosen on PETS09-S2L1, see scripts/measure_motion.py.
_SMALLEST_DIFFERENCE = 12
_NOISE_FACTOR = 5.0
_SMALLEST_NOISE = 0.5
# Where people pass while it is learnt, they look like noise: not more of it than so many times the median.
_BUSIEST_NOISE = 5.0
# Noise follows small differences only: a passer-by is not noise.
_LARGEST_NOISE_STEP = 20
# A shadow darkens at most to this share and leaves the colour as it is, within so many grey levels.
_DARKEST_SHADOW = 0.5
_SHADOW_COLOUR = 4.0
# An outline this much stronger in the empty scene than in the picture belongs to something that has left it.
_GHOST_FACTOR = 1.5
_REVIEW_S = 1.0
# The change of exposure is measured where the scene is not dark nor white; a small one is followed anyway.
_DARK = 16
_SMALLEST_GAIN = 0.015
# Rows of pixels that it is measured on.
_GAIN_ROWS = 32
_FEWEST_GAIN_PIXELS = 64
# When so much changes at once, it was the light or the camera: the scene is learnt anew.
_UPHEAVAL_SHARE = 0.6
_CALM_SHARE = 0.3
_UPHEAVAL_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the empty scene is learnt, s.

    Attributes:
        learn_s: the first picture of it, a median, takes so long.
        follow_s: time constant with which the scene's own changes (light, weather) are followed.
        absorb_s: time constant with which something that stays becomes part of the scene.
    """

    learn_s: float = 10.0
    follow_s: float = 20.0
    absorb_s: float = 600.0


class Background:
    """The empty scene. Pictures are uint8, shape (height, width, 3), always of the same size."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._learning: list[tuple[float, Image]] = []
        self._scene: NDArray[np.float32] | None = None
        self._noise = np.zeros((0, 0, 3), np.float32)
        self._threshold = np.zeros((0, 0, 3), np.uint8)
        self._seen_s = 0.0
        self._reviewed_s = 0.0
        self._calm_s = 0.0
        self._foreground: Mask = np.zeros((0, 0), np.uint8)

    def occupied(self, picture: Image, seconds: float) -> Mask | None:
        """Return where the picture, of `seconds`, differs from the empty scene; None until that is learnt.

        Shadows are left out. After an upheaval, when most of the picture changes at once, it is learnt anew.
        """
        if self._scene is None:
            self._learn(picture, seconds)
            return None
        self._expose(picture)
        mask, difference = self._compare(picture)
        share = np.count_nonzero(mask) / mask.size
        if share < _CALM_SHARE:
            self._calm_s = seconds
        elif share > _UPHEAVAL_SHARE and seconds - self._calm_s < _UPHEAVAL_WITHIN_S:
            self._scene, self._learning = None, [(seconds, picture)]
            return None
        self._follow(picture, mask, difference, seconds)
        self._foreground = mask
        return mask

    def _learn(self, picture: Image, seconds: float) -> None:
        every_s = self._pace.learn_s / _LEARNING_PICTURES
        if not self._learning or seconds - self._learning[-1][0] >= every_s:
            self._learning.append((seconds, picture))
        enough = len(self._learning) >= _FEWEST_PICTURES
        if not enough or seconds - self._learning[0][0] < self._pace.learn_s:
            return
        pictures = np.stack([picture for _, picture in self._learning])
        self._learning = []
        self._scene = np.median(pictures, axis=0).astype(np.float32)
        spread = np.median(np.abs(pictures - self._scene), axis=0)
        # The median absolute deviation of normal noise, as a standard deviation.
        noise = np.maximum(1.4826 * spread, _SMALLEST_NOISE)
        self._noise = np.minimum(noise, _BUSIEST_NOISE * np.median(noise)).astype(np.float32)
        self._foreground = np.zeros(picture.shape[:2], np.uint8)
        self._seen_s = self._reviewed_s = self._calm_s = seconds
        self._set_threshold()

    def _set_threshold(self) -> None:
        threshold = np.clip(_NOISE_FACTOR * self._noise, _SMALLEST_DIFFERENCE, 255)
        self._threshold = threshold.astype(np.uint8)

    def _expose(self, picture: Image) -> None:
        """Give the empty scene the picture's exposure and white balance, as far as free pixels show them."""
        assert self._scene is not None
        step = max(1, min(picture.shape[:2]) // _GAIN_ROWS)
        free = self._foreground[::step, ::step] == 0
        now = picture[::step, ::step][free].astype(np.float32)
        scene = self._scene[::step, ::step][free]
        usable = (scene > _DARK).all(axis=1) & (scene < 255 - _DARK).all(axis=1) & (now < 255).all(axis=1)
        if np.count_nonzero(usable) < _FEWEST_GAIN_PIXELS:
            return
        gain = np.median(now[usable] / scene[usable], axis=0)
        if np.abs(gain - 1).max() > _SMALLEST_GAIN:
            self._scene = np.minimum(self._scene * gain.astype(np.float32), 255)

    def _compare(self, picture: Image) -> tuple[Mask, Image]:
        """Return where the picture differs, cleaned, and by how much."""
        cv2 = opencv()
        scene = cv2.convertScaleAbs(self._scene)
        difference = cv2.absdiff(picture, scene)
        differs = cv2.compare(difference, self._threshold, cv2.CMP_GT)
        mask = cv2.max(cv2.max(differs[:, :, 0], differs[:, :, 1]), differs[:, :, 2])
        _clear_shadows(mask, picture, scene)
        mask = cv2.medianBlur(mask, 5)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
        return cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc), difference

    def _follow(self, picture: Image, mask: Mask, difference: Image, seconds: float) -> None:
        cv2 = opencv()
        passed_s = max(0.0, seconds - self._seen_s)
        self._seen_s = seconds
        # The rim of whatever stands there is not the scene either.
        held = cv2.dilate(mask, np.ones((3, 3), np.uint8))
        free = cv2.bitwise_not(held)
        quick, slow = (1 - np.exp(-passed_s / s) for s in (self._pace.follow_s, self._pace.absorb_s))
        cv2.accumulateWeighted(picture, self._scene, quick, free)
        cv2.accumulateWeighted(picture, self._scene, slow, held)
        # The mean absolute deviation of normal noise, as a standard deviation.
        noise = cv2.convertScaleAbs(np.minimum(difference, _LARGEST_NOISE_STEP), alpha=1.2533)
        cv2.accumulateWeighted(noise, self._noise, quick, free)
        if seconds - self._reviewed_s < _REVIEW_S:
            return
        self._reviewed_s = seconds
        self._noise = np.maximum(self._noise, _SMALLEST_NOISE)
        self._set_threshold()
        self._take_over(picture, mask)

    def _take_over(self, picture: Image, mask: Mask) -> None:
        """Accept as scene what shows where something that was learnt as part of it has left."""
        cv2 = opencv()
        assert self._scene is not None
        blobs, labels = cv2.connectedComponents(mask)
        rim = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        owners = cv2.dilate(labels.astype(np.float32), np.ones((3, 3), np.uint8))[rim].astype(np.intp)
        now, learnt = (
            np.bincount(owners, _contrast(image)[rim], blobs)
            for image in (picture, cv2.convertScaleAbs(self._scene))
        )
        ghosts = learnt > _GHOST_FACTOR * now
        ghosts[0] = False
        if ghosts.any():
            gone = ghosts[labels]
            self._scene[gone] = picture[gone]


def _contrast(picture: Image) -> NDArray[np.float32]:
    cv2 = opencv()
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    across, down = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    return cast("NDArray[np.float32]", cv2.magnitude(across, down))


def _clear_shadows(mask: Mask, picture: Image, scene: Image) -> None:
    """Clear, in place, the pixels that are a little darker than the scene and of the same colour."""
    where = np.flatnonzero(mask)
    now = picture.reshape(-1, 3)[where].astype(np.float32)
    learnt = scene.reshape(-1, 3)[where].astype(np.float32)
    share = now.sum(axis=1) / np.maximum(learnt.sum(axis=1), 1)
    colour = np.abs(now - learnt * share[:, np.newaxis]).max(axis=1)
    shadow = (share > _DARKEST_SHADOW) & (share < 1) & (colour < _SHADOW_COLOUR)
    mask.reshape(-1)[where[shadow]] = 0
