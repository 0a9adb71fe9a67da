"""The bytes of a command. Calibration commands are never made, whatever a profile says."""

from edge.decoding.checksums import crc16_modbus
from edge.decoding.profile import Command
from edge.decoding.shapes import FrameCodec, LinesCodec, ModbusCodec, ShdlcCodec
from edge.decoding.shdlc import encode_shdlc

NEVER_SENT: dict[str, bytes] = {
    "zero calibration of a CO2 sensor (FF 01 87)": bytes.fromhex("ff0187"),
    "span calibration of a CO2 sensor (FF 01 88)": bytes.fromhex("ff0188"),
    "calibration of a Senseair S8 (06 0001)": bytes.fromhex("fe060001"),
    "forced recalibration of an SCD30 (06 0039)": bytes.fromhex("61060039"),
}
"""Sent in the street they would shift every later value, and no later value would show it."""


def encode(command: Command, codec: FrameCodec | ShdlcCodec | ModbusCodec | LinesCodec) -> bytes:
    """Return the bytes of a command.

    Raises:
        ValueError: the command does not suit the codec.
    """
    if command.hex is not None:
        return command.hex
    if command.text is not None:
        return command.text.encode()
    if command.cmd is not None and isinstance(codec, ShdlcCodec):
        return encode_shdlc(bytes((codec.address, command.cmd, len(command.payload))) + command.payload)
    if command.fn is not None and isinstance(codec, ModbusCodec):
        number = command.count if command.count is not None else command.value
        assert command.reg is not None
        assert number is not None
        body = bytes((codec.address, command.fn)) + command.reg.to_bytes(2) + number.to_bytes(2)
        return body + crc16_modbus(body)
    wanted = "shdlc" if command.cmd is not None else "modbus_rtu"
    raise ValueError(f"needs codec.kind '{wanted}', this profile has '{codec.kind}'")


def forbidden(sent: bytes, deny: tuple[bytes, ...]) -> str:
    """Return why these bytes must not be sent; empty when they may."""
    for what, pattern in NEVER_SENT.items():
        if pattern in sent:
            return what
    return next((f"the profile denies {pattern.hex()}" for pattern in deny if pattern in sent), "")
