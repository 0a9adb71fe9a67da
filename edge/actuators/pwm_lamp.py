"""A lamp dimmed by 0-10 V or PWM, through the kernel's PWM device (`/sys/class/pwm`).

The kernel's PWM is made by hardware: it neither jitters, which the eye sees, nor stops when this process
does. A driver with a 0-10 V input needs a converter from PWM in between.
(Linux, Documentation/driver-api/pwm.rst)
"""

from pathlib import Path
from time import monotonic, sleep

from pydantic import Field

from edge.actuators.lamp import Lamp, LampSection
from edge.domain.actuator import ActuatorError
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S

COMPONENT = Component.LAMP

_EXPORT_S = 1.0
"""udev needs a moment to give a channel that was just exported to the group of the daemon."""


class Config(LampSection):
    """Settings of `[actuators.pwm_lamp]`."""

    chip: Path = Field(Path("/sys/class/pwm/pwmchip0"), description="the PWM device")
    channel: int = Field(0, ge=0, le=31, description="channel of the device")
    frequency_hz: float = Field(1000.0, ge=100, le=100_000, description="what the lamp's driver asks for")
    inverted: bool = Field(False, description="the converter gives full light at 0 % duty")


class Pwm:
    """One channel of a PWM device."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._folder = config.chip / f"pwm{config.channel}"
        self._period_ns = round(NS_PER_S / config.frequency_hz)

    def open(self) -> None:
        """Export the channel and set its period. Raises ActuatorError."""
        if not self._config.chip.is_dir():
            advice = "enable it (Raspberry Pi: dtoverlay=pwm in config.txt) or set `chip`"
            raise ActuatorError(Reason.NO_DEVICE, f"{self._config.chip}: no PWM device; {advice}")
        if not self._folder.is_dir():
            self._put(self._config.chip / "export", self._config.channel)
            self._wait()
        # A duty above the period is refused, so the duty goes first, to 0, when the period has to change.
        if self._read("period") != self._period_ns:
            self._put(self._folder / "duty_cycle", 0)
            self._put(self._folder / "period", self._period_ns)

    def write(self, percent: float) -> None:
        """Set the duty, and switch the channel on. Raises ActuatorError."""
        share = percent / 100.0
        duty_ns = round((1.0 - share if self._config.inverted else share) * self._period_ns)
        self._put(self._folder / "duty_cycle", duty_ns)
        if self._read("enable") != 1:
            self._put(self._folder / "enable", 1)

    def close(self) -> None:
        """Leave the lamp as it shines: an unexported channel would go dark."""

    def _wait(self) -> None:
        end_s = monotonic() + _EXPORT_S
        while not (self._folder / "period").exists() and monotonic() < end_s:
            sleep(0.02)

    def _read(self, name: str) -> int:
        path = self._folder / name
        try:
            return int(path.read_text())
        except (OSError, ValueError) as error:
            raise _refused(path, error) from error

    def _put(self, path: Path, value: int) -> None:
        try:
            path.write_text(str(value))
        except OSError as error:
            raise _refused(path, error) from error


def _refused(path: Path, error: Exception) -> ActuatorError:
    if isinstance(error, PermissionError):
        advice = "give the daemon's group write access by a udev rule (systemd/README.md, lamps)"
        return ActuatorError(Reason.NO_PERMISSION, f"{path}: permission denied; {advice}")
    return ActuatorError(Reason.DEVICE_FAULT, f"{path}: {error}; check `channel` and `frequency_hz`")


def build(config: Config, source: SourceId) -> Lamp:
    """Return the actuator."""
    return Lamp(config, source, Pwm(config))
