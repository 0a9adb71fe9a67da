"""Recorded bytes of a serial board as that board: the same frames, in real time or as fast as it goes.

Bytes carry no times. Each reading comes one period of the profile after the one before; what is rejected
takes no time.
"""

from collections.abc import Iterator
from types import TracebackType
from typing import Literal, Self

from pydantic import Field

from edge.decoding.captures import read_capture
from edge.decoding.catalogue import ProfileId, load_known
from edge.decoding.decoder import Decoder
from edge.decoding.readings import Readings
from edge.decoding.results import Message, Rejected
from edge.domain.frames import Frame, Idle, ReadingFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.stages import Check, LocalPath, SourceError, SourceSection
from edge.domain.time import CaptureTime, Clock, seconds_between

COMPONENT = Component.SERIAL_BOARD

_LONGEST_WAIT_S = 0.5


class Config(SourceSection):
    """Which capture of which board, and how it is played."""

    path: LocalPath = Field(description="raw bytes, or lines of hexadecimal digits with # comments")
    profile: ProfileId = Field(description="id of a profile, or the path of one")
    start_s: float = Field(
        0.0, ge=0, le=86_400, description="the first reading comes so long after the start"
    )
    cold: bool = Field(False, description="the capture begins at power-on, so the board warms up first")
    loop: bool = Field(False, description="begin again at the end, for ever")
    pace: Literal["real_time", "max"] = Field("real_time", description="max: as fast as it is taken")


class ByteCapture:
    """The capture. It starts, for its own readings, when it is entered."""

    live = False

    def __init__(self, config: Config, source: SourceId, clock: Clock) -> None:
        self._config = config
        self._source = source
        self._clock = clock
        self._profile = load_known(config.profile)
        self._start = CaptureTime(0, 0)

    def __enter__(self) -> Self:
        """Read the beginning of the file. Raises SourceError."""
        next(read_capture(self._config.path, self._profile), b"")
        self._start = self._clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept open."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield readings and faults, `Idle` in between."""
        readings = Readings(self._source, self._profile, self._start, cold=self._config.cold)
        at_s = self._config.start_s
        while True:
            begun_s = at_s
            for result in self._results():
                found = readings.take(result, self._start.shifted(at_s))
                if any(isinstance(frame, ReadingFrame) for frame in found):
                    yield from self._waiting_until(at_s)
                    at_s += self._profile.timing.period_s
                yield from found
            if not self._config.loop or at_s == begun_s:
                break
        yield from readings.end(self._start.shifted(at_s))

    def check(self) -> Check:
        """Decode the file and say what it holds."""
        what = f"recording {self._source.name}"
        try:
            found = list(self._results())
        except SourceError as error:
            return Check(what, False, str(error), "give another file")
        accepted = sum(isinstance(result, Message) for result in found)
        detail = f"{self._config.path}: {accepted} messages, {len(found) - accepted} rejections"
        advice = "" if accepted else f"is it a capture of {self._profile.name}? try another profile"
        return Check(what, bool(accepted), detail, advice)

    def _results(self) -> Iterator[Message | Rejected]:
        decoder = Decoder(self._profile)
        for piece in read_capture(self._config.path, self._profile):
            yield from decoder.feed(piece)
        yield from decoder.finish()

    def _waiting_until(self, at_s: float) -> Iterator[Idle]:
        if self._config.pace == "max":
            return
        time = self._start.shifted(at_s)
        ahead_s = seconds_between(self._clock.now(), time)
        while ahead_s > _LONGEST_WAIT_S:
            self._clock.sleep(_LONGEST_WAIT_S)
            ahead_s -= _LONGEST_WAIT_S
            yield Idle(self._source, time.shifted(-ahead_s))
        if ahead_s > 0:
            self._clock.sleep(ahead_s)


def build(config: Config, source: SourceId, clock: Clock) -> ByteCapture:
    """Return the source; the file is opened when it is entered."""
    return ByteCapture(config, source, clock)
