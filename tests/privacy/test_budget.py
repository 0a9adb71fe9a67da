"""Whatever a lamppost finds, what leaves is bounded in bits, number and size; alarms keep their room."""

import dataclasses
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.delivery.numbering import Numbering, Position
from edge.domain.events import Bang, BangEvent, HelpRequest, Impulse
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Particulates, SceneMotion, SoundLevel, StreetSound
from edge.domain.observations import Sound as Heard
from edge.domain.report_base import LegalBasis, Priority, Purpose
from edge.domain.reports import REPORT_MODELS
from edge.domain.scene_observations import Stage
from edge.domain.time import NS_PER_S, CaptureTime
from edge.domain.trigger import Strength
from edge.privacy.budget import HOUR_BITS, HOUR_S, SHORT_BITS, SHORT_S, Budget
from edge.privacy.contract import CONTRACT
from edge.privacy.gate import Gate
from edge.privacy.policy import Policy
from edge.privacy.policy_file import Ground
from edge.signing.key_store import KeyRing
from edge.signing.keys import PrivateKey

GROUND = Ground(purpose=Purpose.MAINTENANCE, legal_basis=LegalBasis.PUBLIC_TASK, retention_days=7)
EVERYTHING = Policy(dict.fromkeys(REPORT_MODELS, GROUND))
START_NS = 1_777_636_800_000_000_000
LONGEST_BYTES = 2500


def at(now_s: float) -> dict[str, Any]:
    utc_ns = START_NS + round(now_s * NS_PER_S)
    return {"time": CaptureTime(utc_ns, 0, 0.3), "result_time_ns": utc_ns}


def level(now_s: float, sensor: int = 0) -> SoundLevel:
    source = SourceId("m", sensor, Component.MICROPHONE)
    names = ("laeq_db", "lafmax_db", "lasmax_db", "lcpeak_db", "la10_db", "la50_db", "la90_db")
    levels: dict[str, Any] = dict.fromkeys(names, 50.0)
    return SoundLevel(source=source, **at(now_s), duration_s=5, calibrated=True, clipped=False, **levels)


def bang(now_s: float) -> Impulse:
    return Impulse(
        **at(now_s),
        confirmed=False,
        because=("impulse_onset",),
        calibrated=True,
        clipped=False,
        lcpeak_db=100,
        above_floor_db=30,
        rise_s=0.001,
        duration_s=0.1,
        impulses=1,
    )


def sound(now_s: float) -> StreetSound:
    source = SourceId("m", 0, Component.MICROPHONE)
    return StreetSound(source=source, **at(now_s), outcome=Heard.SCREAM, after_impulse=False)


def health(now_s: float) -> Health:
    source = SourceId("c", 0, Component.CAMERA)
    return Health(
        source=source,
        **at(now_s),
        component=Component.CAMERA,
        status=Status.FAILED,
        reason=Reason.NO_DEVICE,
    )


MAKERS = (level, bang, sound, health)


class Watched(Budget):
    """Remembers what was spent, to add it up in another way."""

    def __init__(self) -> None:
        super().__init__()
        self.spends: list[tuple[int, int]] = []

    def spend(self, now_ns: int, kind: str, bits: float, *, per_minute: int, priority: Priority) -> bool:
        done = super().spend(now_ns, kind, bits, per_minute=per_minute, priority=priority)
        if done:
            self.spends.append((now_ns, -int(-bits // 1)))
        return done

    def most(self, length_s: int) -> int:
        """Return the most bits in any window."""
        most = first = total = 0
        for now_ns, bits in self.spends:
            total += bits
            while self.spends[first][0] <= now_ns - length_s * NS_PER_S:
                total -= self.spends[first][1]
                first += 1
            most = max(most, total)
        return most


# A flood: so many findings of a kind, so far apart.
floods = st.lists(
    st.tuples(st.sampled_from(MAKERS), st.integers(1, 150), st.sampled_from([0.0, 0.01, 0.2, 1.0, 60.0])),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(floods)
def test_no_flood_passes_the_budget(flood: list[tuple[Any, int, float]]) -> None:
    gate = Gate(EVERYTHING)
    gate.budget = watched = Watched()
    numbering = Numbering("c" * 32, "n" * 32, Position(2**52), KeyRing(PrivateKey.generate()))
    now_s, came, minutes = 0.0, 0, Counter[tuple[str, int]]()
    for make, count, apart_s in flood:
        for _ in range(count):
            now_s += apart_s
            came += 1
            report = gate.admit(make(now_s), round(now_s * NS_PER_S))
            if report is not None:
                minutes[report.kind, int(now_s // 60)] += 1
                assert len(numbering.entry(report).payload) < LONGEST_BYTES
    assert watched.most(HOUR_S) < HOUR_BITS
    assert watched.most(SHORT_S) < SHORT_BITS
    assert all(count <= 2 * CONTRACT[kind].per_minute for (kind, _), count in minutes.items())
    assert sum(gate.admitted.values()) + sum(gate.over_budget.values()) == came


def test_measures_leave_room_for_health_and_alarms_and_one_alarm_leaves_room_for_another() -> None:
    gate = Gate(EVERYTHING)
    for step in range(4000):
        gate.admit(level(step * 0.5, step % 9), round(step * 0.5 * NS_PER_S))
    now_ns = 2000 * NS_PER_S
    assert gate.over_budget["sound_level"] > 3000
    assert gate.admit(level(2000), now_ns) is None
    assert gate.admit(health(2000), now_ns) is not None
    bangs = [gate.admit(bang(2000 + n), now_ns + n * NS_PER_S) for n in range(900)]
    assert bangs[0] is not None
    assert bangs[-1] is None
    assert gate.admit(sound(2900), 2900 * NS_PER_S) is not None


def call(now_s: float) -> HelpRequest:
    return HelpRequest(
        **at(now_s),
        stage=Stage.ONSET,
        confirmed=False,
        because=("help_button",),
        lasted_s=0.0,
        strength=Strength.STRONG,
    )


def named(now_s: float) -> BangEvent:
    return BangEvent(
        **at(now_s),
        stage=Stage.ONSET,
        confirmed=False,
        because=("impulse_onset",),
        lasted_s=0.1,
        outcome=Bang.UNCLEAR,
        calibrated=True,
        clipped=False,
        lcpeak_db=100.0,
        impulses=1,
    )


def test_a_night_of_bangs_each_told_as_three_kinds_leaves_room_for_a_call_for_help() -> None:
    gate = Gate(EVERYTHING)
    calls = []
    for step in range(1200):  # an hour; a call every minute
        now_s = 3.0 * step
        for make in (bang, named, sound):
            gate.admit(make(now_s), round(now_s * NS_PER_S))
        if step % 20 == 0:
            calls.append(gate.admit(call(now_s), round(now_s * NS_PER_S)))
    assert gate.over_budget["bang"] > 0
    assert None not in calls
    assert gate.refused == {}


def test_everything_else_at_once_leaves_room_for_calls_and_one_call_for_the_other() -> None:
    budget = Budget()
    kinds = [(kind, terms.priority) for kind, terms in CONTRACT.items() if kind != "help_request"]
    for now_s in range(0, 2 * HOUR_S, 4):
        now_ns = now_s * NS_PER_S
        for kind, priority in kinds:
            budget.spend(now_ns, kind, 300, per_minute=1000, priority=priority)
        if now_s % 60 == 0:
            assert budget.spend(now_ns, "help_request", 100, per_minute=60, priority=Priority.CALL)


def test_the_budget_comes_back_with_time() -> None:
    budget = Budget()

    def spend(now_s: float) -> bool:
        return budget.spend(round(now_s * NS_PER_S), "impulse", 999.5, per_minute=9, priority=Priority.EVENT)

    assert [spend(0) for _ in range(4)] == [True, True, False, False]  # a third of 6000 is for one kind
    assert budget.spent == (2000, 2000)
    assert not spend(9.999)
    assert spend(10)
    assert budget.spent == (3000, 1000)


def test_a_clock_that_goes_back_frees_nothing() -> None:
    budget = Budget()
    for now_s in (100, 50, 0):
        budget.spend(now_s * NS_PER_S, "impulse", 600, per_minute=9, priority=Priority.EVENT)
    assert budget.spent == (1800, 1800)
    assert not budget.spend(0, "impulse", 600, per_minute=9, priority=Priority.EVENT)


def test_no_more_of_a_kind_leave_in_a_minute_than_its_contract_says() -> None:
    budget = Budget()
    spent = [
        budget.spend(now_s * NS_PER_S, "health", 10, per_minute=3, priority=Priority.HEALTH)
        for now_s in (0, 1, 2, 3, 59, 60, 60, 61)
    ]
    assert spent == [True, True, True, False, False, True, False, True]


def test_a_time_far_from_the_expected_one_costs_more() -> None:
    terms = CONTRACT["sound_level"]
    gate = Gate(EVERYTHING)
    first, second = (gate.admit(level(now_s), round(now_s * NS_PER_S)) for now_s in (0, 5))
    assert first is not None
    assert second is not None
    soon = terms.time_bits(second, first.phenomenon_time)
    assert soon == pytest.approx(3.459, abs=0.001)  # one of 11 seconds, and no delay
    assert terms.time_bits(second, None) > soon
    late = second.model_copy(update={"result_time": second.result_time.replace(minute=30)})
    assert terms.time_bits(late, first.phenomenon_time) > soon + 10


def test_a_lamppost_with_many_sensors_at_work_stays_within_the_budget() -> None:
    """Four microphones, two cameras and six boards, each telling once a minute, and a bang every two."""
    gate = Gate(EVERYTHING)
    for minute in range(120):
        found: list[Any] = [level(60 * minute, sensor) for sensor in range(4)]
        for sensor in range(2):
            camera = SourceId("c", sensor, Component.CAMERA)
            found.append(
                SceneMotion(
                    source=camera,
                    **at(60 * minute),
                    duration_s=60,
                    moving_share=0.1,
                    occupied_share=0.2,
                    frames=300,
                )
            )
        for sensor in range(6):
            board = SourceId("b", sensor, Component.SERIAL_BOARD)
            found.append(Particulates(source=board, **at(60 * minute), duration_s=60, readings=60))
        found += [bang(60 * minute)] * (minute % 2)
        for finding in found:
            assert gate.admit(finding, minute * 60 * NS_PER_S) is not None
    assert gate.budget.spent[0] < HOUR_BITS * 0.6


def test_a_report_over_budget_is_counted_and_does_not_become_the_previous_one() -> None:
    gate = Gate(EVERYTHING)
    reports = [gate.admit(dataclasses.replace(level(5 * n)), 0) for n in range(60)]
    made = [report for report in reports if report is not None]
    assert 0 < len(made) < 60
    assert gate.over_budget["sound_level"] == 60 - len(made)
    assert gate.admitted["sound_level"] == len(made)
