"""Whether a camera still looks where it looked: its edges now against the edges that it learnt at first.

Edges, because light and weather change everything else; averages over seconds, because people pass. The
reference is a blurred map of edges, a hundred times smaller than a picture, and lives in memory only.
"""

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.vision.opencv import opencv
from edge.vision.picture import shrunk

_WIDTH = 160
# Grey levels: an edge much stronger than this counts as 1, so that the sun does not outweigh the street.
_FIRM_EDGE = 40.0
# Pictures (about one a second) that make the reference, and over which the present is averaged.
_LEARNT_FROM = 20
_PRESENT_OF = 8.0
# The reference follows a scene that agrees with it, dusk and snow included, in so many pictures.
_FOLLOWS_IN = 300.0
# Share of the width by which a view may be shifted and still be the same: wind, vibration, a passing lorry.
_LARGEST_SHIFT = 0.025
# Degrees by which the present is turned back to look for a camera that was rolled.
_ROLLS_DEG = (-8.0, -4.0, 4.0, 8.0)
_MARGIN = 0.12
# A smaller picture has no margin to look for a shift in.
_SMALLEST_PX = 24
# Correlations, chosen on street videos shifted, turned and relit; see scripts/measure_visibility.py.
_SURE = 0.45
_BETTER_BY = 0.15
# Of the usual likeness: PETS09 keeps 0.97, at 0.4 of its light 0.79, enlarged by a quarter 0.37.
_LOST = 0.6

Edges = NDArray[np.float32]


class View:
    """Follows one camera's view. Another picture size is another view, learnt anew."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()
        self._reference: Edges = np.zeros((0, 0), np.float32)
        self._present: Edges = np.zeros((0, 0), np.float32)
        self._learnt = 0
        self._usual = 0.0

    def moved(self, image: Image) -> bool:
        """Take a picture, uint8 (height, width, 3), about once a second; tell whether the view has moved."""
        if min(image.shape[:2]) < _SMALLEST_PX:
            return False
        edges = _edges(image)
        if image.shape != self._shape:
            self._shape, self._learnt, self._usual = image.shape, 0, 0.0
            self._present = edges
        self._present = _towards(self._present, edges, _PRESENT_OF)
        if self._learnt < _LEARNT_FROM:
            self._learnt += 1
            first = self._learnt == 1
            self._reference = edges if first else _towards(self._reference, edges, self._learnt)
            if self._learnt == _LEARNT_FROM:
                self._usual = _compared(self._reference, self._present)[0]
            return False
        here, moved = _compared(self._reference, self._present)
        moved = moved or here < _LOST * self._usual
        if not moved:
            self._usual += (here - self._usual) / _FOLLOWS_IN
            self._reference = _towards(self._reference, self._present, _FOLLOWS_IN)
        return moved


def _towards(edges: Edges, others: Edges, pictures: float) -> Edges:
    return (edges + (others - edges) / np.float32(pictures)).astype(np.float32)


def _edges(image: Image) -> Edges:
    cv2 = opencv()
    grey = cv2.cvtColor(shrunk(image, _WIDTH), cv2.COLOR_BGR2GRAY)
    across, down = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    strength = cv2.magnitude(across, down) / 4
    found: Edges = cv2.GaussianBlur(strength / (strength + _FIRM_EDGE), (0, 0), 1.0)
    return found


def _compared(reference: Edges, present: Edges) -> tuple[float, bool]:
    """Return how alike the two are as they lie, -1..1, and whether they are more so shifted or turned."""
    cv2 = opencv()
    rows, columns = (max(1, round(_MARGIN * size)) for size in reference.shape)
    core = reference[rows:-rows, columns:-columns]
    if float(core.std()) < 1e-3:
        return 0.0, False  # an empty wall has no edge that could have moved
    likeness = cv2.matchTemplate(present, core, cv2.TM_CCOEFF_NORMED)
    best = int(likeness.argmax())
    down, across = divmod(best, likeness.shape[1])
    shift = float(np.hypot(down - rows, across - columns)) / reference.shape[1]
    best_likeness, here = float(likeness.max()), float(likeness[rows, columns])
    if shift > _LARGEST_SHIFT and best_likeness > _SURE and best_likeness - here > _BETTER_BY:
        return here, True
    if best_likeness >= 1 - _BETTER_BY:
        return here, False  # no turn can be so much better
    turned = max(
        float(cv2.matchTemplate(_turned(present, roll_deg), core, cv2.TM_CCOEFF_NORMED).max())
        for roll_deg in _ROLLS_DEG
    )
    return here, turned > _SURE and turned - best_likeness > _BETTER_BY


def _turned(edges: Edges, angle_deg: float) -> Edges:
    cv2, (height, width) = opencv(), edges.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    turned: Edges = cv2.warpAffine(edges, turn, (width, height))
    return turned
