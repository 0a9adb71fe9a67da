"""A camera: V4L2 (USB, CSI) by its path, or a network camera by its address (RTSP, HTTP).

Every picture is fetched at the camera's own rate and the wanted ones are decoded, so that none is old. The
time of a picture is the kernel's time stamp of it, on the monotonic clock; where there is none, as over a
network, it is the moment it was fetched.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import Field

from edge.domain.frames import Fault, Frame, Idle, VideoFrame
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.polygon import PRIVACY_ZONES, Polygon
from edge.domain.stages import Check, SourceError, SourceSection
from edge.domain.time import NS_PER_S, CaptureTime, Clock, seconds_between
from edge.vision.intake import Intake
from edge.vision.opencv import opencv
from edge.vision.picture import DropCounter, Thinning

COMPONENT = Component.CAMERA

_SCHEMES = ("rtsp", "rtsps", "http", "https")
_IDLE_AFTER_S = 0.5
_RETRY_AFTER_S = 0.1
# FFmpeg cannot go on once it gave up waiting, so a call waits longer for a network camera than half a second.
_NETWORK_READ_S = 2.0
_OLDEST_STAMP_S = 2.0
_DEVICES = Path("/dev")


class Config(SourceSection):
    """Which camera, and how it is read."""

    device: str = Field(
        "/dev/video0",
        repr=False,
        description="/dev/v4l/by-path/<...>, /dev/video<n>, or rtsp://[user:password@]<...>, also http://",
    )
    width: int | None = Field(None, ge=16, le=7680, description="pixels; absent: the camera's own")
    height: int | None = Field(None, ge=16, le=4320, description="pixels; absent: the camera's own")
    rate_hz: float = Field(5.0, gt=0, le=60, description="pictures handed on per second, at most")
    privacy_zones: tuple[Polygon, ...] = Field((), description=PRIVACY_ZONES)
    timeout_s: float = Field(3.0, ge=1, le=60, description="without a picture for so long it is opened again")


class Camera:
    """The camera.

    A call blocks for about a second at most on a camera that is gone, and for 2 s on a network camera.
    """

    live = True

    def __init__(self, config: Config, source: SourceId, clock: Clock) -> None:
        self._config = config
        self._source = source
        self._clock = clock
        self._network = config.device.partition("://")[0].lower() in _SCHEMES
        shown = _without_secrets(config.device) if self._network else config.device
        self._name = f"camera {source.name} ({shown})"
        self._video: Any = None
        self._intake = Intake(config.privacy_zones)

    def __enter__(self) -> Self:
        """Open the camera. Raises SourceError."""
        cv2 = opencv()
        if self._network:
            wait_ms = round(1000 * self._config.timeout_s)
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, wait_ms, cv2.CAP_PROP_N_THREADS, 1]
            limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1000 * _NETWORK_READ_S)]
            self._video = cv2.VideoCapture(self._config.device, cv2.CAP_FFMPEG, limits)
            advice = "does not answer or is no camera; check its power, address, user and password"
        else:
            self._require_device()
            self._video = cv2.VideoCapture(os.path.realpath(self._config.device), cv2.CAP_V4L2)
            advice = f"cannot be opened; `fuser -v {self._config.device}` says who holds it"
        if not self._video.isOpened():
            raise SourceError(Reason.NO_DEVICE, f"{self._name}: {advice}")
        for wanted, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, self._config.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, self._config.height),
            (cv2.CAP_PROP_BUFFERSIZE, 1),
        ):
            if value is not None and not self._network:
                self._video.set(wanted, value)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the camera."""
        video, self._video = self._video, None
        if video is not None:
            video.release()

    def __iter__(self) -> Iterator[Frame]:
        """Yield pictures. Raises SourceError when none came for `timeout_s`, or the device is gone."""
        cv2 = opencv()
        drops, thinning, lost = DropCounter(), Thinning(self._config.rate_hz), 0
        begun = seen = told = self._clock.now()
        while True:
            grabbed = self._video.grab()
            now = self._clock.now()
            if grabbed:
                stamp_s = self._video.get(cv2.CAP_PROP_POS_MSEC) / 1000
                lost += drops.lost_before(stamp_s)
                seen, time = now, self._captured(now, stamp_s)
                # A picture may have been taken before the camera was entered.
                if thinning.wants(max(0.0, seconds_between(begun, time))):
                    told = now
                    yield self._picture(time, lost)
                    lost = 0
                continue
            self._require_life(seen, now)
            if seconds_between(told, now) >= _IDLE_AFTER_S:
                told = now
                yield Idle(self._source, now)
            self._clock.sleep(_RETRY_AFTER_S)

    def check(self) -> Check:
        """Take a picture."""
        what = f"camera {self._source.name}"
        try:
            with self as source:
                frame = next(f for f in source if isinstance(f, VideoFrame | Fault))
        except SourceError as error:
            return Check(what, False, str(error), _ADVICE.get(error.reason, "see the message"))
        if isinstance(frame, Fault):
            return Check(what, False, frame.detail, "try another resolution, cable or port")
        height, width = frame.image.shape[:2]
        return Check(what, True, f"{self._name}: {width}x{height}, mean brightness {frame.image.mean():.0f}")

    def _picture(self, time: CaptureTime, lost: int) -> VideoFrame | Fault:
        readable, picture = self._video.retrieve()
        try:
            image = self._intake(picture if readable else None)
        except ValueError as error:
            return Fault(self._source, time, Reason.UNREADABLE, f"{self._name}: {error}")
        return VideoFrame(self._source, time, image, lost)

    def _captured(self, now: CaptureTime, stamp_s: float) -> CaptureTime:
        age_s = now.monotonic_ns / NS_PER_S - stamp_s
        if self._network or not 0 <= age_s <= _OLDEST_STAMP_S:
            return now
        return now.shifted(-age_s)

    def _require_device(self) -> None:
        path = Path(self._config.device)
        if not path.is_absolute():
            # What it is not is not repeated: it may hold a password.
            raise SourceError(
                Reason.NO_DEVICE,
                f"camera {self._source.name}: `device` is neither a path nor an address; "
                "give /dev/v4l/by-path/<...>, rtsp:// or http://",
            )
        if not path.exists():
            raise SourceError(
                Reason.NO_DEVICE, f"{self._name}: not there; plug it in or change `device`. Found: {_found()}"
            )
        if not stat.S_ISCHR(path.stat().st_mode):
            raise SourceError(
                Reason.NO_DEVICE,
                f"{self._name}: is not a device; a recording belongs in [replay.video_file]",
            )
        if not os.access(path, os.R_OK | os.W_OK):
            raise SourceError(
                Reason.NO_PERMISSION, f"{self._name}: no permission; add the daemon's user to the group video"
            )

    def _require_life(self, seen: CaptureTime, now: CaptureTime) -> None:
        if not self._network and not Path(self._config.device).exists():
            raise SourceError(Reason.NO_DEVICE, f"{self._name}: unplugged; plug it in again")
        if seconds_between(seen, now) > self._config.timeout_s:
            raise SourceError(
                Reason.NO_FRAMES,
                f"{self._name}: no picture for {self._config.timeout_s:g} s; check its cable and power",
            )


_ADVICE = {
    Reason.NO_DEVICE: "check its cable; `ls -l /dev/v4l/by-path` shows what the kernel sees",
    Reason.NO_PERMISSION: "sudo usermod -aG video <user>, then log in again",
    Reason.NO_FRAMES: "check its cable and power; another program may use it",
}


def _without_secrets(url: str) -> str:
    """Return scheme, host and port: no user, no password, no path, where some cameras want them too.

    In an address with an unescaped @ in its password nobody can tell where that ends: then only the scheme.
    """
    scheme, _, rest = url.partition("://")
    host = re.split("[/?#]", rest.rpartition("@")[2], maxsplit=1)[0]
    userinfo = rest.rpartition("@")[0]
    return f"{scheme}://..." if re.search("[@/?#]", userinfo) else f"{scheme}://{host}"


def _found() -> str:
    stable = sorted(str(path) for path in (_DEVICES / "v4l" / "by-path").glob("*-index0"))
    return ", ".join(stable or sorted(str(path) for path in _DEVICES.glob("video*"))) or "none"


def build(config: Config, source: SourceId, clock: Clock) -> Camera:
    """Return the source; the camera is opened when it is entered."""
    return Camera(config, source, clock)
