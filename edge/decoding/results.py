"""What a decoder makes of a stream of bytes: messages and rejections, each with its place in the stream."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from edge.domain.health import Absence


class Outcome(StrEnum):
    """What a message means for the measurement."""

    OK = "ok"
    NO_DATA = "no_data"
    WARMING_UP = "warming_up"
    FAULT = "fault"


ABSENT_BY_OUTCOME = {Outcome.FAULT: Absence.SENSOR_FAULT, Outcome.WARMING_UP: Absence.WARMING_UP}
"""Why the values of a message with such an outcome are absent, whatever they are."""


class Rejection(StrEnum):
    """Why bytes are no message."""

    NOISE = "noise"
    CHECKSUM = "checksum"
    LENGTH = "length"
    TAIL = "tail"
    ESCAPE = "escape"
    SHORT = "short"
    OVERLONG = "overlong"
    UNKNOWN = "unknown"
    CONTENT = "content"


class Message(NamedTuple):
    """A frame that passed every check. A tuple, because one is made in a third of a dataclass's time.

    Attributes:
        message: its name in the profile.
        offset: its first byte, counted from the first byte of the stream.
        size: bytes on the wire.
        values: measurement name, unit at its end, to value.
        absent: measurement name to the reason its value is missing.
        flags: names of the bits that are set, and errors the board reports.
        meta: identity, counters and what else is no measurement.
    """

    message: str
    outcome: Outcome
    offset: int
    size: int
    values: Mapping[str, float]
    absent: Mapping[str, Absence]
    flags: tuple[str, ...]
    meta: Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Bytes that are no message.

    Attributes:
        offset: the first of them, counted from the first byte of the stream.
        size: how many.
    """

    reason: Rejection
    offset: int
    size: int
