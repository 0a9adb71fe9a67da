"""What rules remember outlives a restart, and a damaged file costs no more than what was in it."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edge.cli.settings_file import EXAMPLES
from edge.domain.air_observations import Weather
from edge.domain.observations import Observation, Particulates
from edge.domain.stages import Section
from edge.privacy.gate import Gate
from edge.runtime.node import outbox_of, sensing
from edge.runtime.recording_clock import RecordingClock
from edge.runtime.rule_memory import load_memory, memory_path, save_memory
from edge.runtime.sense import Sense, gate_of
from edge.runtime.settings import Entry, Settings, entry, load_settings
from edge.runtime.signing_section import SigningSection

START_NS = 1_767_225_600_000_000_000


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "1", '{"a": 1}', "[" * 100_000, "\xff"])
def test_a_damaged_file_is_no_memory(tmp_path: Path, content: str) -> None:
    path = tmp_path / "memory.json"
    path.write_bytes(content.encode("latin-1"))
    assert load_memory(path) == {}


def test_without_a_file_there_is_no_memory(tmp_path: Path) -> None:
    assert load_memory(tmp_path / "none.json") == {}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = memory_path(tmp_path)
    save_memory(path, {"air_means": {"hours": [1.5, None]}})
    assert load_memory(path) == {"air_means": {"hours": [1.5, None]}}
    assert [file.name for file in tmp_path.iterdir()] == ["rules.json"]


class Counting:
    """A rule that counts intervals over restarts and answers each with an observation."""

    def __init__(self) -> None:
        self.count = 0
        self.answers = 0

    def accept(self, observation: Observation) -> Iterator[Observation]:
        if isinstance(observation, Particulates):
            self.count += 1
            yield Weather(
                source=observation.source, time=observation.time, duration_s=1, readings=1, temperature_c=1.0
            )
        if isinstance(observation, Weather):
            self.answers += 1

    def remember(self) -> Mapping[str, Any]:
        return {"count": self.count}

    def recall(self, state: Mapping[str, Any]) -> None:
        self.count = state["count"] + 0


def run(
    kept: Mapping[str, Any], *, full: bool = False
) -> tuple[Counting, list[Mapping[str, Any]], list[Any]]:
    rule, stored, reports = Counting(), list[Mapping[str, Any]](), list[Any]()
    module = ModuleType("counting")
    module.build = lambda _config: rule  # type: ignore[attr-defined] # a module made for this test

    async def accept(report: Any) -> None:
        reports.append(report)

    async def keep(states: Mapping[str, Any]) -> None:
        if full:
            raise OSError(28, "No space left on device")
        stored.append(states)

    async def main() -> None:
        settings = with_rule(Entry("fusion", "counting", "counting", module, Section()))
        clock, gate = RecordingClock(START_NS, standing=True), gate_of(settings)
        assert isinstance(gate, Gate)
        await Sense(settings, gate, accept, clock, monitored=False, kept=kept, keep=keep).run()

    asyncio.run(main())
    return rule, stored, reports


def with_rule(rule: Entry) -> Settings:
    capture = EXAMPLES.parent / "street" / "sds011.bin"
    board = entry("replay", "byte_capture", "air", path=capture, profile="nova_sds011", pace="max")
    settings = load_settings(EXAMPLES / "replay.toml", fed=False, environment={}).replaying([board])
    return settings.replacing(rule)


def test_a_rule_goes_on_where_it_was() -> None:
    rule, stored, _ = run({"counting": {"count": 40}, "another": {}})
    assert rule.count > 40
    assert [states["counting"] for states in stored] == [{"count": rule.count}]


@pytest.mark.parametrize("kept", [{}, {"counting": {}}, {"counting": {"count": "x"}}])
def test_memory_of_no_use_is_none(kept: dict[str, Any]) -> None:
    rule, _, _ = run(kept)
    assert 0 < rule.count < 40


def test_a_full_disk_does_not_stop_the_road() -> None:
    rule, stored, reports = run({}, full=True)
    assert rule.count
    assert reports
    assert not stored


def test_an_observation_that_follows_reaches_the_rules_and_the_gate() -> None:
    rule, _, reports = run({})
    assert rule.answers == rule.count
    assert sum(report.kind == "weather" for report in reports) == rule.count


def test_what_the_publisher_can_write_is_not_remembered(tmp_path: Path) -> None:
    """Beside the outbox it could put sums of its own making, and have a false mean signed."""
    path = tmp_path / "outbox.sqlite"
    false = {"counting": {"count": 1000}}
    save_memory(path.with_name(path.name + ".rules.json"), false)
    save_memory(memory_path(path.parent), false)
    counts = [asyncio.run(_sense_with_an_outbox(path)) for _ in range(2)]
    assert 0 < counts[0] < 40
    assert counts[1] == 2 * counts[0]
    assert load_memory(memory_path(tmp_path / "sense"))["counting"] == {"count": counts[1]}


async def _sense_with_an_outbox(path: Path) -> int:
    rule, module = Counting(), ModuleType("counting")
    module.build = lambda _config: rule  # type: ignore[attr-defined] # a module made for this test
    settings = with_rule(Entry("fusion", "counting", "counting", module, Section()))
    settings = settings.replacing(entry("delivery", "outbox", path=path))
    settings = replace(settings, privacy=None, signing=SigningSection(unsigned=True))
    clock = RecordingClock(START_NS, standing=True)
    async with outbox_of(settings) as (outbox, worker), sensing(settings, clock, outbox, worker) as sense:
        await sense.run()
    return rule.count
