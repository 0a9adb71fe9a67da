"""The two roles as two processes: they meet in the outbox, and killing either loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge.delivery.outbox import Outbox
from edge.signing.key_list import TrustedKey
from edge.signing.key_store import KeyRing, load_key_ring, write_key_ring
from edge.signing.keys import PrivateKey
from edge.subscriber import Verifier
from tests.conftest import Mosquitto

SETTINGS = """\
[node]
city = "test-city"
id = "lp-1"

[privacy]
policy = "{examples}/policy.toml"
unsigned = "allowed"

[signing]
key = "signing.key"

[simulation.sound]
name = "microphone"
duration_s = {length}
first_bang_s = 3
bang_every_s = 3
pace = "{pace}"
channels = 1

[detectors.sound_level]
interval_s = 1

[detectors.impulse]

[fusion.impulse]

[delivery.outbox]
path = "outbox.sqlite"

[delivery.publisher]
port = {port}
retry_min_s = 0.1
retry_max_s = 0.5
"""

EXAMPLES = Path(__file__).resolve().parents[1] / "edge" / "examples"


def settings(folder: Path, port: int, *, length: float = 30, pace: str = "max") -> Path:
    path = folder / "lamppost.toml"
    if not (folder / "signing.key").exists():
        write_key_ring(folder / "signing.key", KeyRing(PrivateKey.generate()))
    path.write_text(SETTINGS.format(examples=EXAMPLES, port=port, length=length, pace=pace))
    return path


@contextmanager
def role(name: str, config: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a role as its own process; stopped at the end if it still runs."""
    command = [sys.executable, "-m", "edge", name, "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


@contextmanager
def subscriber(broker: Mosquitto) -> Iterator[list[dict[str, Any]]]:
    """Subscribe with paho's own thread, as a platform might; gives the list that grows as reports come."""
    received: list[dict[str, Any]] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id="platform")
    client.on_message = lambda _client, _userdata, message: received.append(json.loads(message.payload))
    client.connect(broker.host, broker.port)
    client.subscribe("lp/v1/+/+/+/+", qos=1)
    client.loop_start()
    try:
        yield received
    finally:
        client.disconnect()
        client.loop_stop()


def ids(received: list[dict[str, Any]]) -> set[str]:
    return {report["id"] for report in received}


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def sensed(config: Path) -> int:
    """Run sense to the end of its recording; return how many reports are in the outbox."""
    with role("sense", config) as process:
        assert process.wait(60) == 0, process.stderr
    with Outbox(config.parent / "outbox.sqlite", 10_000_000) as outbox:
        return outbox.counts().pending


def test_sense_needs_no_broker_and_publish_delivers_later(tmp_path: Path, mosquitto: Mosquitto) -> None:
    config = settings(tmp_path, mosquitto.port)
    count = sensed(config)
    assert count >= 30 + 9
    with role("publish", config), Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
        wait_until(lambda: outbox.counts().pending == 0)
        assert sum(outbox.counts().delivered.values()) == count


def test_a_killed_publisher_loses_nothing(tmp_path: Path, mosquitto: Mosquitto) -> None:
    config = settings(tmp_path, mosquitto.port, length=200)
    count = sensed(config)
    killed = 0
    with subscriber(mosquitto) as received:
        while len(ids(received)) < count:
            enough = min(len(ids(received)) + 100, count)
            with role("publish", config) as process:
                wait_until(partial(_has, received, enough))
                process.send_signal(signal.SIGKILL)
            killed += 1
            assert killed < 50
    assert len(ids(received)) == count
    assert killed > 1


def test_a_killed_sense_loses_nothing_that_was_accepted(tmp_path: Path, mosquitto: Mosquitto) -> None:
    config = settings(tmp_path, mosquitto.port, length=3600, pace="real_time")
    with role("publish", config), subscriber(mosquitto) as received:
        for enough in (3, 6):
            with role("sense", config) as process:
                wait_until(partial(_has, received, enough))
                process.send_signal(signal.SIGKILL)
        with Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
            wait_until(lambda: outbox.counts().pending == 0)
            accepted = sum(outbox.counts().accepted.values())
        wait_until(partial(_has, received, accepted))
    assert len({report["sequence"] for report in received}) == accepted


def _has(received: list[dict[str, Any]], enough: int) -> bool:
    return len(ids(received)) >= enough


def test_a_stopped_sense_gives_its_partial_interval(tmp_path: Path) -> None:
    config = settings(tmp_path, 1, length=3600, pace="real_time")
    config.write_text(config.read_text().replace("interval_s = 1", "interval_s = 600"))
    began_s = time.monotonic()
    with role("sense", config) as process, Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
        wait_until(lambda: any(b'"microphone"' in entry.payload for entry in outbox.pending(9)))
        time.sleep(1)
        process.terminate()
        assert process.wait(20) == 0
        (level,) = [json.loads(e.payload)["data"] for e in outbox.pending(99) if e.kind == "sound_level"]
    assert 0 < level["duration_s"] < time.monotonic() - began_s


def require_every_report(folder: Path) -> None:
    """30 s with a bang every 3 s: all of it is in the outbox, signed, and nothing is missing."""
    with Outbox(folder / "outbox.sqlite", 10_000_000) as outbox:
        entries = outbox.pending(10_000)
    kinds = Counter(entry.kind for entry in entries)
    assert (kinds["sound_level"], kinds["impulse"]) == (30, 9)
    key = load_key_ring(folder / "signing.key").current
    verifier = Verifier({key.key_id: TrustedKey("/lp/v1/test-city/lp-1", key.public)})
    assert [finding for entry in entries for finding in verifier.accept(entry.payload, entry.topic)] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network namespace")
def test_sense_runs_without_any_network(tmp_path: Path) -> None:
    config = settings(tmp_path, 1)
    command = ["unshare", "--net", sys.executable, "-m", "edge", "sense", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "unshare failed" in done.stderr:
        pytest.skip("this machine does not let us make a network namespace")
    assert done.returncode == 0, done.stderr
    require_every_report(tmp_path)


def test_publish_loads_nothing_that_could_open_a_device(tmp_path: Path) -> None:
    config = settings(tmp_path, 1)
    program = (
        "import sys\nfrom pathlib import Path\nfrom edge.cli import publish\n"
        "from edge.cli.settings_file import load\n"
        f"load(Path({str(config)!r}), layers=('delivery',))\n"
        "devices = ('cv2', 'sounddevice', 'serial', 'onnxruntime', 'scipy', 'soundfile')\n"
        "print([name for name in devices if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
