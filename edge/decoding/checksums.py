"""Checksums of serial boards; each returns the bytes that a board appends."""

from collections.abc import Callable
from enum import StrEnum


class Algorithm(StrEnum):
    """The closed list of checksums a profile may name."""

    SUM8 = "sum8"
    SUM16BE = "sum16be"
    NEG8 = "neg8"
    INV8 = "inv8"
    XOR8 = "xor8"
    CRC16_MODBUS = "crc16_modbus"
    VAISALA3 = "vaisala3"


def _crc16_table() -> tuple[int, ...]:
    # Reflected polynomial 0x8005 (0xA001), as Modbus over Serial Line V1.02, section 6.2.2.
    def entry(value: int) -> int:
        for _ in range(8):
            value = (value >> 1) ^ (0xA001 if value & 1 else 0)
        return value

    return tuple(entry(index) for index in range(256))


_CRC16 = _crc16_table()


def _crc16(covered: bytes, start: int) -> int:
    crc = start
    for byte in covered:
        crc = (crc >> 8) ^ _CRC16[(crc ^ byte) & 0xFF]
    return crc


def sum8(covered: bytes) -> bytes:
    """Sum of the bytes, low 8 bits."""
    return bytes((sum(covered) & 0xFF,))


def sum16be(covered: bytes) -> bytes:
    """Sum of the bytes, low 16 bits, high byte first."""
    return (sum(covered) & 0xFFFF).to_bytes(2, "big")


def neg8(covered: bytes) -> bytes:
    """Two's complement of the sum: covered bytes and checksum together sum to 0. It wraps to 00."""
    return bytes((-sum(covered) & 0xFF,))


def inv8(covered: bytes) -> bytes:
    """One's complement of the sum (SHDLC)."""
    return bytes((~sum(covered) & 0xFF,))


def xor8(covered: bytes) -> bytes:
    """Exclusive or of the bytes (NMEA 0183)."""
    value = 0
    for byte in covered:
        value ^= byte
    return bytes((value,))


def crc16_modbus(covered: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first (Modbus over Serial Line V1.02, section 6.2.2)."""
    return _crc16(covered, 0xFFFF).to_bytes(2, "little")


def vaisala3(covered: bytes) -> bytes:
    """CRC-16 with initial value 0 as three printable characters (Vaisala WXT530 user guide, M211840EN)."""
    crc = _crc16(covered, 0)
    return bytes((0x40 | crc >> 12, 0x40 | crc >> 6 & 0x3F, 0x40 | crc & 0x3F))


CHECKSUMS: dict[Algorithm, Callable[[bytes], bytes]] = {
    Algorithm.SUM8: sum8,
    Algorithm.SUM16BE: sum16be,
    Algorithm.NEG8: neg8,
    Algorithm.INV8: inv8,
    Algorithm.XOR8: xor8,
    Algorithm.CRC16_MODBUS: crc16_modbus,
    Algorithm.VAISALA3: vaisala3,
}

WIDTHS: dict[Algorithm, int] = {algorithm: len(compute(b"")) for algorithm, compute in CHECKSUMS.items()}
