"""A serial port: named by its identity, opened for this process alone, its control lines as the board needs.

Adapters are found by the links that udev makes under /dev/serial: `by-id` holds maker, model and serial
number, `by-path` the socket. Numbers such as ttyUSB0 are the order of plugging: settings may not use them.
"""

import errno
import fcntl
import os
import re
import termios
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from edge.decoding.profile import Transport
from edge.domain.health import Reason
from edge.domain.stages import SourceError
from edge.sources.device_access import holders, join_group

if TYPE_CHECKING:
    from serial import Serial

READ_TIMEOUT_S = 0.5
LINKS = Path("/dev/serial")

_WRITE_TIMEOUT_S = 1.0
_PARITIES = {"none": "N", "even": "E", "odd": "O"}
_NUMBERED = re.compile(r"/dev/tty\w*(USB|ACM)\d+")


def stable_names(path: str) -> list[str]:
    """Return the links under /dev/serial that lead to a port, those by serial number first."""
    target = os.path.realpath(path)
    links = [link for folder in ("by-id", "by-path") for link in sorted((LINKS / folder).glob("*"))]
    return [str(link) for link in links if os.path.realpath(link) == target]


def _stable(path: str) -> str:
    if not _NUMBERED.fullmatch(path):
        return path
    names = stable_names(path) if os.path.lexists(path) else []
    advice = f"this one is {names[0]}" if names else "`lamppost sensors` shows the names to use instead"
    raise ValueError(
        f"{path} is only the order of plugging, and another board may have it tomorrow; {advice}"
    )


PortPath = Annotated[
    str,
    Field(pattern=r"^/", description="stable path: /dev/serial/by-id/..., /dev/serial/by-path/..., a UART"),
    AfterValidator(_stable),
]
"""A port in the settings."""


def open_port(path: str, line: Transport) -> "Serial":
    """Open a port for this process alone. Raises SourceError that says what to do.

    With `dtr = false`, DTR and RTS are low as soon as the kernel lets go of them (it raises both for the
    moment of opening, whatever a program asks for): RTS first, because "DTR low, RTS high" is the reset of
    ESP boards. Closing then leaves them as they are.
    """
    import serial

    port = serial.Serial(
        baudrate=line.baud,
        bytesize=line.bits,
        parity=_PARITIES[line.parity],
        stopbits=line.stop,
        timeout=READ_TIMEOUT_S,
        write_timeout=_WRITE_TIMEOUT_S,
        exclusive=True,
        dsrdtr=not line.dtr,  # does not make pyserial follow DSR, but leave DTR to us
    )
    port.port = path
    port.rts = line.dtr
    try:
        port.open()
        if not line.dtr:
            _lower_dtr(port)
        # A lock binds those who ask for it; this one also those who do not.
        fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
        port.reset_input_buffer()
    except (OSError, termios.error) as error:
        port.close()
        raise _explain(path, error) from error
    return port


def close_port(port: "Serial") -> None:
    """Close a port, if it is still there."""
    with suppress(OSError, TypeError, termios.error):
        fcntl.ioctl(port.fileno(), termios.TIOCNXCL)
    with suppress(OSError, termios.error):
        port.close()


def exchange(port: "Serial", commands: list[bytes], wait_s: float) -> bytes:
    """Send commands, then wait for bytes; return what came.

    Args:
        port: as opened.
        commands: sent in this order.
        wait_s: for the first byte.

    Raises:
        SourceError: the port is gone, or takes no bytes.
    """
    import serial

    try:
        for command in commands:
            port.write(command)
        port.timeout = wait_s
        first: bytes = port.read(1)
        return first + port.read(port.in_waiting) if first else b""
    except serial.SerialTimeoutException as error:
        raise SourceError(
            Reason.NO_FRAMES, f"{port.port}: takes no bytes; unplug the adapter and plug it in again"
        ) from error
    except (OSError, TypeError, termios.error) as error:
        # pyserial stumbles over its own closed descriptor when a device goes away during a call.
        raise SourceError(
            Reason.NO_DEVICE, f"{port.port}: gone while in use ({error}); plug it in again"
        ) from error


def _lower_dtr(port: "Serial") -> None:
    with suppress(OSError):  # a pseudo-terminal has no such line
        port.dtr = False
    # Else the next close drops DTR and RTS one after the other, and the next open raises them again.
    descriptor = port.fileno()
    attributes: list[Any] = termios.tcgetattr(descriptor)
    attributes[2] &= ~termios.HUPCL
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


def _explain(path: str, error: Exception) -> SourceError:
    code = getattr(error, "errno", None)
    if code is None:
        code = next((arg for arg in error.args if isinstance(arg, int)), None)
    if not os.path.lexists(path) or code in {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO}:
        advice = "is the board plugged in? `lamppost sensors` shows what is"
        return SourceError(Reason.NO_DEVICE, f"{path}: no such port; {advice}")
    if code in {errno.EACCES, errno.EPERM}:
        return SourceError(Reason.NO_PERMISSION, f"{path}: permission denied; {join_group(path, 'dialout')}")
    if code in {errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK}:
        owner = ", ".join(holders(path)) or "another program"
        return SourceError(Reason.NO_DEVICE, f"{path}: in use by {owner}; stop it, or give another port")
    if not Path(path).is_char_device() or code == errno.ENOTTY:
        return SourceError(Reason.NO_DEVICE, f"{path}: is not a serial port; `lamppost sensors` shows them")
    return SourceError(
        Reason.NO_DEVICE, f"{path}: cannot be opened ({error}); unplug it and plug it in again"
    )
