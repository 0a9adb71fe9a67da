"""Shapes of movement are found among bystanders, and a calibration is a curve that only rises."""

import numpy as np
import pytest

from edge.detectors.crowd import CALIBRATIONS
from edge.domain.scene_observations import Cue
from edge.vision.crowd import AS_IT_IS, NONE, Calibration, counter_flow, gathering, radial, running

NOBODY = np.zeros((0, 2))
RING = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4])


def test_nobody_is_no_movement() -> None:
    assert gathering(NOBODY, 8, 3.0) == NONE
    assert radial(NOBODY, NOBODY, 5, 0.2) == NONE
    assert running(NOBODY, 3, 0.3, 2.5) == NONE
    assert counter_flow(NOBODY, 5, 0.3) == NONE


def test_a_centre_is_found_among_people_who_stand_and_two_who_pass() -> None:
    standing = np.array([[-9.0, 3.0], [8.0, -4.0], [7.0, 7.0], [-6.0, -8.0]])
    passing = np.array([[-6.0, 9.0], [5.0, 9.0]])
    places = np.concatenate([4 * RING, standing, passing])
    moved = np.concatenate([1.4 * RING, np.zeros((4, 2)), [[1.3, 0.0], [-1.3, 0.0]]])
    apart, together = radial(places, moved, 5, 0.2), radial(places, -moved, 5, -0.2)
    assert apart.score > 0.5
    assert apart.people >= 8
    assert together == apart
    assert radial(places, moved, 5, -0.2).score < 0.5


def test_two_streams_that_part_and_one_that_walks_away_have_no_centre() -> None:
    ways = np.where(np.arange(10) % 2, 1.0, -1.0)
    places = np.stack([ways * (2 + np.arange(10)), np.arange(10) * 0.3], axis=1)
    assert radial(places, np.stack([1.3 * ways, np.zeros(10)], axis=1), 5, 0.2).score < 0.5
    assert radial(places, np.tile([1.3, 0.1], (10, 1)), 5, 0.2).score < 0.5


def test_people_in_one_place_are_no_error() -> None:
    assert radial(np.zeros((6, 2)), np.concatenate([RING[:6]]), 5, 0.2).score >= 0


@pytest.mark.parametrize(
    ("runners", "of", "score"), [(3, 10, 0.5), (6, 10, 2 / 3), (2, 4, 0.4), (3, 20, 1 / 3), (0, 5, 0.0)]
)
def test_the_weakest_condition_decides(runners: int, of: int, score: float) -> None:
    moved = np.array([[3.0, 0.0]] * runners + [[1.3, 0.0]] * (of - runners))
    assert running(moved, 3, 0.3, 2.5).score == pytest.approx(score)


@pytest.mark.parametrize("by", [*CALIBRATIONS.values(), Calibration(30.0, -200.0), Calibration(30.0, 900.0)])
def test_a_calibration_only_rises_and_keeps_the_ends(by: Calibration) -> None:
    told = [by.probability(score) for score in np.linspace(0, 1, 101)]
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert all(0 <= one <= 1 for one in told)
    assert AS_IT_IS.probability(0.3) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("slope", "offset"), [(0.0, 0.0), (-1.0, 0.0), (np.nan, 0.0), (np.inf, 0.0), (1.0, np.nan)]
)
def test_a_curve_that_falls_or_is_no_number_is_refused(slope: float, offset: float) -> None:
    with pytest.raises(ValueError, match="slope above 0"):
        Calibration(slope, offset)


@pytest.mark.parametrize("score", [-0.1, 1.1, np.nan])
def test_what_is_no_score_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        AS_IT_IS.probability(score)


def test_every_cue_of_movement_is_calibrated() -> None:
    assert set(CALIBRATIONS) == set(Cue) - {Cue.RAPID_MOTION}
