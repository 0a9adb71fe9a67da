"""How much of the picture moves and how much is occupied, per interval.

`occupied_share` compares with the empty scene, which is learnt first, and again after an upheaval (the light
is switched, the camera is turned). In an interval that knows it for less than half its pictures it is absent.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

from edge.domain.frames import Frame, VideoFrame
from edge.domain.health import Absence
from edge.domain.identity import SourceId
from edge.domain.observations import SceneMotion
from edge.domain.stages import DetectorSection
from edge.domain.time import NS_PER_S, CaptureTime, seconds_between
from edge.vision.background import Pace
from edge.vision.motion import MotionMeter, Shares

FRAME = VideoFrame


class Config(DetectorSection):
    """Length of the mean, and how the empty scene is learnt."""

    interval_s: float = Field(10.0, ge=1, le=3600, description="length of the mean, s")
    learn_s: float = Field(10.0, ge=1, le=600, description="the empty scene is learnt for so long, s")
    absorb_s: float = Field(
        600.0, ge=60, le=86_400, description="what stays so long becomes part of the empty scene, s"
    )


@dataclass
class _Interval:
    """What was seen since `start`."""

    source: SourceId
    start: CaptureTime
    last: CaptureTime
    pictures: int = 0
    moving: float = 0.0
    moving_pictures: int = 0
    occupied: float = 0.0
    occupied_pictures: int = 0

    def take(self, time: CaptureTime, shares: Shares) -> None:
        self.last = time
        self.pictures += 1
        if shares.moving is not None:
            self.moving += shares.moving
            self.moving_pictures += 1
        if shares.occupied is not None:
            self.occupied += shares.occupied
            self.occupied_pictures += 1

    def result(self, duration_s: float) -> Iterable[SceneMotion]:
        """Give the means; nothing when no two pictures could be compared."""
        if not self.moving_pictures:
            return
        known = 2 * self.occupied_pictures >= self.pictures
        yield SceneMotion(
            source=self.source,
            time=self.start,
            duration_s=duration_s,
            moving_share=self.moving / self.moving_pictures,
            occupied_share=self.occupied / self.occupied_pictures if known else None,
            frames=self.pictures,
            absence=None if known else Absence.WARMING_UP,
        )


class _SceneMotion:
    """Averages over intervals that follow one another."""

    def __init__(self, config: Config) -> None:
        self._interval_s = config.interval_s
        self._meter = MotionMeter(Pace(learn_s=config.learn_s, absorb_s=config.absorb_s))
        self._open: _Interval | None = None

    def accept(self, frame: Frame) -> Iterable[SceneMotion]:
        """Take a picture; an interval is told by the first picture behind its end."""
        if not isinstance(frame, VideoFrame):
            return
        shares = self._meter.measure(frame.image, frame.time.monotonic_ns / NS_PER_S)
        if self._open is not None:
            past_s = seconds_between(self._open.start, frame.time)
            if past_s >= self._interval_s:
                yield from self._open.result(self._interval_s)
                # After a gap longer than an interval a new row of intervals begins.
                next_start = self._open.start.shifted(self._interval_s)
                row = past_s < 2 * self._interval_s
                self._open = _Interval(frame.source, next_start if row else frame.time, frame.time)
        if self._open is None:
            self._open = _Interval(frame.source, frame.time, frame.time)
        self._open.take(frame.time, shares)

    def finish(self) -> Iterable[SceneMotion]:
        """Give what the unfinished interval holds, up to its last picture."""
        if self._open is not None:
            yield from self._open.result(seconds_between(self._open.start, self._open.last))
            self._open = None


def build(config: Config) -> _SceneMotion:
    """Return the detector."""
    return _SceneMotion(config)
