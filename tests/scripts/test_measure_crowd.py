"""The measure of cues of crowds is right where the answer is known, and its figures are those that ship."""

import numpy as np
import pytest

from edge.detectors.crowd import CALIBRATIONS, Config
from edge.domain.scene_observations import Cue
from edge.vision.boxes import Boxes
from edge.vision.crowd import Calibration
from scripts.crowd.calibrate import brier, calibration_error, fitted, probabilities, truths
from scripts.crowd.play import Told, played
from scripts.crowd.reliability_plot import drawn
from scripts.crowd.scenes import ORDINARY, Rng, Walkers
from scripts.crowd.sight import Eye, Look, Sight, measured
from scripts.crowd.truth import Episode, episodes, holds
from scripts.crowd.walkers import Leg, Moment, Street, Walker
from scripts.measure_crowd import (
    DOCS,
    FIGURES,
    PLOT,
    all_played,
    calibration_rows,
    found_rows,
    ordinary_rows,
    speed_rows,
)

CLEAR = Sight(
    turns=np.tile([1.0, 0.0, 0.0], (2, 3, 1)),
    stays=0.0,
    slips=(np.zeros((1, 3)), np.zeros((1, 3))),
    false_boxes=0.0,
    false_stays=0.0,
)
RING = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4])


def ring(_rng: Rng) -> Walkers:
    """Eight who stand, then run apart."""
    spots = 2 * RING + (0.0, 15.0)
    return [
        Walker((x, y), (Leg((x, y), 1, 10), Leg((x + 9 * a, y + 9 * b), 3.5)), common=(0.0, 15.0))
        for (x, y), (a, b) in zip(spots, RING, strict=True)
    ]


def moment(places: np.ndarray, moved: np.ndarray, common: np.ndarray | None = None) -> Moment:
    nowhere = np.full_like(places, np.nan)
    return Moment(0.0, np.arange(len(places)), places, moved, nowhere if common is None else common)


def told(score: float, true: bool) -> Told:
    return Told(Cue.RUNNING, "x", onset=True, score=score, since_s=0.0, at_s=1.0, true=true)


def test_who_is_seen_well_is_told_and_what_is_told_is_so() -> None:
    one = played("ring", ring, CLEAR, 1)
    found = {t.cue for t in one.told if t.onset}
    assert {Cue.DISPERSAL, Cue.RUNNING} <= found
    assert all(t.true for t in one.told if t.cue in {Cue.DISPERSAL, Cue.RUNNING})
    assert all(m.delay_s is not None and m.delay_s < 3 for m in one.so if m.cue is Cue.DISPERSAL)
    assert played("ring", ring, CLEAR, 1) == one


def test_definitions() -> None:
    config = Config()
    apart = moment(3 * RING, 1.4 * RING, np.zeros((8, 2)))
    assert holds(Cue.DISPERSAL, config, apart)
    assert not holds(Cue.CONVERGENCE, config, apart)
    assert holds(Cue.GATHERING, config, moment(RING, 0 * RING))
    assert not holds(Cue.GATHERING, config, moment(8 * RING, 0 * RING))
    # Who shares no place walks apart by chance.
    assert not holds(Cue.DISPERSAL, config, moment(3 * RING, 1.4 * RING))
    ways = np.stack([np.where(np.arange(8) % 2, 1.3, -1.3), np.zeros(8)], axis=1)
    assert holds(Cue.COUNTER_FLOW, config, moment(RING, ways))
    assert not holds(Cue.COUNTER_FLOW, config, moment(RING, np.abs(ways)))
    assert holds(Cue.RUNNING, config, moment(RING, 3 * ways))
    nobody = moment(np.zeros((0, 2)), np.zeros((0, 2)))
    assert not any(holds(cue, config, nobody) for cue in CALIBRATIONS)


def test_breaks_shorter_than_a_release_end_no_episode_and_short_ones_are_none() -> None:
    held = [False, True, True, True, False, True, False, False, False, True, False]
    times = [float(n) for n in range(len(held))]
    assert episodes(times, held, 2.0, 2.0) == [Episode(1.0, 6.0)]


def test_a_calibration_is_found_again_and_is_better_than_none() -> None:
    rng, by = np.random.default_rng(3), Calibration(2.0, -0.5)
    scores = rng.uniform(0.45, 0.8, 4000)
    sample = [told(float(s), bool(rng.random() < by.probability(float(s)))) for s in scores]
    found = fitted(sample[::2])
    assert found.slope == pytest.approx(by.slope, abs=0.4)
    assert found.offset == pytest.approx(by.offset, abs=0.3)
    rest, true = sample[1::2], truths(sample[1::2])
    assert brier(probabilities(rest, found), true) < brier(probabilities(rest), true)
    assert calibration_error(probabilities(rest, found), true) < 0.05
    # Where a clearer movement is less often so, the curve still rises.
    assert fitted([told(0.5 + n / 100, n < 10) for n in range(20)]).slope > 0
    with pytest.raises(ValueError, match="play more scenes"):
        fitted(sample[:3])


def test_sight_is_measured_as_it_was_simulated() -> None:
    rng = np.random.default_rng(5)
    turns = np.tile([0.9, 0.0, 0.1], (2, 3, 1))
    slips = (rng.normal(0, 0.03, (500, 3)), rng.normal(0, 0.06, (500, 3)))
    # Two who stand in the clear, and one in front of another.
    corners = np.array(
        [[50, 100, 80, 200], [300, 100, 330, 200], [500, 100, 530, 200], [505, 110, 535, 210]], float
    )
    eye = Eye(Sight(turns, 0.5, slips, 0.0, 0.0), 4, rng)
    truth = list(enumerate(corners.tolist()))
    looks = [Look(truth, eye.see(corners, np.arange(4), 768, 576)) for _ in range(1500)]
    found = measured([looks], 768, 576)
    assert found.turns[0, 0, 2] == pytest.approx(0.1, abs=0.03)
    assert found.stays == pytest.approx(0.5, abs=0.1)
    assert found.slips[0].std() == pytest.approx(0.03, rel=0.2)
    with pytest.raises(ValueError, match="longer sequence"):
        measured([looks[:3]], 768, 576)


def test_nobody_is_seen_where_nobody_is() -> None:
    seen = Eye(CLEAR, 2, np.random.default_rng(1)).see(np.zeros((0, 4)), np.zeros(0, np.intp), 768, 576)
    assert isinstance(seen, Boxes)
    assert not len(seen)


def test_people_walk_where_they_are_told_and_no_further() -> None:
    walker = Walker((0.0, 10.0), (Leg((0.0, 10.0), 1.0, 2.0), Leg((5.0, 10.0), 1.3)), from_s=1.0, until_s=9.0)
    moments = list(Street([walker], np.random.default_rng(1)).moments(12.0, 2))
    assert [len(m.who) for m in moments if m.seconds < 0.95 or m.seconds > 9.05] == [0] * 19
    last = next(m for m in moments if m.seconds == pytest.approx(8.8))
    np.testing.assert_allclose(last.places, [[5.0, 10.0]], atol=0.6)


def test_the_rows_of_a_short_measurement() -> None:
    kinds = {"ring": ring, "people waiting": ORDINARY["people waiting"]}
    scenes = all_played(kinds, CLEAR, range(1))
    rows = list(calibration_rows(scenes, scenes, CALIBRATIONS))
    assert {len(row) for row in rows} == {12}
    assert len(list(found_rows(scenes))) == 1 + len(CALIBRATIONS)
    assert next(row for row in ordinary_rows(scenes, 1) if row[0] == "people waiting")
    assert "<circle" in drawn({"running": ([(0.5, 0.7, 3)], [(0.7, 0.7, 3)])})


def test_speeds_are_what_they_are_where_everything_is_seen() -> None:
    for _, true, seen, _ in list(speed_rows(CLEAR, range(1)))[1:]:
        assert float(seen) == pytest.approx(float(true), rel=0.25)


def test_the_figures_are_of_the_calibration_that_ships() -> None:
    page = (DOCS / FIGURES).read_text(encoding="utf-8")
    for cue, by in CALIBRATIONS.items():
        assert f"| {cue} | {by.slope:.2f} | {by.offset:.2f} |" in page
    assert (DOCS / PLOT).read_text(encoding="utf-8").startswith("<svg")
