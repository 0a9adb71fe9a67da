"""Rapid motion inside or between people, as numbers: optical flow relative to the size of bodies.

What the numbers of two seconds amount to is for the model `models/rapid_motion`. Whether people fight, dance
or play is not in them.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.domain.frames import Image
from edge.vision.boxes import Floats
from edge.vision.opencv import opencv

WINDOW_S = 2.0
FEWEST_PAIRS = 6
PAIR = (
    *("speed_p50", "speed_p90", "speed_p99", "speed_mean", "speed_spread"),
    *("change_p90", "change_p99", "change_mean"),
    *("strain_p90", "strain_p99", "strain_mean"),
    *("ways", "fast_area", "closeness", "people", "difference"),
)
"""What one pair of pictures says: in and around people, in body heights and seconds."""
FEATURES = tuple(f"{name}_{over}" for over in ("mean", "high", "spread") for name in PAIR)

_WIDTH = 320
_CLOSEST_S = 0.08
# Further apart, a fist has come and gone between two pictures.
_FARTHEST_S = 0.26
# Where nobody was found, a body is taken to be this share of the picture's height.
_UNKNOWN_BODY = 0.45
_SMALLEST_BODY_PX = 15.0
_FAST = 1.0
"""Body heights per second."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Pair:
    seconds: float
    numbers: Vector


class RapidMotion:
    """Keeps what the pictures of the last two seconds of one camera say."""

    def __init__(self) -> None:
        self._pairs: deque[_Pair] = deque()
        self._bodies_px: deque[float] = deque(maxlen=60)
        self._flow_of = opencv().DISOpticalFlow_create(opencv().DISOPTICAL_FLOW_PRESET_FAST)
        self._begin()

    def _begin(self) -> None:
        self._pairs.clear()
        self._bodies_px.clear()
        self._before: Image | None = None
        self._before_s = 0.0
        self._flow: Floats | None = None

    def take(self, image: Image, people: Floats, seconds: float) -> None:
        """Take a picture.

        Args:
            image: uint8 (height, width, 3), BGR.
            people: float32 (n, 4), left, top, right, bottom of each, pixels of the picture.
            seconds: when it was taken. Pictures closer than 80 ms are passed over; a gap begins anew.
        """
        passed_s = seconds - self._before_s
        if self._before is not None and 0 <= passed_s < _CLOSEST_S:
            return
        scale = min(1.0, _WIDTH / image.shape[1])
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        small = opencv().resize(image, size, interpolation=opencv().INTER_AREA)
        grey: Image = opencv().cvtColor(small, opencv().COLOR_BGR2GRAY)
        if self._before is None or grey.shape != self._before.shape or not 0 < passed_s <= _FARTHEST_S:
            self._begin()
        people = people * np.float32(scale)
        self._bodies_px.extend(float(box[3] - box[1]) for box in people)
        if self._before is not None:
            self._compare(self._before, grey, people, seconds)
        self._before, self._before_s = grey, seconds

    def _compare(self, before: Image, grey: Image, people: Floats, seconds: float) -> None:
        flow = self._flow_of.calc(before, grey, None)[::2, ::2]
        # The camera's own shaking moves everything alike.
        flow = flow - np.median(flow.reshape(-1, 2), axis=0)
        body_px = float(np.median(self._bodies_px)) if self._bodies_px else _UNKNOWN_BODY * grey.shape[0]
        per_body_s = 1 / (max(body_px, _SMALLEST_BODY_PX) * (seconds - self._before_s))
        numbers = _numbers(flow, self._flow, people, per_body_s, seconds - self._before_s)
        difference = float(opencv().absdiff(before, grey).mean())
        self._pairs.append(_Pair(seconds, np.append(numbers, difference)))
        self._flow = flow
        while self._pairs and seconds - self._pairs[0].seconds > WINDOW_S:
            self._pairs.popleft()

    def features(self) -> NDArray[np.float32] | None:
        """Return float32 (48,), see `FEATURES`; None before there are enough pictures."""
        if len(self._pairs) < FEWEST_PAIRS:
            return None
        numbers = np.stack([pair.numbers for pair in self._pairs])
        found = np.concatenate(
            [numbers.mean(axis=0), np.percentile(numbers, 90, axis=0), numbers.std(axis=0)]
        )
        # Speeds spread over decades.
        return np.asarray(np.log1p(3 * np.maximum(found, 0)), np.float32)


def _numbers(
    flow: Floats, flow_before: Floats | None, people: Floats, per_body_s: float, passed_s: float
) -> Vector:
    near = _near(people, flow.shape[:2])
    speed = np.hypot(flow[..., 0], flow[..., 1]) * per_body_s
    if flow_before is None:
        change = np.zeros_like(speed)
    else:
        change = np.hypot(*np.moveaxis(flow - flow_before, 2, 0)) * per_body_s
    strain = _strain(flow) / passed_s
    inside = speed[near]
    angles = np.arctan2(flow[..., 1], flow[..., 0])[near]
    fast_area = np.count_nonzero(speed > _FAST) * (2 * per_body_s * passed_s) ** 2
    return np.array(
        [
            *np.percentile(inside, (50, 90, 99)),
            inside.mean(),
            inside.std(),
            *np.percentile(change[near], (90, 99)),
            change[near].mean(),
            *np.percentile(strain[near], (90, 99)),
            strain[near].mean(),
            _ways(angles, inside),
            fast_area,
            _closeness(people, per_body_s * passed_s),
            len(people),
        ]
    )


def _near(people: Floats, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where people are, with a margin for arms and legs; everywhere when nobody was found."""
    near = np.zeros(shape, bool)
    for left, top, right, bottom in people / 2:
        wide, tall = 0.15 * (right - left), 0.1 * (bottom - top)
        rows = slice(max(0, int(top - tall)), int(bottom + tall) + 1)
        near[rows, max(0, int(left - wide)) : int(right + wide) + 1] = True
    return near if near.any() else ~near


def _strain(flow: Floats) -> Floats:
    """Return how fast things are pulled out of shape: what a rigid body in motion has none of."""
    cv2 = opencv()
    # Sobel's kernel sums to 8, and a step of the reduced flow is two pixels.
    (ux, uy), (vx, vy) = (
        [cv2.Sobel(np.ascontiguousarray(flow[..., part]), cv2.CV_32F, dx, 1 - dx) / 16 for dx in (1, 0)]
        for part in (0, 1)
    )
    found: Floats = np.hypot(ux - vy, uy + vx)
    return found


def _ways(angles: Floats, weights: Floats | Vector) -> float:
    """Return the entropy of directions, 0 all one way .. 1 every way."""
    shares, _ = np.histogram(angles, 8, (-np.pi, np.pi), weights=weights)
    shares = shares / max(float(shares.sum()), 1e-6)
    return float(-(shares * np.log(shares + 1e-9)).sum() / np.log(8))


def _closeness(people: Floats, per_body: float) -> float:
    """Return how close the nearest two are, 0 alone .. 5 in one place."""
    if len(people) < 2:
        return 0.0
    middles = (people[:, :2] + people[:, 2:]) / 2
    apart = np.linalg.norm(middles[:, None] - middles[None, :], axis=2) * per_body
    np.fill_diagonal(apart, np.inf)
    return float(1 / (0.2 + apart.min()))
