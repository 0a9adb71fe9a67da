"""A serial board described: the models of a profile. Closed enumerations and numbers only, no expressions.

`edge.decoding.catalogue` reads profiles from TOML files; `edge.decoding.crosscheck` tests what spans several
keys.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge.decoding.measures import MessageShape, Name
from edge.decoding.results import Rejection
from edge.decoding.shapes import Codec, Hex, Part
from edge.domain.health import Absence

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Transport(Part):
    """The serial line. `dtr = false` keeps boards from being reset when the port is opened."""

    baud: int = Field(ge=300, le=4_000_000)
    bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"
    stop: Literal[1, 2] = 1
    dtr: bool = True

    @property
    def byte_s(self) -> float:
        """Time one byte takes on the wire, seconds."""
        return (1 + self.bits + (self.parity != "none") + self.stop) / self.baud


class Timing(Part):
    """When a board speaks.

    Attributes:
        period_s: between two readings; of a polled board, between two polls.
        stale_s: without a reading for so long, the board is taken for stuck or silent.
        warmup_s: after power-on; values before are absent, whatever they are.
        shortest_poll_s: polling faster disturbs the measurement.
        unchanged_s: every value of a live board changes within this time.
    """

    mode: Literal["stream", "poll"]
    period_s: Seconds
    stale_s: Seconds
    warmup_s: float = Field(0.0, ge=0, le=86_400)
    shortest_poll_s: float = Field(0.0, ge=0, le=86_400)
    unchanged_s: Seconds | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stale_s <= self.period_s:
            raise ValueError(f"stale_s: {self.stale_s} must be longer than period_s {self.period_s}")
        if self.mode == "poll" and self.period_s < self.shortest_poll_s:
            raise ValueError(
                f"period_s: {self.period_s} is shorter than shortest_poll_s {self.shortest_poll_s}"
            )
        return self


class Command(Part):
    """What is sent to a board: bytes (`hex`), text, an SHDLC command (`cmd`) or a Modbus request (`fn`).

    Attributes:
        payload: data of the SHDLC command.
        reg, count: what a Modbus read asks for (functions 3 and 4).
        value: what a Modbus write sets (function 6).
        wait_s: pause after it, before the next command.
    """

    hex: Annotated[Hex, Field(min_length=1, max_length=256)] | None = None
    text: str | None = Field(None, min_length=1, max_length=256)
    cmd: int | None = Field(None, ge=0, le=255)
    payload: Annotated[Hex, Field(max_length=255)] = b""
    fn: Literal[3, 4, 6] | None = None
    reg: int | None = Field(None, ge=0, le=0xFFFF)
    count: int | None = Field(None, ge=1, le=125)
    value: int | None = Field(None, ge=0, le=0xFFFF)
    wait_s: float = Field(0.1, ge=0, le=60)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(x is not None for x in (self.hex, self.text, self.cmd, self.fn)) != 1:
            raise ValueError("give one of hex, text, cmd and fn")
        if self.payload and self.cmd is None:
            raise ValueError("payload: belongs to cmd")
        reads, writes = self.fn in {3, 4}, self.fn == 6
        if (self.reg is not None) != (self.fn is not None):
            raise ValueError("reg: belongs to fn, and fn needs it")
        if (self.count is not None) != reads or (self.value is not None) != writes:
            raise ValueError("fn 3 and 4 need count, fn 6 needs value")
        return self

    @property
    def computed(self) -> bool:
        """Whether the codec makes its bytes, so that an example must show them."""
        return self.cmd is not None or self.fn is not None


class Repeated(Part):
    """A command sent again and again besides the poll."""

    command: Name
    period_s: Seconds


class LifeCycle(Part):
    """Which commands are sent when.

    Attributes:
        init: after opening, and again when nothing was heard for `stale_s`.
        revive: sent only when nothing was heard for `stale_s`, after `init`.
        poll: every period.
        stop: before closing.
    """

    init: tuple[Name, ...] = ()
    revive: tuple[Name, ...] = ()
    poll: tuple[Name, ...] = ()
    every: tuple[Repeated, ...] = ()
    stop: tuple[Name, ...] = ()

    @property
    def commands(self) -> tuple[str, ...]:
        """Every command it names."""
        return (*self.init, *self.revive, *self.poll, *(each.command for each in self.every), *self.stop)


class Quality(Part):
    """What named flags mean: with a `fault` set no value of the board is valid, nor while `warming_up`."""

    fault: tuple[Name, ...] = ()
    warming_up: tuple[Name, ...] = ()


class Expected(Part):
    """A setting that the board must have and can tell: a field and the values that are right.

    Attributes:
        setting: for people, such as `reporting mode: active`.
    """

    field: Name
    equals: tuple[float | str, ...] = Field(min_length=1)
    setting: str = Field(min_length=1, max_length=120)


class Firmware(Part):
    """Which versions of the board's own firmware were seen to work, and what must be set on the board.

    What the board can tell is checked whenever it tells it; commands of `lifecycle.init` ask for it.

    Attributes:
        version: the field (of any message, no measurement) that tells the version.
        known: versions seen to work, as that field shows them.
        settings: for people: what must be set, and the board cannot tell.
        expect: settings that the board can tell.
    """

    version: Name | None = None
    known: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    expect: tuple[Expected, ...] = ()

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.version is not None and not self.known:
            raise ValueError("known: give at least one version that was seen to work")
        return self

    def misfits(self, told: Mapping[str, float | str]) -> dict[str, str]:
        """Return what is wrong with the fields of a message: field to reason; empty text where it is right.

        Args:
            told: `meta` of the message.
        """
        found: dict[str, str] = {}
        if self.version is not None and self.version in told:
            version = str(told[self.version])
            known = ", ".join(self.known)
            found[self.version] = "" if version in self.known else f"firmware {version}, known are {known}"
        for expected in self.expect:
            if expected.field in told:
                right = told[expected.field] in expected.equals
                found[expected.field] = "" if right else f"must have {expected.setting}"
        return found


class Example(Part):
    """A test of the profile: bytes received and what comes of them, or a command and its bytes.

    Attributes:
        values: field name (with or without the unit) to value; those not named are not tested.
        error: why the bytes are rejected.
    """

    rx: Hex | None = None
    text: str | None = None
    message: Name | None = None
    values: dict[str, float] = Field({})
    absent: dict[str, Absence] = Field({})
    flags: tuple[str, ...] | None = None
    meta: dict[str, float | str] = Field({})
    error: Rejection | None = None
    command: Name | None = None
    tx: Hex | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.command is None) != (self.tx is None):
            raise ValueError("command and tx belong together")
        receives = [self.rx is not None, self.text is not None].count(True)
        if receives + (self.command is not None) != 1:
            raise ValueError("give rx, text, or command with tx")
        if self.command is None and (self.message is None) == (self.error is None):
            raise ValueError("give the message that must come out, or the error")
        if self.message is None and (self.values or self.absent or self.meta or self.flags is not None):
            raise ValueError("values, absent, flags and meta belong to a message")
        return self

    @property
    def received(self) -> bytes | None:
        """The bytes on the wire; None of a command."""
        return self.text.encode() if self.text is not None else self.rx


class Profile(Part):
    """A serial board.

    Attributes:
        experimental: no capture of a real board confirms it; off unless asked for.
        indicative: the cells cross-respond, so values are never held against limits.
        deny: bytes that no command may hold (calibration).
        sources: where the facts come from.
    """

    schema_: Literal[1] = Field(alias="schema")
    id: Name
    name: str = Field(min_length=1, max_length=120)
    experimental: bool = False
    indicative: bool = False
    sources: tuple[str, ...] = ()
    transport: Transport
    timing: Timing
    codec: Codec
    messages: tuple[MessageShape, ...]
    commands: dict[Name, Command] = Field({})
    lifecycle: LifeCycle = LifeCycle()
    deny: tuple[Hex, ...] = ()
    quality: Quality = Quality()
    firmware: Firmware = Firmware()
    examples: tuple[Example, ...] = ()

    @property
    def measurements(self) -> tuple[str, ...]:
        """Names of all values it can give, units at their ends, in the order of the profile."""
        return tuple(dict.fromkeys(name for message in self.messages for name in message.measurements))
