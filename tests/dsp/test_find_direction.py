"""Direction of a sudden sound: accuracy, honesty of the uncertainty, ambiguity, and bad channels."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.domain.array import MicrophoneArray
from edge.domain.health import Absence
from edge.dsp.air import speed_of_sound_m_s
from edge.dsp.direction import Direction, find_direction
from scripts.array_sound import ONSET_S, RATE_HZ, in_a_street, in_the_open, noisy, places, towards
from scripts.measure_direction import (
    ARRAYS,
    Miss,
    canyon,
    exact,
    miss,
    open_air,
    square,
    street,
    trials,
)

Float = NDArray[np.float64]

ONSET = ONSET_S * RATE_HZ
SQUARE = exact(square(0.065))
FLAT = exact(square(0.2))
BODY = exact(ARRAYS["tetrahedron, edge 10 cm"])
WALL = MicrophoneArray(
    positions_m=((0.05, 0, 0.05), (-0.05, 0, 0.05), (-0.05, 0, -0.05), (0.05, 0, -0.05)),
    heading_uncertainty_deg=0,
)
POST = MicrophoneArray(positions_m=((0, 0, -0.1), (0, 0, 0.02), (0, 0, 0.1)), heading_uncertainty_deg=0)


def bang(
    array: MicrophoneArray,
    azimuth_deg: float,
    elevation_deg: float,
    *,
    snr_db: float = 25.0,
    seed: int = 0,
    speed_m_s: float | None = None,
    positive_s: float = 0.001,
) -> Float:
    speed = speed_m_s or speed_of_sound_m_s(array.temperature_c)
    sound = in_the_open(places(array), towards(azimuth_deg, elevation_deg), speed, positive_s)
    return noisy(np.random.default_rng(seed), sound, snr_db)


def heard(sound: Float, array: MicrophoneArray, rate_hz: int = RATE_HZ) -> Direction:
    return find_direction(sound, ONSET_S * rate_hz, rate_hz, array)


def off(direction: Direction, azimuth_deg: float) -> float:
    assert direction.azimuth_deg is not None
    return abs((direction.azimuth_deg - azimuth_deg + 180) % 360 - 180)


def told(misses: list[Miss | None], name: str) -> Float:
    return np.array([getattr(m, name) for m in misses if m is not None and getattr(m, name) is not None])


@pytest.mark.parametrize(
    ("array", "of_peak", "median_deg", "p90_deg"),
    [
        # 20 dB of power over the first 5 ms, then 20 dB of the peak over the noise's RMS.
        ("square, diagonal 6.5 cm", False, 0.3, 0.8),
        ("square, side 6.5 cm", False, 0.2, 0.5),
        ("square, side 6.5 cm", True, 1.0, 2.5),
        ("square, side 1 m", False, 0.05, 0.1),
        ("tetrahedron, edge 10 cm", False, 0.2, 0.5),
    ],
)
def test_azimuth_at_20_db(array: str, of_peak: bool, median_deg: float, p90_deg: float) -> None:
    sure = exact(ARRAYS[array])
    misses = trials(sure, open_air(sure, (20, 20), up_to_deg=20, of_peak=of_peak), 15, 7)
    errors = told(misses, "azimuth_deg")
    assert len(errors) == 15
    assert np.median(errors) < median_deg
    assert np.quantile(errors, 0.9) < p90_deg


def test_the_stated_uncertainty_covers_what_is_not_known_of_the_array() -> None:
    array = ARRAYS["square, diagonal 6.5 cm"]
    misses = trials(array, open_air(array, (10, 30), up_to_deg=90), 60, 8)
    for name in ("azimuth_sigmas", "elevation_sigmas"):
        sigmas = told(misses, name)
        assert len(sigmas) > 55
        assert 0.52 < np.mean(sigmas <= 1) < 0.84
        assert np.mean(sigmas <= 2) > 0.88


def test_the_stated_uncertainty_covers_the_methods_own_error() -> None:
    misses = trials(SQUARE, open_air(SQUARE, (10, 30), up_to_deg=60), 50, 9)
    sigmas = told(misses, "azimuth_sigmas")
    assert 0.52 < np.mean(sigmas <= 1) < 0.84
    assert np.mean(sigmas <= 2) > 0.88


def test_a_street_that_answers() -> None:
    array = ARRAYS["square, diagonal 6.5 cm"]
    misses = trials(exact(array), street(exact(array), (20, 25)), 16, 10)
    errors = told(misses, "azimuth_deg")
    assert len(errors) == 16
    assert np.median(errors) < 0.5
    assert np.quantile(errors, 0.9) < 5
    stated = trials(array, street(array, (20, 25)), 16, 11)
    assert np.mean(told(stated, "azimuth_sigmas") <= 2) > 0.88


def test_a_street_canyon_of_pyroomacoustics() -> None:
    array = exact(square(0.065 / math.sqrt(2)))
    errors = told(trials(array, canyon(array, (25, 25)), 8, 12), "azimuth_deg")
    assert len(errors) == 8
    assert np.median(errors) < 1
    assert max(errors) < 10


@pytest.mark.parametrize("elevation_deg", [15.0, 60.0])
def test_a_horizontal_array_does_not_know_above_from_below(elevation_deg: float) -> None:
    direction = heard(bang(FLAT, 75, elevation_deg), FLAT)
    assert off(direction, 75) < 0.5
    assert direction.elevation_deg == pytest.approx(elevation_deg, abs=1.5)
    assert direction.elevation_deg is not None
    assert direction.other_elevation_deg == pytest.approx(-direction.elevation_deg)
    assert direction.other_azimuth_deg == pytest.approx(direction.azimuth_deg)
    assert direction.absence is None


def test_at_the_horizon_elevation_is_less_known_than_high_up() -> None:
    low, high = (heard(bang(FLAT, 75, e), FLAT).elevation_uncertainty_deg for e in (0.0, 60.0))
    assert low is not None
    assert high is not None
    assert low > 4 * high


def test_an_array_on_a_wall_does_not_know_front_from_back() -> None:
    direction = heard(bang(WALL, 30, 20), WALL)
    azimuths = [direction.azimuth_deg, direction.other_azimuth_deg]
    assert azimuths == pytest.approx([30, 150], abs=0.5)
    assert direction.elevation_deg == pytest.approx(20, abs=0.5)
    assert direction.other_elevation_deg == pytest.approx(20, abs=0.5)


def test_a_body_knows_them_all_apart() -> None:
    for azimuth_deg, elevation_deg in ((200, -40), (310, 5), (20, 70)):
        direction = heard(bang(BODY, azimuth_deg, elevation_deg), BODY)
        assert off(direction, azimuth_deg) < 1
        assert direction.elevation_deg == pytest.approx(elevation_deg, abs=1)
        assert (direction.other_azimuth_deg, direction.other_elevation_deg) == (None, None)


def test_a_pair_hears_a_cone() -> None:
    pair = ARRAYS["pair, 10 cm"]
    direction = heard(bang(pair, 40, 3), pair)
    assert [direction.azimuth_deg, direction.other_azimuth_deg] == pytest.approx([40, 140], abs=5)
    assert direction.elevation_deg is None
    # Along the line, the cone is narrow; across it, elevation hardly matters.
    along, across = (heard(bang(pair, a, 3), pair).azimuth_uncertainty_deg for a in (70, 2))
    assert along is not None
    assert across is not None
    assert along > 2 * across


def test_an_upright_line_hears_elevation_only() -> None:
    direction = heard(bang(POST, 75, 35), POST)
    assert direction.elevation_deg == pytest.approx(35, abs=1.5)
    assert (direction.azimuth_deg, direction.azimuth_uncertainty_deg) == (None, None)
    assert direction.other_elevation_deg is None
    assert direction.absence is None


def test_the_heading_turns_the_azimuth_and_its_uncertainty_is_added() -> None:
    turned = FLAT.model_copy(update={"heading_deg": 300.0, "heading_uncertainty_deg": 5.0})
    direction = heard(bang(FLAT, 100, 10), turned)
    assert off(direction, 40) < 0.5
    assert direction.azimuth_uncertainty_deg == pytest.approx(5, abs=0.1)
    straight = heard(bang(turned, 40, 10), turned)
    assert off(straight, 40) < 0.5


def test_the_channels_of_a_device_that_also_has_others() -> None:
    array = FLAT.model_copy(update={"channels": (4, 1, 2, 3)})
    four = bang(FLAT, 210, 30)
    rng = np.random.default_rng(1)
    device = rng.standard_normal((len(four), 6))
    device[:, [4, 1, 2, 3]] = four
    direction = heard(device, array)
    assert off(direction, 210) < 0.5
    assert direction.left_out == ()


def test_the_temperature_sets_the_elevation_and_not_the_azimuth() -> None:
    warm = bang(FLAT, 75, 30, speed_m_s=speed_of_sound_m_s(30))
    as_warm, as_cold = (
        heard(warm, FLAT.model_copy(update={"temperature_c": celsius})) for celsius in (30.0, -10.0)
    )
    assert as_warm.elevation_deg == pytest.approx(30, abs=0.7)
    assert as_cold.elevation_deg is not None
    assert abs(as_cold.elevation_deg - 30) > 4
    assert off(as_cold, 75) < 0.5
    unsure = heard(warm, FLAT.model_copy(update={"temperature_uncertainty_c": 20.0}))
    assert unsure.elevation_uncertainty_deg is not None
    assert as_warm.elevation_uncertainty_deg is not None
    assert unsure.elevation_uncertainty_deg > 3 * as_warm.elevation_uncertainty_deg


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize("fault", ["zeros", "stuck", "nan", "hum", "own noise", "other sound"])
def test_a_bad_channel_is_found_and_left_out(channel: int, fault: str) -> None:
    sound = bang(FLAT, 130, 25, seed=channel)
    rng = np.random.default_rng(channel)
    seconds = np.arange(len(sound)) / RATE_HZ
    sound[:, channel] = {
        "zeros": np.zeros(len(sound)),
        "stuck": np.full(len(sound), 0.3),
        "nan": np.full(len(sound), np.nan),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * seconds),
        "own noise": 0.1 * rng.standard_normal(len(sound)),
        "other sound": bang(FLAT, 130, 25, seed=9)[::-1, channel],
    }[fault]
    direction = heard(sound, FLAT)
    assert direction.left_out == (channel,)
    assert off(direction, 130) < 2


def test_a_microphone_wired_the_wrong_way_round_is_left_out() -> None:
    sound = bang(FLAT, 130, 25)
    sound[:, 2] *= -1
    direction = heard(sound, FLAT)
    assert direction.left_out == (2,)
    assert off(direction, 130) < 1


def test_one_microphone_is_no_array() -> None:
    sound = bang(FLAT, 130, 25)
    sound[:, :3] = 0
    assert heard(sound, FLAT) == Direction(left_out=(0, 1, 2), absence=Absence.SENSOR_FAULT)
    assert heard(np.zeros_like(sound), FLAT).absence is Absence.SENSOR_FAULT


def test_gain_offset_and_clipping_change_little() -> None:
    sound = bang(FLAT, 250, 10) * np.array([0.3, 1.0, 0.6, 2.0]) + np.array([0.1, -0.2, 0.0, 0.05])
    assert off(heard(sound, FLAT), 250) < 0.3
    assert off(heard(np.clip(bang(FLAT, 250, 10), -0.2, 0.2), FLAT), 250) < 0.5


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 96_000])
def test_other_rates(rate_hz: int) -> None:
    seconds = np.arange(round(0.35 * rate_hz)) / rate_hz
    at = places(FLAT) @ towards(65, 20) / speed_of_sound_m_s(FLAT.temperature_c)
    # A Gaussian pulse of 0.3 ms is within the band of every rate.
    sound = np.exp(-(((seconds[:, np.newaxis] - ONSET_S - 0.0005 + at) / 0.0003) ** 2))
    sound += 0.002 * np.random.default_rng(2).standard_normal(sound.shape)
    direction = find_direction(sound, ONSET_S * rate_hz, rate_hz, FLAT)
    assert off(direction, 65) < 1.5


def test_nothing_but_noise_has_no_direction() -> None:
    rng = np.random.default_rng(3)
    directions = [heard(rng.standard_normal((16_000, 4)), FLAT) for _ in range(6)]
    known = [d for d in directions if d.azimuth_deg is not None]
    assert len(known) <= 1
    absences = {d.absence for d in directions if d.azimuth_deg is None}
    assert absences <= {Absence.FAINT, Absence.AMBIGUOUS, Absence.OUT_OF_RANGE}


def test_delays_that_no_sound_has_are_refused() -> None:
    small = square(0.03)
    sound = bang(FLAT, 45, 0)
    assert heard(sound, small).azimuth_deg is None
    assert heard(sound, small).absence is not None


@pytest.mark.parametrize("onset", [0, 100, 15_350, 15_360, 1e6, -5])
def test_an_onset_at_the_edge_has_no_direction(onset: float) -> None:
    direction = find_direction(bang(FLAT, 45, 0), onset, RATE_HZ, FLAT)
    assert direction.azimuth_deg is None
    assert direction.absence is not None


def test_a_bang_right_before_the_sound_ends_is_heard_by_the_short_gates() -> None:
    sound = bang(FLAT, 45, 10)[: round(ONSET + 0.003 * RATE_HZ)]
    assert off(heard(sound, FLAT), 45) < 1


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from([SQUARE, BODY, WALL, POST]),
    st.integers(0, 2**32),
    st.sampled_from(["nan", "inf", "huge", "spike", "silence", "square wave"]),
)
def test_rubbish_never_becomes_a_number_that_is_none(array: MicrophoneArray, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal((12_000, len(array.positions_m)))
    places_ = rng.integers(0, sound.size, rng.integers(1, 200))
    flat = sound.reshape(-1)
    if kind in {"nan", "inf", "huge", "spike"}:
        flat[places_] = {"nan": np.nan, "inf": np.inf, "huge": 1e30, "spike": 50.0}[kind]
    elif kind == "silence":
        sound[rng.integers(0, 12_000) :] = 0
    else:
        sound[:] = np.sign(np.sin(np.arange(12_000) / 7))[:, np.newaxis]
    direction = find_direction(sound, ONSET, RATE_HZ, array)
    numbers = [v for v in dataclasses.astuple(direction)[:6] if v is not None]
    assert all(math.isfinite(number) for number in numbers)
    assert (direction.azimuth_deg is None and direction.elevation_deg is None) == (
        direction.absence is not None
    )


def test_a_wave_from_nearby_facades_arrives_first_from_the_bang_itself() -> None:
    pole, source = np.array([1.0, 0.0, 5.0]), np.array([10.0, 25.0, 1.5])
    sound = in_a_street(
        pole + places(FLAT), source, speed_of_sound_m_s(FLAT.temperature_c), 0.001, facade=0.95, order=8
    )
    direction = heard(noisy(np.random.default_rng(0), sound, 25), FLAT)
    toward = source - pole
    assert off(direction, math.degrees(math.atan2(toward[0], toward[1]))) < 1


def test_the_nearer_of_two_that_fit_counts_as_found() -> None:
    both = Direction(azimuth_deg=10, azimuth_uncertainty_deg=1, other_azimuth_deg=170)
    assert miss(both, 171, 0) == Miss(1, 1, None, None)
