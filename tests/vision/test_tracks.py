"""Walkers keep their track, and who crosses a line is counted once."""

from collections.abc import Callable

import numpy as np

from edge.vision.boxes import Boxes, no_boxes
from edge.vision.crossings import Crossing, crossings
from edge.vision.tracks import Track, Tracker

LINE = ((100.0, 200.0), (100.0, 0.0))
"""Upwards in the picture: left of it is where x < 100."""


def walkers(*feet: tuple[float, float], score: float = 1.0) -> Boxes:
    corners = np.array([[x - 10, y - 50, x + 10, y] for x, y in feet], np.float32).reshape(-1, 4)
    return Boxes(corners, np.full(len(feet), score, np.float32), np.zeros(len(feet), np.intp))


def played(
    path: Callable[[float], list[tuple[float, float]]], until_s: float, rate_hz: float = 5.0
) -> tuple[list[list[Track]], list[Crossing]]:
    tracker, seen, crossed = Tracker(1.0), [], []
    for number in range(round(until_s * rate_hz)):
        tracks = tracker.follow(walkers(*path(number / rate_hz)), number / rate_hz)
        seen.append(tracks)
        crossed += crossings(tracks, [LINE])
    return seen, crossed


def test_a_walker_keeps_one_track_and_its_speed() -> None:
    seen, _ = played(lambda s: [(20 + 30 * s, 100)], 4)
    assert {track.number for tracks in seen for track in tracks} == {1}
    assert abs(seen[-1][0].speed[0] - 30) < 1
    assert not seen[0]  # one sighting may be a mistake


def test_two_who_pass_each_other_keep_their_tracks() -> None:
    seen, crossed = played(lambda s: [(40 + 30 * s, 100), (160 - 30 * s, 115)], 4)
    assert {track.number for tracks in seen for track in tracks} == {1, 2}
    assert sorted(c.inwards for c in crossed) == [False, True]


def test_who_is_hidden_for_a_second_is_the_same() -> None:
    seen, crossed = played(lambda s: [] if 1.6 < s < 2.6 else [(20 + 30 * s, 100)], 5)
    assert {track.number for tracks in seen for track in tracks} == {1}
    assert len(crossed) == 1


def test_who_was_gone_for_long_is_somebody_else() -> None:
    seen, _ = played(lambda s: [] if 1.6 < s < 4.6 else [(20 + 10 * s, 100)], 7)
    assert {track.number for tracks in seen for track in tracks} == {1, 2}


def test_a_sway_on_the_line_counts_once() -> None:
    _, crossed = played(lambda s: [(100 + 15 * np.sin(3 * s), 100)], 10)
    assert len(crossed) == 1
    _, crossed = played(lambda s: [(100 + 4 * np.sin(3 * s), 100)], 10)
    assert not crossed


def test_who_walks_round_the_end_of_the_line_has_not_crossed_it() -> None:
    def around(s: float) -> list[tuple[float, float]]:
        angle = np.pi * min(s / 6, 1.0)
        return [(100 - 80 * np.cos(angle), 190 + 80 * np.sin(angle))]

    _, crossed = played(around, 8)
    assert not crossed


def test_who_is_out_of_sight_crosses_nothing_until_seen_on_the_other_side() -> None:
    seen, crossed = played(lambda s: [] if s > 2.3 else [(20 + 30 * s, 100)], 4)
    assert any(track.feet[0] > 110 for tracks in seen for track in tracks)  # expected there
    assert not crossed
    _, crossed = played(lambda s: [] if 2.3 < s < 3.5 else [(20 + 30 * s, 100)], 5)
    assert len(crossed) == 1


def test_a_box_around_two_does_not_throw_the_track_of_one() -> None:
    tracker = Tracker(1.0)
    for number in range(25):
        s = number / 5
        boxes = walkers((20 + 30 * s, 100))
        if 2 < s < 2.7:  # somebody in front, whose feet are lower and whose head is hidden
            boxes.corners[0, 3] += 25
        tracks = tracker.follow(boxes, s)
        if s > 1:
            assert abs(tracks[0].feet[1] - 100) < 13
            assert abs(tracks[0].speed[1]) < 10
    assert {track.number for track in tracks} == {1}


def test_who_is_cut_for_long_is_followed_by_what_is_seen() -> None:
    tracker = Tracker(1.0)
    for number in range(40):
        s = number / 5
        boxes = walkers((20 + 30 * s, 100))
        if s > 2:  # behind a parapet
            boxes.corners[0, 3] -= 20
        tracks = tracker.follow(boxes, s)
    assert {track.number for track in tracks} == {1}
    assert abs(tracks[0].feet[1] - 80) < 3


def test_faint_boxes_begin_no_track_but_continue_one() -> None:
    tracker = Tracker(1.0)
    assert all(not tracker.follow(walkers((50, 100), score=0.6), s / 5) for s in range(10))
    for s in range(10, 15):
        tracker.follow(walkers((50, 100)), s / 5)
    assert len(tracker.follow(walkers((50, 100), score=0.6), 3.0)) == 1


def test_a_gap_in_the_pictures_forgets_everybody() -> None:
    tracker = Tracker(1.0)
    for s in range(5):
        tracker.follow(walkers((50, 100)), s / 5)
    assert tracker.follow(no_boxes(), 100.0) == []
    assert tracker.tracks == []


def test_who_stands_there_after_a_gap_is_somebody_else() -> None:
    tracker = Tracker(1.0)
    for s in range(5):
        tracker.follow(walkers((50, 100)), s / 5)
    assert tracker.follow(walkers((50, 100)), 600.0) == []
    assert [(track.number, track.sightings) for track in tracker.tracks] == [(2, 1)]
