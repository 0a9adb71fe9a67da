"""From the frames of a contact to observations; what the gate lets out of them."""

from collections.abc import Iterable

import pytest
from pydantic import ValidationError

from edge.detectors.contact import Config, ContactChanges, build
from edge.domain.contact_observations import Contact, ContactState, Presence, PresenceContact, Role
from edge.domain.contact_reports import ContactReport, PresenceReport
from edge.domain.frames import ContactFrame, Idle
from edge.domain.health import Absence, Component
from edge.domain.identity import SourceId
from edge.domain.observations import Observation
from edge.domain.report_base import LegalBasis, Purpose
from edge.domain.reports import REPORT_MODELS
from edge.domain.time import CaptureTime
from edge.privacy.gate import Gate
from edge.privacy.policy import Policy
from edge.privacy.policy_file import Ground

SOURCE = SourceId("post", 2, Component.CONTACT)
START = CaptureTime(1_700_000_000 * 10**9, 10**9, 1.0)
ON, OFF = ContactState.ACTIVE, ContactState.INACTIVE
GATE_GROUND = Ground(purpose=Purpose.PUBLIC_SAFETY, legal_basis=LegalBasis.PUBLIC_TASK, retention_days=1)


def frames(role: Role, states: Iterable[tuple[float, ContactState]]) -> Iterable[ContactFrame]:
    return (ContactFrame(SOURCE, START.shifted(at_s), role, state) for at_s, state in states)


def observed(role: Role, states: Iterable[tuple[float, ContactState]]) -> list[Observation]:
    detector = build(Config())
    found = [o for frame in frames(role, states) for o in detector.accept(frame)]
    return [*found, *detector.finish()]


def presence(role_states: Iterable[tuple[float, ContactState]]) -> list[Presence]:
    return [o for o in observed(Role.PRESENCE, role_states) if isinstance(o, Presence)]


def gate() -> Gate:
    return Gate(Policy(dict.fromkeys(REPORT_MODELS, GATE_GROUND)))


def test_each_change_is_told_once_with_how_long_it_was_otherwise() -> None:
    found = observed(Role.HELP_BUTTON, [(0, OFF), (1, OFF), (2, OFF), (2.5, ON), (3, ON), (4, OFF)])
    contacts = [(o.state, o.previous_s) for o in found if isinstance(o, Contact)]
    assert contacts == [(OFF, None), (ON, 2.5), (OFF, 1.5)]
    assert [o.time for o in found] == [START.shifted(s) for s in (0, 2.5, 4)]


def test_a_cut_wire_is_a_state_of_its_own() -> None:
    (_, cut) = observed(Role.TAMPER, [(0, OFF), (1, ContactState.CUT)])
    assert isinstance(cut, Contact)
    assert cut.state is ContactState.CUT


def test_other_frames_are_not_its_business() -> None:
    assert list(ContactChanges(Config()).accept(Idle(SOURCE, START))) == []


def test_presence_is_a_share_of_the_interval() -> None:
    states = [(float(s), ON if 90 <= s < 360 else OFF) for s in range(1802)]
    first, second = presence(states)
    assert first.present_share == pytest.approx(0.3)
    assert (first.duration_s, first.time) == (900, START)
    assert second.present_share == 0
    assert second.time == START.shifted(900)


def test_time_without_a_sensor_is_nobodys() -> None:
    states = [(float(s), ON) for s in range(90)] + [(float(s), OFF) for s in range(290, 901)]
    (only,) = presence(states)
    assert only.present_share == pytest.approx(89 / 699, abs=0.01)
    assert only.absence is None


def test_a_share_of_less_than_three_quarters_of_the_interval_is_none() -> None:
    cut = [(float(s), ContactState.CUT) for s in range(2, 901)]
    (only,) = presence([(0.0, ON), (1.0, ON), *cut])
    assert (only.present_share, only.absence) == (None, Absence.LOW_CAPTURE)


def test_a_cut_sensor_has_no_share() -> None:
    (only,) = presence([(float(s), ContactState.CUT) for s in range(901)])
    assert (only.present_share, only.absence) == (None, Absence.SENSOR_FAULT)


def test_a_shorter_interval_is_refused_because_it_would_follow_people() -> None:
    with pytest.raises(ValidationError, match="interval_s"):
        Config(interval_s=60)


def test_the_gate_lets_out_a_press_to_the_second() -> None:
    found = observed(Role.HELP_BUTTON, [(0, OFF), (7.4567, ON)])
    report = gate().admit(found[-1])
    assert isinstance(report, ContactReport)
    assert (report.role, report.state, report.previous_s, report.sensor) == (Role.HELP_BUTTON, ON, 7.0, 2)
    assert report.phenomenon_time.microsecond == 0


def test_no_edge_of_a_presence_sensor_leaves() -> None:
    letting_out = gate()
    edges = [o for o in observed(Role.PRESENCE, [(0, OFF), (1, ON)]) if isinstance(o, PresenceContact)]
    assert len(edges) == 2
    assert [letting_out.admit(edge) for edge in edges] == [None, None]
    assert not letting_out.refused, "internal to the lamppost, not a misfit"
    smuggled = Contact(source=SOURCE, time=START, role=Role.PRESENCE, state=ON)
    assert letting_out.admit(smuggled) is None
    assert letting_out.refused == {"contact": 1}


def test_presence_leaves_in_tenths() -> None:
    share = Presence(source=SOURCE, time=START, duration_s=900, present_share=0.3489)
    report = gate().admit(share)
    assert isinstance(report, PresenceReport)
    assert report.present_share == 0.3
    letting_out = gate()
    quick = Presence(source=SOURCE, time=START, duration_s=60, present_share=0.3)
    assert letting_out.admit(quick) is None
    assert letting_out.refused == {"presence": 1}
