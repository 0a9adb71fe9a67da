import pytest
from pydantic import ValidationError

from edge.domain.array import MicrophoneArray

TWO = ((-0.05, 0, 0), (0.05, 0, 0))


def test_each_position_is_its_own_channel_unless_told_otherwise() -> None:
    assert MicrophoneArray(positions_m=TWO).used == (0, 1)
    assert MicrophoneArray(positions_m=TWO, channels=(3, 1)).used == (3, 1)


@pytest.mark.parametrize(
    ("positions_m", "channels", "said"),
    [
        (((0, 0, 0),), (), "at least 2"),
        (tuple((i / 10, 0, 0) for i in range(9)), (), "at most 8"),
        (((0, 0, 0), (0.001, 0, 0)), (), "microphones 0 and 1 are 1.0 mm apart"),
        (((0, 0, 0), (0, 0.1, 0), (0, 0.1, 0)), (), "microphones 1 and 2 are 0.0 mm apart"),
        (((-1, 0, 0), (1, 0, 0)), (), "2.00 m apart"),
        (((-65, 0, 0), (65, 0, 0)), (), "less than or equal to 1.4"),
        (((0, 0), (1, 0)), (), "Field required"),
        (((0, 0, float("nan")), (1, 0, 0)), (), "finite number"),
        (TWO, (0,), "2 positions, but 1 channels"),
        (TWO, (1, 1), "a channel is given twice"),
        (TWO, (0, 8), "less than or equal to 7"),
    ],
)
def test_wrong_geometry_is_refused(positions_m: object, channels: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MicrophoneArray.model_validate({"positions_m": positions_m, "channels": channels})


def test_it_says_why_it_is_not_of_this_microphone() -> None:
    array = MicrophoneArray(positions_m=TWO)
    assert array.misfit(2) == ""
    assert "2 positions, but 4 channels" in array.misfit(4)
    assert "2 positions, but 1 channels" in array.misfit(1)
    chosen = MicrophoneArray(positions_m=TWO, channels=(1, 4))
    assert chosen.misfit(6) == ""
    assert "no channel 4" in chosen.misfit(4)
