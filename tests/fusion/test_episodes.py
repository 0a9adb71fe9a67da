"""What lasts begins once, is confirmed, goes on and ends, whatever arrives in whatever order."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.domain.air_observations import Position
from edge.domain.contact_observations import ContactState, Role
from edge.domain.events import Event, Lasting
from edge.domain.health import Reason, Status
from edge.domain.observations import Observation, Sound
from edge.domain.rule import Timed
from edge.domain.scene_observations import Cue, Stage
from edge.domain.time import CaptureTime
from edge.domain.trigger import Strength
from edge.fusion import (
    disturbance_cue,
    gathering,
    glass_break,
    help_request,
    sudden_dispersal,
    tamper,
)
from edge.fusion.episode import LATE_S
from tests.fusion.observed import (
    BOARD,
    CAMERA,
    CAMERA_2,
    MIC,
    MIC_2,
    at,
    contact,
    cue,
    health,
    monotonic,
    motion,
    onset,
    sound,
)

RULES: dict[str, Any] = {
    module.__name__.rsplit(".", 1)[1]: module
    for module in (disturbance_cue, gathering, glass_break, help_request, sudden_dispersal, tamper)
}


def told(rule: Any, observations: Iterable[Observation], until_s: float | None = None) -> list[Lasting]:
    events = [event for o in observations for event in rule.accept(o)]
    if until_s is not None:
        events += rule.elapse(monotonic(until_s))
    return events


def stages(events: Sequence[Lasting]) -> list[tuple[str, bool]]:
    return [(event.stage.value, event.confirmed) for event in events]


def build(name: str, **settings: Any) -> Any:
    module = RULES[name]
    rule = module.build(module.Config(**settings))
    assert isinstance(rule, Timed)
    return rule


def test_a_scream_leaves_at_once_and_says_that_nothing_confirms_it() -> None:
    events = told(build("disturbance_cue"), [sound(0, Sound.SCREAM)])
    (first,) = events
    assert (first.kind, first.stage, first.confirmed) == ("disturbance_cue", Stage.ONSET, False)
    assert (first.because, first.strength) == (("scream",), Strength.STRONG)
    assert (first.time, first.result_time_ns) == (at(0), at(1.1).utc_ns)


def test_what_is_seen_confirms_what_is_heard_and_then_it_ends() -> None:
    rule = build("disturbance_cue")
    events = told(rule, [sound(0, Sound.SCREAM), cue(2, Cue.RUNNING), cue(9, Cue.RUNNING, Stage.END)], 60)
    assert stages(events) == [("onset", False), ("update", True), ("end", True)]
    assert events[-1].because == ("running", "scream")
    assert events[-1].lasted_s == 9
    assert events[-1].result_time_ns == at(9 + 30 + LATE_S).utc_ns
    assert {event.time for event in events} == {at(0)}


def test_a_raised_voice_or_a_jogger_alone_is_nothing_but_both_are_an_event() -> None:
    assert told(build("disturbance_cue"), [sound(0, Sound.RAISED_VOICE)], 100) == []
    assert told(build("disturbance_cue"), [cue(0, Cue.RUNNING)], 100) == []
    (both,) = told(build("disturbance_cue"), [sound(0, Sound.RAISED_VOICE), cue(1, Cue.RUNNING)])
    assert (both.confirmed, both.because, both.time) == (True, ("raised_voice", "running"), at(0))
    far = [sound(0, Sound.RAISED_VOICE), cue(20, Cue.RUNNING)]
    assert told(build("disturbance_cue"), far, 100) == []


def test_one_microphone_that_hears_two_things_confirms_nothing() -> None:
    events = told(build("disturbance_cue"), [sound(0, Sound.SCREAM), sound(3, Sound.RAISED_VOICE)])
    assert stages(events) == [("onset", False)]
    second = told(build("disturbance_cue"), [sound(0, Sound.SCREAM), sound(0.1, Sound.SCREAM, source=MIC_2)])
    assert stages(second) == [("onset", False), ("update", True)]
    repeated = told(build("disturbance_cue"), [sound(0, Sound.SCREAM), sound(4, Sound.SCREAM)])
    assert stages(repeated) == [("onset", False), ("update", True)]


def test_the_same_observation_twice_counts_once() -> None:
    once = sound(0, Sound.SCREAM)
    assert stages(told(build("disturbance_cue"), [once, once, once])) == [("onset", False)]


def test_after_the_end_nothing_new_begins_for_a_while() -> None:
    rule = build("disturbance_cue", hold_s=5, refractory_s=20)
    events = told(rule, [sound(t, Sound.SCREAM) for t in (0, 10, 26, 28)], 100)
    # It ended at 5 + 2 s; from then on 20 s of quiet.
    assert [(e.stage.value, (e.time.monotonic_ns - monotonic(0)) / 1e9) for e in events] == [
        ("onset", 0),
        ("end", 0),
        ("onset", 28),
        ("end", 28),
    ]


def test_what_never_ends_is_told_as_over_after_the_maximum() -> None:
    rule = build("gathering", maximum_s=100, refractory_s=0)
    events = told(rule, [cue(0, Cue.GATHERING)], 1000)
    assert stages(events) == [("onset", False), ("end", False)]
    assert events[-1].lasted_s == 100


def test_a_gathering_goes_on_until_the_camera_says_so() -> None:
    rule = build("gathering")
    events = told(rule, [cue(0, Cue.GATHERING)], 500)
    assert stages(events) == [("onset", False)]
    events = told(rule, [cue(600, Cue.GATHERING, Stage.END)], 700)
    assert stages(events) == [("end", False)]
    assert events[0].lasted_s == 600


def test_a_gathering_that_is_told_again_while_it_lasts_confirms_nothing() -> None:
    seen = [cue(0, Cue.GATHERING), *(cue(30.0 * n, Cue.GATHERING, Stage.UPDATE) for n in range(1, 20))]
    assert stages(told(build("gathering"), seen)) == [("onset", False)]
    again = [cue(0, Cue.GATHERING), cue(40, Cue.GATHERING, Stage.END), cue(60, Cue.GATHERING)]
    assert stages(told(build("gathering"), again)) == [("onset", False), ("update", True)]


def test_a_gathering_that_grows_is_told_when_it_is_large_enough() -> None:
    small = [cue(0, Cue.GATHERING, score=0.4)]
    assert told(build("gathering"), small, 20) == []
    grown = cue(30, Cue.GATHERING, Stage.UPDATE, score=0.7)
    assert stages(told(build("gathering"), [*small, grown])) == [("onset", False)]


def test_a_second_camera_confirms_a_gathering() -> None:
    events = told(build("gathering"), [cue(0, Cue.GATHERING), cue(5, Cue.GATHERING, source=CAMERA_2)])
    assert stages(events) == [("onset", False), ("update", True)]


def test_running_after_a_bang_is_a_dispersal_and_running_before_it_is_not() -> None:
    (event,) = told(build("sudden_dispersal"), [onset(0), cue(4, Cue.DISPERSAL)])
    assert (event.confirmed, event.because) == (True, ("dispersal", "impulse_onset"))
    assert event.time == at(0)
    assert told(build("sudden_dispersal"), [cue(0, Cue.RUNNING), onset(5)], 100) == []
    assert told(build("sudden_dispersal"), [onset(0), cue(25, Cue.RUNNING)], 100) == []
    assert told(build("sudden_dispersal"), [onset(0, above_floor_db=11.0), cue(4, Cue.RUNNING)], 100) == []


def test_running_after_a_door_that_slammed_is_none() -> None:
    door = [onset(0), sound(0, Sound.OTHER, after_impulse=True)]
    assert told(build("sudden_dispersal"), [*door, cue(4, Cue.DISPERSAL)], 100) == []
    shot = [onset(0), sound(0, Sound.UNCLEAR, after_impulse=True)]
    assert len(told(build("sudden_dispersal"), [*shot, cue(4, Cue.DISPERSAL)])) == 1


def test_a_cue_that_is_known_before_its_bang_still_follows_it() -> None:
    (event,) = told(build("sudden_dispersal"), [cue(0.5, Cue.RUNNING), onset(0)])
    assert event.because == ("impulse_onset", "running")


def test_glass_is_confirmed_by_movement_that_is_unusual_for_the_street() -> None:
    usual = [motion(5.0 * i - 100, 0.01) for i in range(20)]
    quiet = told(build("glass_break"), [*usual, sound(0, Sound.GLASS_BREAK), motion(2, 0.02)])
    assert stages(quiet) == [("onset", False)]
    moving = told(build("glass_break"), [*usual, sound(0, Sound.GLASS_BREAK), motion(2, 0.2)])
    assert stages(moving) == [("onset", False), ("update", True)]
    assert moving[-1].because == ("glass_break", "scene_motion")
    lively = [motion(5.0 * i - 100, 0.2) for i in range(20)]
    assert stages(told(build("glass_break"), [*lively, sound(0, Sound.GLASS_BREAK), motion(2, 0.2)])) == [
        ("onset", False)
    ]


def test_an_interval_that_is_known_a_minute_later_still_confirms() -> None:
    usual = [motion(60.0 * i - 630, 0.01, duration_s=60) for i in range(10)]
    events = told(
        build("glass_break"), [*usual, sound(0, Sound.GLASS_BREAK), motion(-30, 0.3, duration_s=60)]
    )
    assert stages(events) == [("onset", False), ("update", True)]


def test_a_help_button_is_told_at_once_and_confirmed_by_who_is_there() -> None:
    rule = build("help_request")
    button = [contact(0, Role.HELP_BUTTON), contact(1, Role.HELP_BUTTON, ContactState.INACTIVE)]
    assert stages(told(rule, button, 60)) == [("onset", False), ("end", False)]
    here = contact(-300, Role.PRESENCE, source=replace(CAMERA, name="presence", sensor=3))
    events = told(build("help_request"), [here, *button], 60)
    assert stages(events) == [("onset", True), ("end", True)]
    assert events[0].because == ("help_button", "presence")
    assert stages(told(build("help_request"), [button[0], sound(5, Sound.SCREAM)])) == [
        ("onset", False),
        ("update", True),
    ]


def test_a_lamppost_that_has_moved_is_tampered_with() -> None:
    def place(second: float, *, moved: bool) -> Position:
        return Position(source=BOARD, time=at(second), latitude_deg=52.0, longitude_deg=4.0, moved=moved)

    assert told(build("tamper"), [place(0, moved=False)], 100) == []
    assert told(build("tamper"), [place(0, moved=True)])[0].because == ("lamppost_moved",)


def test_nobody_asks_for_help_by_screaming_beside_the_post() -> None:
    here = contact(0, Role.PRESENCE, source=replace(CAMERA, name="presence", sensor=3))
    seen = [here, sound(1, Sound.SCREAM), cue(1, Cue.RUNNING)]
    assert told(build("help_request"), seen, 100) == []


def test_a_cut_wire_is_no_press_but_tampering() -> None:
    cut = contact(0, Role.HELP_BUTTON, ContactState.CUT)
    assert told(build("help_request"), [cut], 60) == []
    (event,) = told(build("tamper"), [cut])
    assert event.because == ("wire_fault",)


def test_a_blocked_camera_is_ill_and_with_a_silent_microphone_tampered_with() -> None:
    blocked = health(0, CAMERA, Reason.OBSTRUCTED)
    silent = health(20, MIC, Reason.SILENT)
    assert told(build("tamper"), [blocked], 100) == []
    (event,) = told(build("tamper"), [blocked, silent])
    assert (event.confirmed, event.because) == (True, ("camera_blocked", "microphone_blocked"))
    well = health(10, CAMERA, Reason.RECOVERED, Status.OK)
    assert told(build("tamper"), [blocked, well, silent], 100) == []
    (turned,) = told(build("tamper"), [health(0, CAMERA, Reason.MOVED)])
    assert (turned.confirmed, turned.because) == (False, ("camera_moved",))
    door = told(build("tamper"), [contact(0, Role.CABINET_DOOR), health(30, CAMERA, Reason.DARK)])
    assert stages(door) == [("onset", False), ("update", True)]


def test_a_camera_that_stays_turned_is_one_alarm_however_often_it_is_told() -> None:
    rule = build("tamper")
    turned = [health(60.0 * minute, CAMERA, Reason.MOVED) for minute in range(300)]
    assert stages(told(rule, turned)) == [("onset", False), ("end", False)]
    well = health(18_000, CAMERA, Reason.RECOVERED, Status.OK)
    assert stages(told(rule, [well, health(18_060, CAMERA, Reason.MOVED)])) == [("onset", False)]


def test_what_outlasted_an_alarm_does_not_confirm_the_next() -> None:
    rule = build("tamper")
    told(rule, [health(60.0 * minute, CAMERA, Reason.MOVED) for minute in range(60)])
    door = [contact(3600, Role.CABINET_DOOR), health(3610, CAMERA, Reason.MOVED)]
    assert stages(told(rule, door)) == [("onset", False)]


def dark_all_night() -> list[Observation]:
    return [health(60.0 * minute, CAMERA, Reason.DARK) for minute in range(301)]


def test_a_microphone_that_falls_silent_long_after_dark_is_no_tampering() -> None:
    silent = [health(18_010 + 60.0 * minute, MIC, Reason.SILENT) for minute in range(5)]
    dark = [health(18_060 + 60.0 * minute, CAMERA, Reason.DARK) for minute in range(5)]
    assert told(build("tamper"), [*dark_all_night(), *silent, *dark]) == []


def test_a_night_does_not_confirm_that_a_door_was_opened_in_it() -> None:
    seen = [*dark_all_night(), contact(18_010, Role.CABINET_DOOR), health(18_060, CAMERA, Reason.DARK)]
    assert stages(told(build("tamper"), seen)) == [("onset", False)]


def test_a_camera_that_was_turned_in_between_is_blocked_anew() -> None:
    before = [health(0, CAMERA, Reason.DARK), health(3000, CAMERA, Reason.MOVED)]
    blocked = [health(9000, CAMERA, Reason.DARK), health(9030, MIC, Reason.SILENT)]
    events = told(build("tamper"), [*before, *blocked])
    assert stages(events) == [("onset", False), ("end", False), ("onset", True)]
    assert events[-1].because == ("camera_blocked", "microphone_blocked")


def test_two_sensors_that_fall_ill_together_are_tampering_however_often_that_is_told() -> None:
    seen = [health(0, CAMERA, Reason.DARK), health(60, CAMERA, Reason.DARK), health(59, MIC, Reason.SILENT)]
    assert stages(told(build("tamper"), seen)) == [("onset", True)]


def test_what_begins_in_the_quiet_after_an_alarm_is_told_when_it_is_told_again() -> None:
    rule = build("tamper", refractory_s=100)
    told(rule, [contact(0, Role.CABINET_DOOR), contact(1, Role.CABINET_DOOR, ContactState.INACTIVE)], 60)
    turned = [health(second, CAMERA, Reason.MOVED) for second in (70, 130, 190)]
    assert stages(told(rule, turned)) == [("onset", False)]


def test_a_cue_that_begins_anew_is_told_though_its_end_was_lost() -> None:
    rule = build("gathering")
    told(rule, [cue(0, Cue.GATHERING)], 5000)
    assert stages(told(rule, [cue(6000, Cue.GATHERING)])) == [("onset", False)]


def test_an_update_waits_its_turn_and_is_not_lost() -> None:
    rule = build("disturbance_cue", update_s=10, scream_alone=0.3)
    events = told(rule, [sound(0, Sound.SCREAM, scream=0.4), sound(0.5, Sound.SCREAM)])
    assert [e.strength for e in events] == [Strength.WEAK]
    later = list(rule.elapse(monotonic(15)))
    assert [(e.stage, e.strength) for e in later] == [(Stage.UPDATE, Strength.STRONG)]
    assert later[0].result_time_ns == at(10).utc_ns


def test_the_end_of_everything_ends_it() -> None:
    rule = build("gathering")
    told(rule, [cue(0, Cue.GATHERING)])
    assert stages(list(rule.finish())) == [("end", False)]
    assert list(rule.finish()) == []


@pytest.mark.parametrize("step_s", [-3600, 3600, 86_400])
def test_a_stepped_clock_changes_no_event(step_s: float) -> None:
    def stepped(observation: Observation) -> Observation:
        if observation.time.monotonic_ns < monotonic(1):
            return observation
        step_ns = round(step_s * 1e9)
        time = CaptureTime(observation.time.utc_ns + step_ns, observation.time.monotonic_ns, 2.0)
        return replace(observation, time=time)

    seen = [sound(0, Sound.SCREAM), cue(2, Cue.RUNNING), cue(9, Cue.RUNNING, Stage.END)]
    plain = told(build("disturbance_cue"), seen, 60)
    late = told(build("disturbance_cue"), [stepped(o) for o in seen], 60)
    assert stages(plain) == stages(late)
    assert [e.lasted_s for e in plain] == [e.lasted_s for e in late]


def anything() -> st.SearchStrategy[Observation]:
    moment = st.floats(-50, 300)
    return st.one_of(
        st.builds(onset, moment, source=st.sampled_from([MIC, MIC_2])),
        st.builds(sound, moment, st.sampled_from(Sound), source=st.sampled_from([MIC, MIC_2])),
        st.builds(
            cue,
            moment,
            st.sampled_from(Cue),
            st.sampled_from(Stage),
            source=st.sampled_from([CAMERA, CAMERA_2]),
            score=st.floats(0, 1),
        ),
        st.builds(motion, moment, st.floats(0, 1)),
        st.builds(contact, moment, st.sampled_from(Role), st.sampled_from(ContactState)),
        st.builds(
            health,
            moment,
            st.sampled_from([MIC, CAMERA]),
            st.sampled_from([Reason.SILENT, Reason.DARK, Reason.NO_DEVICE]),
            st.sampled_from(Status),
        ),
    )


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=30, deadline=None)
@given(
    observations=st.lists(anything(), max_size=60),
    clock_steps=st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=5),
)
def test_whatever_comes_in_whatever_order_each_onset_has_one_end(
    name: str, observations: list[Observation], clock_steps: list[int]
) -> None:
    rule = build(name, maximum_s=60, hold_s=20, update_s=10, refractory_s=20)
    events: list[Event] = []
    for i, observation in enumerate(observations):
        utc_ns = observation.time.utc_ns + clock_steps[i % len(clock_steps)]
        time = CaptureTime(utc_ns, observation.time.monotonic_ns, None)
        events += rule.accept(replace(observation, time=time))
        if i % 3 == 0:
            events += rule.elapse(max(o.time.monotonic_ns for o in observations[: i + 1]))
    events += rule.elapse(monotonic(1000))
    assert list(rule.finish()) == []
    assert_course(events)
    spanned_s = 350 + LATE_S
    # In 20 s of refractory time and what lasts at most 60 s: one onset, one end, one confirmation, updates.
    assert len(events) <= (spanned_s / 20 + 1) * 3 + spanned_s / 10


def assert_course(events: Sequence[Any]) -> None:
    """Check that what began is the only thing that goes on, and ends before the next begins."""
    open_since: CaptureTime | None = None
    for event in events:
        if event.stage is Stage.ONSET:
            assert open_since is None
            open_since = event.time
        else:
            assert open_since == event.time
            if event.stage is Stage.END:
                open_since = None
        assert 0 <= event.lasted_s <= 60
        assert event.because
    assert open_since is None
