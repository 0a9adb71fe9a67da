"""The whole road from source to gate, on a simulated street whose truth is known."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from edge.cli.settings_file import EXAMPLES
from edge.delivery.numbering import Numbering, Position
from edge.runtime.recording_clock import RecordingClock
from edge.runtime.sense import Sense, gate_of
from edge.runtime.settings import Entry, Settings, entry, load_settings

START_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z


def street(length_s: float, **sound: object) -> list[Entry]:
    return [
        entry("simulation", "sound", "microphone", duration_s=length_s, pace="max", **sound),
        entry("simulation", "scene", "camera", duration_s=length_s, pace="max"),
    ]


def settings_for(sources: list[Entry]) -> Settings:
    return load_settings(EXAMPLES / "replay.toml", fed=False, environment={}).replaying(sources)


def reports_of(settings: Settings) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    numbering = Numbering("replay", "desk", Position(1))

    async def accept(report: Any) -> None:
        found.append(json.loads(numbering.entry(report).payload))

    async def main() -> None:
        clock = RecordingClock(START_NS, standing=True)
        await Sense(settings, gate_of(settings), accept, clock, monitored=False).run()

    asyncio.run(main())
    return found


@pytest.fixture(scope="module")
def reports() -> list[dict[str, Any]]:
    return reports_of(settings_for(street(60, first_bang_s=5, bang_every_s=10)))


def of_kind(reports: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [r["data"] for r in reports if r["data"]["kind"] == kind]


def test_every_bang_is_an_event_at_its_time(reports: list[dict[str, Any]]) -> None:
    times = [e["phenomenon_time"] for e in of_kind(reports, "impulse")]
    assert [t[:19] for t in times] == [f"2026-01-01T00:00:{s:02d}" for s in (5, 15, 25, 35, 45, 55)]
    # Sample-accurate onsets, told to 0.1 ms.
    assert all(float("0" + t[19:].removesuffix("Z")) <= 0.001 for t in times if t[19:] != "Z")


def test_every_interval_has_its_level_and_its_motion(reports: list[dict[str, Any]]) -> None:
    levels = of_kind(reports, "sound_level")
    assert [level["duration_s"] for level in levels] == [10.0] * 6
    assert all(level["calibrated"] is False for level in levels)
    assert sum(m["frames"] for m in of_kind(reports, "scene_motion")) > 200


def test_results_come_in_order_and_numbered(reports: list[dict[str, Any]]) -> None:
    known = [r["data"]["result_time"] for r in reports]
    assert known == sorted(known)
    assert [int(r["sequence"]) for r in reports] == list(range(1, len(reports) + 1))


def test_a_replay_is_the_same_every_time() -> None:
    first, second = (reports_of(settings_for(street(30))) for _ in range(2))
    assert first == second


def test_two_microphones_are_two_sensors() -> None:
    sources = [
        entry("simulation", "sound", name, duration_s=12, pace="max", seed=i)
        for i, name in enumerate(("front", "back"))
    ]
    found = of_kind(reports_of(settings_for(sources)), "sound_level")
    assert Counter(level["sensor"] for level in found) == {0: 2, 1: 2}


def test_without_a_policy_nothing_but_health_leaves() -> None:
    settings = settings_for(street(12))
    from dataclasses import replace

    assert {report["data"]["kind"] for report in reports_of(replace(settings, privacy=None))} == {"health"}
