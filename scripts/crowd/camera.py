"""A camera on a lamppost: where people are in its picture, and the points that a technician measures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.detectors.people import GroundPlane, PointPair
from scripts.crowd.walkers import Array

WIDTH, HEIGHT = 768, 576
_TALL_M, _WIDE_M = 1.7, 0.55
# A tape measure on a street, and a point drawn on an outline.
_MEASURED_OFF_M = 0.08
_SMALLEST_PX = 24.0


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera above the origin that looks ahead.

    Attributes:
        high_m: above the street.
        tilt: downwards, radians.
        focal_px: focal length.
    """

    high_m: float
    tilt: float
    focal_px: float

    def picture(self, places: Array, above_m: float = 0.0) -> Array:
        """Return the pixels (n, 2) of what is so high above places (n, 2), m."""
        down = self.high_m - above_m
        depth = places[:, 1] * np.cos(self.tilt) + down * np.sin(self.tilt)
        below = down * np.cos(self.tilt) - places[:, 1] * np.sin(self.tilt)
        depth = np.maximum(depth, 0.1)
        return np.stack(
            [
                WIDTH / 2 + self.focal_px * places[:, 0] / depth,
                HEIGHT / 2 + self.focal_px * below / depth,
            ],
            axis=1,
        )

    def boxes(self, places: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Return the box of each person, pixels (n, 4), and whether all of it is in the picture."""
        feet, head = self.picture(places), self.picture(places, _TALL_M)
        half = 0.5 * _WIDE_M / _TALL_M * (feet[:, 1] - head[:, 1])
        boxes = np.stack([feet[:, 0] - half, head[:, 1], feet[:, 0] + half, feet[:, 1]], axis=1)
        inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2:] <= (WIDTH, HEIGHT)).all(axis=1)
        return boxes, inside & (boxes[:, 3] - boxes[:, 1] >= _SMALLEST_PX) & (places[:, 1] > 0)

    def ground(self, rng: np.random.Generator) -> GroundPlane:
        """Return the ground plane that a technician would give it, from six places."""
        places = np.array([[-4, 9], [4, 9], [-6, 16], [6, 16], [-8, 24], [8, 24]], float)
        pixels = self.picture(places) / (WIDTH, HEIGHT)
        said = places + rng.normal(0, _MEASURED_OFF_M, places.shape)
        pairs = [
            PointPair(
                picture=(float(np.clip(u, 0, 1)), float(np.clip(v, 0, 1))), ground_m=(float(x), float(y))
            )
            for (u, v), (x, y) in zip(pixels, said, strict=True)
            if 0 <= u <= 1 and 0 <= v <= 1
        ]
        return GroundPlane(points=tuple(pairs))


def some_camera(rng: np.random.Generator) -> Camera:
    """Return a camera as lampposts carry it: 4.5 to 7 m up, 65 to 85 degrees wide."""
    high_m, ahead_m = rng.uniform(4.5, 7.0), rng.uniform(13.0, 18.0)
    focal_px = WIDTH / 2 / np.tan(np.radians(rng.uniform(65, 85) / 2))
    return Camera(float(high_m), float(np.arctan2(high_m, ahead_m)), float(focal_px))
