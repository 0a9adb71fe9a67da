import numpy as np
import pytest

from edge.dsp.samples import ClipCounter, clean


def test_good_samples_come_back_as_rows_of_channels() -> None:
    rows, bad = clean(np.array([[0.5, -1], [0.25, 1]], dtype=np.float32))
    assert rows.tolist() == [[0.5, 0.25], [-1, 1]]
    assert rows.dtype == np.float64
    assert rows.flags.c_contiguous
    assert bad is None
    assert clean(np.array([0.5, 0.25]))[0].tolist() == [[0.5, 0.25]]
    assert clean(np.empty((0, 3)))[0].shape == (3, 0)


def test_the_given_array_is_not_changed() -> None:
    given = np.array([[np.nan, 1.0]])
    clean(given)
    assert np.isnan(given[0, 0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 101.0, -1e30])
def test_what_is_no_sound_becomes_nothing_and_is_flagged(value: float) -> None:
    rows, bad = clean(np.array([[0.5], [value], [0.25]]))
    assert rows.tolist() == [[0.5, 0, 0.25]]
    assert bad is not None
    assert bad.tolist() == [[False, True, False]]


def test_pairs_at_the_rail_are_counted_per_channel_and_across_blocks() -> None:
    clips = ClipCounter(2)
    assert clips.add(np.array([[0.5, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, 0.0]])).tolist() == [2, 0]
    assert clips.add(np.empty((2, 0))).tolist() == [0, 0]
    assert clips.add(np.array([[1.0, 0.0], [-1.0, -1.0]])).tolist() == [1, 1]
    assert clips.add(np.array([[0.0, 0.0], [-1.0, 0.0]])).tolist() == [0, 1]


def test_the_rail_may_be_lower() -> None:
    assert ClipCounter(1, rail=0.9).add(np.array([[0.95, 0.95]])).tolist() == [1]
    assert ClipCounter(1).add(np.array([[0.95, 0.95]])).tolist() == [0]
