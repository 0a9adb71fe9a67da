import numpy as np
import pytest

from edge.vision.picture import DropCounter, Thinning, as_bgr


def test_every_kind_of_picture_becomes_bgr() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    bgr = np.random.default_rng(1).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    wanted = np.stack([grey] * 3, axis=2)
    np.testing.assert_array_equal(as_bgr(grey), wanted)
    np.testing.assert_array_equal(as_bgr(grey[:, :, None]), wanted)
    np.testing.assert_array_equal(as_bgr(grey.astype(np.uint16) * 256), wanted)
    np.testing.assert_array_equal(as_bgr(np.concatenate([bgr, grey[:, :, None]], axis=2)), bgr)
    assert np.shares_memory(as_bgr(bgr), bgr)
    flipped = as_bgr(bgr[:, ::-1])
    assert flipped.flags.c_contiguous
    assert flipped.dtype == np.uint8


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (None, "without a pixel"),
        (np.zeros((0, 4, 3), np.uint8), "without a pixel"),
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((4, 4, 2), np.uint8), "2 channels"),
        (np.zeros((1, 4, 4, 3), np.uint8), "shape"),
        (np.zeros(4, np.uint8), "shape"),
    ],
)
def test_what_is_no_picture_is_refused(picture: np.ndarray | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        as_bgr(picture)


@pytest.mark.parametrize(
    ("from_hz", "to_hz", "seconds", "wanted"),
    [(25, 5, 4.0, 20), (10, 5, 4.0, 20), (7, 5, 4.0, 20), (2, 5, 4.0, 8), (30_000 / 1001, 5, 4.0, 20)],
)
def test_thinning_keeps_the_rate(from_hz: float, to_hz: float, seconds: float, wanted: int) -> None:
    thinning = Thinning(to_hz)
    # In whole milliseconds, as some containers have them.
    times = [round(1000 * k / from_hz) / 1000 for k in range(round(seconds * from_hz))]
    assert sum(thinning.wants(time) for time in times) == wanted


def test_thinning_goes_on_after_a_gap() -> None:
    thinning = Thinning(5)
    assert [thinning.wants(time) for time in (0.0, 0.1, 3.0, 3.1, 3.2)] == [True, False, True, False, True]


def stamps(gaps: list[float]) -> list[int]:
    counter, time, lost = DropCounter(), 100.0, []
    for gap in [0.0, *gaps]:
        time += gap
        lost.append(counter.lost_before(time))
    return lost[1:]


def test_drops_are_counted_by_the_camera_s_own_period() -> None:
    assert stamps([0.04] * 20 + [0.12] + [0.04] * 5) == [0] * 20 + [2] + [0] * 5
    rng = np.random.default_rng(1)
    assert sum(stamps(list(0.033 + rng.uniform(-0.008, 0.008, 200)))) == 0


def test_a_camera_that_takes_longer_in_the_dark_drops_little() -> None:
    told = stamps([0.033] * 50 + [0.1] * 50)
    assert told[-30:] == [0] * 30


def test_a_camera_without_time_stamps_drops_nothing_that_anyone_knows() -> None:
    assert stamps([0.0] * 20) == [0] * 20
    assert stamps([0.04] * 20 + [-5.0] + [0.04] * 3 + [600.0] + [0.04] * 3) == [0] * 28
