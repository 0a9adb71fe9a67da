"""A video file as a camera: the same pictures, thinned by their times, in real time or as fast as it goes."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import Field

from edge.decoding.recording import edges, is_text, require_file
from edge.domain.frames import Fault, Frame, Idle, VideoFrame
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.polygon import PRIVACY_ZONES, Polygon
from edge.domain.stages import Check, LocalPath, SourceError, SourceSection
from edge.domain.time import CaptureTime, Clock, seconds_between
from edge.vision.intake import Intake
from edge.vision.opencv import opencv
from edge.vision.picture import Thinning

COMPONENT = Component.CAMERA

_LONGEST_WAIT_S = 0.5
# Of a file that does not say how fast it is.
_DEFAULT_RATE_HZ = 25.0
_UNREADABLE_IN_A_ROW = 50
# A longer one between two pictures is a broken time stamp, not a scene in which nothing moves.
_LONGEST_GAP_S = 60.0


class Config(SourceSection):
    """Which video, and how it is played."""

    path: LocalPath = Field(description="AVI, MP4, MKV ...: whatever FFmpeg reads")
    rate_hz: float = Field(5.0, gt=0, le=120, description="pictures handed on per second, at most")
    privacy_zones: tuple[Polygon, ...] = Field((), description=PRIVACY_ZONES)
    loop: bool = Field(False, description="begin again at the end, for ever")
    pace: Literal["real_time", "max"] = Field("real_time", description="max: as fast as it is taken")


@dataclass(frozen=True, slots=True)
class _Promise:
    """What the header says; `pictures` is 0 when it says nothing."""

    rate_hz: float
    pictures: int


class VideoFile:
    """The video. It starts, for its own pictures, when it is entered."""

    live = False

    def __init__(self, config: Config, source: SourceId, clock: Clock) -> None:
        self._config = config
        self._source = source
        self._clock = clock
        self._video: Any = None
        self._promise = _Promise(_DEFAULT_RATE_HZ, 0)
        self._start = CaptureTime(0, 0)
        self._intake = Intake(config.privacy_zones)

    def __enter__(self) -> Self:
        """Open the file. Raises SourceError."""
        self._video, self._promise = _open(self._config)
        self._start = self._clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._video is not None:
            self._video.release()

    def __iter__(self) -> Iterator[Frame]:
        """Yield pictures; then, of a video that ends early, a Fault. Raises SourceError if there are none."""
        begun_s = 0.0
        while True:
            seen, end_s = 0, begun_s
            thinning = Thinning(self._config.rate_hz)
            for seconds in self._grabbed():
                seen, end_s = seen + 1, begun_s + seconds + 1 / self._promise.rate_hz
                if thinning.wants(seconds):
                    yield from self._picture(begun_s + seconds)
            if not seen:
                raise SourceError(Reason.UNREADABLE, f"{self._config.path}: holds no readable picture")
            length_s = end_s - begun_s
            missing = self._promise.pictures - max(seen, round(length_s * self._promise.rate_hz))
            if missing > 0:
                yield self._cut(end_s, length_s, seen, missing)
            if missing > 0 or not self._config.loop:
                return
            begun_s = end_s
            self._video.release()
            self._video, self._promise = _open(self._config)

    def check(self) -> Check:
        """Open the file, decode a picture, and say what it holds."""
        what = f"recording {self._source.name}"
        try:
            video, promise = _open(self._config)
        except SourceError as error:
            return Check(what, False, str(error), "give another file")
        readable, picture = video.read()
        video.release()
        if not readable:
            return Check(what, False, f"{self._config.path}: holds no readable picture", "give another file")
        height, width = picture.shape[:2]
        detail = f"{width}x{height}, {promise.rate_hz:.4g} pictures per second, {promise.pictures} of them"
        return Check(what, True, f"{self._config.path}: {detail}")

    def _grabbed(self) -> Iterator[float]:
        """Decode picture after picture; yield the time of each since the first, in s, always growing."""
        cv2 = opencv()
        first_s, last_s = 0.0, -1.0
        while self._grab():
            seconds = self._video.get(cv2.CAP_PROP_POS_MSEC) / 1000 - first_s
            if last_s < 0:
                first_s, seconds = seconds, 0.0
            elif not last_s < seconds <= last_s + _LONGEST_GAP_S:
                # Some files give no time stamps, or jump: then the picture is one period after the last.
                seconds = last_s + 1 / self._promise.rate_hz
            last_s = seconds
            yield seconds

    def _grab(self) -> bool:
        # A picture that cannot be decoded says the same as the end of the file; the next one may be well.
        return any(self._video.grab() for _ in range(_UNREADABLE_IN_A_ROW))

    def _picture(self, seconds: float) -> Iterator[Frame]:
        """Wait until the picture grabbed last has happened, `seconds` after the start, and yield it."""
        time = self._start.shifted(seconds)
        if self._config.pace == "real_time":
            yield from self._waiting_for(time)
        readable, picture = self._video.retrieve()
        try:
            image = self._intake(picture if readable else None)
        except ValueError as error:
            yield Fault(self._source, time, Reason.UNREADABLE, f"{self._config.path}: {error}")
        else:
            yield VideoFrame(self._source, time, image)

    def _waiting_for(self, time: CaptureTime) -> Iterator[Idle]:
        ahead_s = seconds_between(self._clock.now(), time)
        while ahead_s > _LONGEST_WAIT_S:
            self._clock.sleep(_LONGEST_WAIT_S)
            ahead_s -= _LONGEST_WAIT_S
            yield Idle(self._source, time.shifted(-ahead_s))
        if ahead_s > 0:
            self._clock.sleep(ahead_s)

    def _cut(self, end_s: float, length_s: float, seen: int, missing: int) -> Fault:
        detail = (
            f"{self._config.path}: cut short or corrupt, {seen} pictures in {length_s:.1f} s, "
            f"{missing} fewer than its header promises; copy it again"
        )
        return Fault(self._source, self._start.shifted(end_s), Reason.TRUNCATED, detail)


def _open(config: Config) -> tuple[Any, _Promise]:
    """Open a video that can be replayed. Raises SourceError with what is wrong with it."""
    cv2 = opencv()
    require_file(config.path)
    unreadable = f"{config.path}: not a video that FFmpeg reads; give AVI, MP4 or MKV"
    # FFmpeg would draw a text file, line by line, as if it were a film.
    if is_text(edges(config.path)[0]):
        raise SourceError(Reason.UNREADABLE, unreadable)
    # An absolute path cannot be taken for an address or for a pattern of numbered files.
    video = cv2.VideoCapture(str(config.path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not video.isOpened():
        raise SourceError(Reason.UNREADABLE, unreadable)
    rate_hz = video.get(cv2.CAP_PROP_FPS)
    rate_hz = rate_hz if 0 < rate_hz <= 1000 else _DEFAULT_RATE_HZ
    return video, _Promise(rate_hz, max(0, round(video.get(cv2.CAP_PROP_FRAME_COUNT))))


def build(config: Config, source: SourceId, clock: Clock) -> VideoFile:
    """Return the source; the file is opened when it is entered."""
    return VideoFile(config, source, clock)
