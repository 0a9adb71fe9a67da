"""Actuators in the running role: told, alive without the main loop, back to normal at the end."""

import asyncio
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from types import ModuleType
from typing import Any

from edge.actuators.lamp import Lamp
from edge.actuators.simulated_lamp import Config, Light
from edge.cli.settings_file import EXAMPLES
from edge.domain.actuator import SceneCommand
from edge.domain.check import Check
from edge.domain.city import LampScene
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Observation
from edge.domain.stages import Section
from edge.domain.time import CaptureTime
from edge.runtime.actuation import Hand
from edge.runtime.clock import SystemClock
from edge.runtime.sense import Sense, gate_of
from edge.runtime.settings import Entry, Settings, entry, load_settings

LAMP = SourceId("lamp", 0, Component.LAMP)


def settings(*actuators: Entry) -> Settings:
    quiet = entry("simulation", "sound", "microphone", duration_s=3, pace="real_time", channels=1)
    loaded = load_settings(EXAMPLES / "replay.toml", fed=False, environment={}).replaying([quiet])
    return replace(loaded, entries=(*loaded.entries, *actuators))


def run(given: Settings, meanwhile: Any) -> tuple[Sense, list[Any]]:
    reports: list[Any] = []

    async def accept(report: Any) -> None:
        reports.append(report)

    async def main() -> Sense:
        role = Sense(given, gate_of(given), accept, SystemClock())
        task = asyncio.create_task(role.run())
        await asyncio.sleep(0.3)
        await meanwhile(role)
        await asyncio.wait_for(task, 30)
        return role

    return asyncio.run(main()), reports


async def ask_for_light(role: Sense) -> None:
    now = SystemClock().now()
    await role.observe(SceneCommand(source=LAMP, time=now, scene=LampScene.BRIGHT, duration_s=60))


def test_a_command_reaches_the_lamp_and_its_actions_are_reports() -> None:
    lamp = entry("actuators", "simulated_lamp", slew_percent_s=50)
    _, reports = run(settings(lamp), ask_for_light)
    told = [(r.scene.value, r.level_percent, r.cause.value) for r in reports if r.kind == "lamp"]
    assert told == [("bright", 100, "command"), ("normal", 60, "stopped")]


class BrokenLamp:
    """An actuator with a bug."""

    at_rest = True

    def notice(self, finding: Any, now: CaptureTime) -> None:
        return None

    def step(self, now: CaptureTime, heard_ns: int) -> Iterable[Observation]:
        raise ZeroDivisionError

    def release(self, now: CaptureTime) -> Iterable[Observation]:
        return ()

    def close(self) -> None:
        return None

    def check(self) -> Check:
        return Check("lamp", ok=False, detail="", advice="mend it")


def test_a_broken_actuator_is_told_and_takes_nothing_with_it() -> None:
    module = ModuleType("broken")
    module.build = lambda _config, _source: BrokenLamp()  # type: ignore[attr-defined] # a module for this test
    module.COMPONENT = Component.LAMP  # type: ignore[attr-defined]
    good = entry("actuators", "simulated_lamp", slew_percent_s=50)
    role, reports = run(
        settings(Entry("actuators", "broken", "broken", module, Section()), good), ask_for_light
    )
    assert role.health[Status.FAILED, Reason.EXCEPTION] == 1
    assert [(r.sensor, r.scene.value) for r in reports if r.kind == "lamp"] == [(1, "bright"), (1, "normal")]


def test_when_the_main_loop_hangs_the_lamp_returns_to_normal_by_itself() -> None:
    light = Light()
    lamp = Lamp(Config(slew_percent_s=50, watchdog_s=2), LAMP, light)
    observed: list[Observation | None] = []
    hand = Hand(lamp, LAMP, SystemClock(), observed.append)
    now = SystemClock().now()
    hand.tell(SceneCommand(source=LAMP, time=now, scene=LampScene.BRIGHT, duration_s=60))
    hand.start()
    deadline = time.monotonic() + 10
    while len(observed) < 2 and time.monotonic() < deadline:
        threading.Event().wait(0.05)  # nobody beats
    hand.halt()
    hand.join(5)
    causes = [getattr(o, "cause", None) for o in observed]
    assert causes == ["command", "control_lost", None]
    assert max(light.levels) == 100
    assert light.levels[-1] == 60


def test_a_replay_on_a_desk_moves_no_lamp() -> None:
    given = settings(entry("actuators", "simulated_lamp"))

    async def main() -> list[Any]:
        reports: list[Any] = []

        async def accept(report: Any) -> None:
            reports.append(report)

        role = Sense(given, gate_of(given), accept, SystemClock(), monitored=False)
        task = asyncio.create_task(role.run())
        await asyncio.sleep(0.2)
        await ask_for_light(role)
        await task
        return reports

    assert [r for r in asyncio.run(main()) if r.kind == "lamp"] == []
