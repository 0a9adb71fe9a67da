"""Checksums against published vectors."""

import pytest

from edge.decoding.checksums import CHECKSUMS, Algorithm

VECTORS = [
    (Algorithm.SUM8, bytes.fromhex("d4043a0aa160"), "1d"),
    (Algorithm.SUM16BE, bytes.fromhex("424de2000001"), "0172"),
    (Algorithm.SUM16BE, bytes.fromhex("424de20000"), "0171"),
    (Algorithm.NEG8, bytes.fromhex("86027c42000000"), "ba"),
    # The sum is 0x100, so its complement wraps to 0.
    (Algorithm.NEG8, bytes.fromhex("86017900000000"), "00"),
    (Algorithm.INV8, bytes.fromhex("000300"), "fc"),
    (Algorithm.XOR8, b"GPGGA,184353.07,1929.045,S,02410.506,E,1,04,2.6,100.00,M,-33.9,M,,0000", "6d"),
    # The check value of CRC-16/MODBUS is 4B37; on the wire the low byte comes first.
    (Algorithm.CRC16_MODBUS, b"123456789", "374b"),
    (Algorithm.CRC16_MODBUS, bytes.fromhex("fe0400000004"), "e5c6"),
    (Algorithm.VAISALA3, b"0r1", b"Goe".hex()),
]


@pytest.mark.parametrize(("algorithm", "covered", "expected"), VECTORS)
def test_it_gives_the_bytes_on_the_wire(algorithm: Algorithm, covered: bytes, expected: str) -> None:
    assert CHECKSUMS[algorithm].encode(covered).hex() == expected


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_nothing_covered_has_a_checksum_too(algorithm: Algorithm) -> None:
    assert len(CHECKSUMS[algorithm].encode(b"")) == CHECKSUMS[algorithm].width
