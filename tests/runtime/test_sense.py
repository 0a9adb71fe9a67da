"""What the role does when a part of it fails: it says so once, and goes on."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self
from unittest.mock import AsyncMock

import pytest

from edge.cli.settings_file import EXAMPLES
from edge.domain.city import City
from edge.domain.frames import Frame, Idle
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.sound_reports import SoundLevelReport
from edge.domain.stages import Check, Section
from edge.privacy import gate as gate_module
from edge.privacy.gate import Gate
from edge.privacy.policy import Policy
from edge.privacy.policy_watch import SILENCE, Demands, PolicyWatch, Standing
from edge.runtime import sense as sensing
from edge.runtime.clock import SystemClock
from edge.runtime.lanes import Fitting
from edge.runtime.recording_clock import RecordingClock
from edge.runtime.sense import Sense, gate_of
from edge.runtime.settings import Entry, Settings, entry, load_settings
from edge.runtime.worker import Worker

START_NS = 1_767_225_600_000_000_000


def settings(length_s: float = 12) -> Settings:
    sound = entry("simulation", "sound", "microphone", duration_s=length_s, pace="max", channels=1)
    return load_settings(EXAMPLES / "replay.toml", fed=False, environment={}).replaying([sound])


class BrokenRule:
    """A rule with a bug."""

    def accept(self, observation: Observation) -> Iterator[Any]:
        raise ZeroDivisionError(observation.kind)


def broken_rule() -> Entry:
    module = ModuleType("broken")
    module.build = lambda _config: BrokenRule()  # type: ignore[attr-defined] # a module made for this test
    return Entry("fusion", "broken", "broken", module, Section())


def run(settings: Settings, *, start_ns: int = START_NS) -> tuple[Sense, list[Any]]:
    reports: list[Any] = []

    async def accept(report: Any) -> None:
        reports.append(report)

    async def main() -> Sense:
        clock = RecordingClock(start_ns, standing=True)
        role = Sense(settings, gate_of(settings), accept, clock, monitored=False)
        await role.run()
        return role

    return asyncio.run(main()), reports


def test_a_broken_rule_is_switched_off_and_the_others_go_on() -> None:
    good = settings()
    role, reports = run(replace(good, entries=(*good.entries, broken_rule())))
    assert role.health[Status.FAILED, Reason.EXCEPTION] == 1
    assert [r.kind for r in reports if r.kind in {"impulse", "sound_level"}].count("impulse") == 1
    assert [r.component for r in reports if getattr(r, "reason", None) == Reason.EXCEPTION] == [
        Component.DETECTOR
    ]


class Concluding:
    """A rule that makes one observation of another."""

    def accept(self, observation: Observation) -> Iterator[Any]:
        if isinstance(observation, Health) and observation.reason is Reason.STARTED:
            yield replace(observation, reason=Reason.RECOVERED)


class BreaksAlways(BrokenRule):
    """A rule with a bug that counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def accept(self, observation: Observation) -> Iterator[Any]:
        self.asked += 1
        return super().accept(observation)


def test_a_rule_that_breaks_on_what_another_concludes_is_switched_off_once() -> None:
    good = settings()
    role = Sense(good, gate_of(good), AsyncMock(), SystemClock(), monitored=False)
    broken = BreaksAlways()
    role._rules = {"concluding": Concluding(), "broken": broken}
    source = SourceId("m", 0, Component.MICROPHONE)
    started: dict[str, Any] = {
        "component": Component.MICROPHONE,
        "status": Status.OK,
        "reason": Reason.STARTED,
    }
    asyncio.run(role.observe(Health(source=source, time=SystemClock().now(), **started)))
    assert set(role._rules) == {"concluding"}
    assert broken.asked == 1
    assert role.health[Status.FAILED, Reason.EXCEPTION] == 1


class ToldRule:
    """A rule that notes what the policy tells it, and fails at the second telling."""

    def __init__(self) -> None:
        self.told: list[City] = []

    def obey(self, city: City) -> None:
        self.told.append(city)
        if len(self.told) > 1:
            raise ZeroDivisionError

    def accept(self, observation: Observation) -> Iterator[Any]:
        assert self.told, "the policy comes before the first observation"
        return iter(())


def test_a_rule_is_told_the_policy_at_the_start_and_when_it_changes() -> None:
    rule = ToldRule()
    module = ModuleType("told")
    module.build = lambda _config: rule  # type: ignore[attr-defined] # a module made for this test
    good = settings()
    role, _ = run(replace(good, entries=(*good.entries, Entry("fusion", "told", "told", module, Section()))))
    assert rule.told == [role.gate.policy.city]
    assert role.health[Status.FAILED, Reason.EXCEPTION] == 0
    other = Policy({}, City(timezone="Europe/Amsterdam"))
    asyncio.run(role.obey(other))
    assert role.gate.policy is other
    assert rule.told[1:] == [other.city]
    assert role.health[Status.FAILED, Reason.EXCEPTION] == 1


def test_a_policy_is_read_anew_without_a_restart_and_trouble_with_it_told_once(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text((EXAMPLES / "policy.toml").read_text())
    good = settings()
    reports: list[Any] = []

    async def accept(report: Any) -> None:
        reports.append(report)

    watch = PolicyWatch(Demands(file, "replay"))
    role = Sense(good, Gate(SILENCE), accept, SystemClock(), policies=watch)

    async def change(text: str) -> None:
        file.write_text(text)
        for _ in range(2):
            await role.look_at_policy()

    asyncio.run(change(file.read_text()))
    assert "sound_level" in role.gate.policy.grounds
    assert reports == []
    before = file.read_text()
    asyncio.run(change("[oops"))
    assert "sound_level" in role.gate.policy.grounds
    assert [(r.component, r.status, r.reason) for r in reports] == [
        (Component.POLICY, Status.DEGRADED, Reason.UNREADABLE)
    ]
    asyncio.run(
        change(
            before.partition("[reports.sound_level]")[0]
            + "[reports.health]"
            + before.rpartition("[reports.health]")[2]
        )
    )
    assert set(role.gate.policy.grounds) == {"health"}
    assert [(r.component, r.status, r.reason) for r in reports[1:]] == [
        (Component.POLICY, Status.OK, Reason.RECOVERED)
    ]


def test_what_the_gate_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    admit = Gate.admit

    def refuse_levels(gate: Gate, finding: Any, now_ns: int) -> Any:
        if finding.kind == "sound_level":
            finding = replace(finding, laeq_db=float("nan"))
        return admit(gate, finding, now_ns)

    monkeypatch.setattr(Gate, "admit", refuse_levels)
    role, reports = run(settings())
    assert "sound_level" not in {r.kind for r in reports}
    told = [r for r in reports if getattr(r, "reason", None) is Reason.REFUSED]
    assert [(r.component, r.count) for r in told] == [(Component.GATE, 2)]
    assert role.gate.refused == {"sound_level": 2}


def test_what_is_over_the_information_budget_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SoundLevelReport, "per_minute", 1)
    monkeypatch.setitem(gate_module._MOULDS, "sound_level", gate_module._mould(SoundLevelReport))
    _, reports = run(settings())
    assert [r.kind for r in reports].count("sound_level") == 1
    told = [r for r in reports if getattr(r, "reason", None) is Reason.OVER_BUDGET]
    assert [(r.component, r.count) for r in told] == [(Component.GATE, 1)]


def test_a_trouble_that_lasts_is_told_once_a_minute() -> None:
    good = settings()
    role = Sense(good, gate_of(good), print, SystemClock())  # type: ignore[arg-type] # never called
    assert [role._due("shed") for _ in range(3)] == [True, False, False]
    role._told_s["shed"] -= 60
    assert role._due("shed")


def test_a_policy_is_looked_at_where_a_stalled_disk_stalls_nothing_else(tmp_path: Path) -> None:
    looked: list[str] = []

    class Watched(PolicyWatch):
        def look(self, now: datetime) -> Standing:
            looked.append(threading.current_thread().name)
            return super().look(now)

    file = tmp_path / "policy.toml"
    file.write_text((EXAMPLES / "policy.toml").read_text())
    good = settings()

    async def main() -> None:
        with Worker("disk") as worker:
            watch = Watched(Demands(file, "replay"))
            role = Sense(good, Gate(SILENCE), AsyncMock(), SystemClock(), policies=watch, run_blocking=worker)
            await role.look_at_policy()
            assert "sound_level" in role.gate.policy.grounds

    asyncio.run(main())
    assert [name.startswith("disk") for name in looked] == [True]


class Stuck:
    """A live source whose driver never answers again."""

    live = True

    def __init__(self) -> None:
        self.released = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __iter__(self) -> Iterator[Frame]:
        yield Idle(SourceId("stuck", 0, Component.CAMERA), SystemClock().now())
        self.released.wait(30)

    def check(self) -> Check:
        return Check("stuck", ok=False, detail="", advice="replace it")


def test_a_driver_that_never_answers_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensing, "_PATIENCE_S", 0.2)
    monkeypatch.setattr("edge.runtime.lanes._JOIN_S", 0.1)
    stuck = Stuck()
    good = settings()

    async def main() -> None:
        async def accept(_report: Any) -> None:
            return

        role = Sense(good, gate_of(good), accept, SystemClock())
        asyncio.get_running_loop().call_later(0.3, role.stop)
        fitting = Fitting(SourceId("stuck", 0, Component.CAMERA), stuck, ())
        await asyncio.wait_for(role.run([fitting]), 10)

    try:
        asyncio.run(main())
    finally:
        stuck.released.set()
