"""A serial board on a port, described by a profile.

Capture time is when the first byte of a frame began to arrive: the time of the read that brought it, less the
time that the bytes behind it in the same read took on the wire. A USB adapter adds up to its latency timer
(16 ms by default on FTDI), a loaded machine its scheduling; nothing here can see either.
"""

import os
import termios
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from edge.decoding.catalogue import ProfileId, load_known
from edge.decoding.decoder import Decoder
from edge.decoding.polling import Polling
from edge.decoding.readings import Arrivals, Readings
from edge.domain.frames import Frame, Idle, ReadingFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.stages import Check, SourceError, SourceSection
from edge.domain.time import NS_PER_S, CaptureTime, Clock
from edge.sources.device_access import holders
from edge.sources.serial_port import READ_TIMEOUT_S, PortPath, close_port, exchange, open_port

if TYPE_CHECKING:
    from serial import Serial

COMPONENT = Component.SERIAL_BOARD

# A frame does not pause; what is kept after so long without a byte will not be completed.
_PAUSE_S = 0.3
_SHORTEST_LISTEN_S = 3.0


class Config(SourceSection):
    """Which port, and which board is on it."""

    port: PortPath
    profile: ProfileId = Field(description="id of a profile (`lamppost profiles list`), or the path of one")
    experimental: bool = Field(False, description="allow a profile that no capture of a real board confirms")

    @property
    def claims(self) -> tuple[str, ...]:
        """The port, by whatever name."""
        return (f"port {os.path.realpath(self.port)}",)

    @model_validator(mode="after")
    def _allowed(self) -> Self:
        if load_known(self.profile).experimental and not self.experimental:
            raise ValueError(
                f"profile '{self.profile}' is experimental: no capture of a real board confirms it; "
                "set experimental = true to use it all the same"
            )
        return self


@dataclass(frozen=True, slots=True)
class Heard:
    """What came within some seconds.

    Attributes:
        reading: the first one; None when there was none.
        size: bytes.
        counts: messages and rejections, per reason.
    """

    reading: ReadingFrame | None
    size: int
    counts: Mapping[str, int]

    @property
    def counted(self) -> str:
        """The counts, for people."""
        return ", ".join(f"{n} {reason}" for reason, n in sorted(self.counts.items())) or "nothing whole"


class SerialBoard:
    """The board. Opening claims the port for this process alone."""

    live = True

    def __init__(self, config: Config, source: SourceId, clock: Clock) -> None:
        self._config = config
        self._source = source
        self._clock = clock
        self._profile = load_known(config.profile)
        self._port: Serial | None = None
        self._opened = CaptureTime(0, 0)

    def __enter__(self) -> Self:
        """Open the port. Raises SourceError."""
        self._port = open_port(self._config.port, self._profile.transport)
        self._opened = self._clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the board to rest, if it is still there, and close the port."""
        port, self._port = self._port, None
        if port is None:
            return
        with suppress(OSError, termios.error):
            for command in Polling(self._profile, 0.0).farewell():
                port.write(command)
            port.flush()
        close_port(port)

    def __iter__(self) -> Iterator[Frame]:
        """Yield readings and faults as they come, `Idle` when nothing comes. Raises SourceError."""
        start = spoken = self._clock.now()
        decoder = Decoder(self._profile, midstream=self._profile.timing.mode == "stream")
        readings = Readings(self._source, self._profile, self._opened, cold=True)
        arrivals = Arrivals(self._profile.transport.byte_s, start)
        polling = Polling(self._profile, _seconds(start))
        heard = revived = start
        while True:
            chunk = self._exchange(polling)
            now = self._clock.now()
            frames: list[Frame] = []
            if chunk:
                heard = now
                arrivals.add(decoder.consumed, decoder.consumed + len(chunk), now)
            pause = not chunk and _seconds(now) - _seconds(heard) >= _PAUSE_S
            for result in decoder.finish() if pause else decoder.feed(chunk):
                frames += readings.take(result, arrivals.of(result.offset))
            arrivals.forget(decoder.consumed - decoder.pending)
            silent = _seconds(now) - _seconds(heard) >= self._profile.timing.stale_s
            frames += readings.tick(now, silent=silent)
            if readings.stale and _seconds(now) - _seconds(revived) >= self._profile.timing.stale_s:
                # It may have lost its power, or another program may have sent it to sleep.
                polling.restart(_seconds(now), revive=True)
                revived = now
            if not frames and _seconds(now) - _seconds(spoken) >= READ_TIMEOUT_S:
                frames = [Idle(self._source, now)]
            if frames:
                spoken = now
            yield from frames

    def check(self) -> Check:
        """Open the port, listen for a few seconds, and say what was heard."""
        what = f"serial board {self._source.name}"
        where = f"{self._config.port} ({self._profile.name})"
        try:
            with self:
                heard = self.listen(max(_SHORTEST_LISTEN_S, 2.5 * self._profile.timing.period_s))
        except SourceError as error:
            return Check(what, False, str(error), "see above")
        others = [f"{name} also reads it" for name in holders(self._config.port)]
        if heard.reading is not None:
            said = [f"{name} {value:g}" for name, value in heard.reading.values.items()]
            said += [f"{name} {why}" for name, why in heard.reading.absent.items()]
            detail = f"{where}: {', '.join([*said, *others])}"
            return Check(what, not others, detail, "stop the other program" if others else "")
        if not heard.size:
            advice = "check the board's supply, that TX and RX are crossed, and the baud rate"
            return Check(what, False, f"{where}: heard nothing", advice)
        detail = f"{where}: heard {heard.size} bytes and no reading ({heard.counted})"
        return Check(what, False, detail, "is it this board? check profile, baud rate and wiring")

    def listen(self, limit_s: float) -> Heard:
        """Return the first reading of the open board, taken to be warm already, and what else was heard."""
        start = self._clock.now()
        decoder = Decoder(self._profile, midstream=self._profile.timing.mode == "stream")
        readings = Readings(self._source, self._profile, start, cold=False)
        polling = Polling(self._profile, _seconds(start))
        while _seconds(self._clock.now()) - _seconds(start) < limit_s:
            for result in decoder.feed(self._exchange(polling)):
                for frame in readings.take(result, self._clock.now()):
                    if isinstance(frame, ReadingFrame):
                        return Heard(frame, decoder.consumed, dict(decoder.counts))
        decoder.finish()
        return Heard(None, decoder.consumed, dict(decoder.counts))

    def _exchange(self, polling: Polling) -> bytes:
        """Send what is due, then wait for bytes until the next command is due, half a second at most."""
        assert self._port is not None
        now_s = _seconds(self._clock.now())
        commands = list(polling.due(now_s))
        rest_s = polling.rest_s(now_s)
        return exchange(
            self._port, commands, READ_TIMEOUT_S if rest_s is None else min(READ_TIMEOUT_S, rest_s)
        )


def _seconds(time: CaptureTime) -> float:
    return time.monotonic_ns / NS_PER_S


def build(config: Config, source: SourceId, clock: Clock) -> SerialBoard:
    """Return the source; the port is opened when it is entered."""
    return SerialBoard(config, source, clock)
