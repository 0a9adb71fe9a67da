"""`lamppost sensors`: what is plugged in, what is configured, what it says."""

import json
import os
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.cli.command import dispatch
from edge.cli.output import FINE, FOUND_PROBLEM, WRONG_USE
from edge.sources import plugged

HEAD = '[node]\ncity = "demo-city"\nid = "lp-0001"\n'
BOARD = '[[sources.serial_board]]\nname = "{}"\nport = "{}"\nprofile = "nova_sds011"\n'
SDS = bytes.fromhex("aac0d4043a0aa1601dab")
STREET = Path(__file__).parents[2] / "edge" / "street"


class Machine:
    """A machine with what a test plugs in."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.ports: list[SimpleNamespace] = []
        for folder in ("serial/by-id", "v4l/by-path", "snd/by-id", "cards", "video"):
            (root / folder).mkdir(parents=True)
        monkeypatch.setattr("edge.sources.serial_port.LINKS", root / "serial")
        monkeypatch.setattr(plugged, "DEVICES", root)
        monkeypatch.setattr(plugged, "CARDS", root / "cards")
        monkeypatch.setattr(plugged, "VIDEO", root / "video")
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: self.ports)
        monkeypatch.setattr("edge.cli.sensors.DEFAULT", root / "lamppost.toml")

    def port(self, device: str, name: str) -> str:
        link = self.root / "serial" / "by-id" / name
        link.symlink_to(device)
        self.ports.append(Port(device=device, manufacturer="1a86", product="USB Serial", serial_number="A5"))
        return str(link)

    def settings(self, text: str) -> None:
        (self.root / "lamppost.toml").write_text(HEAD + text)


class Port(SimpleNamespace):
    def __lt__(self, other: "Port") -> bool:
        return str(self.device) < str(other.device)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.fixture
def speaking() -> Iterator[str]:
    """Give the path of a port at which an SDS011 speaks."""
    board, own = os.openpty()
    tty.setraw(own)
    stop = threading.Event()

    def speak() -> None:
        while not stop.wait(0.1):
            os.write(board, SDS)

    thread = threading.Thread(target=speak)
    thread.start()
    yield os.ttyname(own)
    stop.set()
    thread.join()
    os.close(board)
    os.close(own)


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_configured_board_says_what_it_measures(
    machine: Machine, speaking: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link = machine.port(speaking, "usb-1a86_USB_Serial-if00-port0")
    machine.settings(BOARD.format("air", link))
    assert dispatch(["sensors", "--json", "--seconds", "3"]) == FINE
    (row,) = rows(capsys)
    assert row["kind"] == "serial_board"
    assert row["name"] == "air"
    assert row["names"] == [link]
    assert row["says"] == {"pm2_5_ugm3": 123.6, "pm10_ugm3": 261.8}
    assert row["quality"] == "ok"
    assert row["age_s"] < 3
    assert row["detail"] == "1a86 USB Serial serial number A5"


def test_for_people_it_is_a_table(
    machine: Machine, speaking: str, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.settings(BOARD.format("air", machine.port(speaking, "usb-A")))
    assert dispatch(["sensors", "--seconds", "3"]) == FINE
    out = capsys.readouterr().out
    assert "lamppost sensors" in out
    assert "ok" in out


def test_what_is_not_configured_is_listed_with_its_names(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    link = machine.port("/dev/null", "usb-B")
    camera = machine.root / "v4l" / "by-path" / "pci-usb-video-index0"
    camera.symlink_to("/dev/zero")
    (machine.root / "v4l" / "by-path" / "pci-usb-video-index1").symlink_to("/dev/full")
    (machine.root / "video" / "zero").mkdir()
    (machine.root / "video" / "zero" / "name").write_text("HD Camera\n")
    for card, records in (("card0", False), ("card1", True)):
        folder = machine.root / "cards" / card
        folder.mkdir()
        (folder / "id").write_text("Mic\n")
        (folder / ("pcmC1D0c" if records else "pcmC0D0p")).mkdir()
    assert dispatch(["sensors", "--json"]) == FINE
    found = [(row["kind"], row["names"], row["name"], row["detail"]) for row in rows(capsys)]
    assert found == [
        ("serial_board", [link], "", "1a86 USB Serial serial number A5; not configured"),
        ("camera", [str(camera)], "", "HD Camera; not configured"),
        ("microphone", ["hw:CARD=Mic"], "", "records sound; not configured"),
    ]


def test_a_board_that_is_not_plugged_in(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.settings(BOARD.format("air", machine.root / "serial" / "by-id" / "usb-none"))
    assert dispatch(["sensors", "--json"]) == FOUND_PROBLEM
    (row,) = rows(capsys)
    assert (row["quality"], row["age_s"], row["says"]) == ("no_device", None, {})
    assert "is the board plugged in?" in row["detail"]


def test_a_silent_board_and_one_that_another_profile_fits(
    machine: Machine, speaking: str, capsys: pytest.CaptureFixture[str]
) -> None:
    board, own = os.openpty()
    silent, wrong = machine.port(os.ttyname(own), "usb-S"), machine.port(speaking, "usb-W")
    text = BOARD.format("silent", silent) + BOARD.format("wrong", wrong).replace(
        "nova_sds011", "winsen_mhz19"
    )
    machine.settings(text)
    assert dispatch(["sensors", "--json", "--seconds", "0.7"]) == FOUND_PROBLEM
    os.close(board)
    os.close(own)
    assert [(row["name"], row["quality"]) for row in rows(capsys)] == [
        ("silent", "silent"),
        ("wrong", "garbage"),
    ]


def test_sources_of_every_kind_are_numbers_and_words(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine.root / "press.csv").write_text("0,0,1\n")
    machine.settings(
        f'[replay.audio_file]\npath = "{STREET / "sound.ogg"}"\n'
        f'[replay.video_file]\npath = "{STREET / "street.mp4"}"\n'
        '[replay.contact_edges]\nrole = "tamper"\npath = "press.csv"\n'
    )
    assert dispatch(["sensors", "--json"]) == FINE
    sound, picture, contact = rows(capsys)
    assert sound["says"].keys() == {"channels", "rate_hz", "level_dbfs"}
    assert picture["says"]["width"] == 768
    assert contact["says"] == {"role": "tamper", "state": "inactive"}
    assert {row["quality"] for row in (sound, picture, contact)} == {"ok"}


def test_a_password_in_an_address_is_not_shown(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.settings('[sources.camera]\ndevice = "rtsp://user:hush@127.0.0.1:1/x"\n')
    assert dispatch(["sensors", "--json"]) == FOUND_PROBLEM
    out, err = capsys.readouterr()
    assert "hush" not in out + err
    assert json.loads(out)["quality"] == "no_device"


def test_nothing_at_all(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["sensors"]) == FINE
    assert "nothing is plugged in" in capsys.readouterr().out


def test_wrong_settings_are_one_clear_line(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["sensors", "--config", str(machine.root / "none.toml")]) == WRONG_USE
    assert "no such file" in capsys.readouterr().err
