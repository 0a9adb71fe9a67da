import base64
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.domain.frames import Fault, Frame, Idle, VideoFrame
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.stages import SourceError
from edge.domain.time import NS_PER_S, CaptureTime
from edge.runtime.clock import SystemClock
from edge.sources import camera
from edge.sources.camera import Config, build
from edge.vision.opencv import opencv

SOURCE = SourceId("front", 0, Component.CAMERA)


class Street:
    """A network camera on the loopback: MJPEG over HTTP, 25 pictures per second, until it is switched off."""

    def __init__(self) -> None:
        self.size = (320, 240)
        self.off = threading.Event()
        self.key = ""
        street = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                if self.headers.get("Authorization", "") != street.key:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="street"')
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                while not street.off.wait(0.04):
                    picture = np.full((street.size[1], street.size[0], 3), (200, 100, 50), np.uint8)
                    jpeg = opencv().imencode(".jpg", picture)[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                    except OSError:
                        return

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.off.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def street() -> Iterator[Street]:
    street = Street()
    yield street
    street.close()


def open_on(device: object, **settings: Any) -> camera.Camera:
    return build(Config(device=str(device), **settings), SOURCE, SystemClock())


def pictures(source: camera.Camera, count: int) -> list[VideoFrame]:
    found: list[VideoFrame] = []
    for frame in source:
        assert isinstance(frame, VideoFrame | Idle)
        found += [frame] if isinstance(frame, VideoFrame) else []
        if len(found) == count:
            break
    return found


def test_a_network_camera_is_seen_at_the_wanted_rate(street: Street) -> None:
    before = time.monotonic_ns()
    with open_on(f"http://{street.host}/stream.mjpg", rate_hz=10) as source:
        frames = pictures(source, 8)
    for frame in frames:
        assert frame.image.shape == (240, 320, 3)
        assert frame.image.dtype == np.uint8
        np.testing.assert_allclose(frame.image.mean(axis=(0, 1)), (200, 100, 50), atol=3)
        assert before < frame.time.monotonic_ns < time.monotonic_ns()
        assert frame.lost == 0
    times_s = [frame.time.monotonic_ns / NS_PER_S for frame in frames]
    assert times_s == sorted(times_s)
    # Seven periods; the first one may have been short.
    assert 0.5 < times_s[-1] - times_s[0] < 3.0


def test_a_stream_that_changes_its_resolution_goes_on(street: Street) -> None:
    with open_on(f"http://{street.host}/", rate_hz=25) as source:
        assert len(pictures(source, 3)) == 3
        street.size = (640, 480)
        later = pictures(source, 30)
    assert later[-1].image.ndim == 3
    np.testing.assert_allclose(later[-1].image.mean(axis=(0, 1)), (200, 100, 50), atol=3)


def test_a_camera_that_dies_is_an_error_and_comes_back(street: Street) -> None:
    source = open_on(f"http://{street.host}/", timeout_s=1)
    with source:
        pictures(source, 2)
        street.off.set()
        told: list[Frame] = []
        with pytest.raises(SourceError, match="no picture for 1 s") as caught:
            told.extend(source)
    assert caught.value.reason is Reason.NO_FRAMES
    assert any(isinstance(frame, Idle) for frame in told)
    street.off.clear()
    with source:
        assert len(pictures(source, 2)) == 2


def test_check_takes_a_picture(street: Street) -> None:
    check = open_on(f"http://{street.host}/a?token=secret").check()
    assert check.ok
    assert check.detail.startswith(f"camera front (http://{street.host}): 320x240, mean brightness 11")
    assert "secret" not in check.detail


@pytest.mark.parametrize(
    ("secrets", "shown"),
    [
        ("lamp:hunter2@{host}/live", "http://{host}"),
        ("{host}/user=lamp_password=hunter2_channel=1", "http://{host}"),
        ("{host}/live?password=hunter2", "http://{host}"),
        ("lamp:hunter2/x@{host}/live", "http://..."),
        ("lamp:@hunter2@{host}/live", "http://..."),
        ("{host}/live?password=@hunter2", "http://..."),
    ],
)
def test_secrets_of_an_address_are_never_told(
    secrets: str, shown: str, capfd: pytest.CaptureFixture[str]
) -> None:
    # Nobody listens on port 9.
    device = "http://" + secrets.format(host="127.0.0.1:9")
    source = open_on(device)
    with pytest.raises(SourceError, match="does not answer") as caught:
        source.__enter__()
    assert f"camera front ({shown.format(host='127.0.0.1:9')}):" in str(caught.value)
    check = source.check()
    assert not check.ok
    out, err = capfd.readouterr()
    told = [str(caught.value), check.detail, check.advice, out, err, repr(source._config)]
    assert "hunter2" not in " ".join(told)


def test_user_and_password_reach_the_camera(street: Street) -> None:
    street.key = "Basic " + base64.b64encode(b"lamp:hunter2").decode()
    with open_on(f"http://lamp:hunter2@{street.host}/") as source:
        assert pictures(source, 1)
    with pytest.raises(SourceError, match="check its power, address, user and password"):
        open_on(f"http://lamp:hunter3@{street.host}/").__enter__()


def test_a_camera_that_cannot_be_read_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera, "_DEVICES", tmp_path)
    (tmp_path / "video7").touch()
    for device, said in {
        tmp_path / "video0": "not there; plug it in or change `device`. Found: .*video7",
        tmp_path: "is not a device",
        tmp_path / "video7": r"a recording belongs in \[replay.video_file\]",
        "/dev/null": "cannot be opened; `fuser -v /dev/null` says who holds it",
        "video7": "neither a path nor an address",
        "ftp://lamp:hunter2@host": "neither a path nor an address",
        "": "neither a path nor an address",
    }.items():
        source = open_on(device)
        with pytest.raises(SourceError, match=said) as caught:
            source.__enter__()
        source.__exit__(None, None, None)
        assert caught.value.reason is Reason.NO_DEVICE
        assert "\n" not in str(caught.value)
        assert "hunter2" not in str(caught.value)
        assert source.check().advice


def test_stable_names_are_listed_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "_DEVICES", tmp_path)
    by_path = tmp_path / "v4l" / "by-path"
    by_path.mkdir(parents=True)
    for name in ("platform-usb-0:1-video-index0", "platform-usb-0:1-video-index1", "../../video0"):
        (by_path / name).touch()
    with pytest.raises(SourceError, match=r"Found: \S+usb-0:1-video-index0$"):
        open_on(tmp_path / "absent").__enter__()


def test_a_camera_without_permission_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SourceError, match="group video") as caught:
        open_on("/dev/null").__enter__()
    assert caught.value.reason is Reason.NO_PERMISSION


class Clock:
    """Time passes in `sleep` and while a picture is waited for."""

    def __init__(self) -> None:
        self.ns = 100 * NS_PER_S

    def now(self) -> CaptureTime:
        return CaptureTime(1_700_000_000 * NS_PER_S + self.ns, self.ns)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.ns += round(seconds * NS_PER_S)


class Bus:
    """An OpenCV whose V4L2 camera takes a picture every 40 ms and stamps it; each arrives 15 ms later."""

    CAP_V4L2, CAP_PROP_FRAME_WIDTH, CAP_PROP_FRAME_HEIGHT, CAP_PROP_BUFFERSIZE, CAP_PROP_POS_MSEC = range(5)

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.taken = 0
        self.drop: set[int] = set()
        self.stamped = True
        self.wait: Callable[[], bool] = lambda: False
        self.asked: dict[int, float] = {}
        self.picture: Any = np.zeros((48, 64, 3), np.uint8)
        self.readable = True
        self.released = 0

    def VideoCapture(self, path: str, backend: int) -> "Bus":  # noqa: N802 (OpenCV's name)
        self.opened = (path, backend)
        return self

    def isOpened(self) -> bool:  # noqa: N802 (OpenCV's name)
        return True

    def set(self, prop: int, value: float) -> None:
        self.asked[prop] = value

    def get(self, prop: int) -> float:
        assert prop == self.CAP_PROP_POS_MSEC
        return self.stamp_s * 1000 if self.stamped else 0.0

    def grab(self) -> bool:
        if self.wait():
            self.clock.ns += NS_PER_S
            return False
        self.taken += 1
        while self.taken in self.drop:
            self.taken += 1
        self.stamp_s = 100 + 0.04 * self.taken
        self.clock.ns = max(self.clock.ns, round((self.stamp_s + 0.015) * NS_PER_S))
        return True

    def retrieve(self) -> tuple[bool, Any]:
        return self.readable, self.picture

    def release(self) -> None:
        self.released += 1


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    bus = Bus(Clock())
    monkeypatch.setattr(camera, "opencv", lambda: bus)
    return bus


def on_bus(bus: Bus, **settings: Any) -> camera.Camera:
    # A character device that everyone may open.
    return build(Config(device="/dev/null", **settings), SOURCE, bus.clock)


def first(source: camera.Camera, count: int) -> list[Frame]:
    return [frame for frame, _ in zip(source, range(count), strict=False)]


def test_the_time_of_a_picture_is_the_kernel_s(bus: Bus) -> None:
    with on_bus(bus, width=640, height=480) as source:
        frames = first(source, 10)
    times_s = [frame.time.monotonic_ns / NS_PER_S for frame in frames]
    # 25 pictures per second are thinned to 5.
    assert times_s == pytest.approx([100.04] + [100 + 0.2 * k for k in range(1, 10)])
    assert frames[3].time.utc_ns - frames[3].time.monotonic_ns == 1_700_000_000 * NS_PER_S
    assert bus.opened == ("/dev/null", bus.CAP_V4L2)
    assert bus.asked == {
        bus.CAP_PROP_FRAME_WIDTH: 640,
        bus.CAP_PROP_FRAME_HEIGHT: 480,
        bus.CAP_PROP_BUFFERSIZE: 1,
    }
    assert bus.released == 1


def test_without_the_kernel_s_time_it_is_that_of_the_fetch(bus: Bus) -> None:
    bus.stamped = False
    with on_bus(bus) as source:
        times_s = [frame.time.monotonic_ns / NS_PER_S for frame in first(source, 5)]
    assert times_s == pytest.approx([100.055, 100.215, 100.415, 100.615, 100.815])


def test_what_nobody_fetched_is_counted(bus: Bus) -> None:
    bus.drop = {31, 32, 33}
    with on_bus(bus) as source:
        frames = first(source, 12)
    assert sum(frame.lost for frame in frames if isinstance(frame, VideoFrame)) == 3


def test_a_camera_that_stops_is_waited_for_then_told(bus: Bus) -> None:
    with on_bus(bus, timeout_s=4) as source:
        frames = iter(source)
        next(frames)
        bus.wait = lambda: True
        told: list[Frame] = []
        with pytest.raises(SourceError, match="no picture for 4 s") as caught:
            told.extend(frames)
    assert caught.value.reason is Reason.NO_FRAMES
    assert [type(frame) for frame in told] == [Idle] * 3


def test_a_camera_that_is_unplugged_says_so(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    with on_bus(bus) as source:
        frames = iter(source)
        next(frames)
        bus.wait = lambda: True
        monkeypatch.setattr(Path, "exists", lambda _: False)
        with pytest.raises(SourceError, match="unplugged") as caught:
            next(frames)
        monkeypatch.undo()
    assert caught.value.reason is Reason.NO_DEVICE


@pytest.mark.parametrize(
    ("picture", "readable"),
    [(np.zeros((0, 0, 3), np.uint8), True), (None, False), (np.zeros((4, 4, 2), np.uint8), True)],
)
def test_what_is_no_picture_is_a_fault(bus: Bus, picture: Any, readable: bool) -> None:
    bus.picture, bus.readable = picture, readable
    with on_bus(bus) as source:
        (fault,) = first(source, 1)
    assert isinstance(fault, Fault)
    assert fault.reason is Reason.UNREADABLE
    check = on_bus(bus).check()
    assert not check.ok
    assert "resolution" in check.advice


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 1), (48, 64, 4), (2160, 3840, 3)])
def test_pictures_of_every_kind_become_bgr(bus: Bus, shape: tuple[int, ...]) -> None:
    bus.picture = np.full(shape, 7, np.uint8)
    with on_bus(bus) as source:
        (frame,) = first(source, 1)
    assert isinstance(frame, VideoFrame)
    # 4K is averaged down to the largest that is kept.
    assert frame.image.shape == ((1080, 1920, 3) if shape[1] == 3840 else (*shape[:2], 3))
    assert frame.image.min() == 7


def test_privacy_zones_are_black_in_every_picture(street: Street) -> None:
    zone = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    with open_on(f"http://{street.host}/", rate_hz=25, privacy_zones=[zone]) as source:
        frames = pictures(source, 3)
    for frame in frames:
        middle = frame.image.shape[1] // 2
        assert not frame.image[:, :middle].any()
        assert frame.image[:, middle + 2 :].min() > 30
