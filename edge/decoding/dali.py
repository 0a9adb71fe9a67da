"""DALI forward frames, and the text in which a serial bridge is told them (IEC 62386-102)."""

import math

BROADCAST = 0xFE
"""Address byte of a direct arc power command to all gear."""

_DIMMEST_PERCENT = 0.1
_FULL = 254


def address_byte(short: int | None) -> int:
    """Return the address byte of a direct arc power command: one of 64 lamps, or all of them."""
    return BROADCAST if short is None else short << 1


def arc_power(percent: float) -> int:
    """Return the level 0..254 that gives so much light on the standard's logarithmic dimming curve.

    Level 1 is 0.1 %, level 254 is 100 % (IEC 62386-102, 9.3); below 0.1 % is off.
    """
    if percent < _DIMMEST_PERCENT:
        return 0
    steps = (_FULL - 1) / 3 * (math.log10(min(percent, 100.0)) + 1)
    return 1 + round(steps)


def forward_frame_line(address: int, level: int) -> bytes:
    """Return a 16-bit forward frame as a DALI HAT of ATX LED takes it: `hAADD`, in hexadecimal."""
    return b"h%02X%02X\n" % (address, level)


def refused(answer: bytes) -> str:
    """Return why the bridge could not send a frame; empty when it could (`N`: no answer, none is due)."""
    match answer[:1]:
        case b"N" | b"J":
            return ""
        case b"X":
            return "the bus is busy or two devices spoke at once"
        case b"Z":
            return "the bus has no power"
        case _:
            return "the bridge does not answer"
