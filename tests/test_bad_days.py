"""Bad days of a daemon, with real processes: one clear line, the rest runs, nothing accepted is lost."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edge.delivery.outbox import Outbox
from tests.test_two_processes import role, settings, wait_until


def only_line(*arguments: str) -> tuple[int, str]:
    """Run the command; return its exit code and its one line on stderr."""
    command = [sys.executable, "-m", "edge", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("lamppost:")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.returncode, lines[0]


def test_a_missing_policy(tmp_path: Path) -> None:
    config = settings(tmp_path, 1)
    config.write_text(config.read_text().replace("/policy.toml", "/no_policy.toml"))
    command = [sys.executable, "-m", "edge", "sense", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "no_policy.toml: no such policy file" in done.stderr
    assert "nothing but health leaves" in done.stderr
    with Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
        waiting = [json.loads(entry.payload)["data"] for entry in outbox.pending(100)]
    assert {report["kind"] for report in waiting} == {"health"}
    told = [report for report in waiting if report["component"] == "policy"]
    assert [(report["status"], report["reason"]) for report in told] == [("failed", "missing")]


def test_a_lost_key_lets_out_nothing_but_health_that_says_so(tmp_path: Path) -> None:
    config = settings(tmp_path, 1)
    (tmp_path / "signing.key").unlink()
    with role("sense", config) as process:
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert "signing.key: no such key" in process.stderr.read()
    with Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
        events = [json.loads(entry.payload) for entry in outbox.pending(1000)]
    assert {event["data"]["kind"] for event in events} == {"health"}
    assert not any("signature" in event for event in events)
    told = [event["data"] for event in events if event["data"]["component"] == "signing"]
    assert (told[0]["status"], told[0]["reason"]) == ("failed", "no_key")


def test_an_outbox_folder_that_cannot_be_made(tmp_path: Path) -> None:
    config = settings(tmp_path, 1)
    config.write_text(config.read_text().replace('"outbox.sqlite"', '"/proc/no/outbox.sqlite"'))
    code, line = only_line("sense", "--config", str(config))
    assert code == 3
    assert "outbox folder /proc/no" in line


def test_a_second_daemon_on_one_outbox(tmp_path: Path) -> None:
    config = settings(tmp_path, 1, length=3600, pace="real_time")
    with role("sense", config):
        wait_until((tmp_path / "outbox.sqlite.writer").exists)
        time.sleep(0.5)
        code, line = only_line("sense", "--config", str(config))
    assert code == 3
    assert "another `lamppost sense` or `run` writes to it" in line


def test_a_port_of_the_embedded_broker_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = settings(tmp_path, 1)
        config.write_text(config.read_text() + f"\n[delivery.embedded_broker]\nport = {port}\n")
        code, line = only_line("run", "--config", str(config))
    assert code == 3
    assert f"port {port}" in line


def test_a_broker_that_refuses_does_not_stop_the_sensing(tmp_path: Path) -> None:
    config = settings(tmp_path, 1)
    with role("run", config) as process:
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert "refuse" in process.stderr.read()
    with Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
        assert outbox.counts().pending >= 39


@pytest.mark.parametrize("closed", ["head", "closed", "full"])
def test_a_standard_output_that_goes_away(tmp_path: Path, closed: str) -> None:
    street = Path(__file__).resolve().parents[1] / "edge" / "street" / "sds011.bin"
    replay = f"{sys.executable} -m edge replay --speed max --serial nova_sds011={street}"
    shell = {"head": f"{replay} | head -n 1", "closed": f"{replay} >&-", "full": f"{replay} > /dev/full"}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell[closed]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == (3 if closed == "full" else 0)
    if closed == "full":
        assert "No space left on device" in done.stderr


@pytest.mark.parametrize("after_s", [0.05, 0.3, 0.6, 1.0, 2.0])
def test_ctrl_c_at_any_moment(tmp_path: Path, after_s: float) -> None:
    config = settings(tmp_path, 1, length=3600, pace="real_time")
    with role("run", config) as process:
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
        assert process.stderr is not None
        told = process.stderr.read()
    # Before our first line runs, the interpreter ends in its own way.
    assert code in {0, 130} or "edge" not in told


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may make a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(ballast: Path) -> None:
    """Write until the disk is full."""
    file = os.open(ballast, os.O_WRONLY | os.O_APPEND)
    with suppress(OSError):
        while os.write(file, bytes(4096)):
            pass
    os.close(file)


def waiting(outbox: Path) -> tuple[list[int], list[str]]:
    """Return the numbers and the kinds of the reports that wait."""
    with Outbox(outbox, 10_000_000) as opened:
        entries = opened.pending(1000)
    return [entry.sequence for entry in entries], [entry.kind for entry in entries]


def test_a_disk_that_is_full_and_freed_loses_nothing(tmp_path: Path, tiny_disk: Path) -> None:
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(250_000))
    config = settings(tmp_path, 1, length=3600, pace="real_time")
    config.write_text(config.read_text().replace('"outbox.sqlite"', f'"{tiny_disk}/outbox.sqlite"'))
    with role("sense", config) as process:
        wait_until((tiny_disk / "outbox.sqlite").exists)
        wait_until(lambda: "sound_level" in waiting(tiny_disk / "outbox.sqlite")[1])
        fill(ballast)
        time.sleep(6)
        ballast.unlink()
        time.sleep(3)
        process.terminate()
        assert process.wait(20) == 0
    sequences, kinds = waiting(tiny_disk / "outbox.sqlite")
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    assert kinds.count("sound_level") >= 8
