"""Fixtures for all tests: leaks fail, and a real broker for those who ask for one."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

_THREAD_GRACE_S = 2.0
_BROKER_START_S = 10.0


@pytest.fixture(autouse=True)
def _no_leaked_thread() -> Iterator[None]:
    """Fail a test that leaves a thread running."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _THREAD_GRACE_S
    for thread in set(threading.enumerate()) - before:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    assert not left, f"threads still run after the test: {left}"


@pytest.fixture(autouse=True)
def _no_leaked_task(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test whose event loop is closed while a task of it still runs."""
    left: list[str] = []
    close = asyncio.Runner.close

    def close_and_look(runner: asyncio.Runner) -> None:
        # A runner that was never used would make its loop only to be asked for it.
        if getattr(runner, "_loop", None) is not None:
            left.extend(repr(task.get_coro()) for task in asyncio.all_tasks(runner.get_loop()))
        close(runner)

    monkeypatch.setattr(asyncio.Runner, "close", close_and_look)
    yield
    assert not left, f"tasks still run when the loop is closed: {left}"


@dataclass
class Mosquitto:
    """A mosquitto of one test on a free loopback port; it can be stopped and started again.

    Attributes:
        settings: further lines of its configuration.
    """

    folder: Path
    port: int
    settings: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start, and wait until it listens."""
        own = () if any(line.startswith("listener") for line in self.settings) else (self._listener,)
        lines = [*own, *self.settings]
        if not any("allow_anonymous" in line for line in lines):
            lines.append("allow_anonymous true")
        if os.geteuid() == 0:
            lines.append("user root")  # else it becomes a user who may not read the test's folder
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text("\n".join([*lines, ""]))
        log = (self.folder / "mosquitto.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [_mosquitto() or "mosquitto", "-c", str(configuration)], stdout=log, stderr=log
            )
        self._wait_until_listening()

    def stop(self) -> None:
        """Stop it as a power cut does: no word to its clients."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def reload(self) -> None:
        """Make it read its configuration and access lists again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def log(self) -> str:
        """Return what it wrote."""
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    @property
    def _listener(self) -> str:
        return f"listener {self.port} {self.host}"

    def _wait_until_listening(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _BROKER_START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex((self.host, self.port)) == 0:
                    return
            time.sleep(0.02)
        pytest.fail(f"mosquitto does not listen on port {self.port}:\n{self.log()}")


def _mosquitto() -> str | None:
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@pytest.fixture
def free_port() -> int:
    """Give a loopback port that nobody listens on."""
    return _free_port()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def make_mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Mosquitto]]:
    """Give a maker of brokers, not yet started; skip when mosquitto is not installed."""
    if _mosquitto() is None:
        pytest.skip("mosquitto is not installed; apt install mosquitto")
    made: list[Mosquitto] = []

    def make(*settings: str) -> Mosquitto:
        broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"), _free_port(), settings)
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture
def mosquitto(make_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """Give a running mosquitto that lets everyone in."""
    broker = make_mosquitto()
    broker.start()
    return broker


REFERENCE = Path(__file__).resolve().parents[1].parent / "shared" / "models_reference" / "yolox_nano"
"""The public detector beside the checkout, where there is one."""


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    """Give a folder of fetched models with the public detector in it; skip when it is not at hand."""
    file = REFERENCE / "yolox_nano.onnx"
    if not file.exists():
        pytest.skip(f"{file} is not there; `lamppost models fetch people_yolox` gets it")
    folder = tmp_path / "fetched"
    (folder / "people_yolox").mkdir(parents=True)
    (folder / "people_yolox" / file.name).symlink_to(file)
    return folder
