"""From the coordinates that an array can tell apart to azimuth and elevation, with their uncertainty.

Every direction that fits is weighted by how well it fits and by how likely it was before: all parts of the
sphere alike, but for a line of microphones, which hears a cone of directions as one: there, sounds come from
near the horizon.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

# Standard deviation of the elevation of sounds in a street as a line of microphones has to assume it.
HORIZON_DEG = 20.0
_REACH = 4.0
_CELLS = 81
_CELLS_ACROSS = 17
_TURNS = 240
# Wider than this is no answer; the elevation along a cone is what was assumed, not what was heard.
_WIDEST_AZIMUTH_DEG = 45.0
_WIDEST_ELEVATION_DEG = 15.0
_ALIKE_DEG = 0.05
_UPRIGHT = 0.02
_TINY = 1e-12
# The least share of what a component of a direction may be that is not longer than a direction.
_IMPLAUSIBLE = 0.001
# The speed of sound is not known better: wind, humidity.
_STILL = 0.003


@dataclass(frozen=True, slots=True)
class Bearing:
    """A direction with one standard deviation of each angle; None where it is not known.

    Attributes:
        azimuth_deg: from the array's y, towards its x, -180..180.
        elevation_deg: above the array's horizontal plane.
    """

    azimuth_deg: float | None
    azimuth_uncertainty_deg: float | None
    elevation_deg: float | None
    elevation_uncertainty_deg: float | None


def bearings(v: Float, covariance: Float, axes: Float, radial: float) -> list[Bearing]:
    """Return the directions that v may be: one, or two that the array cannot tell apart, the upper one first.

    Args:
        v: the direction in the array's coordinates, shape (rank,).
        covariance: of v.
        axes: of these coordinates, shape (3, rank), orthonormal.
        radial: relative standard uncertainty of the speed of sound.

    Returns:
        Empty when v is too long or, for a body, too short to be a direction.
    """
    if len(v) == 3:
        off = abs(float(np.linalg.norm(v)) - 1.0)
        return [_bearing(*_body(v, covariance, axes))] if off < _REACH * max(radial, _STILL) else []
    if len(v) == 2:
        frame = np.column_stack([axes, np.cross(axes[:, 0], axes[:, 1])])
        half, weight = _plane(v, covariance, radial)
    else:
        frame = _upright(axes[:, 0])
        half, weight = _line(float(v[0]), float(covariance[0, 0]), radial, frame)
    if not weight.size:
        return []
    both = [_bearing(half * [1.0, 1.0, side] @ frame.T, weight) for side in (1.0, -1.0)]
    both.sort(key=_upper_and_front_first)
    return both[:1] if _alike(*both) else both


def _bearing(directions: Float, weight: Float) -> Bearing:
    """Return mean and standard deviation of weighted unit vectors, shape (n, 3)."""
    share = weight / weight.sum()
    azimuth = np.arctan2(directions[:, 0], directions[:, 1])
    middle = float(np.angle(np.sum(share * np.exp(1j * azimuth))))
    off = np.angle(np.exp(1j * (azimuth - middle)))
    azimuth_deg, wide_deg = np.degrees(middle), np.degrees(np.sqrt(np.sum(share * off**2)))
    elevation = np.degrees(np.arcsin(np.clip(directions[:, 2], -1.0, 1.0)))
    elevation_deg = float(np.sum(share * elevation))
    high_deg = float(np.sqrt(np.sum(share * (elevation - elevation_deg) ** 2)))
    flat, tall = wide_deg <= _WIDEST_AZIMUTH_DEG, high_deg <= _WIDEST_ELEVATION_DEG
    return Bearing(
        azimuth_deg=float(azimuth_deg) if flat else None,
        azimuth_uncertainty_deg=float(wide_deg) if flat else None,
        elevation_deg=elevation_deg if tall else None,
        elevation_uncertainty_deg=high_deg if tall else None,
    )


def _upper_and_front_first(one: Bearing) -> tuple[float, float]:
    return (-round(one.elevation_deg or 0.0, 6), abs(one.azimuth_deg or 0.0))


def _alike(one: Bearing, other: Bearing) -> bool:
    pairs = (
        (one.azimuth_deg, other.azimuth_deg),
        (one.elevation_deg, other.elevation_deg),
    )
    return all(a == b or (a is not None and b is not None and abs(a - b) < _ALIKE_DEG) for a, b in pairs)


def _body(v: Float, covariance: Float, axes: Float) -> tuple[Float, Float]:
    """Return directions around v, shape (n, 3), and their weights, shape (n,)."""
    length = float(np.linalg.norm(v))
    tangents = np.linalg.svd(v[np.newaxis])[2][1:].T
    root = _root(tangents.T @ covariance @ tangents / length**2)
    x, y, weight = _normal_grid()
    points = v / length + np.stack([x, y], axis=1) @ root.T @ tangents.T
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points @ axes.T, weight


def _plane(v: Float, covariance: Float, radial: float) -> tuple[Float, Float]:
    """Return directions on one side of the plane, in its coordinates and its normal's, and their weights.

    Near the plane itself an angle changes its component little: that is why elevation is poorly known at the
    horizon, and the speed of sound matters.
    """
    length = float(np.linalg.norm(v))
    outward = v / length if length > 0.0 else np.array([1.0, 0.0])
    basis = np.column_stack([outward, [-outward[1], outward[0]]])
    spread = basis.T @ covariance @ basis
    spread[0, 0] += (length * radial) ** 2
    root = _root(spread)
    x, y, weight = _normal_grid()
    points = (np.array([length, 0.0]) + np.stack([x, y], axis=1) @ root.T) @ basis.T
    reach = np.linalg.norm(points, axis=1)
    if weight[reach <= 1.0].sum() < _IMPLAUSIBLE * weight.sum():
        return np.empty((0, 3)), np.empty(0)
    # The share of the sphere above each cell of the disc: its integral, since it has a pole at the rim.
    half = float(root[0, 0]) * _REACH / (_CELLS - 1)
    above = np.arcsin(np.minimum(1.0, reach + half)) - np.arcsin(np.clip(reach - half, 0.0, 1.0))
    inside = np.minimum(reach, 1.0)
    points *= (inside / np.maximum(reach, np.finfo(np.float64).tiny))[:, np.newaxis]
    return np.column_stack([points, np.sqrt(1.0 - inside**2)]), weight * above


def _line(v: float, variance: float, radial: float, frame: Float) -> tuple[Float, Float]:
    """Return directions on one side of the upright plane through the line, in `frame`, and their weights."""
    deviation = float(np.sqrt(variance + (v * radial) ** 2))
    x = np.linspace(-_REACH, _REACH, _CELLS)
    along = v + deviation * x
    turn = np.linspace(-np.pi / 2, np.pi / 2, _TURNS)
    normal = np.exp(-(x**2) / 2.0)
    weight = np.where(np.abs(along) <= 1.0, normal, 0.0)
    if weight.sum() < _IMPLAUSIBLE * normal.sum():
        return np.empty((0, 3)), np.empty(0)
    across = np.sqrt(np.maximum(0.0, 1.0 - along**2))
    cone = [
        np.repeat(along[:, np.newaxis], _TURNS, axis=1),
        across[:, np.newaxis] * np.sin(turn),
        across[:, np.newaxis] * np.cos(turn),
    ]
    directions = np.stack(cone, axis=-1).reshape(-1, 3)
    elevation_deg = np.degrees(np.arcsin(np.clip(directions @ frame[2], -1.0, 1.0)))
    likely = np.exp(-((elevation_deg / HORIZON_DEG) ** 2) / 2.0)
    return directions, np.repeat(weight, _TURNS) * likely


def _upright(axis: Float) -> Float:
    """Return the frame of a line: along it, across it in the upright plane through it, and to its side."""
    side = np.cross(axis, [0.0, 0.0, 1.0])
    length = float(np.linalg.norm(side))
    side = side / length if length > _UPRIGHT else np.array([1.0, 0.0, 0.0])
    return np.column_stack([axis, np.cross(side, axis), side])


def _root(covariance: Float) -> Float:
    """Return the lower triangular root of a covariance that may be singular."""
    return np.asarray(np.linalg.cholesky(covariance + _TINY * np.eye(len(covariance))))


def _normal_grid() -> tuple[Float, Float, Float]:
    """Return a grid over a normal distribution: first coordinate, second coordinate, weight."""
    x, y = np.meshgrid(
        np.linspace(-_REACH, _REACH, _CELLS), np.linspace(-_REACH, _REACH, _CELLS_ACROSS), indexing="ij"
    )
    return x.ravel(), y.ravel(), np.exp(-(x**2 + y**2) / 2.0).ravel()
