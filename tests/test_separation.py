"""Two processes for real: one has no network, the other no devices, and nothing raw is ever in a file."""

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import soundfile

from edge.delivery.outbox import Outbox
from edge.signing.key_store import KeyRing, write_key_ring
from edge.signing.keys import PrivateKey
from tests.conftest import Mosquitto
from tests.test_two_processes import EXAMPLES, require_every_report, role, settings, wait_until

NO_SOCKETS = """\
import socket, sys

def refuse(event, arguments):
    if event == "socket.__new__" and arguments[1] != socket.AF_UNIX:
        raise PermissionError(13, "no socket for this process")

sys.addaudithook(refuse)
"""
NOTES_WHAT_IS_OPENED = """\
import os, sys

def note(event, arguments):
    if event in ("open", "os.open") and isinstance(arguments[0], (str, bytes)):
        os.write(notes, (os.fsdecode(arguments[0]) + "\\n").encode())

notes = os.dup(2)
sys.addaudithook(note)
"""
HARMLESS_DEVICES = {"/dev/null", "/dev/urandom", "/dev/random", "/dev/tty"}
MEDIA = re.compile(r"\.(ogg|wav|flac|mp4|avi|mkv|raw|onnx)$|/dev/(snd|video|tty[A-Z])")


def _strace() -> str | None:
    found = shutil.which("strace")
    if found and subprocess.run([found, "-qq", "true"], capture_output=True, check=False).returncode == 0:
        return found
    return None


STRACE = _strace()
"""None also where a process may not be traced."""


def hooked(folder: Path, hook: str) -> dict[str, str]:
    """Return an environment in which Python runs `hook` before anything else."""
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(hook)
    return {**os.environ, "PYTHONPATH": str(folder / "hook")}


def test_sense_needs_no_socket(tmp_path: Path) -> None:
    """With strace the system call itself fails, for C libraries too; without it Python's sockets do."""
    config = settings(tmp_path, 1)
    command = [sys.executable, "-m", "edge", "sense", "--config", str(config)]
    environment = dict(os.environ)
    if STRACE is None:
        environment = hooked(tmp_path, NO_SOCKETS)
    else:
        log = str(tmp_path / "trace")
        inject = ["-e", "trace=socket", "-e", "inject=socket:error=EACCES"]
        command = [STRACE, "-f", "-qq", "-o", log, *inject, *command]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    require_every_report(tmp_path)
    if STRACE is not None:
        calls = (tmp_path / "trace").read_text().splitlines()
        assert not [call for call in calls if "AF_INET" in call or "AF_NETLINK" in call]


def test_publish_opens_no_device_and_no_media(tmp_path: Path, mosquitto: Mosquitto) -> None:
    config = settings(tmp_path, mosquitto.port, length=6)
    with role("sense", config) as sense:
        assert sense.wait(60) == 0
    command = [sys.executable, "-m", "edge", "publish", "--config", str(config)]
    log, environment = tmp_path / "trace", dict(os.environ)
    if STRACE is None:
        environment = hooked(tmp_path, NOTES_WHAT_IS_OPENED)
    else:
        # -D: the process traced is our child, so that a signal reaches it and not strace.
        command = [STRACE, "-D", "-f", "-o", str(log), "-e", "trace=open,openat,openat2,creat", *command]
    with (
        (tmp_path / "err").open("ab") as err,
        subprocess.Popen(command, env=environment, stderr=err) as process,
    ):
        with Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
            wait_until(lambda: outbox.counts().pending == 0, 60)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    if STRACE is not None:
        ended = re.compile(rf"^{process.pid} +\+\+\+", re.MULTILINE)  # numbers are padded to five places
        wait_until(lambda: ended.search(log.read_text(errors="replace")) is not None)
    said = (log if STRACE else tmp_path / "err").read_text(errors="replace")
    opened = set(re.findall(r'"([^"]+)"', said)) if STRACE else set(said.splitlines())
    assert any(path.endswith("outbox.sqlite") for path in opened), said[-2000:]
    devices = {path for path in opened if path.startswith("/dev/")} - HARMLESS_DEVICES
    assert devices == set()
    assert [path for path in opened if MEDIA.search(path)] == []


RATE_HZ = 48_000
WINDOW = 8
"""Consecutive samples or pixels that count as the canary: nobody guesses 16 bytes."""


def canary_sound() -> npt.NDArray[np.int16]:
    return np.random.default_rng(7).integers(-20_000, 20_000, RATE_HZ * 4, dtype=np.int16)


def sound_needles(sound: npt.NDArray[np.int16]) -> Iterator[bytes]:
    for start in range(1000, len(sound) - WINDOW, 9973):
        window = sound[start : start + WINDOW]
        unit = window.astype(np.float64) / 32_768
        for spelled in (window, window.astype(">i2"), unit, unit.astype(np.float32), window.astype(np.int32)):
            yield from _spellings(spelled.tobytes())
        yield (window.astype(np.int32) << 16).tobytes()
        for separator in (",", ", ", " "):
            yield separator.join(map(str, window.tolist())).encode()
            yield separator.join(map(str, unit.tolist())).encode()


def image_needles(picture: npt.NDArray[np.uint8]) -> Iterator[bytes]:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    for row in range(10, picture.shape[0], 31):
        for start in range(0, picture.shape[1] - 16, 37):
            for pixels in (picture[row, start : start + 16], grey[row, start : start + 16]):
                yield from _spellings(pixels.tobytes())
                for divisor in (1, 255):
                    yield (pixels[:WINDOW].astype(np.float32) / np.float32(divisor)).tobytes()
                yield ",".join(map(str, pixels.ravel().tolist())).encode()


def _spellings(raw: bytes) -> Iterator[bytes]:
    yield raw
    yield raw.hex().encode()
    # The middle of it, whatever it is aligned to.
    for shift in range(3):
        yield base64.b64encode(bytes(shift) + raw)[8:-8]


def canary_files(folder: Path) -> tuple[Path, Path]:
    """Write a sound and a film that nothing else looks like."""
    sound, film = folder / "canary.wav", folder / "canary.avi"
    soundfile.write(sound, canary_sound(), RATE_HZ, subtype="PCM_16")
    noise = np.random.default_rng(8).integers(0, 255, (20, 240, 320, 3), dtype=np.uint8)
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (320, 240))
    for picture in noise:
        writer.write(picture)
    writer.release()
    return sound, film


def decoded(film: Path) -> npt.NDArray[np.uint8]:
    capture = cv2.VideoCapture(str(film))
    _, picture = capture.read()
    capture.release()
    return np.asarray(picture, np.uint8)


CANARY = """\
[node]
city = "test-city"
id = "lp-1"

[privacy]
policy = "{examples}/policy.toml"
unsigned = "allowed"

[signing]
key = "signing.key"

[replay.audio_file]
name = "microphone"
path = "{sound}"
loop = true

[replay.video_file]
name = "camera"
path = "{film}"
loop = true

[detectors.sound_level]
interval_s = 1

[detectors.impulse]

[detectors.sound_health]

[detectors.scene_motion]
interval_s = 1

[detectors.picture_health]

[fusion.impulse]

[delivery.outbox]
path = "outbox.sqlite"

[delivery.publisher]
port = {port}
"""


def searched(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def found(files: dict[str, bytes], needles: Iterator[bytes]) -> list[str]:
    wanted = set(needles)
    assert min(map(len, wanted)) >= 8
    return [name for name, content in files.items() if any(needle in content for needle in wanted)]


def test_nothing_raw_is_in_any_file_not_even_after_a_crash(tmp_path: Path, mosquitto: Mosquitto) -> None:
    given, work = tmp_path / "given", tmp_path / "work"
    for folder in (given, work, work / "tmp"):
        folder.mkdir()
    sound, film = canary_files(given)
    write_key_ring(work / "signing.key", KeyRing(PrivateKey.generate()))
    config = work / "lamppost.toml"
    config.write_text(CANARY.format(examples=EXAMPLES, sound=sound, film=film, port=mosquitto.port))
    environment = {**os.environ, "TMPDIR": str(work / "tmp")}
    for name, ends_by in (("sense", signal.SIGSEGV), ("publish", signal.SIGTERM)):
        command = [sys.executable, "-m", "edge", name, "--config", str(config), "--json"]
        with (
            (work / f"{name}.log").open("wb") as log,
            subprocess.Popen(command, cwd=work, env=environment, stdout=log, stderr=log) as process,
            Outbox(work / "outbox.sqlite", 10_000_000) as outbox,
        ):
            if name == "sense":
                wait_until(lambda: {"scene_motion", "sound_level"} <= set(outbox.counts().accepted), 60)
                assert _limit(process.pid) == ("0", "0")
            else:
                wait_until(lambda: outbox.counts().pending == 0, 60)
            process.send_signal(ends_by)
            process.wait(30)
    files = searched(work)
    assert {"outbox.sqlite", "sense.log", "publish.log"} <= set(files)
    assert found(files, sound_needles(canary_sound())) == []
    assert found(files, image_needles(decoded(film))) == []
    assert [name for name in files if "core" in name] == []
    _require_logs_without_payloads(files)
    # What is searched for would be found.
    picture = decoded(film)
    assert found({"film": picture.tobytes()}, image_needles(picture)) == ["film"]
    assert found({"film": base64.b64encode(picture.tobytes())}, image_needles(picture)) == ["film"]
    for spelled in (sound.read_bytes(), (canary_sound() / np.float32(32_768)).tobytes()):
        assert found({"sound": spelled}, sound_needles(canary_sound())) == ["sound"]


def _limit(pid: int) -> tuple[str, str]:
    limits = Path(f"/proc/{pid}/limits").read_text()
    (found,) = re.findall(r"Max core file size +(\S+) +(\S+)", limits)
    return found[0], found[1]


def _require_logs_without_payloads(files: dict[str, Any]) -> None:
    for name in ("sense.log", "publish.log"):
        log = files[name].decode()
        assert log.strip()
        for trace in ('"data"', "signature", "prevhash", "laeq_db", "moving_share", "phenomenon_time"):
            assert trace not in log, f"{name} holds {trace}"
