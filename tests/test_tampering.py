"""What a real lamppost published through a real broker, across a rotation, and every way to tamper."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge.cli.command import dispatch
from edge.cli.output import FINE, FOUND_PROBLEM
from edge.delivery.outbox import Entry, Outbox
from edge.signing.events import read_event
from tests.conftest import Mosquitto
from tests.test_two_processes import role, settings, wait_until


@dataclass(frozen=True)
class Received:
    """What a subscriber wrote down, a topic and a report a line, and the list of keys that it was given."""

    lines: list[str]
    keys: Path

    @property
    def rotation(self) -> int:
        """Where the key changed."""
        (place,) = [n for n, line in enumerate(self.lines) if "/chain/rotation " in line]
        return place


@contextmanager
def written_down(broker: Mosquitto) -> Iterator[list[str]]:
    lines: list[str] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id="archive")
    client.on_message = lambda _c, _u, message: lines.append(f"{message.topic} {message.payload.decode()}")
    client.connect(broker.host, broker.port)
    client.subscribe("lp/v1/+/+/+/+", qos=1)
    client.loop_start()
    try:
        yield lines
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tampering")


@pytest.fixture
def received(folder: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]) -> Received:
    keys, kept = folder / "keys.toml", folder / "received"
    if kept.exists():
        return Received(kept.read_text().splitlines(), keys)
    config = settings(folder, mosquitto.port, length=12)
    key = str(folder / "signing.key")
    listed = []
    for verb in (["show"], ["rotate"]):
        assert dispatch(["keys", *verb, key, "--config", str(config)]) == FINE
        listed.append(capsys.readouterr().out)
    keys.write_text("".join(listed))
    for rotate in (False, True):
        if rotate:
            assert dispatch(["keys", "rotate", key, "--activate"]) == FINE
        with role("sense", config) as sense:
            assert sense.wait(60) == 0
    with (
        written_down(mosquitto) as lines,
        role("publish", config),
        Outbox(folder / "outbox.sqlite", 10_000_000) as outbox,
    ):
        wait_until(lambda: outbox.counts().pending == 0)
        wait_until(lambda: len(lines) == sum(outbox.counts().accepted.values()))
    kept.write_text("\n".join(lines))
    return Received(lines, keys)


def check(received: Received, lines: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Return the exit code of `lamppost events verify` and the kinds of problem that it told."""
    path = received.keys.with_name("tampered")
    path.write_text("\n".join(lines))
    capsys.readouterr()
    code = dispatch(["events", "verify", str(path), "--keys", str(received.keys)])
    told = re.findall(r"^PROBLEM (\w+)", capsys.readouterr().out, re.MULTILINE)
    return code, told


def test_every_way_to_tamper(received: Received, capsys: pytest.CaptureFixture[str]) -> None:
    lines, middle, change = received.lines, len(received.lines) // 4, received.rotation
    assert check(received, lines, capsys) == (FINE, [])
    old = lines[middle]

    flipped = [*lines[:middle], _flipped(old), *lines[middle + 1 :]]
    assert check(received, flipped, capsys) == (FOUND_PROBLEM, ["bad_signature", "gap"])
    dropped = [*lines[:middle], *lines[middle + 1 :]]
    assert check(received, dropped, capsys) == (FOUND_PROBLEM, ["gap"])
    no_record = [*lines[:change], *lines[change + 1 :]]
    assert check(received, no_record, capsys) == (FOUND_PROBLEM, ["gap", "key_changed"])
    elsewhere = [*lines[:middle], old.replace("/lp-1/", "/lp-2/", 1), *lines[middle + 1 :]]
    assert check(received, elsewhere, capsys) == (FOUND_PROBLEM, ["wrong_topic", "gap"])
    after_rotation = [*lines, old]
    assert check(received, after_rotation, capsys) == (FOUND_PROBLEM, ["replay"])


def test_what_is_harmless_is_told_and_no_problem(
    received: Received, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, middle = received.lines, received.rotation + 3
    twice = [*lines[: middle + 1], lines[middle], *lines[middle + 1 :]]
    assert check(received, twice, capsys) == (FINE, [])
    swapped = [*lines[:middle], lines[middle + 1], lines[middle], *lines[middle + 2 :]]
    assert check(received, swapped, capsys) == (FINE, ["gap"])  # told when it showed, and then filled


def test_who_owns_the_publisher_cannot_put_the_chain_back(
    folder: Path, received: Received, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It delivers two reports, tells the outbox that no more were ever made, and `sense` starts again."""
    shutil.copy(folder / "signing.key", tmp_path / "signing.key")
    config = settings(tmp_path, port=1, length=4)
    runs = []
    for run in range(3):
        with role("sense", config) as sense:
            assert sense.wait(60) == 0
        with Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
            runs.append(outbox.pending(1000))
            outbox.delivered([entry.sequence for entry in runs[-1]])
        if run == 1:
            _put_back(tmp_path / "outbox.sqlite", runs[0][1])
    lines = [f"{entry.topic} {entry.payload.decode()}" for entry in [*runs[0][:2], *runs[2]]]
    assert check(received, lines, capsys) == (FOUND_PROBLEM, ["gap"])


def _put_back(outbox: Path, last: Entry) -> None:
    fingerprint = read_event(last.payload).fingerprint
    with closing(sqlite3.connect(outbox)) as connection, connection:
        connection.execute("UPDATE chain SET fingerprint = ?", (fingerprint,))
        connection.execute("UPDATE counters SET count = ? WHERE name = 'last_sequence'", (last.sequence,))


def _flipped(line: str) -> str:
    """Let the report be kept a little longer."""
    return re.sub(r'("retention_days":)\d', r"\g<1>9", line, count=1)
