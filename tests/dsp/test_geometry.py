import numpy as np
import pytest

from edge.domain.array import MicrophoneArray
from edge.dsp.geometry import blindness, geometry_of

FLAT = ((0.05, 0, 0), (0, 0.05, 0), (-0.05, 0, 0))
WALL = ((0.05, 0, 0), (-0.05, 0, 0), (0, 0, 0.05))
ROOF = ((0.05, 0, 0), (-0.05, 0, 0), (0, 0.05, 0.05))
BODY = (*FLAT, (0, 0, 0.05))


@pytest.mark.parametrize(
    ("positions_m", "rank", "said"),
    [
        (BODY, 3, ""),
        (FLAT, 2, "above and below"),
        (((0.05, 0, 0.0002), *FLAT[1:]), 2, "above and below"),
        (WALL, 2, "upright: its front and its back"),
        (ROOF, 2, "tilted: its front and its back"),
        (FLAT[:2], 1, "its two sides"),
        (((-0.1, 0, 0), (0, 0, 0), (0.1, 0, 0)), 1, "its two sides"),
        (((0, 0, -0.1), (0, 0, 0.1)), 1, "an upright line: it knows elevation only"),
    ],
)
def test_what_an_array_cannot_tell_apart(
    positions_m: tuple[tuple[float, float, float], ...], rank: int, said: str
) -> None:
    array = MicrophoneArray(positions_m=positions_m)
    geometry = geometry_of(array)
    assert geometry.steering.rank == rank
    assert geometry.axes.shape == (3, rank)
    assert said in blindness(array)
    assert bool(said) == bool(blindness(array))


def test_fewer_microphones_tell_less() -> None:
    array = MicrophoneArray(positions_m=BODY)
    assert geometry_of(array, np.array([0, 1, 2])).steering.rank == 2
    assert geometry_of(array, np.array([0, 3])).steering.rank == 1


def test_a_small_array_is_less_sure_of_its_positions() -> None:
    small, large = (
        geometry_of(MicrophoneArray(positions_m=tuple((s * x, s * y, 0) for x, y, _ in FLAT))).slack
        for s in (0.5, 2)
    )
    assert np.trace(small) == pytest.approx(16 * np.trace(large))
