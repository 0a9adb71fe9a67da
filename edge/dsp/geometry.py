"""What an array can tell apart, from where its microphones are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.domain.array import MicrophoneArray
from edge.dsp.air import relative_uncertainty, speed_of_sound_m_s
from edge.dsp.steering import Steering

Float = NDArray[np.float64]
Indices = NDArray[np.intp]

# Of the extent of an array: less in one direction is none.
_THIN = 0.01
# Cosine and sine of 5 degrees: what is as level or as upright as people build.
_ALONG = 0.996
_ACROSS = 0.087


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """Positions as steering takes them.

    Attributes:
        axes: of the coordinates that the array can tell apart, shape (3, rank).
        slack: covariance of a direction by what is not known of the positions, shape (rank, rank).
    """

    steering: Steering
    axes: Float
    slack: Float


def geometry_of(array: MicrophoneArray, kept: Indices | None = None) -> Geometry:
    """Return the geometry of an array, or of those of its microphones whose indices are in `kept`."""
    positions = np.asarray(array.positions_m, dtype=np.float64)
    if kept is not None:
        positions = positions[kept]
    positions = positions - positions.mean(axis=0)
    _, extent, turned = np.linalg.svd(positions, full_matrices=False)
    axes = turned[extent > _THIN * extent[0]].T
    inside = positions @ axes
    slack = array.position_uncertainty_m**2 * np.linalg.inv(inside.T @ inside)
    radial = relative_uncertainty(array.temperature_c, array.temperature_uncertainty_c)
    return Geometry(Steering(inside / speed_of_sound_m_s(array.temperature_c), radial), axes, slack)


def blindness(array: MicrophoneArray) -> str:
    """Return what an array cannot tell apart, for people; empty when it tells all directions apart."""
    axes = geometry_of(array).axes
    rank = axes.shape[1]
    if rank == 3:
        return ""
    if rank == 2:
        level = abs(float(np.cross(axes[:, 0], axes[:, 1])[2]))
        if level > _ALONG:
            return "flat: above and below are alike to it"
        return f"{'upright' if level < _ACROSS else 'tilted'}: its front and its back are alike to it"
    if abs(float(axes[2, 0])) > _ALONG:
        return "an upright line: it knows elevation only"
    return "a line: its two sides are alike to it, and it does not know elevation"
