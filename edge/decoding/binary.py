"""Reading the fields of binary frames."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.decoding.measures import Condition, Kind, Measure, MessageShape
from edge.decoding.modbus import HEADER_BYTES as MODBUS_HEADER_BYTES
from edge.decoding.modbus import exception_flag
from edge.decoding.profile import Profile
from edge.decoding.results import Message, Outcome, Rejection
from edge.decoding.shapes import FrameCodec, ModbusCodec, ShdlcCodec
from edge.decoding.shdlc import HEADER_BYTES as SHDLC_HEADER_BYTES
from edge.decoding.shdlc import state_flags
from edge.decoding.units import Unit
from edge.decoding.values import Convert, converter
from edge.domain.health import Absence

_STRUCT_CODES = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "f32": "f"}
_WIDTHS = {"u8": 1, "i8": 1, "u16": 2, "i16": 2, "u24": 3, "i24": 3, "u32": 4, "i32": 4, "f32": 4}
_ABSENT_BY_OUTCOME = {Outcome.FAULT: Absence.SENSOR_FAULT, Outcome.WARMING_UP: Absence.WARMING_UP}

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
    kind, order = measure.type, ">" if measure.type.endswith("be") else "<"
    if kind is Kind.BCD:
        return lambda frame: _bcd(frame[at:end])
    if kind is Kind.STR:
        return lambda frame: _text(frame[at:end])
    if size == 3:
        endian, signed = ("big" if order == ">" else "little"), kind.startswith("i")
        return lambda frame: int.from_bytes(frame[at:end], endian, signed=signed)  # type: ignore[arg-type]  # a Literal
    unpack = struct.Struct(order + _STRUCT_CODES[kind[:3].rstrip("bl")]).unpack_from

    def read(frame: bytes) -> float:
        value: float = unpack(frame, at)[0]
        return value

    return read


@dataclass(frozen=True, slots=True)
class _Field:
    """A measure, compiled."""

    name: str
    read: Callable[[bytes], float | str | None]
    convert: Convert
    measurement: bool
    mask: int
    shift: int
    flags: tuple[tuple[int, str], ...]
    identity: bool
    digits: int


def _compile(measure: Measure, data_at: int) -> _Field:
    assert measure.at is not None
    mask = measure.mask or 0
    return _Field(
        measure.full_name,
        _raw_reader(measure, data_at + measure.at),
        converter(measure),
        measure.is_measurement,
        mask,
        (mask & -mask).bit_length() - 1 if mask else 0,
        tuple((1 << bit, name) for bit, name in measure.flags.items()),
        measure.unit is Unit.ID,
        2 * width(measure),
    )


@dataclass(slots=True)
class _Sheet:
    """What is read of one message so far."""

    values: dict[str, float] = field(default_factory=dict)
    absent: dict[str, Absence] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    meta: dict[str, float | str] = field(default_factory=dict)


def _take(each: _Field, raw: float | str | None, sheet: _Sheet) -> None:
    """Put one field's raw value where it belongs."""
    if raw is None:
        sheet.absent[each.name] = Absence.SENSOR_FAULT
        return
    if isinstance(raw, str):
        sheet.meta[each.name] = raw
        return
    if each.flags:
        sheet.flags += [name for bit, name in each.flags if int(raw) & bit]
    if each.mask:
        raw = (int(raw) & each.mask) >> each.shift
    if not each.measurement:
        sheet.meta[each.name] = f"{int(raw):0{each.digits}X}" if each.identity else raw
        return
    value = each.convert(raw)
    if isinstance(value, Absence):
        sheet.absent[each.name] = value
    else:
        sheet.values[each.name] = value


class _BinaryMessage:
    """One message of a profile, compiled."""

    def __init__(self, shape: MessageShape, data_at: int) -> None:
        self._id = shape.id
        self._outcome = shape.outcome
        self._tests = [_test(condition, data_at) for condition in shape.match]
        self._fields = [_compile(measure, data_at) for measure in shape.fields]
        ends = [data_at + measure.at + width(measure) for measure in shape.fields if measure.at is not None]
        self._needed = max(ends, default=0)
        self._voided = _ABSENT_BY_OUTCOME.get(shape.outcome)

    def matches(self, body: bytes) -> bool:
        """Whether every condition holds and every field is inside."""
        return len(body) >= self._needed and all(test(body) for test in self._tests)

    def read(self, body: bytes, offset: int, size: int) -> Message:
        """Read the fields of a body that matches."""
        sheet = _Sheet()
        for each in self._fields:
            _take(each, each.read(body), sheet)
        if self._voided is not None:
            sheet.absent = dict.fromkeys((*sheet.values, *sheet.absent), self._voided)
            sheet.values = {}
        return Message(
            self._id, self._outcome, offset, size, sheet.values, sheet.absent, tuple(sheet.flags), sheet.meta
        )


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
