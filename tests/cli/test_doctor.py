"""`lamppost doctor` says what is wrong when something is, and only then."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge.cli.command import dispatch
from edge.cli.output import FOUND_PROBLEM
from edge.cli.settings_file import EXAMPLES
from edge.signing.key_store import KeyRing, write_key_ring
from edge.signing.keys import PrivateKey
from tests.conftest import Mosquitto

STREET = EXAMPLES.parent / "street"

SETTINGS = """\
[node]
city = "test-city"
id = "lp-1"

[privacy]
policy = "{policy}"
unsigned = "allowed"

[replay.audio_file]
name = "microphone"
path = "{sound}"

[[sources.serial_board]]
name = "air"
port = "{port}"
profile = "nova_sds011"

[detectors.sound_level]

[actuators.dali_lamp]
port = "{port}"

[delivery.outbox]
path = "{outbox}"

[delivery.publisher]
host = "127.0.0.1"
port = {broker}
connect_s = 2
"""


def examined(
    folder: Path, capsys: pytest.CaptureFixture[str], more: str = "", **given: object
) -> dict[str, dict[str, Any]]:
    """Return what doctor found, by the first word of `what`."""
    values = {
        "policy": EXAMPLES / "policy.toml",
        "sound": STREET / "sound.ogg",
        "port": "/dev/serial/by-id/none",
        "outbox": folder / "outbox.sqlite",
        "broker": 1,
    }
    path = folder / "lamppost.toml"
    path.write_text(SETTINGS.format(**(values | given)) + more)
    assert dispatch(["doctor", "--json", "--config", str(path)]) == FOUND_PROBLEM
    checks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(check["advice"] for check in checks if not check["ok"])
    return {check["what"].split()[0]: check for check in checks}


def test_no_settings_says_how_to_make_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["doctor", "--json", "--config", str(tmp_path / "none.toml")]) == FOUND_PROBLEM
    checks = {c["what"]: c for c in map(json.loads, capsys.readouterr().out.splitlines())}
    assert "lamppost config init" in checks["settings"]["detail"]
    assert checks["python"]["ok"]


def test_what_works_is_told_apart_from_what_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = examined(tmp_path, capsys)
    assert found["settings"]["ok"]
    assert found["policy"]["ok"]
    assert found["outbox"]["ok"]
    assert found["recording"]["ok"]
    assert not found["broker"]["ok"]
    assert found["lamp"]["advice"] == "plug it in, or give its port (ls /dev/serial/by-id)"
    assert not found["board" if "board" in found else "serial"]["ok"]


def test_what_is_known_of_the_air_is_told_where_a_rule_asks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "air" not in examined(tmp_path, capsys)
    rules = "[detectors.particulates]\n[fusion.air_means]\n[fusion.air_exceedance]\n"
    found = examined(tmp_path, capsys, rules)["air"]
    assert found["ok"]
    assert "measures pm2_5, pm10; the European index lacks no2, o3, so2" in found["detail"]
    assert "pm2_5 day 20 (city)" in found["detail"]


def test_a_broker_that_answers_is_fine(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    found = examined(tmp_path, capsys, broker=mosquitto.port)
    assert found["broker"]["ok"]
    assert "MQTT 5" in found["broker"]["detail"]


def test_injected_faults_are_found(
    tmp_path: Path, free_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = tmp_path / "not_sound.ogg"
    silent.write_bytes(b"not sound at all")
    found = examined(
        tmp_path,
        capsys,
        policy=tmp_path / "none.toml",
        sound=silent,
        outbox="/proc/nowhere/outbox.sqlite",
        broker=free_port,
    )
    assert not found["policy"]["ok"]
    assert not found["recording"]["ok"]
    assert "lamppost keys generate" in found["signing"]["detail"]
    assert "no such folder" in found["outbox"]["detail"]


def test_the_key_that_signs_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = PrivateKey.generate()
    write_key_ring(tmp_path / "signing.key", KeyRing(key))
    found = examined(tmp_path, capsys)
    assert found["signing"]["ok"]
    assert key.key_id in found["signing"]["detail"]
    (tmp_path / "signing.key").chmod(0o644)
    assert "others may read it" in examined(tmp_path, capsys)["signing"]["detail"]


def test_commands_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    section = f'[delivery.commands]\ncity_key = "{PrivateKey.generate().public}"\nstate = "sense"\n'
    plain = SETTINGS
    monkeypatch.setattr(f"{__name__}.SETTINGS", plain + section + 'allow = ["restart"]\n')
    assert "obeys restart" in examined(tmp_path, capsys)["commands"]["detail"]
    (tmp_path / "sense").mkdir()
    (tmp_path / "sense" / "commands.json").write_text("rubbish")
    assert "is damaged" in examined(tmp_path, capsys)["commands"]["detail"]
    bound = (
        'allow = ["threshold"]\n[[delivery.commands.thresholds]]\n'
        'detector = "sound_level"\nsetting = "nothing"\nmin = 1\nmax = 2\n'
    )
    monkeypatch.setattr(f"{__name__}.SETTINGS", plain + section + bound)
    assert "does not take nothing = 1" in examined(tmp_path, capsys)["commands"]["detail"]


def test_people_get_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["doctor", "--config", str(tmp_path / "none.toml")]) == FOUND_PROBLEM
    assert "what to do" in capsys.readouterr().out


def test_a_detector_whose_model_nobody_fetched_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "lamppost.toml"
    settings.write_text(
        '[node]\ncity = "a"\nid = "b"\n[sources.camera]\ndevice = "/dev/nothing"\n'
        f'[detectors.people]\nmodel = "people_yolox"\nfetched = "{tmp_path}"\n'
        '[delivery.outbox]\n[delivery.publisher]\nhost = "127.0.0.1"\n'
    )
    assert dispatch(["doctor", "--json", "--config", str(settings)]) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    said = next(check for check in told if check["what"] == "detector people")
    assert not said["ok"]
    assert "lamppost models fetch people_yolox" in said["detail"]
    assert any(check["what"] == "camera camera" for check in told)  # the rest is still tested
