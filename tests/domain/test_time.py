"""Instants and durations, to the nanosecond."""

import pytest

from edge.domain.time import CaptureTime, nanoseconds, seconds_between


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, 0),
        (1.5, 1_500_000_000),
        (-0.25, -250_000_000),
        (4e-10, 0),
        (6e-10, 1),
        (259_200.0, 259_200 * 10**9),
    ],
)
def test_seconds_become_the_nearest_nanosecond(seconds: float, expected: int) -> None:
    assert nanoseconds(seconds) == expected
    start = CaptureTime(10**18, 10**12)
    assert start.shifted(seconds).monotonic_ns - start.monotonic_ns == expected
    assert seconds_between(start, start.shifted(seconds)) == pytest.approx(seconds, abs=1e-9)
