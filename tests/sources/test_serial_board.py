"""The real source on a pseudo-terminal, with a simulated board at the other end."""

import errno
import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from pydantic import ValidationError

from edge.decoding.catalogue import find
from edge.decoding.checksums import crc16_modbus
from edge.decoding.shdlc import encode_shdlc
from edge.domain.frames import Fault, Frame, Idle, ReadingFrame
from edge.domain.health import Absence, Component, Reason
from edge.domain.identity import SourceId
from edge.domain.stages import SourceError
from edge.domain.time import NS_PER_S, CaptureTime
from edge.sources.device_access import holders
from edge.sources.serial_board import COMPONENT, Config, SerialBoard, build
from edge.sources.serial_port import stable_names

PORT = "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"
BOARD = SourceId("air", 0, Component.SERIAL_BOARD)
SDS = bytes.fromhex("aac0d4043a0aa1601dab")
SDS_BAD = SDS[:8] + b"\x00\xab"
SPS = bytes.fromhex(
    "7e0003002840a78320411777bb414a5f8341548ddd41d2833e427d33fc85422617224229a4d9422a29bc3f55b7e79e7e"
)
READ, STATUS, START, STOP = "7e000300fc7e", "7e00d201002c7e", "7e0000020103f97e", "7e000100fe7e"
WAKE = "7e007d3100ee7e"
VERSION = "7e00d1002e7e"
ASK_VERSION = "aab407000000000000000000000000ffff05ab"
ASK_MODE = "aab402000000000000000000000000ffff00ab"


class SkippingClock:
    """Real time, and on request some more; a test need not wait for a board to warm up."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> CaptureTime:
        return CaptureTime(time.time_ns(), time.monotonic_ns(), 1.0).shifted(self.ahead_s)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Line:
    """A pseudo-terminal: the board's end, and the path of the source's end."""

    def __init__(self) -> None:
        self.board, self._own = os.openpty()
        tty.setraw(self._own)
        self.port = os.ttyname(self._own)

    def say(self, sent: bytes) -> None:
        os.write(self.board, sent)

    def heard(self, timeout_s: float = 0.0) -> bytes:
        """Return what the source sent so far."""
        found = b""
        while select.select([self.board], [], [], timeout_s)[0]:
            found += os.read(self.board, 4096)
            timeout_s = 0.0
        return found

    def unplug(self) -> None:
        for descriptor in (self.board, self._own):
            if descriptor >= 0:
                os.close(descriptor)
        self.board = self._own = -1


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.unplug()


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock()


def board(line: Line | str, profile: str, clock: SkippingClock, *, experimental: bool = False) -> SerialBoard:
    port = line if isinstance(line, str) else line.port
    return build(Config(port=port, profile=profile, experimental=experimental), BOARD, clock)


@pytest.fixture
def warm(tmp_path: Path) -> Callable[[str], str]:
    """Give the path of a shipped profile without its time of warming up."""

    def without_warm_up(name: str) -> str:
        path = tmp_path / f"{name}.toml"
        path.write_text(re.sub(r"warmup_s = \d+", "warmup_s = 0", find(name).read_text()))
        return str(path)

    return without_warm_up


class Answering:
    """A board in a thread of its own: answers each command it knows, once."""

    def __init__(self, line: Line, answer: Callable[[bytes], bytes]) -> None:
        self._line, self._answer = line, answer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.asked: list[bytes] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def wait_for(self, command: str) -> None:
        """Wait until a command was heard."""
        end = time.monotonic() + 5
        while command not in b"".join(self.asked).hex() and time.monotonic() < end:
            self._stop.wait(0.02)

    def _run(self) -> None:
        while not self._stop.is_set():
            if asked := self._line.heard(0.02):
                self.asked.append(asked)
                if answer := self._answer(asked):
                    self._line.say(answer)


def until(frames: Iterator[Frame], wanted: type[Frame], seconds: float = 15.0) -> list[Frame]:
    """Take frames up to and with the first of a class."""
    end = time.monotonic() + seconds
    taken = []
    for frame in frames:
        taken.append(frame)
        if isinstance(frame, wanted):
            return taken
        assert time.monotonic() < end, f"no {wanted.__name__}, only {taken}"
    raise AssertionError("the source ended")


def reading(frames: Iterator[Frame]) -> ReadingFrame:
    frame = until(frames, ReadingFrame)[-1]
    assert isinstance(frame, ReadingFrame)
    return frame


def fault(frames: Iterator[Frame]) -> Fault:
    frame = until(frames, Fault)[-1]
    assert isinstance(frame, Fault)
    return frame


def test_it_is_a_serial_board() -> None:
    assert COMPONENT is Component.SERIAL_BOARD
    assert SerialBoard.live


class TestStreaming:
    def test_a_warm_board_gives_readings(self, line: Line, clock: SkippingClock) -> None:
        with board(line, "nova_sds011", clock) as source:
            frames = iter(source)
            line.say(SDS)
            assert reading(frames).absent == {
                "pm2_5_ugm3": Absence.WARMING_UP,
                "pm10_ugm3": Absence.WARMING_UP,
            }
            clock.ahead_s = 31
            line.say(SDS)
            assert reading(frames).values == {"pm2_5_ugm3": 123.6, "pm10_ugm3": 261.8}

    def test_a_frame_may_come_in_pieces_after_noise(
        self, line: Line, clock: SkippingClock, warm: Callable[[str], str]
    ) -> None:
        with board(line, warm("nova_sds011"), clock) as source:
            frames = iter(source)
            line.say(b"\x01\x02\xaa" + SDS[:4])
            later = threading.Timer(0.1, line.say, (SDS[4:] + SDS,))
            later.start()
            found = [reading(frames), reading(frames)]
            later.join()
            assert [frame.values["pm2_5_ugm3"] for frame in found] == [123.6, 123.6]

    def test_a_frame_that_breaks_off_is_told_and_the_next_one_counts(
        self, line: Line, clock: SkippingClock, warm: Callable[[str], str]
    ) -> None:
        with board(line, warm("nova_sds011"), clock) as source:
            frames = iter(source)
            line.say(SDS + SDS[:4])
            assert reading(frames).values
            assert fault(frames).reason is Reason.TRUNCATED
            line.say(SDS)
            assert reading(frames).values

    def test_nothing_heard_is_idle_within_a_second(self, line: Line, clock: SkippingClock) -> None:
        with board(line, "nova_sds011", clock) as source:
            begun = time.monotonic()
            assert isinstance(next(iter(source)), Idle)
            assert 0.4 < time.monotonic() - begun < 2.0

    def test_capture_time_is_when_the_first_byte_came(self, line: Line, clock: SkippingClock) -> None:
        with board(line, "nova_sds011", clock) as source:
            frames = iter(source)
            before = clock.now()
            line.say(SDS)
            frame = reading(frames)
            late_s = (frame.time.monotonic_ns - before.monotonic_ns) / NS_PER_S
            assert -0.02 < late_s < 1.0

    def test_damaged_frames_are_counted_not_decoded(
        self, line: Line, clock: SkippingClock, warm: Callable[[str], str]
    ) -> None:
        with board(line, warm("nova_sds011"), clock) as source:
            frames = iter(source)
            line.say(SDS + SDS_BAD)
            assert reading(frames).values
            first = fault(frames)
            assert (first.reason, first.count) == (Reason.CHECKSUM, 1)
            assert "Nova Fitness SDS011" in first.detail
            line.say(SDS_BAD * 3)
            until(frames, Idle)
            clock.ahead_s += 6
            again = fault(frames)
            assert (again.reason, again.count) == (Reason.CHECKSUM, 3)

    def test_noise_only_is_garbage_with_advice(self, line: Line, clock: SkippingClock) -> None:
        with board(line, "nova_sds011", clock) as source:
            line.say(bytes(range(100)))
            found = fault(iter(source))
            assert found.reason is Reason.GARBAGE
            assert "check profile, baud rate and wiring" in found.detail

    def test_a_silent_board_is_stale_and_is_woken(self, line: Line, clock: SkippingClock) -> None:
        with board(line, "nova_sds011", clock) as source:
            frames = iter(source)
            line.say(SDS)
            reading(frames)
            line.heard()
            clock.ahead_s = 40
            assert fault(frames).reason is Reason.SILENT
            assert reading(frames).absent == dict.fromkeys(("pm2_5_ugm3", "pm10_ugm3"), Absence.STALE)
            until(frames, Idle)
            clock.ahead_s += 1
            until(frames, Idle)
            assert (
                line.heard()
                .hex()
                .endswith(
                    ASK_VERSION
                    + ASK_MODE
                    + "aab406010100000000000000000000ffff06abaab402010000000000000000000000ffff01ab"
                )
            )
            line.say(SDS)
            assert reading(frames).values

    def test_lines_of_text_without_reset_by_dtr(self, line: Line, clock: SkippingClock) -> None:
        with board(line, "generic_json", clock) as source:
            frames = iter(source)
            line.say(b'cut": 3}\r\nboot v1.2\r\n{"pm2_5": 12.5, "temperature": null}\r\n')
            taken = until(frames, ReadingFrame)
            frame = taken[-1]
            assert isinstance(frame, ReadingFrame)
            assert frame.values == {"pm2_5_ugm3": 12.5}
            assert frame.absent["temperature_c"] is Absence.NO_READING
            descriptor = os.open(line.port, os.O_RDWR | os.O_NOCTTY)
            assert not termios.tcgetattr(descriptor)[2] & termios.HUPCL
            os.close(descriptor)


class TestPolled:
    def test_the_life_of_a_board_from_waking_to_rest(
        self, line: Line, clock: SkippingClock, warm: Callable[[str], str]
    ) -> None:
        answers = {
            WAKE: bytes.fromhex("7e00110000ee7e"),
            START: bytes.fromhex("7e00000000ff7e"),
            STATUS: encode_shdlc(bytes.fromhex("00d200050000000000")),
            READ: SPS,
        }
        with Answering(line, lambda asked: answers.get(asked.hex(), b"")) as other:
            with board(line, warm("sensirion_sps30"), clock) as source:
                frames = iter(source)
                values = reading(frames).values
                assert values["pm2_5_ugm3"] == pytest.approx(9.466731)
                taken = until(frames, ReadingFrame)
                assert not [frame for frame in taken if isinstance(frame, Fault)]
            other.wait_for(STOP)
        sent = b"".join(other.asked).hex()
        assert sent.startswith("ff" + WAKE + START + VERSION + READ + STATUS + READ)
        assert sent.endswith(STOP)

    def test_wrong_answers_are_faults_and_the_next_right_one_counts(
        self, line: Line, clock: SkippingClock, warm: Callable[[str], str]
    ) -> None:
        answers = iter([bytes.fromhex("7e00034300b97e"), SPS[:-2] + b"\x00\x7e", SPS[:20], SPS])
        with (
            Answering(line, lambda asked: next(answers, SPS) if asked.hex() == READ else b""),
            board(line, warm("sensirion_sps30"), clock) as source,
        ):
            taken = list(takewhile(lambda f: not (isinstance(f, ReadingFrame) and f.values), iter(source)))
        reasons = [frame.reason for frame in taken if isinstance(frame, Fault)]
        assert reasons == [Reason.DEVICE_FAULT, Reason.CHECKSUM, Reason.TRUNCATED]
        absent = [frame.absent for frame in taken if isinstance(frame, ReadingFrame)]
        assert [set(each.values()) for each in absent] == [{Absence.SENSOR_FAULT}]

    def test_a_late_answer_is_taken_when_it_comes(
        self, line: Line, clock: SkippingClock, warm: Callable[[str], str]
    ) -> None:
        with board(line, warm("sensirion_sps30"), clock) as source:
            frames = iter(source)
            until(frames, Idle)
            until(frames, Idle)
            assert line.heard().hex().count(READ) >= 1
            line.say(SPS)
            assert reading(frames).values

    def test_missing_answers_go_stale_and_the_board_is_started_again(
        self, line: Line, clock: SkippingClock
    ) -> None:
        with board(line, "sensirion_sps30", clock) as source:
            frames = iter(source)
            until(frames, Idle)
            assert line.heard().hex().count(START) == 1
            clock.ahead_s = 20
            assert fault(frames).reason is Reason.SILENT
            until(frames, Idle)
            assert line.heard().hex().count(START) == 1

    def test_modbus(self, line: Line, clock: SkippingClock, warm: Callable[[str], str]) -> None:
        def answer(asked: bytes) -> bytes:
            body = bytes.fromhex("fe0408000000000000") + (612).to_bytes(2)
            return body + crc16_modbus(body) if asked.hex() == "fe0400000004e5c6" else b""

        with Answering(line, answer), board(line, warm("senseair_s8"), clock) as source:
            assert reading(iter(source)).values == {"co2_ppm": 612.0}

    def test_text_answers(self, line: Line, clock: SkippingClock, warm: Callable[[str], str]) -> None:
        text = b"110816030320, 107, 25, 21, 32598, 26884, 14454, 00, 00, 01, 49\r\n"
        with (
            Answering(line, lambda asked: text if asked == b"\r" else b""),
            board(line, warm("spec_dgs_no2"), clock) as source,
        ):
            assert reading(iter(source)).values["no2_ppb"] == 107


class TestTrouble:
    def test_bytes_without_a_reading_are_stale_not_silent(self, line: Line, clock: SkippingClock) -> None:
        with board(line, "nova_sds011", clock) as source:
            frames = iter(source)
            acknowledged = bytes.fromhex("aac506010100546fcbab")
            line.say(acknowledged)
            until(frames, Idle)
            clock.ahead_s += 4
            line.say(acknowledged)
            until(frames, Idle)
            clock.ahead_s += 2
            assert fault(frames).reason is Reason.STALE

    def test_a_slow_board_is_told_and_its_readings_count(
        self, line: Line, clock: SkippingClock, warm: Callable[[str], str]
    ) -> None:
        with board(line, warm("nova_sds011"), clock) as source:
            frames = iter(source)
            taken: list[Frame] = []
            for _ in range(9):
                clock.ahead_s += 3
                line.say(SDS)
                taken += until(frames, ReadingFrame)
        told = [frame for frame in taken if isinstance(frame, Fault)]
        assert {frame.reason for frame in told} == {Reason.SLOW}
        assert "a reading every 3.0 s instead of 1 s" in told[0].detail
        assert all(frame.values for frame in taken if isinstance(frame, ReadingFrame))

    def test_a_port_that_takes_no_bytes_is_stuck(
        self, line: Line, clock: SkippingClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("edge.sources.serial_port._WRITE_TIMEOUT_S", 0.1)
        with board(line, "sensirion_sps30", clock) as source:
            descriptor = os.open(line.port, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
            termios.tcflow(descriptor, termios.TCOOFF)
            with pytest.raises(SourceError, match="takes no bytes") as caught:
                until(iter(source), Fault)
            termios.tcflow(descriptor, termios.TCOON)
            os.close(descriptor)
        assert caught.value.reason is Reason.NO_FRAMES

    def test_an_unknown_firmware_and_a_wrong_setting_are_told_and_reading_goes_on(
        self, line: Line, clock: SkippingClock, warm: Callable[[str], str]
    ) -> None:
        def answer(asked: bytes) -> bytes:
            version, mode = "aac507120c0ca16032ab", "aac502000100a16004ab"
            asks = {ASK_VERSION: version, ASK_MODE: mode}
            return bytes.fromhex("".join(asks[sent] for sent in asks if sent in asked.hex()))

        with Answering(line, answer) as other, board(line, warm("nova_sds011"), clock) as source:
            frames = iter(source)
            taken = until(frames, Idle)
            other.wait_for(ASK_MODE)
            line.say(SDS)
            taken += until(frames, ReadingFrame)
            clock.ahead_s += 4
            line.say(SDS)
            taken += until(frames, ReadingFrame)
            clock.ahead_s += 4
            line.say(SDS)
            taken += until(frames, ReadingFrame)
        told = [frame for frame in taken if isinstance(frame, Fault)]
        assert {frame.reason for frame in told} == {Reason.FIRMWARE}
        assert "firmware 120C0C, known are 0F070A, 120B10; must have reporting mode active" in told[-1].detail
        assert len(told) >= 2, "told again, so that its health stays degraded"
        assert all(frame.values for frame in taken if isinstance(frame, ReadingFrame))


class TestUnplugging:
    def test_a_board_that_is_unplugged_is_a_clear_error(self, line: Line, clock: SkippingClock) -> None:
        with board(line, "nova_sds011", clock) as source:
            frames = iter(source)
            line.say(SDS)
            reading(frames)
            line.unplug()
            with pytest.raises(SourceError, match="gone while in use") as caught:
                until(frames, Fault)
        assert caught.value.reason is Reason.NO_DEVICE

    def test_a_polled_board_that_is_unplugged(self, line: Line, clock: SkippingClock) -> None:
        with board(line, "sensirion_sps30", clock) as source:
            line.unplug()
            with pytest.raises(SourceError, match="plug it in again"):
                next(iter(source))

    def test_it_can_be_entered_again_and_warms_up_again(self, tmp_path: Path, clock: SkippingClock) -> None:
        name = tmp_path / "usb-board"
        source = board(str(name), "nova_sds011", clock)
        for _ in range(2):
            line = Line()
            name.symlink_to(line.port)
            with source:
                frames = iter(source)
                line.say(SDS)
                assert set(reading(frames).absent.values()) == {Absence.WARMING_UP}
                clock.ahead_s += 31
                line.say(SDS)
                assert reading(frames).values
                line.unplug()
                with pytest.raises(SourceError):
                    until(frames, Fault)
            name.unlink()


class TestOpening:
    def refused(self, port: str, clock: SkippingClock) -> SourceError:
        with pytest.raises(SourceError) as caught, board(port, "nova_sds011", clock):
            pass
        return caught.value

    def test_a_port_that_is_not_there(self, tmp_path: Path, clock: SkippingClock) -> None:
        error = self.refused(str(tmp_path / "none"), clock)
        assert error.reason is Reason.NO_DEVICE
        assert "no such port; is the board plugged in?" in str(error)

    @pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
    def test_what_is_no_port(
        self, make: Callable[[Path], None], tmp_path: Path, clock: SkippingClock
    ) -> None:
        make(tmp_path / "thing")
        error = self.refused(str(tmp_path / "thing"), clock)
        assert error.reason is Reason.NO_DEVICE
        assert "is not a serial port" in str(error)

    def test_permission_denied_names_the_group(
        self, line: Line, clock: SkippingClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.open

        def refuse(path: str, flags: int, *rest: int) -> int:
            if path == line.port:
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return real(path, flags, *rest)

        monkeypatch.setattr(os, "open", refuse)
        error = self.refused(line.port, clock)
        assert error.reason is Reason.NO_PERMISSION
        assert "sudo usermod -aG dialout $USER" in str(error)

    def test_a_port_that_another_source_has(self, line: Line, clock: SkippingClock) -> None:
        with board(line, "nova_sds011", clock):
            error = self.refused(line.port, clock)
        assert error.reason is Reason.NO_DEVICE
        assert "in use by another program; stop it" in str(error)

    def test_a_port_that_another_program_has_is_named(self, line: Line, clock: SkippingClock) -> None:
        with _locked_by_another(line.port) as name:
            error = self.refused(line.port, clock)
            assert f"in use by {name}" in str(error)

    def test_a_port_that_another_program_has_for_itself_alone(
        self, line: Line, clock: SkippingClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # What TIOCEXCL of another program does to whoever is not root.
        real = os.open

        def refuse(path: str, flags: int, *rest: int) -> int:
            if path == line.port:
                raise OSError(errno.EBUSY, "Device or resource busy", path)
            return real(path, flags, *rest)

        with _locked_by_another(line.port, lock=False) as name:
            monkeypatch.setattr(os, "open", refuse)
            error = self.refused(line.port, clock)
        assert f"in use by {name}; stop it" in str(error)

    def test_nobody_else_can_open_it_until_it_is_closed(
        self, line: Line, clock: SkippingClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[int] = []
        real = fcntl.ioctl

        def ioctl(descriptor: int, request: int, *rest: Any) -> Any:
            asked.append(request)
            return real(descriptor, request, *rest)

        monkeypatch.setattr(fcntl, "ioctl", ioctl)
        with board(line, "nova_sds011", clock):
            assert termios.TIOCEXCL in asked
            assert termios.TIOCNXCL not in asked
        assert asked[-1] == termios.TIOCNXCL

    def test_other_trouble_is_told_as_it_is(
        self, line: Line, clock: SkippingClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise termios.error(errno.EINVAL, "Invalid argument")

        monkeypatch.setattr(termios, "tcsetattr", fail)
        assert "cannot be opened" in str(self.refused(line.port, clock))

    def test_closing_what_is_not_open_is_fine(self, line: Line, clock: SkippingClock) -> None:
        board(line, "nova_sds011", clock).__exit__(None, None, None)


class TestControlLines:
    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Give what is asked of the control lines, which a pseudo-terminal does not have."""
        found: list[str] = []
        real = fcntl.ioctl
        lines = {struct.pack("I", termios.TIOCM_DTR): "DTR", struct.pack("I", termios.TIOCM_RTS): "RTS"}
        ways = {termios.TIOCMBIS: "raised", termios.TIOCMBIC: "lowered"}

        def ioctl(descriptor: int, request: int, argument: Any = 0, *rest: Any) -> Any:
            if request in ways:
                found.append(f"{lines[argument]} {ways[request]}")
                return 0
            return real(descriptor, request, argument, *rest)

        monkeypatch.setattr(fcntl, "ioctl", ioctl)
        return found

    def test_without_dtr_both_go_low_in_the_order_that_resets_no_board(
        self, line: Line, clock: SkippingClock, asked: list[str]
    ) -> None:
        with board(line, "generic_json", clock):
            assert asked == ["RTS lowered", "DTR lowered"]
        assert asked == ["RTS lowered", "DTR lowered"], "closing leaves them"

    def test_with_dtr_both_are_high(self, line: Line, clock: SkippingClock, asked: list[str]) -> None:
        with board(line, "nova_sds011", clock):
            assert asked == ["DTR raised", "RTS raised"]


class TestLine:
    @pytest.mark.parametrize(
        ("profile", "speed", "flags"),
        [
            ("nova_sds011", termios.B9600, termios.CS8),
            ("tondaj_sl814", termios.B9600, termios.CS8 | termios.PARENB),
            ("sensirion_scd30", termios.B19200, termios.CS8),
            ("sensirion_sps30", termios.B115200, termios.CS8),
        ],
    )
    def test_baud_rate_bits_and_parity_are_those_of_the_profile(
        self,
        profile: str,
        speed: int,
        flags: int,
        line: Line,
        clock: SkippingClock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # A pseudo-terminal has no parity, so it is what was asked of it that counts.
        asked: list[Any] = []
        real = termios.tcsetattr

        def tcsetattr(descriptor: int, when: int, attributes: Any) -> None:
            asked.append(attributes)
            real(descriptor, when, attributes)

        monkeypatch.setattr(termios, "tcsetattr", tcsetattr)
        with board(line, profile, clock, experimental=True):
            _, _, control, _, *speeds, _ = asked[-1]
        mask = termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB
        assert speeds == [speed, speed]
        assert control & mask == flags


class TestSettings:
    def test_a_port_is_a_path(self) -> None:
        with pytest.raises(ValidationError, match="port"):
            Config(port="ttyUSB0", profile="nova_sds011")

    @pytest.mark.parametrize("port", ["/dev/ttyUSB0", "/dev/ttyACM12", "/dev/ttyCH341USB0"])
    def test_a_number_is_no_identity(self, port: str) -> None:
        with pytest.raises(ValidationError, match=r"only the order of plugging.*lamppost sensors"):
            Config(port=port, profile="nova_sds011")

    @pytest.mark.parametrize("port", ["/dev/ttyAMA0", "/dev/serial0", "/dev/ttyS1", "/dev/serial/by-path/x"])
    def test_what_is_fixed_to_the_machine_is_one(self, port: str) -> None:
        assert Config(port=port, profile="nova_sds011").port == port

    def test_the_advice_names_the_links_of_that_very_port(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("edge.sources.serial_port.LINKS", tmp_path)
        for folder, name in (("by-path", "pci-1"), ("by-id", "usb-A_1"), ("by-id", "usb-B_2")):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).symlink_to("/dev/null" if name != "usb-B_2" else "/dev/zero")
        assert stable_names("/dev/null") == [f"{tmp_path}/by-id/usb-A_1", f"{tmp_path}/by-path/pci-1"]

    def test_an_unknown_profile_has_a_nearest_one(self) -> None:
        with pytest.raises(ValidationError, match="did you mean 'nova_sds011'"):
            Config(port=PORT, profile="sds011")

    def test_an_experimental_profile_must_be_asked_for(self) -> None:
        with pytest.raises(ValidationError, match="set experimental = true"):
            Config(port=PORT, profile="sensirion_scd30")
        assert Config(port=PORT, profile="sensirion_scd30", experimental=True).experimental

    def test_a_profile_of_ones_own(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text("schema = 1")
        with pytest.raises(ValidationError, match=r"mine\.toml: id: Field required"):
            Config(port=PORT, profile=str(path))


class TestCheck:
    def test_it_says_what_it_heard(self, line: Line, clock: SkippingClock) -> None:
        source = board(line, "nova_sds011", clock)
        timer = threading.Timer(0.3, line.say, (SDS,))
        timer.start()
        check = source.check()
        timer.join()
        assert check.ok
        assert "pm2_5_ugm3 123.6" in check.detail
        assert check.advice == ""

    def test_it_heard_nothing(self, line: Line, clock: SkippingClock) -> None:
        check = board(line, "nova_sds011", clock).check()
        assert not check.ok
        assert "heard nothing" in check.detail
        assert "RX are crossed" in check.advice

    def test_it_heard_garbage(self, line: Line, clock: SkippingClock) -> None:
        source = board(line, "nova_sds011", clock)
        timer = threading.Timer(0.3, line.say, (SDS_BAD + b"\x01" * 10,))
        timer.start()
        check = source.check()
        timer.join()
        assert not check.ok
        assert "heard 20 bytes and no reading (1 checksum, 1 noise)" in check.detail

    def test_the_port_cannot_be_opened(self, tmp_path: Path, clock: SkippingClock) -> None:
        check = board(str(tmp_path / "none"), "nova_sds011", clock).check()
        assert not check.ok
        assert "no such port" in check.detail

    def test_another_program_reads_along(self, line: Line, clock: SkippingClock) -> None:
        source = board(line, "nova_sds011", clock)
        with _locked_by_another(line.port, lock=False) as name:
            timer = threading.Timer(0.3, line.say, (SDS,))
            timer.start()
            check = source.check()
            timer.join()
            assert not check.ok
            assert f"{name} also reads it" in check.detail


@contextmanager
def _locked_by_another(port: str, *, lock: bool = True) -> Iterator[str]:
    code = (
        "import fcntl, os, sys\n"
        f"f = os.open({port!r}, os.O_RDWR | os.O_NOCTTY)\n"
        + ("fcntl.flock(f, fcntl.LOCK_EX)\n" if lock else "")
        + "print('ready', flush=True)\nsys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "ready\n"
    name = Path(f"/proc/{other.pid}/comm").read_text().strip()
    yield f"{name} ({other.pid})"
    other.stdin.close()
    other.wait()
    other.stdout.close()


def test_nobody_holds_a_port_that_nobody_opened(tmp_path: Path) -> None:
    assert holders(str(tmp_path / "none")) == []


def test_the_lock_is_given_back(line: Line, clock: SkippingClock) -> None:
    with board(line, "nova_sds011", clock):
        pass
    descriptor = os.open(line.port, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)
