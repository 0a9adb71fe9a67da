"""Checksums of serial boards."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


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


def _sum8(covered: bytes) -> int:
    return sum(covered) & 0xFF


def _sum16(covered: bytes) -> int:
    return sum(covered) & 0xFFFF


def _neg8(covered: bytes) -> int:
    # Covered bytes and checksum together sum to 0; it wraps to 00.
    return -sum(covered) & 0xFF


def _inv8(covered: bytes) -> int:
    return ~sum(covered) & 0xFF


def _xor8(covered: bytes) -> int:
    value = 0
    for byte in covered:
        value ^= byte
    return value


def _crc16_modbus(covered: bytes) -> int:
    return _crc16(covered, 0xFFFF)


def _vaisala3(covered: bytes) -> int:
    # CRC-16 with initial value 0 as three printable characters (Vaisala WXT530 user guide, M211840EN).
    crc = _crc16(covered, 0)
    return (0x40 | crc >> 12) << 16 | (0x40 | crc >> 6 & 0x3F) << 8 | 0x40 | crc & 0x3F


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum: its number, and how many bytes in which order stand for it."""

    compute: Callable[[bytes], int]
    width: int
    order: Literal["big", "little"]

    def encode(self, covered: bytes) -> bytes:
        """Return the bytes that a board appends."""
        return self.compute(covered).to_bytes(self.width, self.order)


CHECKSUMS: dict[Algorithm, Checksum] = {
    Algorithm.SUM8: Checksum(_sum8, 1, "big"),
    Algorithm.SUM16BE: Checksum(_sum16, 2, "big"),
    Algorithm.NEG8: Checksum(_neg8, 1, "big"),
    Algorithm.INV8: Checksum(_inv8, 1, "big"),
    Algorithm.XOR8: Checksum(_xor8, 1, "big"),
    Algorithm.CRC16_MODBUS: Checksum(_crc16_modbus, 2, "little"),
    Algorithm.VAISALA3: Checksum(_vaisala3, 3, "big"),
}

inv8 = CHECKSUMS[Algorithm.INV8].encode
xor8 = CHECKSUMS[Algorithm.XOR8].encode
crc16_modbus = CHECKSUMS[Algorithm.CRC16_MODBUS].encode
vaisala3 = CHECKSUMS[Algorithm.VAISALA3].encode
