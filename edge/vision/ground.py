"""The ground plane: from a point of the picture to metres on the street, and back.

Source: Hartley and Zisserman, Multiple View Geometry in Computer Vision, 2nd ed., 4.1 and 4.4.4 (direct
linear transformation with normalised points).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

# Ratio of the second smallest to the largest singular value: below, the points fix no plane.
_DEGENERATE = 1e-3
# Of the distance from the pairs to the horizon: nearer to it a pixel is a street's length.
_HORIZON_MARGIN = 0.02
_STEP_S = 0.05


class GroundError(ValueError):
    """The point pairs fix no ground plane; the message says why and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A ground plane.

    Attributes:
        matrix: 3x3, from a point of the picture (shares) to the ground (metres), homogeneous; its third
            coordinate is positive on this side of the horizon.
        rms_m: how far the pairs lie from where it puts them, root mean square, m.
        rms_share: the same in the picture, shares.
    """

    matrix: Matrix
    rms_m: float
    rms_share: float

    def metres(self, points: Matrix) -> Matrix:
        """Return the ground positions (n, 2) of picture points (n, 2); NaN on and beyond the horizon."""
        return _mapped(self.matrix, points, _HORIZON_MARGIN)

    def velocities(self, feet: Matrix, middles: Matrix, speeds: Matrix) -> Matrix:
        """Return velocities (n, 2), m/s, of what stands upright; NaN on and beyond the horizon.

        The middle of a body moves less in the picture than its feet when it comes or goes: both keep their
        share of the way to the horizon, so the speed of the middle, known better, tells that of
        the feet.

        Args:
            feet: where each stands, shares (n, 2).
            middles: of their bodies, shares (n, 2).
            speeds: of the middles, shares per second (n, 2).
        """
        nearness = [_homogeneous(np.asarray(points, float)) @ self.matrix[2] for points in (feet, middles)]
        down = speeds[:, 1] * nearness[0] / np.maximum(nearness[1], _HORIZON_MARGIN)
        # So short a step that the picture's perspective is straight along it.
        after = feet + _STEP_S * np.stack([speeds[:, 0], down], axis=1)
        return (self.metres(after) - self.metres(feet)) / _STEP_S

    def picture(self, metres: Matrix) -> Matrix:
        """Return the picture points (n, 2), shares, of ground positions (n, 2)."""
        inverse = np.asarray(np.linalg.inv(self.matrix), np.float64)
        return _mapped(inverse, metres, 0.0)


def fit_ground(picture: Sequence[tuple[float, float]], ground_m: Sequence[tuple[float, float]]) -> Ground:
    """Fit the plane to pairs of a picture point and where it is on the ground.

    Args:
        picture: shares of the picture's width and height.
        ground_m: metres, right and ahead of any origin.

    Raises:
        GroundError: fewer than four pairs, points that lie on a line, or pairs that contradict each other.
    """
    if len(picture) < 4:
        raise GroundError(f"{len(picture)} point pairs; at least four fix a ground plane")
    seen, there = np.array(picture, float), np.array(ground_m, float)
    for points, where in ((seen, "in the picture"), (there, "on the ground")):
        _require_spread(points, where)
    to_seen, to_there = _normalisation(seen), _normalisation(there)
    u, v = _homogeneous(seen) @ to_seen.T, _homogeneous(there) @ to_there.T
    zero = np.zeros_like(u)
    rows = np.concatenate(
        [
            np.hstack([zero, -v[:, 2:] * u, v[:, 1:2] * u]),
            np.hstack([v[:, 2:] * u, zero, -v[:, :1] * u]),
        ]
    )
    _, strengths, directions = np.linalg.svd(rows)
    if strengths[7] < _DEGENERATE * strengths[0]:
        raise GroundError(
            "three of the four points lie on one line and fix no ground plane; move one of them or add more"
        )
    normalised = directions[-1].reshape(3, 3)
    sides = (u @ normalised.T)[:, 2]
    if sides.min() < 0 < sides.max():
        raise GroundError(
            "the pairs contradict each other: some would lie beyond the horizon; check that each point of "
            "the picture has its own place on the ground"
        )
    if sides.mean() < 0:
        normalised = -normalised
    matrix = np.linalg.inv(to_there) @ normalised @ to_seen
    # The third coordinate of the pairs' middle becomes 1, so that a margin means the same for every camera.
    matrix /= (_homogeneous(seen.mean(axis=0)[None]) @ matrix.T)[0, 2]
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
        raise GroundError("the pairs fix no ground plane; move the points apart")
    off_m = _mapped(matrix, seen, 0.0) - there
    off_share = _mapped(np.linalg.inv(matrix), there, 0.0) - seen
    return Ground(matrix, _rms(off_m), _rms(off_share))


def _require_spread(points: Matrix, where: str) -> None:
    if len(np.unique(points, axis=0)) < len(points):
        raise GroundError(f"two of the points are the same {where}; give each its own")
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if spread[1] < 0.02 * spread[0]:
        raise GroundError(f"the points lie on one line {where}; spread them over the street, wide and deep")


def _normalisation(points: Matrix) -> Matrix:
    middle = points.mean(axis=0)
    scale = np.sqrt(2) / np.linalg.norm(points - middle, axis=1).mean()
    return np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]])


def _homogeneous(points: Matrix) -> Matrix:
    return np.hstack([points, np.ones((len(points), 1))])


def _mapped(matrix: Matrix, points: Matrix, margin: float) -> Matrix:
    found = _homogeneous(np.asarray(points, float).reshape(-1, 2)) @ matrix.T
    depth = np.where(found[:, 2:] > margin, found[:, 2:], np.nan)
    mapped: Matrix = found[:, :2] / depth
    return mapped


def _rms(off: Matrix) -> float:
    return float(np.sqrt(np.mean(np.sum(off**2, axis=1))))
