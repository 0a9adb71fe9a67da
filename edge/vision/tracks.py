"""Follows boxes from picture to picture, for counting and speed. Nothing is compared but the place.

Boxes are matched with where each track is expected, first the certain ones, then the rest (as in Zhang et
al., ByteTrack, ECCV 2022, without their motion model: an alpha-beta filter does for a few pictures a second).
"""

from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from edge.vision.boxes import Boxes, Floats, overlaps

# Gains of the alpha-beta filter: they follow a walker's turn within half a second at 5 pictures a second.
_ALPHA = 0.7
_BETA = 0.25
_LEAST_OVERLAP = 0.2
# Where small boxes move by more than themselves: within so many of their heights they may be the same.
_FARTHEST_HEIGHTS = 0.6
_LEAST_LIKENESS = 0.6
# A box shorter or taller than its track by more holds somebody else, too, or a part of one: it hardly tells
# where the feet are.
_LEAST_WHOLE = 0.75
_TRUST_IN_A_PART = 0.15
_FEWEST_SIGHTINGS = 3
LOST_AFTER_S = 1.5


@dataclass(eq=False)
class Track:
    """One thing that is followed.

    Attributes:
        box: float64 (4,): centre x, centre y, width, height, pixels, as expected or corrected.
        speed: of the same, per second.
        unseen: the latest picture does not show it; it is where it is expected.
        side_of, crossed: what `edge.vision.crossings` remembers of it.
    """

    number: int
    label: int
    box: NDArray[np.float64]
    begun_s: float
    seen_s: float
    speed: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))
    sightings: int = 1
    unseen: bool = False
    side_of: dict[int, int] = field(default_factory=dict)
    crossed: set[int] = field(default_factory=set)

    @property
    def confirmed(self) -> bool:
        """Seen often enough to be no mistake of the detector."""
        return self.sightings >= _FEWEST_SIGHTINGS

    @property
    def corners(self) -> NDArray[np.float64]:
        """Left, top, right, bottom."""
        half = self.box[2:] / 2
        return np.concatenate([self.box[:2] - half, self.box[:2] + half])

    @property
    def feet(self) -> tuple[float, float]:
        """Where it stands, pixels."""
        return float(self.box[0]), float(self.box[1] + self.box[3] / 2)


class Tracker:
    """The tracks of one camera, of any kind of thing: boxes with different labels are never one."""

    def __init__(self, certain: float) -> None:
        self._certain = certain
        self._numbers = count(1)
        self._time_s = 0.0
        self.tracks: list[Track] = []

    def follow(self, boxes: Boxes, seconds: float) -> list[Track]:
        """Take what one picture shows; return the tracks that are confirmed.

        Args:
            boxes: without doubles; those above `certain` may begin a track, the others only continue one.
            seconds: when the picture was taken; a gap longer than a track lives forgets them all.
        """
        # Whoever stands in the place of one who is lost is somebody else.
        self.tracks = [t for t in self.tracks if seconds - t.seen_s <= LOST_AFTER_S]
        self._expect(seconds)
        certain = boxes.scores >= self._certain
        left = self._match(boxes.only(certain), self.tracks, seconds)
        missed = [track for track in self.tracks if track.seen_s < seconds]
        self._match(boxes.only(~certain), missed, seconds)
        for corners, label in zip(left.corners, left.labels, strict=True):
            self.tracks.append(_begun(next(self._numbers), corners, int(label), seconds))
        # One that was never confirmed does not outlive a picture without it.
        self.tracks = [t for t in self.tracks if t.confirmed or t.seen_s >= seconds]
        return [track for track in self.tracks if track.confirmed]

    def _expect(self, seconds: float) -> None:
        passed_s, self._time_s = seconds - self._time_s, seconds
        for track in self.tracks:
            track.unseen = True
            track.box = track.box + track.speed * passed_s
            track.box[2:] = np.maximum(track.box[2:], 1.0)

    def _match(self, boxes: Boxes, tracks: list[Track], seconds: float) -> Boxes:
        """Continue tracks with boxes; return the boxes that are left."""
        if not tracks or not len(boxes):
            return boxes
        likeness = _likeness(boxes, tracks)
        rows, columns = linear_sum_assignment(likeness, maximize=True)
        left = np.ones(len(boxes), bool)
        for row, column in zip(rows, columns, strict=True):
            if likeness[row, column] > 0:
                left[row] = False
                _continue(tracks[column], boxes.corners[row], seconds)
        return boxes.only(left)


def _likeness(boxes: Boxes, tracks: list[Track]) -> Floats:
    """Return how well each box fits each track, 0 for not at all, (boxes, tracks)."""
    expected = np.array([track.corners for track in tracks], np.float32)
    shared = overlaps(boxes.corners, expected)
    middle, height = _middles(boxes.corners)
    other, other_height = _middles(expected)
    tall = np.minimum(height[:, None], other_height[None, :])
    apart = np.linalg.norm(middle[:, None] - other[None, :], axis=2) / np.maximum(tall, 1)
    sized = tall / np.maximum(np.maximum(height[:, None], other_height[None, :]), 1)
    near = (apart < _FARTHEST_HEIGHTS) & (sized > _LEAST_LIKENESS)
    alike = boxes.labels[:, None] == np.array([track.label for track in tracks])[None, :]
    fits = alike & ((shared > _LEAST_OVERLAP) | near)
    return np.where(fits, 0.01 + shared + np.maximum(0, 1 - apart / _FARTHEST_HEIGHTS), 0).astype(np.float32)


def _middles(corners: Floats) -> tuple[Floats, Floats]:
    middles = ((corners[:, :2] + corners[:, 2:]) / 2).astype(np.float32)
    return middles, (corners[:, 3] - corners[:, 1]).astype(np.float32)


def _as_box(corners: Floats) -> NDArray[np.float64]:
    low, high = corners[:2].astype(float), corners[2:].astype(float)
    return np.concatenate([(low + high) / 2, np.maximum(high - low, 1.0)])


def _begun(number: int, corners: Floats, label: int, seconds: float) -> Track:
    return Track(number, label, _as_box(corners), seconds, seconds)


def _continue(track: Track, corners: Floats, seconds: float) -> None:
    box = _as_box(corners)
    off = box - track.box
    passed_s = max(seconds - track.seen_s, 1e-3)
    if track.confirmed and min(box[3], track.box[3]) < _LEAST_WHOLE * max(box[3], track.box[3]):
        off[[1, 3]] *= _TRUST_IN_A_PART
    # The second sighting gives the speed as it is; from then on it is followed.
    gain = 1.0 if track.sightings == 1 else _BETA
    track.box = track.box + (off if track.sightings == 1 else _ALPHA * off)
    track.speed = track.speed + gain * off / passed_s
    track.speed[2:] *= 0.5  # sizes change slowly; their measured speed is mostly noise
    track.sightings += 1
    track.unseen = False
    track.seen_s = seconds
