import numpy as np
import pytest
from scipy import signal

from edge.dsp.weighting import LOWEST_RATE_HZ, Float, Weighting, weighting_goal_db, weighting_sos

INF = float("inf")

# IEC 61672-1:2013, table 3: nominal Hz, A, C, class 1 acceptance limits above and below the goal.
TABLE_3 = [
    (10, -70.4, -14.3, 3.0, INF),
    (12.5, -63.4, -11.2, 2.5, INF),
    (16, -56.7, -8.5, 2.0, 4.0),
    (20, -50.5, -6.2, 2.0, 2.0),
    (25, -44.7, -4.4, 2.0, 1.5),
    (31.5, -39.4, -3.0, 1.5, 1.5),
    (40, -34.6, -2.0, 1.0, 1.0),
    (50, -30.2, -1.3, 1.0, 1.0),
    (63, -26.2, -0.8, 1.0, 1.0),
    (80, -22.5, -0.5, 1.0, 1.0),
    (100, -19.1, -0.3, 1.0, 1.0),
    (125, -16.1, -0.2, 1.0, 1.0),
    (160, -13.4, -0.1, 1.0, 1.0),
    (200, -10.9, 0.0, 1.0, 1.0),
    (250, -8.6, 0.0, 1.0, 1.0),
    (315, -6.6, 0.0, 1.0, 1.0),
    (400, -4.8, 0.0, 1.0, 1.0),
    (500, -3.2, 0.0, 1.0, 1.0),
    (630, -1.9, 0.0, 1.0, 1.0),
    (800, -0.8, 0.0, 1.0, 1.0),
    (1000, 0.0, 0.0, 0.7, 0.7),
    (1250, 0.6, 0.0, 1.0, 1.0),
    (1600, 1.0, -0.1, 1.0, 1.0),
    (2000, 1.2, -0.2, 1.0, 1.0),
    (2500, 1.3, -0.3, 1.0, 1.0),
    (3150, 1.2, -0.5, 1.0, 1.0),
    (4000, 1.0, -0.8, 1.0, 1.0),
    (5000, 0.5, -1.3, 1.5, 1.5),
    (6300, -0.1, -2.0, 1.5, 2.0),
    (8000, -1.1, -3.0, 1.5, 2.5),
    (10000, -2.5, -4.4, 2.0, 3.0),
    (12500, -4.3, -6.2, 2.0, 5.0),
    (16000, -6.6, -8.5, 2.5, 16.0),
    (20000, -9.3, -11.2, 3.0, INF),
]


def exact_hz(index: int) -> float:
    """Exact mid-band frequency of the index-th row."""
    return float(1000 * 10 ** ((index - 20) / 10))


def response_db(weighting: Weighting, rate_hz: int, hz: Float) -> Float:
    sos = weighting_sos(weighting, rate_hz)
    return np.asarray(20 * np.log10(np.abs(signal.sosfreqz(sos, worN=hz, fs=rate_hz)[1])))


@pytest.mark.parametrize("row", range(len(TABLE_3)), ids=[str(row[0]) for row in TABLE_3])
@pytest.mark.parametrize("rate_hz", [44100, 48000, 96000])
@pytest.mark.parametrize("weighting", ["A", "C"])
def test_every_third_octave_is_within_class_1(weighting: Weighting, rate_hz: int, row: int) -> None:
    _, a_db, c_db, above, below = TABLE_3[row]
    goal = a_db if weighting == "A" else c_db
    error = response_db(weighting, rate_hz, np.array([exact_hz(row)]))[0] - goal
    assert -below <= error <= above


@pytest.mark.parametrize("weighting", ["A", "C"])
def test_the_goal_is_the_standard_table(weighting: Weighting) -> None:
    goals = weighting_goal_db(weighting, np.array([exact_hz(row) for row in range(len(TABLE_3))]))
    table = [row[1 if weighting == "A" else 2] for row in TABLE_3]
    assert np.abs(goals - table).max() <= 0.07


@pytest.mark.parametrize("rate_hz", [44100, 48000, 96000, 192000])
def test_it_follows_the_analogue_goal_closely(rate_hz: int) -> None:
    hz = np.geomspace(10, 20000, 500)
    error = np.abs(response_db("A", rate_hz, hz) - weighting_goal_db("A", hz))
    assert error.max() < 0.35
    assert error[hz <= 8000].max() < 0.1


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 32000])
def test_low_rates_hold_up_to_half_the_rate(rate_hz: int) -> None:
    hz = np.geomspace(10, 0.499 * rate_hz, 500)
    assert np.abs(response_db("A", rate_hz, hz) - weighting_goal_db("A", hz)).max() < 0.7
    assert np.abs(response_db("C", rate_hz, hz) - weighting_goal_db("C", hz)).max() < 0.71


@pytest.mark.parametrize("row", [2, 5, 11, 20, 27, 29, 32])
def test_a_filtered_tone_agrees_with_the_frequency_response(row: int) -> None:
    rate_hz, hz = 48000, exact_hz(row)
    tone = np.sin(2 * np.pi * hz * np.arange(2 * rate_hz) / rate_hz)
    settled = signal.sosfilt(weighting_sos("A", rate_hz), tone)[rate_hz:]
    level = 10 * np.log10(2 * np.mean(settled**2))
    assert level == pytest.approx(response_db("A", rate_hz, np.array([hz]))[0], abs=0.05)


def test_a_begins_with_c_and_z_is_flat() -> None:
    assert np.array_equal(weighting_sos("A", 48000)[:2], weighting_sos("C", 48000))
    assert np.allclose(response_db("Z", 48000, np.array([10.0, 1000.0, 20000.0])), 0)
    assert np.array_equal(weighting_goal_db("Z", np.array([10.0, 9000.0])), [0, 0])


def test_the_filters_are_stable_and_their_inverse_too() -> None:
    for rate_hz in (4000, 8000, 44100, 48000, 96000, 192000):
        for section in weighting_sos("A", rate_hz):
            assert np.all(np.abs(np.roots(section[3:])) < 1)
            assert np.all(np.abs(np.roots(section[:3])) <= 1 + 1e-9)


def test_a_rate_too_low_is_refused() -> None:
    with pytest.raises(ValueError, match=f"3999 Hz.*at least {LOWEST_RATE_HZ}"):
        weighting_sos("A", 3999)
