import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.dsp.ring import Ring


def ramp(first: int, length: int, channels: int = 2) -> np.ndarray:
    return np.arange(first, first + length, dtype=np.float32)[:, None] * np.ones((1, channels), np.float32)


def test_what_goes_in_comes_out_across_the_wrap() -> None:
    ring = Ring(10, 2)
    first = 0
    for length in (4, 5, 3, 7, 10, 1, 9):
        ring.write(ramp(first, length), float(first), overflowed=False)
        block = ring.read()
        assert block is not None
        np.testing.assert_array_equal(block.samples, ramp(first, length))
        assert (block.index, block.captured_s, block.overflowed) == (first, float(first), False)
        first += length
    assert ring.read() is None


def test_a_block_without_room_is_dropped_and_counted() -> None:
    ring = Ring(10, 1)
    for first in (0, 4, 8):
        ring.write(ramp(first, 4, 1), 0.0, overflowed=False)
    ring.write(ramp(12, 2, 1), 0.0, overflowed=True)
    blocks = [ring.read() for _ in range(4)]
    assert [block and block.index for block in blocks] == [0, 4, 12, None]
    assert blocks[2] is not None
    assert blocks[2].overflowed


def test_a_block_longer_than_the_ring_is_dropped() -> None:
    ring = Ring(10, 1)
    ring.write(ramp(0, 11, 1), 0.0, overflowed=False)
    assert ring.read() is None


def test_what_was_read_stays_as_it_was() -> None:
    ring = Ring(4, 1)
    ring.write(ramp(0, 4, 1), 0.0, overflowed=False)
    block = ring.read()
    assert block is not None
    ring.write(ramp(100, 4, 1), 0.0, overflowed=False)
    np.testing.assert_array_equal(block.samples, ramp(0, 4, 1))


@given(st.lists(st.one_of(st.integers(1, 12), st.none()), max_size=60))
def test_any_order_of_writing_and_reading_keeps_each_sample_at_its_index(steps: list[int | None]) -> None:
    ring, first = Ring(16, 1), 0
    for step in [*steps, *[None] * 60]:
        if step is not None:
            ring.write(ramp(first, step, 1), 0.0, overflowed=False)
            first += step
        elif (block := ring.read()) is not None:
            np.testing.assert_array_equal(block.samples, ramp(block.index, len(block.samples), 1))
