"""A cue begins once, goes on quietly, and ends."""

from edge.domain.course import CueCourse, Pace, Turn
from edge.domain.scene_observations import Stage

PACE = Pace(begin_s=2, release_s=3, update_s=10, maximum_s=40)


def turns(score: list[float], people: int | None = None) -> list[tuple[int, Stage, float]]:
    course = CueCourse(PACE)
    told = [(second, course.follow(value, second, people)) for second, value in enumerate(score)]
    return [(second, turn.stage, turn.lasted_s) for second, turn in told if turn is not None]


def test_what_holds_begins_and_ends_once() -> None:
    assert turns([0, 0.6, 0.6, 0.6, 0.6, 0, 0, 0, 0, 0]) == [(3, Stage.ONSET, 2), (7, Stage.END, 6)]


def test_what_is_brief_or_faint_never_begins() -> None:
    assert turns([0, 0.9, 0.9, 0, 0.9, 0.9, 0] * 5) == []
    assert turns([0.45] * 50) == []


def test_near_its_limit_it_goes_on() -> None:
    told = turns([0.6, 0.6, 0.6, *[0.45, 0.6, 0.45, 0.39] * 4])
    assert [stage for _, stage, _ in told] == [Stage.ONSET, Stage.UPDATE]


def test_it_ends_after_its_longest_and_begins_again_only_after_it_was_away() -> None:
    told = turns([0.9] * 100)
    assert [stage for _, stage, _ in told].count(Stage.ONSET) == 1
    assert [second for second, stage, _ in told if stage is Stage.END] == [40]
    told = turns([*[0.9] * 50, *[0.0] * 5, *[0.9] * 5])
    assert [stage for _, stage, _ in told].count(Stage.ONSET) == 2


def test_a_turn_says_the_best_score_and_the_most_people_and_the_pictures_may_end() -> None:
    course = CueCourse(PACE)
    told = [course.follow(*moment) for moment in ((0.6, 0, 4), (0.8, 1, 9), (0.7, 2, 5))]
    assert told == [None, None, Turn(Stage.ONSET, 0.8, 2, 9)]
    assert course.finish(2.5) == Turn(Stage.END, 0.0, 2.5, None)
    assert course.finish(3) is None
