"""Running and rapid motion mean the same to every rule that hears of them."""

import pytest

from edge.domain.scene_observations import Cue, Stage
from edge.fusion.cues import MOVEMENTS, of_movement
from tests.fusion.observed import cue


@pytest.mark.parametrize("what", MOVEMENTS)
def test_a_movement_lasts_from_its_onset_to_its_end(what: Cue) -> None:
    begin, more, end = (of_movement(cue(0, what, stage)) for stage in (Stage.ONSET, Stage.UPDATE, Stage.END))
    assert {item.trigger.value for item in (begin, more, end)} == {what.value}
    assert [(item.lasts, item.anew, item.over) for item in (begin, more, end)] == [
        (True, True, False),
        (True, False, False),
        (True, False, True),
    ]


def test_only_the_beginning_of_a_strong_movement_is_enough_alone() -> None:
    strong = cue(0, Cue.RAPID_MOTION, score=0.95)
    assert of_movement(strong, alone_from=0.9).alone
    assert not of_movement(strong).alone
    assert not of_movement(cue(0, Cue.RAPID_MOTION, score=0.85), alone_from=0.9).alone
    assert not of_movement(cue(0, Cue.RAPID_MOTION, Stage.UPDATE, score=0.95), alone_from=0.9).alone
