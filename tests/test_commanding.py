"""The centre commands a lamppost through a real broker and two real processes, and is answered."""

import json
import time
from pathlib import Path

import pytest

from edge.cli.command import dispatch
from edge.cli.output import FINE, FOUND_PROBLEM, WRONG_USE
from edge.signing.key_store import KeyRing, write_key_ring
from edge.signing.keys import PrivateKey
from tests.conftest import Mosquitto
from tests.test_two_processes import role, settings, subscriber, wait_until

COMMANDS = """
[actuators.simulated_lamp]

[delivery.commands]
city_key = "{key}"
allow = ["scene", "restart"]
state = "sense"
"""


def commanded(folder: Path, port: int) -> tuple[Path, Path]:
    """Write settings that hear commands; return them and the centre's private key."""
    config, key = settings(folder, port, length=3600, pace="real_time"), PrivateKey.generate()
    write_key_ring(folder / "city.key", KeyRing(key))
    config.write_text(config.read_text() + COMMANDS.format(key=key.public))
    return config, folder / "city.key"


def test_scene_then_restart_then_scene(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    config, key = commanded(tmp_path, mosquitto.port)
    common = ["--config", str(config), "--key", str(key), "--wait", "40", "--json"]

    def send(*action: str) -> tuple[int, str]:
        capsys.readouterr()
        code = dispatch(["commands", "send", *action, *common])
        answer = json.loads(capsys.readouterr().out)
        return code, f"{answer['outcome']} {answer['reason']}"

    with role("publish", config), role("sense", config) as sense, subscriber(mosquitto) as received:
        wait_until(lambda: len(received) > 0)
        assert send("scene", "bright", "--for", "5") == (FINE, "done none")
        wait_until(lambda: any(event["data"]["kind"] == "lamp" for event in received))
        assert send("restart") == (FINE, "done none")
        assert send("scene", "calm") == (FINE, "done none")
        assert send("threshold", "impulse", "above_floor_db", "20") == (FOUND_PROBLEM, "refused not_allowed")
        assert sense.poll() is None  # the same process began anew
        sense.terminate()
        assert sense.wait(30) == 0
        started = [e for e in received if e["data"].get("reason") == "started"]
        assert len({event["data"]["phenomenon_time"] for event in started}) >= 2


def test_a_signed_command_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_key_ring(tmp_path / "city.key", KeyRing(PrivateKey.generate()))
    to = ["--city", "utrecht", "--node", "pole-7", "--number", "5", "--key", str(tmp_path / "city.key")]
    assert dispatch(["commands", "send", "restart", *to, "--output", "-"]) == FINE
    command = json.loads(capsys.readouterr().out)
    assert command["data"]["number"] == 5
    assert len(command["signature"]) == 86
    assert dispatch(["commands", "send", "restart", *to, "--output", str(tmp_path / "command")]) == FINE
    assert json.loads((tmp_path / "command").read_text())["source"] == "/lp/v1/utrecht"


def test_wrong_use_is_said(tmp_path: Path, free_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    write_key_ring(tmp_path / "city.key", KeyRing(PrivateKey.generate()))
    to = ["--city", "utrecht", "--node", "pole-7", "--output", "-"]
    keyed = [*to, "--key", str(tmp_path / "city.key")]
    assert dispatch(["commands", "send", "restart", *to, "--key", str(tmp_path / "none")]) == WRONG_USE
    assert dispatch(["commands", "send", "false_alarm", "noon", *keyed]) == WRONG_USE
    assert dispatch(["commands", "send", "policy", str(tmp_path / "none"), *keyed]) == WRONG_USE
    assert dispatch(["commands", "send", "scene", "calm", "--for", "1e7", *keyed]) == WRONG_USE
    assert "duration_s" in capsys.readouterr().err


def test_nobody_answers(tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]) -> None:
    config, key = commanded(tmp_path, mosquitto.port)
    began = time.monotonic()
    code = dispatch(
        ["commands", "send", "restart", "--config", str(config), "--key", str(key), "--wait", "0.2"]
    )
    assert code == FOUND_PROBLEM
    assert "no answer came" in capsys.readouterr().err
    assert time.monotonic() - began < 30
