"""Contacts: what levels mean, and when a state counts."""

from itertools import pairwise

import pytest

from edge.decoding.contact_levels import ContactReader, Levels, played, state_of
from edge.domain.contact import ContactSection
from edge.domain.contact_observations import ContactState, Role
from edge.domain.frames import ContactFrame, Fault, Frame
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime

DOOR = SourceId("door", 0, Component.CONTACT)
START = CaptureTime(10**18, 10**9)
REST, PRESSED, BOTH_OPEN, BOTH_CLOSED = (False, True), (True, False), (False, False), (True, True)


def section(**values: object) -> ContactSection:
    return ContactSection.model_validate({"role": "help_button", **values})


def at(seconds: float) -> CaptureTime:
    return START.shifted(seconds)


def play(edges: list[tuple[float, Levels]], end_s: float, **values: object) -> list[Frame]:
    steps = played(DOOR, section(**values), START, edges, end_s)
    return [frame for _, frames in steps for frame in frames]


def changes(frames: list[Frame]) -> list[tuple[float, str]]:
    """Return when each state began, and which."""
    found: list[tuple[float, str]] = []
    for frame in frames:
        if isinstance(frame, ContactFrame) and (not found or found[-1][1] != frame.state):
            found.append((round((frame.time.monotonic_ns - START.monotonic_ns) / NS_PER_S, 6), frame.state))
    return found


def faults(frames: list[Frame]) -> list[Fault]:
    return [frame for frame in frames if isinstance(frame, Fault)]


@pytest.mark.parametrize(
    ("levels", "active", "state"),
    [
        ((True,), "closed", ContactState.ACTIVE),
        ((False,), "closed", ContactState.INACTIVE),
        ((True,), "open", ContactState.INACTIVE),
        ((False,), "open", ContactState.ACTIVE),
        (PRESSED, "closed", ContactState.ACTIVE),
        (REST, "closed", ContactState.INACTIVE),
        (REST, "open", ContactState.ACTIVE),
        (BOTH_OPEN, "closed", ContactState.CUT),
        (BOTH_OPEN, "open", ContactState.CUT),
        (BOTH_CLOSED, "closed", ContactState.SHORTED),
    ],
)
def test_what_levels_mean(levels: Levels, active: str, state: ContactState) -> None:
    assert state_of(levels, active) is state


def test_a_press_is_told_once_when_it_has_stopped_bouncing() -> None:
    bounces = [(3 + i * 0.002, BOTH_OPEN if i % 2 else PRESSED) for i in range(1, 7)]
    frames = play([(0, REST), (3, BOTH_OPEN), *bounces, (4, REST)], 6)
    assert changes(frames) == [(0, "inactive"), (3.012, "active"), (4, "inactive")]
    assert not faults(frames)


def test_a_spike_shorter_than_the_debounce_time_is_nothing() -> None:
    assert changes(play([(0, (False,)), (1, (True,)), (1.04, (False,))], 3)) == [(0, "inactive")]


def test_what_lasts_exactly_the_debounce_time_counts() -> None:
    assert changes(play([(0, (False,)), (1, (True,))], 1.05)) == [(0, "inactive"), (1, "active")]


def test_a_change_over_contact_may_move_slowly() -> None:
    frames = play([(0, REST), (1, BOTH_OPEN), (1.4, PRESSED)], 3)
    assert changes(frames) == [(0, "inactive"), (1.4, "active")]


@pytest.mark.parametrize(("levels", "state"), [(BOTH_OPEN, "cut"), (BOTH_CLOSED, "shorted")])
def test_a_cut_or_shorted_wire_is_no_open_contact_and_stays_a_fault(levels: Levels, state: str) -> None:
    frames = play([(0, REST), (2, levels), (20, REST)], 40)
    assert changes(frames) == [(0, "inactive"), (2, state), (20, "inactive")]
    told = faults(frames)
    assert {fault.reason for fault in told} == {Reason.WIRING}
    assert f"its wire is {state}; check the cable" in told[0].detail
    spacing_s = [(b.time.monotonic_ns - a.time.monotonic_ns) / NS_PER_S for a, b in pairwise(told)]
    assert len(told) >= 3
    assert all(5 <= gap < 7 for gap in spacing_s)


def test_with_one_input_a_cut_wire_looks_like_an_open_contact() -> None:
    frames = play([(0, (True,)), (2, (False,))], 10, active="open", role="cabinet_door")
    assert changes(frames) == [(0, "inactive"), (2, "active")]


def test_a_button_that_is_held_too_long_is_stuck_and_recovers() -> None:
    frames = play([(0, (False,)), (1, (True,)), (30, (False,))], 60, stuck_s=10)
    told = faults(frames)
    assert {fault.reason for fault in told} == {Reason.CONSTANT}
    assert "help_button: active for 10 s; is it jammed" in told[0].detail
    assert told[-1].time.monotonic_ns < at(31).monotonic_ns
    assert not faults(play([(0, (False,)), (1, (True,))], 100)), "no limit unless the settings give one"


def test_chattering_is_counted_and_nothing_is_invented() -> None:
    edges = [(1 + i * 0.01, (bool(i % 2),)) for i in range(500)]
    frames = play([(0, (False,)), *edges], 8)
    assert changes(frames) == [(0, "inactive"), (5.99, "active")]
    told = faults(frames)
    assert {fault.reason for fault in told} == {Reason.CHATTERING}
    assert sum(fault.count for fault in told) == 499 - 80
    assert "more than 80 edges within 10 s" in told[0].detail


def test_slow_presses_are_no_chattering() -> None:
    edges = [(1 + i * 0.3, (bool(i % 2),)) for i in range(100)]
    assert not faults(play([(0, (False,)), *edges], 40))


def test_it_says_every_second_that_it_is_still_there() -> None:
    frames = [frame for frame in play([(0, REST)], 10) if isinstance(frame, ContactFrame)]
    assert len(frames) in {10, 11}
    times = [frame.time.monotonic_ns for frame in frames]
    assert times == sorted(times)
    assert {frame.role for frame in frames} == {Role.HELP_BUTTON}


def test_a_clock_that_steps_changes_nothing() -> None:
    reader = ContactReader(DOOR, section(), (False,), START)
    reader.tick(at(0.1))
    stepped = CaptureTime(at(1).utc_ns - 3600 * NS_PER_S, at(1).monotonic_ns)
    reader.take((True,), stepped)
    (frame,) = reader.tick(CaptureTime(stepped.utc_ns, at(1.05).monotonic_ns))
    assert isinstance(frame, ContactFrame)
    assert frame.state is ContactState.ACTIVE


def test_what_is_due_next() -> None:
    reader = ContactReader(DOOR, section(), (False,), START)
    assert reader.rest_s(START) == pytest.approx(0.05)
    reader.tick(at(0.05))
    assert reader.rest_s(at(0.05)) == pytest.approx(1.0)
    reader.take((True,), at(0.5))
    assert reader.rest_s(at(0.52)) == pytest.approx(0.03)


def test_no_edges_are_no_frames() -> None:
    assert play([], 5) == []
