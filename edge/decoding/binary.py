"""Reading the fields of binary frames."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.decoding.measures import Condition, Kind, Measure, MessageShape
from edge.decoding.modbus import HEADER_BYTES as MODBUS_HEADER_BYTES
from edge.decoding.modbus import exception_flag
from edge.decoding.profile import Profile
from edge.decoding.results import ABSENT_BY_OUTCOME, Message, Outcome, Rejection
from edge.decoding.shapes import FrameCodec, ModbusCodec, ShdlcCodec
from edge.decoding.shdlc import HEADER_BYTES as SHDLC_HEADER_BYTES
from edge.decoding.shdlc import state_flags
from edge.decoding.units import Unit
from edge.decoding.values import Convert, converter
from edge.domain.health import Absence

_ORDERS: dict[Literal["big", "little"], str] = {"big": ">", "little": "<"}
_STRUCT_CODES = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "f32": "f"}
_WIDTHS = {"u8": 1, "i8": 1, "u16": 2, "i16": 2, "u24": 3, "i24": 3, "u32": 4, "i32": 4, "f32": 4}

FAULT_MESSAGE = "fault"
"""Name of the message in which a board reports an error of SHDLC or Modbus."""


def width(measure: Measure) -> int:
    """Bytes a binary field takes."""
    return measure.size or _WIDTHS.get(measure.type[:3], _WIDTHS.get(measure.type[:2], 0))


def bits_used(measure: Measure) -> int:
    """Bits of its bytes that a field uses; all of them unless it has a mask or is a set of flags."""
    if measure.mask is not None:
        return measure.mask
    if measure.unit is Unit.BITS:
        return sum(1 << bit for bit in measure.flags)
    return (1 << 8 * width(measure)) - 1


def _bcd(raw: bytes) -> int | None:
    digits = raw.hex()
    return int(digits) if digits.isdecimal() else None


def _text(raw: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "?" for byte in raw.rstrip(b"\0 "))


def _raw_reader(measure: Measure, at: int) -> Callable[[bytes], float | str | None]:
    """Return the function that takes a field's raw value from a frame; None is a value that cannot be."""
    size, end = width(measure), at + width(measure)
    kind, endian = measure.type, _endian(measure)
    if kind is Kind.BCD:
        return lambda frame: _bcd(frame[at:end])
    if kind is Kind.STR:
        return lambda frame: _text(frame[at:end])
    if size == 3:
        signed = kind.startswith("i")
        return lambda frame: int.from_bytes(frame[at:end], endian, signed=signed)
    unpack = struct.Struct(_ORDERS[endian] + _code(measure)).unpack_from

    def read(frame: bytes) -> float:
        value: float = unpack(frame, at)[0]
        return value

    return read


def _endian(measure: Measure) -> Literal["big", "little"]:
    return "little" if measure.type.endswith("le") else "big"


def _code(measure: Measure) -> str:
    """Return the character of the struct module for a field; empty when it has none."""
    return _STRUCT_CODES.get(measure.type.removesuffix("be").removesuffix("le"), "")


@dataclass(frozen=True, slots=True)
class _Odd:
    """A field that is not simply a number and a measurement, compiled."""

    name: str
    read: Callable[[bytes], float | str | None]
    convert: Convert
    measurement: bool
    mask: int
    flags: tuple[tuple[int, str], ...]
    template: str

    def take(
        self,
        body: bytes,
        values: dict[str, float],
        absent: dict[str, Absence],
        flags: list[str],
        meta: dict[str, float | str],
    ) -> None:
        """Put the value where it belongs."""
        raw = self.read(body)
        if raw is None:
            absent[self.name] = Absence.SENSOR_FAULT
            return
        if isinstance(raw, str):
            meta[self.name] = raw
            return
        if self.flags:
            flags += [name for bit, name in self.flags if int(raw) & bit]
        if self.mask:
            raw = (int(raw) & self.mask) // (self.mask & -self.mask)
        if not self.measurement:
            meta[self.name] = self.template % raw if self.template else raw
        elif isinstance(value := self.convert(raw), Absence):
            absent[self.name] = value
        else:
            values[self.name] = value


def _compile_odd(measure: Measure, data_at: int) -> _Odd:
    assert measure.at is not None
    return _Odd(
        measure.full_name,
        _raw_reader(measure, data_at + measure.at),
        converter(measure),
        measure.is_measurement,
        measure.mask or 0,
        tuple((1 << bit, name) for bit, name in measure.flags.items()),
        f"%0{2 * width(measure)}X" if measure.unit is Unit.ID else "",
    )


Group = tuple[Callable[[bytes], tuple[float, ...]], tuple[tuple[str, Convert], ...]]
"""Unpacks several numbers of a frame at once; their names and conversions, in that order."""


def _group(measures: Sequence[Measure], data_at: int) -> Group:
    """Compile plain measurements of the same byte order."""
    layout, end = _ORDERS[_endian(measures[0])], 0
    for measure in measures:
        assert measure.at is not None
        layout += f"{data_at + measure.at - end}x{_code(measure)}"
        end = data_at + measure.at + width(measure)
    return struct.Struct(layout).unpack_from, tuple((m.full_name, converter(m)) for m in measures)


def _is_plain(measure: Measure) -> bool:
    return bool(measure.is_measurement and _code(measure) and not measure.mask and not measure.flags)


def _groups(measures: Sequence[Measure], data_at: int) -> list[Group]:
    plain = sorted((m for m in measures if _is_plain(m)), key=lambda m: m.at or 0)
    by_order = ([m for m in plain if _endian(m) == endian] for endian in _ORDERS)
    return [_group(same, data_at) for same in by_order if same]


class _BinaryMessage:
    """One message of a profile, compiled: the speed of a decoder is the speed of `read`."""

    def __init__(self, shape: MessageShape, data_at: int) -> None:
        self._id = shape.id
        self._outcome = shape.outcome
        self._tests = [_test(condition, data_at) for condition in shape.match]
        self._groups = _groups(shape.fields, data_at)
        self._odd = [_compile_odd(measure, data_at) for measure in shape.fields if not _is_plain(measure)]
        ends = [data_at + measure.at + width(measure) for measure in shape.fields if measure.at is not None]
        self._needed = max(ends, default=0)
        self._voided = ABSENT_BY_OUTCOME.get(shape.outcome)

    def matches(self, body: bytes) -> bool:
        """Whether every condition holds and every field is inside."""
        if len(body) < self._needed:
            return False
        for test in self._tests:  # noqa: SIM110 - a generator would take a tenth of the decoding time
            if not test(body):
                return False
        return True

    def read(self, body: bytes, offset: int, size: int) -> Message:
        """Read the fields of a body that matches."""
        values: dict[str, float] = {}
        absent: dict[str, Absence] = {}
        for unpack, places in self._groups:
            for (name, convert), raw in zip(places, unpack(body), strict=True):
                value = convert(raw)
                if isinstance(value, Absence):
                    absent[name] = value
                else:
                    values[name] = value
        flags: list[str] = []
        meta: dict[str, float | str] = {}
        for odd in self._odd:
            odd.take(body, values, absent, flags, meta)
        if self._voided is not None:
            absent = dict.fromkeys((*values, *absent), self._voided)
            values = {}
        return Message(self._id, self._outcome, offset, size, values, absent, tuple(flags), meta)


def _test(condition: Condition, data_at: int) -> Callable[[bytes], bool]:
    if condition.hex is not None and condition.at is not None:
        return _byte_test(condition.hex, condition.mask, data_at + condition.at)
    if condition.length is not None:
        wanted = condition.length + data_at
        return lambda body: len(body) == wanted
    code = condition.command if condition.command is not None else condition.function
    return lambda body: body[1] == code


def _byte_test(wanted: bytes, mask: bytes | None, at: int) -> Callable[[bytes], bool]:
    end = at + len(wanted)
    if mask is None:
        return lambda body: body.startswith(wanted, at)
    bits, under = int.from_bytes(mask), int.from_bytes(wanted) & int.from_bytes(mask)
    return lambda body: len(body) >= end and int.from_bytes(body[at:end]) & bits == under


class BinaryReader:
    """Reads frames of the codecs frame, shdlc and modbus_rtu."""

    def __init__(self, profile: Profile, codec: FrameCodec | ShdlcCodec | ModbusCodec) -> None:
        data_at = {"frame": 0, "shdlc": SHDLC_HEADER_BYTES, "modbus_rtu": MODBUS_HEADER_BYTES}[codec.kind]
        self._messages = [_BinaryMessage(shape, data_at) for shape in profile.messages]
        self._kind = codec.kind
        self._absent = dict.fromkeys(profile.measurements, Absence.SENSOR_FAULT)

    def read(self, body: bytes, offset: int, size: int) -> Message | Rejection:
        """Return the message that a frame is, or why it is none."""
        if self._kind != "frame" and (flags := self._faults(body)):
            return Message(FAULT_MESSAGE, Outcome.FAULT, offset, size, {}, self._absent, flags, {})
        for message in self._messages:
            if message.matches(body):
                return message.read(body, offset, size)
        return Rejection.UNKNOWN

    def _faults(self, body: bytes) -> tuple[str, ...]:
        if self._kind == "shdlc":
            return state_flags(body[2])[1]
        name = exception_flag(body)
        return (name,) if name else ()
