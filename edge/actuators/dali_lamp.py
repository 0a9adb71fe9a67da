"""A lamp on a DALI-2 bus, through a serial bridge that takes frames as lines of text (DALI HAT of ATX LED).

Direct arc power commands only; the lamp's own fade time should be 0, as the steps come from here. What the
lamp does when the bus fails is set in the lamp (system failure level): set it to the normal level.
"""

import errno
import termios
from typing import TYPE_CHECKING

from pydantic import Field

from edge.actuators.lamp import Lamp, LampSection
from edge.decoding.dali import address_byte, arc_power, forward_frame_line, refused
from edge.domain.actuator import ActuatorError
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId

if TYPE_CHECKING:
    from serial import Serial

COMPONENT = Component.LAMP

_BAUD = 19_200
_ANSWER_S = 0.3
"""A forward frame takes 16 ms, the wait for an answer 11 ms (IEC 62386-101); the rest is the bridge's."""


class Config(LampSection):
    """Settings of `[actuators.dali_lamp]`."""

    port: str = Field(pattern=r"^/", description="stable path such as /dev/serial/by-id/usb-...")
    address: int | None = Field(None, ge=0, le=63, description="short address; without one all on the bus")


class Bus:
    """The bridge's port."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._port: Serial | None = None
        self._address = address_byte(config.address)

    def open(self) -> None:
        """Open the port, for this process alone. Raises ActuatorError."""
        import serial

        try:
            self._port = serial.Serial(
                self._config.port, _BAUD, timeout=_ANSWER_S, write_timeout=_ANSWER_S, exclusive=True
            )
        except (OSError, ValueError, termios.error) as error:
            # pyserial's own exception, with the number of the system's
            if getattr(error, "errno", None) in {errno.EACCES, errno.EPERM}:
                advice = "join the group dialout"
                raise self._failed(Reason.NO_PERMISSION, f"permission denied; {advice}") from error
            advice = "plug it in, or give its port (ls /dev/serial/by-id)"
            raise self._failed(Reason.NO_DEVICE, f"cannot be opened ({error}); {advice}") from error

    def write(self, percent: float) -> None:
        """Send a level. Raises ActuatorError."""
        assert self._port is not None
        try:
            self._port.reset_input_buffer()
            self._port.write(forward_frame_line(self._address, arc_power(percent)))
            answer = self._port.readline()
        except (OSError, TypeError, termios.error) as error:
            # pyserial stumbles over its own closed descriptor when a device goes away during a call.
            raise self._failed(Reason.NO_DEVICE, f"gone ({error}); plug it in again") from error
        if why := refused(answer):
            raise self._failed(Reason.DEVICE_FAULT, f"{why}; check the bus and its supply")

    def close(self) -> None:
        """Close the port; the lamp shines on."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def _failed(self, reason: Reason, what: str) -> ActuatorError:
        return ActuatorError(reason, f"DALI bridge {self._config.port}: {what}")


def build(config: Config, source: SourceId) -> Lamp:
    """Return the actuator."""
    return Lamp(config, source, Bus(config))
