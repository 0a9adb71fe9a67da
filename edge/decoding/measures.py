"""Fields of a message and the conditions that tell one message from another, as a profile writes them."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge.decoding.results import Outcome
from edge.decoding.shapes import Hex, Part
from edge.decoding.units import Unit, measurement_name

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Step = str | int | dict[str, str]


class Kind(StrEnum):
    """Types of raw values; the last four are of text."""

    U8 = "u8"
    I8 = "i8"
    U16BE = "u16be"
    U16LE = "u16le"
    I16BE = "i16be"
    I16LE = "i16le"
    U24BE = "u24be"
    U24LE = "u24le"
    I24BE = "i24be"
    I24LE = "i24le"
    U32BE = "u32be"
    U32LE = "u32le"
    I32BE = "i32be"
    I32LE = "i32le"
    F32BE = "f32be"
    F32LE = "f32le"
    BCD = "bcd"
    STR = "str"
    NUMBER = "number"
    HEX = "hex"
    ANGLE = "angle"


TEXT_KINDS = {Kind.NUMBER, Kind.HEX, Kind.ANGLE, Kind.STR}
SIZED_KINDS = {Kind.BCD, Kind.STR}


class Role(StrEnum):
    """What a value is for; only measurements are values, the rest is kept beside them."""

    MEASUREMENT = "measurement"
    IDENTITY = "identity"
    COUNTER = "counter"
    META = "meta"


class Accuracy(Part):
    """Error bound by the maker: the larger of `abs` (in the field's unit) and `rel` (share of the value)."""

    abs: float = Field(0.0, ge=0)
    rel: float = Field(0.0, ge=0, le=1)


class Measure(Part):
    """One value of a message: where it is, what it is, what it may be.

    A binary field is at byte `at` (of the frame; of the payload of SHDLC and Modbus), a csv or nmea field in
    `column` (from 0), a kv field after `key`, a JSON field along `path`. The value is `raw * scale + offset`.
    """

    name: Name
    at: int | None = Field(None, ge=0, le=4095)
    column: int | None = Field(None, ge=0, le=255)
    key: str | None = Field(None, min_length=1, max_length=40)
    path: tuple[Step, ...] | None = Field(None, min_length=1, max_length=8)
    type: Kind = Kind.NUMBER
    size: int | None = Field(None, ge=1, le=64)
    mask: int | None = Field(None, ge=1)
    scale: float = 1.0
    offset: float = 0.0
    unit: Unit
    letters: dict[str, Unit] = Field({}, description="kv: the letter after the number names its unit")
    range: tuple[float, float] | None = None
    accuracy: Accuracy | None = None
    role: Role = Role.MEASUREMENT
    flags: dict[int, Name] = Field({}, description="bit to name, for bits that are told when set")
    invalid: tuple[float | str, ...] = Field((), description="raw values that mean: no reading")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.type in SIZED_KINDS and self.at is not None) != (self.size is not None):
            raise ValueError("size: bcd and str fields of binary frames have one, others have none")
        if self.range is not None and self.range[0] > self.range[1]:
            raise ValueError(f"range: {list(self.range)} has its ends swapped")
        if self.role is Role.MEASUREMENT and not self.flags and self.unit in {Unit.ID, Unit.TEXT, Unit.BITS}:
            raise ValueError(f"unit: '{self.unit}' is no measurement; give a role")
        if self.scale == 0:
            raise ValueError("scale: 0 would make every value the same")
        if len({measurement_name("", unit) for unit in self.letters.values()} | {self._suffix}) > 1:
            raise ValueError("letters: units of different quantities")
        return self

    @property
    def _suffix(self) -> str:
        return measurement_name("", self.unit)

    @property
    def full_name(self) -> str:
        """Name under which the value travels, unit at its end."""
        return measurement_name(self.name, self.unit)

    @property
    def is_measurement(self) -> bool:
        """Whether it is a value, not identity, counter, or a set of flags."""
        return self.role is Role.MEASUREMENT and self.unit is not Unit.BITS


class Condition(Part):
    """One thing that must hold for a frame to be this message; exactly one kind of test.

    Attributes:
        at, hex, mask: bytes at a place (of the frame; of the payload of SHDLC and Modbus), under a mask.
        length: bytes of the frame (frame) or of the payload (shdlc, modbus_rtu).
        command: command of an SHDLC frame.
        function: function code of a Modbus frame.
        column, equals: text of a column of a line.
        key: a key that must be there (kv, json).
        sentence: the three letters of an NMEA sentence, whatever the talker.
    """

    at: int | None = Field(None, ge=0, le=4095)
    hex: Hex | None = None
    mask: Hex | None = None
    length: int | None = Field(None, ge=0, le=4096)
    command: int | None = Field(None, ge=0, le=255)
    function: int | None = Field(None, ge=1, le=127)
    column: int | None = Field(None, ge=0, le=255)
    equals: str | None = None
    key: str | None = None
    sentence: str | None = Field(None, pattern=r"^[A-Z]{3}$")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [self.at, self.length, self.command, self.function, self.column, self.key, self.sentence]
        if sum(x is not None for x in given) != 1:
            raise ValueError(
                "give one test: at + hex, length, command, function, column + equals, key or sentence"
            )
        if (self.at is None) != (self.hex is None) or (self.column is None) != (self.equals is None):
            raise ValueError("at goes with hex, and column with equals")
        if self.mask is not None and (self.hex is None or len(self.mask) != len(self.hex)):
            raise ValueError("mask: as many bytes as hex")
        if self.hex == b"":
            raise ValueError("hex: give at least one byte")
        return self

    @property
    def kind(self) -> Literal["at", "length", "command", "function", "column", "key", "sentence"]:
        """Which test it is."""
        for name in ("at", "length", "command", "function", "column", "key"):
            if getattr(self, name) is not None:
                return name
        return "sentence"


class MessageShape(Part):
    """One kind of message; the first whose conditions all hold is taken."""

    id: Name
    match: tuple[Condition, ...] = ()
    outcome: Outcome = Outcome.OK
    fields: tuple[Measure, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [field.full_name for field in self.fields]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"fields: '{name}' twice")
        return self

    @property
    def measurements(self) -> tuple[str, ...]:
        """Names of the values it carries, units at their ends."""
        return tuple(field.full_name for field in self.fields if field.is_measurement)
