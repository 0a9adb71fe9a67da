"""How a board cuts its stream into frames: the closed list of codecs a profile may choose from."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from edge.decoding.checksums import CHECKSUMS, Algorithm

MAX_FRAME_BYTES = 4096
SHDLC_MAX_RAW_BYTES = 522


class Part(BaseModel):
    """Base of every part of a profile: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _from_hex(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise ValueError("give pairs of hexadecimal digits, such as 'aa c0'") from None


Hex = Annotated[bytes, BeforeValidator(_from_hex), PlainSerializer(bytes.hex, return_type=str)]
"""Bytes, written as pairs of hexadecimal digits."""


class LengthField(Part):
    """Where a frame says its length; the whole frame is that number plus `add` bytes long."""

    at: int = Field(ge=0, le=255)
    type: Literal["u8", "u16be", "u16le"]
    add: int = Field(0, ge=0, le=255)
    min: int = Field(1, ge=1, le=MAX_FRAME_BYTES)
    max: int = Field(ge=1, le=MAX_FRAME_BYTES)

    @property
    def width(self) -> int:
        """Bytes of the length field."""
        return 1 if self.type == "u8" else 2


class Length(Part):
    """Length of a frame: always the same, or told by the frame, or by the byte at `at` (`sizes`)."""

    fixed: int | None = Field(None, ge=2, le=MAX_FRAME_BYTES)
    field: LengthField | None = None
    at: int | None = Field(None, ge=0, le=255)
    sizes: dict[str, int] = Field({}, description="that byte, in hexadecimal, to the length")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.fixed is not None, self.field is not None, bool(self.sizes)].count(True) != 1:
            raise ValueError("give one of fixed, field and sizes")
        if bool(self.sizes) != (self.at is not None):
            raise ValueError("at and sizes belong together")
        for key, size in self.sizes.items():
            if len(_from_hex(key)) != 1 or not 2 <= size <= MAX_FRAME_BYTES:  # type: ignore[arg-type]  # keys of TOML are str
                raise ValueError(f"sizes: '{key}' = {size}: give a byte such as '0d' and a length from 2")
        return self

    @property
    def shortest(self) -> int:
        """Bytes of the shortest frame."""
        if self.field is not None:
            return self.field.min
        return self.fixed or min(self.sizes.values())

    @property
    def longest(self) -> int:
        """Bytes of the longest frame."""
        if self.field is not None:
            return self.field.max
        return self.fixed or max(self.sizes.values())


class ChecksumPlace(Part):
    """Which checksum, over which bytes [from, to), and where; negative numbers count from the frame's end."""

    algorithm: Algorithm
    over: tuple[int, int]
    at: int

    @property
    def width(self) -> int:
        """Bytes of the checksum."""
        return CHECKSUMS[self.algorithm].width


class FrameCodec(Part):
    """Binary frames: start bytes, a length, end bytes, a checksum."""

    kind: Literal["frame"]
    start: Annotated[Hex, Field(max_length=16)] = b""
    length: Length
    end: Annotated[Hex, Field(max_length=8)] = b""
    checksum: ChecksumPlace | None = None
    contiguous: bool = Field(False, description="a frame counts only when the next one follows at once")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        shortest = self.length.shortest
        if not self.start and (self.length.fixed is None or not self.end):
            raise ValueError("start: only frames of fixed length with end bytes do without")
        if self.contiguous and not self.start:
            raise ValueError("contiguous: needs start bytes")
        if shortest < len(self.start) + len(self.end):
            raise ValueError(f"length: {shortest} bytes do not hold the start and the end")
        if self.length.field is not None and self.length.field.at + self.length.field.width > shortest:
            raise ValueError(f"length.field: lies outside a frame of {shortest} bytes")
        if self.checksum is not None:
            self._checksum_fits(self.checksum, shortest)
        return self

    def _checksum_fits(self, place: ChecksumPlace, shortest: int) -> None:
        at = place.at if place.at >= 0 else shortest + place.at
        first, last = (x if x >= 0 else shortest + x for x in place.over)
        if not 0 <= at <= shortest - place.width:
            raise ValueError(f"checksum.at: {place.at} lies outside a frame of {shortest} bytes")
        if not 0 <= first < last <= shortest:
            raise ValueError(f"checksum.over: {list(place.over)} lies outside a frame of {shortest} bytes")
        if first < at + place.width and at < last:
            raise ValueError(f"checksum.over: {list(place.over)} covers the checksum itself, at {place.at}")

    def reserved(self) -> dict[str, range]:
        """Return the bytes that no field may use, of a frame of fixed length, by what uses them."""
        taken = {"the start bytes": range(len(self.start))}
        if self.length.field is not None:
            taken["the length"] = range(self.length.field.at, self.length.field.at + self.length.field.width)
        if self.length.fixed is not None:
            taken["the end bytes"] = range(self.length.fixed - len(self.end), self.length.fixed)
        if self.checksum is not None and self.checksum.at >= 0:
            taken["the checksum"] = range(self.checksum.at, self.checksum.at + self.checksum.width)
        return taken


class ShdlcCodec(Part):
    """Sensirion's SHDLC: flags 7E, byte stuffing, inverted sum (github.com/Sensirion/python-shdlc-driver)."""

    kind: Literal["shdlc"]
    address: int = Field(0, ge=0, le=254)

    @property
    def max_raw_bytes(self) -> int:
        """Bytes of the longest frame, stuffed, with its flags."""
        return SHDLC_MAX_RAW_BYTES


class ModbusCodec(Part):
    """Modbus RTU, the board being the server (Modbus over Serial Line V1.02)."""

    kind: Literal["modbus_rtu"]
    address: int = Field(ge=1, le=254)
    functions: tuple[int, ...] = Field(min_length=1, description="function codes whose answers are read")

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = set(self.functions) - {3, 4, 6, 16}
        if unknown:
            raise ValueError(f"functions: {sorted(unknown)} not known; known are 3, 4, 6 and 16")
        return self


class LinesCodec(Part):
    """Lines of text that end in LF or CR LF.

    `nmea` is `$...*hh`, `gill` is STX...ETX hh, `vaisala` are three characters at the end of the line.
    """

    kind: Literal["lines"]
    form: Literal["csv", "kv", "json", "nmea"]
    checksum: Literal["none", "nmea", "gill", "vaisala"] = "none"
    separator: str = Field(",", min_length=1, max_length=1)
    columns: tuple[int, ...] = Field((), description="how many columns a line may have; empty: any number")
    max_bytes: int = Field(MAX_FRAME_BYTES, ge=16, le=MAX_FRAME_BYTES)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.form == "nmea") != (self.checksum == "nmea"):
            raise ValueError("checksum: form nmea and checksum nmea belong together")
        if self.form == "json" and self.checksum != "none":
            raise ValueError("checksum: JSON lines carry none")
        if self.columns and self.form not in {"csv", "kv"}:
            raise ValueError("columns: only csv and kv lines have them")
        return self


Codec = Annotated[FrameCodec | ShdlcCodec | ModbusCodec | LinesCodec, Field(discriminator="kind")]
