"""The devices of lamps: files of the kernel's PWM, a DALI bridge at the other end of a pseudo-terminal."""

import errno
import os
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from edge.actuators import dali_lamp, pwm_lamp
from edge.actuators.dali_lamp import Bus
from edge.actuators.pwm_lamp import Pwm
from edge.decoding.dali import address_byte, arc_power, forward_frame_line, refused
from edge.domain.actuator import ActuatorError
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.time import CaptureTime

LAMP = SourceId("lamp", 0, Component.LAMP)


def kernel(folder: Path, *, exported: bool = True) -> Path:
    chip = folder / "pwmchip0"
    chip.mkdir()
    (chip / "export").write_text("")
    if exported:
        (chip / "pwm1").mkdir()
        for name in ("period", "duty_cycle", "enable"):
            (chip / "pwm1" / name).write_text("0\n")
    return chip


def channel(chip: Path) -> dict[str, int]:
    return {path.name: int(path.read_text()) for path in (chip / "pwm1").iterdir()}


def test_pwm_sets_period_duty_and_switches_on(tmp_path: Path) -> None:
    chip = kernel(tmp_path)
    pwm = Pwm(pwm_lamp.Config(chip=chip, channel=1, frequency_hz=1000))
    pwm.open()
    pwm.write(60)
    assert channel(chip) == {"period": 1_000_000, "duty_cycle": 600_000, "enable": 1}
    pwm.close()
    assert channel(chip)["enable"] == 1


def test_pwm_of_an_inverting_converter(tmp_path: Path) -> None:
    chip = kernel(tmp_path)
    pwm = Pwm(pwm_lamp.Config(chip=chip, channel=1, inverted=True))
    pwm.open()
    pwm.write(90)
    assert channel(chip)["duty_cycle"] == 100_000


def test_pwm_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ActuatorError, match=r"no PWM device; enable it \(Raspberry Pi: dtoverlay"):
        Pwm(pwm_lamp.Config(chip=tmp_path / "pwmchip7")).open()


def test_a_pwm_channel_that_does_not_come_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwm_lamp, "_EXPORT_S", 0.0)
    chip = kernel(tmp_path, exported=False)
    with pytest.raises(ActuatorError, match="check `channel`") as caught:
        Pwm(pwm_lamp.Config(chip=chip, channel=1)).open()
    assert caught.value.reason is Reason.DEVICE_FAULT
    assert (chip / "export").read_text() == "1"


def test_pwm_that_may_not_be_written_says_who_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chip = kernel(tmp_path)

    def refuse(path: Path, _text: str) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(ActuatorError, match="udev rule") as caught:
        Pwm(pwm_lamp.Config(chip=chip, channel=1)).open()
    assert caught.value.reason is Reason.NO_PERMISSION


@pytest.mark.parametrize(
    ("percent", "level"),
    [(0, 0), (0.05, 0), (0.1, 1), (1, 85), (10, 170), (50, 229), (100, 254), (120, 254)],
)
def test_arc_power_follows_the_dimming_curve_of_the_standard(percent: float, level: int) -> None:
    # IEC 62386-102, 4.3 gives 1: 0.1 %, 85: 1.0 %, 170: 10 %, 229: 50.5 %, 254: 100 %.
    assert arc_power(percent) == level


def test_forward_frames_are_addressed_to_one_lamp_or_to_all() -> None:
    assert forward_frame_line(address_byte(None), 254) == b"hFEFE\n"
    assert forward_frame_line(address_byte(5), 0) == b"h0A00\n"
    assert refused(b"N\n") == ""
    assert "power" in refused(b"Z\n")
    assert "answer" in refused(b"")


class Bridge:
    """A DALI bridge: takes lines, answers each, keeps the frames."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.answer = b"N\n"
        self.frames: list[bytes] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        line = b""
        while True:
            byte = os.read(self.master, 1)
            if byte == b"q":
                return
            line += byte
            if byte == b"\n":
                self.frames.append(line)
                line = b""
                os.write(self.master, self.answer)

    def end(self) -> None:
        os.write(self._slave, b"q")
        self._thread.join(5)
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    made = Bridge()
    yield made
    made.end()


def test_levels_go_over_the_bus_as_direct_arc_power(bridge: Bridge) -> None:
    bus = Bus(dali_lamp.Config(port=bridge.port, address=3))
    bus.open()
    bus.write(100)
    bus.write(10)
    assert bridge.frames == [b"h06FE\n", b"h06AA\n"]
    bus.close()


def test_a_bus_without_power_is_told(bridge: Bridge) -> None:
    bridge.answer = b"Z\n"
    bus = Bus(dali_lamp.Config(port=bridge.port))
    bus.open()
    with pytest.raises(ActuatorError, match="the bus has no power; check the bus"):
        bus.write(50)
    bus.close()


def test_a_bridge_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(ActuatorError, match="plug it in, or give its port"):
        Bus(dali_lamp.Config(port="/dev/serial/by-id/none")).open()


def test_a_bridge_that_may_not_be_opened_says_which_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(errno.EACCES, "could not open port /dev/dali: Permission denied")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(ActuatorError, match="join the group dialout") as caught:
        Bus(dali_lamp.Config(port="/dev/dali")).open()
    assert caught.value.reason is Reason.NO_PERMISSION


def test_a_bridge_that_is_unplugged_and_plugged_in_again_is_used_again(
    tmp_path: Path, bridge: Bridge
) -> None:
    port, first = tmp_path / "dali", Bridge()
    port.symlink_to(first.port)
    lamp = dali_lamp.build(dali_lamp.Config(port=str(port)), LAMP)
    start = CaptureTime(0, 10**9, 1.0)

    def told(second: float) -> list[Observation]:
        now = start.shifted(second)
        return list(lamp.step(now, now.monotonic_ns))

    assert told(0) == []
    first.end()
    port.unlink()
    (lost,) = (o for o in told(11) if isinstance(o, Health))
    assert lost.reason is Reason.NO_DEVICE
    port.symlink_to(bridge.port)
    (back,) = (o for o in told(17) if isinstance(o, Health))
    assert (back.status, back.reason) == (Status.OK, Reason.RECOVERED)
    assert bridge.frames
    lamp.close()


def test_a_whole_lamp_on_the_bus_reaches_its_scene(bridge: Bridge) -> None:
    lamp = dali_lamp.build(dali_lamp.Config(port=bridge.port), LAMP)
    start = CaptureTime(0, 10**9, 1.0)
    assert list(lamp.step(start, start.monotonic_ns)) == []
    assert bridge.frames == [b"hFEEB\n"]  # 60 %: 1 + 253 / 3 * (lg 60 + 1) = 235
    lamp.close()
