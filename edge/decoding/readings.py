"""From the messages of a board to frames: warm-up, device faults, stuck and silent boards, rejected bytes.

One code path for a live port and for a recording of one; time is an argument.
"""

from collections import deque
from collections.abc import Mapping

from edge.decoding.measures import Role
from edge.decoding.profile import Profile
from edge.decoding.results import Message, Outcome, Rejected, Rejection
from edge.decoding.shapes import FrameCodec, LinesCodec, ModbusCodec, ShdlcCodec
from edge.decoding.troubles import Troubles
from edge.domain.frames import Frame, ReadingFrame
from edge.domain.health import Absence, Reason
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime

_MODBUS_MAX_BYTES = 256
_PACE_READINGS = 8
"""So many readings tell the pace of a board; a single late one tells nothing."""

_REASONS = {Rejection.CHECKSUM: Reason.CHECKSUM, Rejection.SHORT: Reason.TRUNCATED}
_ADVICE = {
    Reason.CHECKSUM: "check cable, plug and supply",
    Reason.TRUNCATED: "check the plug; of a recording, copy it again",
    Reason.GARBAGE: "check profile, baud rate and wiring",
    Reason.DEVICE_FAULT: "see the board's manual",
    Reason.STALE: "check the board's supply and wiring",
    Reason.SILENT: "check the board's supply, that TX and RX are crossed, and the baud rate",
    Reason.SLOW: "check the board's supply and its settings",
    Reason.FIRMWARE: "see `lamppost profiles show`; readings go on",
}


def longest_frame(profile: Profile) -> int:
    """Return the bytes of the longest frame the profile's codec accepts."""
    codec = profile.codec
    if isinstance(codec, FrameCodec):
        return codec.length.longest
    if isinstance(codec, LinesCodec):
        return codec.max_bytes
    if isinstance(codec, ModbusCodec):
        return _MODBUS_MAX_BYTES
    assert isinstance(codec, ShdlcCodec)
    return codec.max_raw_bytes


class Readings:
    """Turns what a decoder finds into frames, in order.

    Attributes:
        stale: there was no reading for `timing.stale_s`.
    """

    def __init__(self, source: SourceId, profile: Profile, start: CaptureTime, *, cold: bool) -> None:
        """Start.

        Args:
            source: named in every frame.
            profile: the board.
            start: when the port was opened or the recording began.
            cold: the board was powered on at `start`, so that it warms up first.
        """
        self.stale = False
        self._source = source
        self._profile = profile
        self._warm_ns = start.monotonic_ns + round(profile.timing.warmup_s * NS_PER_S) if cold else -(1 << 62)
        self._last_ns = start.monotonic_ns
        self._arrived: deque[int] = deque(maxlen=_PACE_READINGS)
        self._heard = False
        self._troubles = Troubles(source, _ADVICE)
        self._flags: dict[str, tuple[str, ...]] = {}
        self._misfits: dict[str, str] = {}
        self._changed_ns = start.monotonic_ns
        self._before: tuple[object, ...] = ()
        self._counters = {
            field.full_name for m in profile.messages for field in m.fields if field.role is Role.COUNTER
        }
        self._flagged = {m.id for m in profile.messages if any(field.flags for field in m.fields)}

    def take(self, result: Message | Rejected, time: CaptureTime) -> list[Frame]:
        """Take what the decoder found; `time` is when its first byte arrived."""
        reading = None
        if isinstance(result, Rejected):
            self._note_rejected(result)
        else:
            self._heard = True
            reading = self._reading(result, time)
        frames: list[Frame] = list(self._troubles.due(time))
        return [*frames, reading] if reading is not None else frames

    def tick(self, time: CaptureTime, *, silent: bool = False) -> list[Frame]:
        """Nothing was found, but time passed: a board goes stale, and held-back trouble is told.

        Args:
            time: now.
            silent: for as long, not a single byte came.
        """
        silent_s = (time.monotonic_ns - self._last_ns) / NS_PER_S
        if silent_s < self._profile.timing.stale_s:
            return list(self._troubles.due(time))
        self.stale = True
        reason, what = (Reason.SILENT, "not a byte") if silent else (Reason.STALE, "no reading")
        told = self._troubles.lasts(reason, time, f"{self._profile.name}: {what} for {silent_s:.0f} s")
        frames: list[Frame] = list(self._troubles.due(time))
        if told:
            # Told with the fault, so that averages have a reason and nobody takes it for recovery.
            absent = dict.fromkeys(self._profile.measurements, Absence.STALE)
            frames.append(ReadingFrame(self._source, time, self._profile.id, {}, absent))
        return frames

    def end(self, time: CaptureTime) -> list[Frame]:
        """The recording ended: tell what was held back."""
        return list(self._troubles.due(time, all_of_them=True))

    def _note_rejected(self, rejected: Rejected) -> None:
        # Whoever opens a port in the middle of a frame hears its end; that is no fault.
        if not self._heard and rejected.offset == 0 and rejected.size < longest_frame(self._profile):
            return
        reason = _REASONS.get(rejected.reason, Reason.GARBAGE)
        where = f"{rejected.size} bytes at byte {rejected.offset}"
        self._troubles.note(reason, f"{self._profile.name}: {where} rejected ({rejected.reason})")

    def _reading(self, message: Message, time: CaptureTime) -> ReadingFrame | None:
        if message.message in self._flagged:
            self._flags[message.message] = message.flags
        self._misfits |= self._profile.firmware.misfits(message.meta)
        self._note_faults(message)
        self._note_misfits(time)
        if message.outcome is Outcome.NO_DATA or not (message.values or message.absent):
            return None
        self.stale = False
        self._last_ns = time.monotonic_ns
        self._note_pace(time)
        values, absent = message.values, message.absent
        if (why := self._void(message, time)) is not None:
            values, absent = {}, {**dict.fromkeys(values, why), **absent}
        return ReadingFrame(self._source, time, self._profile.id, values, absent)

    def _note_pace(self, time: CaptureTime) -> None:
        """A board half of whose patience passes between readings, again and again, is slow."""
        timing = self._profile.timing
        self._arrived.append(time.monotonic_ns)
        gap_s = (self._arrived[-1] - self._arrived[0]) / NS_PER_S / (_PACE_READINGS - 1)
        if len(self._arrived) == _PACE_READINGS and gap_s > max(2 * timing.period_s, timing.stale_s / 2):
            detail = f"{self._profile.name}: a reading every {gap_s:.1f} s instead of {timing.period_s:g} s"
            self._troubles.lasts(Reason.SLOW, time, detail)

    def _note_misfits(self, time: CaptureTime) -> None:
        wrong = "; ".join(misfit for misfit in self._misfits.values() if misfit)
        if wrong:
            self._troubles.lasts(Reason.FIRMWARE, time, f"{self._profile.name}: {wrong}")

    def _note_faults(self, message: Message) -> None:
        if message.outcome is Outcome.FAULT or self._raised(message.flags, self._profile.quality.fault):
            flags = ", ".join(message.flags) or message.message
            self._troubles.note(Reason.DEVICE_FAULT, f"{self._profile.name} reports {flags}")

    def _void(self, message: Message, time: CaptureTime) -> Absence | None:
        """Return why no value of the board is valid now; None when they are."""
        raised = tuple(flag for flags in self._flags.values() for flag in flags)
        if self._raised(raised, self._profile.quality.fault):
            return Absence.SENSOR_FAULT
        if time.monotonic_ns < self._warm_ns or self._raised(raised, self._profile.quality.warming_up):
            return Absence.WARMING_UP
        return Absence.STALE if self._stuck(message.values, message.meta, time) else None

    def _stuck(self, values: Mapping[str, float], meta: Mapping[str, object], time: CaptureTime) -> bool:
        limit_s = self._profile.timing.unchanged_s
        if limit_s is None:
            return False
        now = (*values.items(), *((name, meta.get(name)) for name in self._counters))
        if now != self._before:
            self._before, self._changed_ns = now, time.monotonic_ns
        still_s = (time.monotonic_ns - self._changed_ns) / NS_PER_S
        if still_s < limit_s:
            return False
        self._troubles.note(Reason.STALE, f"{self._profile.name}: the same values for {still_s:.0f} s")
        return True

    @staticmethod
    def _raised(flags: tuple[str, ...], bad: tuple[str, ...]) -> bool:
        return any(flag in bad for flag in flags)


class Arrivals:
    """When each byte of a stream arrived, as well as reads of several bytes can tell."""

    def __init__(self, byte_s: float, start: CaptureTime) -> None:
        """Start.

        Args:
            byte_s: time a byte takes on the wire.
            start: nothing arrived before.
        """
        self._byte_s = byte_s
        self._reads: deque[tuple[int, int, CaptureTime, CaptureTime]] = deque()
        self._last = start

    def add(self, begin: int, end: int, time: CaptureTime) -> None:
        """Note that the bytes [begin, end) were read at `time`, all after the read before."""
        self._reads.append((begin, end, self._last, time))
        self._last = time

    def of(self, offset: int) -> CaptureTime:
        """Return when the byte at `offset` began to arrive."""
        holding = (read for read in self._reads if offset < read[1])
        begin, end, earliest, time = next(holding, (offset, offset, self._last, self._last))
        # The last byte of a read had just arrived; those before it came at the pace of the wire.
        guess = time.shifted(-self._byte_s * (end - max(offset, begin)))
        return guess if guess.monotonic_ns > earliest.monotonic_ns else earliest

    def forget(self, offset: int) -> None:
        """Nobody will ask for bytes before `offset` any more."""
        while self._reads and self._reads[0][1] <= offset:
            self._reads.popleft()
