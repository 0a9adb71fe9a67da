"""Commands on the side of `sense`: obeyed once, answered, and never because the publisher says so."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.delivery.commands import Config, sealed_command
from edge.delivery.inbox import Inbox
from edge.delivery.outbox import Outbox
from edge.domain.actuator import SceneCommand
from edge.domain.commands import ORDER, CommandAnswer, Refusal
from edge.domain.health import Component
from edge.domain.observations import Observation
from edge.domain.time import CaptureTime
from edge.inference.trust import false_alarms
from edge.privacy.policy_watch import Demands, PolicyWatch
from edge.privacy.seal import seal
from edge.runtime.command_memory import CommandMemory, CommandMemoryError
from edge.runtime.commands import Obedience
from edge.runtime.sense import Sense
from edge.runtime.settings import Settings, load_settings
from edge.runtime.thresholds import with_thresholds
from edge.runtime.worker import Worker
from edge.signing.keys import PrivateKey
from tests.privacy.test_policy_watch import text as policy_text

CITY, STRANGER = PrivateKey.generate(), PrivateKey.generate()
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SETTINGS = f"""\
[node]
city = "utrecht"
id = "pole-7"

[detectors.impulse]

[detectors.street_sound]
false_alarms = "false_alarms.json"

[actuators.simulated_lamp]

[delivery.commands]
city_key = "{CITY.public}"
allow = ["scene", "policy", "threshold", "restart", "false_alarm"]
state = "sense"

[[delivery.commands.thresholds]]
detector = "impulse"
setting = "above_floor_db"
min = 10
max = 30
"""


class Noon:
    """A clock that stands."""

    def now(self) -> CaptureTime:
        return CaptureTime(round(NOW.timestamp()) * 1_000_000_000, 0)

    def sleep(self, seconds: float) -> None:
        raise AssertionError


class Node:
    """A lamppost that hears commands; what `sense` would report is in `seen`."""

    def __init__(self, folder: Path, settings: str = SETTINGS) -> None:
        (folder / "lamppost.toml").write_text(settings)
        self.folder = folder
        self.settings: Settings = load_settings(folder / "lamppost.toml", fed=False, environment={})
        section = self.settings.section("delivery", "commands")
        assert isinstance(section, Config)
        self.config = section
        self.policies = PolicyWatch(
            Demands(folder / "policy.toml", "utrecht", (CITY.public,), folder / "state")
        )
        self.seen: list[Observation] = []
        self.restarts = 0

    def obey(self, *payloads: bytes) -> list[tuple[int, str, str]]:
        """Put messages into the inbox as the publisher does; return number, outcome, reason of answers."""
        self.seen.clear()
        asyncio.run(self._obey(payloads))
        answers = [seen for seen in self.seen if isinstance(seen, CommandAnswer)]
        return [(a.number, a.outcome.value, a.reason.value) for a in answers]

    async def _obey(self, payloads: Sequence[bytes]) -> None:
        sense = Sense(self.settings, None, self._accept, Noon(), policies=self.policies)  # type: ignore[arg-type]
        sense.observe = self._observe  # type: ignore[method-assign]
        sense.look_at_policy = self._look  # type: ignore[method-assign]
        sense.ready.set()
        with Worker("outbox") as worker, Outbox(self.folder / "outbox.sqlite", 10_000_000) as outbox:
            inbox = Inbox(outbox)
            await worker(lambda: [inbox.put(payload) for payload in payloads])
            obedience = Obedience(self.config, self.settings, sense, outbox, worker)
            obeying = asyncio.create_task(obedience.run())
            async with asyncio.timeout(20):
                while not obeying.done() and len(await worker(inbox.waiting)) > 0:
                    await asyncio.sleep(0.005)
                await asyncio.sleep(0.05)
            obeying.cancel()
            await asyncio.gather(obeying, return_exceptions=True)
            await worker(outbox.close)
        self.restarts += sense.restarting

    async def _accept(self, report: Any) -> None:
        raise AssertionError

    async def _observe(self, observation: Observation) -> None:
        self.seen.append(observation)

    async def _look(self) -> None:
        self.policies.look(NOW)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def command(number: int, key: PrivateKey = CITY, **content: Any) -> bytes:
    usual = {
        "city": "utrecht",
        "node": "pole-7",
        "number": number,
        "expires": NOW + timedelta(minutes=5),
        "action": "restart",
    }
    return sealed_command(ORDER.validate_python(usual | content), key, NOW)


def test_a_scene_reaches_the_lamp(node: Node) -> None:
    assert node.obey(command(7, action="scene", scene="bright", duration_s=60)) == [(7, "done", "none")]
    (scene, answer) = node.seen
    assert isinstance(scene, SceneCommand)
    assert (scene.scene, scene.duration_s) == ("bright", 60)
    assert answer.source.component is Component.COMMANDS


def test_no_command_is_obeyed_twice_even_after_a_restart(node: Node) -> None:
    scene = command(7, action="scene", scene="bright", duration_s=60)
    earlier = command(6, action="scene", scene="calm", duration_s=60)
    assert node.obey(scene) == [(7, "done", "none")]
    assert node.obey(scene, earlier) == [(7, "refused", "replayed"), (6, "refused", "replayed")]
    assert not [seen for seen in node.seen if isinstance(seen, SceneCommand)]


def test_whoever_owns_the_publisher_cannot_command(node: Node) -> None:
    forged = command(7, STRANGER, action="scene", scene="bright", duration_s=60)
    altered = command(8, action="scene", scene="bright", duration_s=60).replace(b"bright", b"normal")
    assert node.obey(forged, altered, b"rubbish") == [
        (0, "refused", "unknown_key"),
        (0, "refused", "bad_signature"),
        (0, "refused", "malformed"),
    ]
    assert node.obey(command(1)) == [(1, "done", "none")]  # a forged number blocks none


def test_only_what_the_settings_allow_is_obeyed(tmp_path: Path) -> None:
    node = Node(tmp_path, SETTINGS.replace('"restart", ', ""))
    assert node.obey(command(7)) == [(7, "refused", "not_allowed")]
    assert node.restarts == 0


def test_an_expired_command_is_refused_by_number(node: Node) -> None:
    assert node.obey(command(7, expires=NOW - timedelta(seconds=1))) == [(7, "refused", "expired")]


def test_a_restart_is_answered_and_what_follows_waits(node: Node) -> None:
    after = command(8, action="scene", scene="calm", duration_s=60)
    assert node.obey(command(7), after) == [(7, "done", "none")]
    assert node.restarts == 1
    assert node.obey() == [(8, "done", "none")]


def test_a_threshold_within_its_bounds_holds_after_the_restart(node: Node) -> None:
    set_it: dict[str, Any] = {"action": "threshold", "detector": "impulse", "setting": "above_floor_db"}
    assert node.obey(command(7, **set_it, value=15.5)) == [(7, "done", "none")]
    assert node.restarts == 1
    memory = CommandMemory.read(node.config.state)
    assert memory.thresholds == {"impulse.above_floor_db": 15.5}
    changed = with_thresholds(node.settings, node.config, memory.thresholds)
    assert getattr(changed.section("detectors", "impulse"), "above_floor_db", None) == 15.5
    for value in (9.9, 30.1):
        assert node.obey(command(int(value) + 10, **set_it, value=value))[0][2] == "out_of_bounds"
    other: dict[str, Any] = {**set_it, "setting": "sources"}
    assert node.obey(command(50, **other, value=15)) == [(50, "refused", "out_of_bounds")]


def test_a_threshold_that_the_settings_no_longer_allow_is_left_out(node: Node, tmp_path: Path) -> None:
    narrower = Node(tmp_path, SETTINGS.replace("max = 30", "max = 12"))
    assert with_thresholds(narrower.settings, narrower.config, {"impulse.above_floor_db": 15.5}) is (
        narrower.settings
    )
    unknown = {"impulse.nothing": 1.0, "no_dot": 1.0, "camera.above_floor_db": 11.0}
    assert with_thresholds(narrower.settings, narrower.config, unknown) is narrower.settings


def test_a_policy_goes_to_the_gate_if_the_city_sealed_it(node: Node) -> None:
    good = policy_text(3)
    give: dict[str, Any] = {"action": "policy", "policy": good.decode(), "seal": seal(good, CITY)}
    assert node.obey(command(7, **give)) == [(7, "done", "none")]
    assert node.policies.look(NOW).policy.number == 3
    assert node.obey(command(8, **give)) == [(8, "refused", "bad_policy")]
    forged: dict[str, Any] = {**give, "policy": policy_text(4).decode()}
    assert node.obey(command(9, **forged)) == [(9, "refused", "bad_policy")]
    assert node.policies.look(NOW).policy.number == 3


def test_a_false_alarm_is_counted_for_the_model(node: Node, tmp_path: Path) -> None:
    assert node.obey(command(7, action="false_alarm", at=NOW)) == [(7, "done", "none")]
    assert false_alarms(tmp_path / "false_alarms.json") == (round(NOW.timestamp()),)
    (tmp_path / "false_alarms.json").write_text("rubbish")
    assert node.obey(command(8, action="false_alarm", at=NOW)) == [(8, "failed", "trouble")]


def test_what_the_lamppost_has_not_is_said(tmp_path: Path) -> None:
    bare = SETTINGS.replace("[actuators.simulated_lamp]", "").replace(
        '[detectors.street_sound]\nfalse_alarms = "false_alarms.json"', ""
    )
    node = Node(tmp_path, bare)
    assert node.obey(command(1, action="scene", scene="calm", duration_s=1))[0][2] == "not_equipped"
    assert node.obey(command(2, action="false_alarm", at=NOW))[0][2] == "not_equipped"


def test_what_the_publisher_refused_is_reported_once(node: Node) -> None:
    with Outbox(node.folder / "outbox.sqlite", 10_000_000) as outbox:
        for number in (1, 2):
            Inbox(outbox).count_refused({Refusal.BAD_SIGNATURE: number})
    assert node.obey() == [(0, "refused", "bad_signature")]
    (answer,) = node.seen
    assert isinstance(answer, CommandAnswer)
    assert (answer.count, answer.action) == (3, None)
    assert node.obey() == []


def test_without_its_memory_no_command_is_obeyed(node: Node) -> None:
    node.config.state.mkdir()
    (node.config.state / "commands.json").write_text("rubbish")
    with pytest.raises(CommandMemoryError, match="remove it once every command sent so far has expired"):
        CommandMemory.read(node.config.state)
    assert node.obey(command(7)) == [(0, "failed", "trouble")]
    assert node.restarts == 0
    with pytest.raises(CommandMemoryError, match="cannot be written"):
        CommandMemory().write(Path("/proc/no"))
