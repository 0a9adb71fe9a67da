"""Calibration records: what level a microphone hears as full scale, measured when, against what.

One TOML file for each microphone: an array of tables `[[calibration]]`, the oldest first. The last one holds;
those before it tell how far the microphone has drifted.
"""

import json
import tomllib
from collections.abc import Sequence
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from edge.domain.health import Reason
from edge.domain.microphone import MicrophoneSection
from edge.domain.stages import SourceError
from edge.domain.toml_lines import line_of

LABEL = r"^[A-Za-z0-9 ._/#:-]{0,64}$"
"""What a serial number may be."""

_AGAIN = "`lamppost calibrate microphone` writes a new one"
_HEAD = (
    "# Written by `lamppost calibrate microphone`. The last entry holds; those before it show the drift.\n"
)


class CalibrationError(SourceError):
    """A record cannot be used; the message says what, where and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.UNREADABLE, message)


class Calibration(BaseModel):
    """One calibration.

    Attributes:
        microphone: its name in the settings.
        serial_number: of the microphone; empty when not given.
        channel: that the calibrator was on.
        level_db: of the calibrator, dB SPL.
        frequency_hz: of its tone, as heard.
        spread_db: between the highest and the lowest level within the measurement.
        full_scale_db: dB SPL of a full-scale sine's RMS: the result.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    date: AwareDatetime
    microphone: str = Field(pattern=r"^[a-z0-9_]{0,32}$")
    serial_number: str = Field("", pattern=LABEL)
    channel: Annotated[int, Field(ge=0, le=7)]
    level_db: Annotated[float, Field(ge=60, le=140)]
    frequency_hz: Annotated[float, Field(ge=100, le=10_000)]
    spread_db: Annotated[float, Field(ge=0, le=10)]
    full_scale_db: Annotated[float, Field(ge=0, le=200)]


def read_calibrations(path: Path) -> tuple[Calibration, ...]:
    """Return the entries of a record, oldest first, at least one.

    Raises:
        CalibrationError: it is missing, cannot be read, or an entry of it is not valid or out of order.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except FileNotFoundError as error:
        raise CalibrationError(f"{path}: no such calibration record; {_AGAIN}") from error
    except OSError as error:
        raise CalibrationError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CalibrationError(f"{path}: not valid TOML ({error}); move it away, {_AGAIN}") from error
    tables = content.pop("calibration", None)
    if content or not isinstance(tables, list) or not tables:
        raise CalibrationError(f"{path}: holds no [[calibration]] or something else; move it away, {_AGAIN}")
    entries = tuple(_entry(table, number, path, text) for number, table in enumerate(tables))
    for number, (one, following) in enumerate(pairwise(entries)):
        if following.date < one.date:
            line = line_of(text, ("calibration", number + 1, "date"))
            raise CalibrationError(
                f"{path}:{line}: date: is before that of the entry above; put them in order"
            )
    return entries


def _entry(table: object, number: int, path: Path, text: str) -> Calibration:
    try:
        return Calibration.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        line = line_of(text, ("calibration", number, *first["loc"])) or 1
        key = ".".join(str(part) for part in first["loc"]) or "[[calibration]]"
        raise CalibrationError(f"{path}:{line}: {key}: {first['msg']}; correct it, or {_AGAIN}") from error


def calibrations_text(entries: Sequence[Calibration]) -> str:
    """Return the record as TOML; `read_calibrations` reads the same entries from it."""
    return _HEAD + "".join(f"\n[[calibration]]\n{_table(entry)}" for entry in entries)


def _table(entry: Calibration) -> str:
    # The texts hold nothing that JSON and TOML write differently.
    lines = [f"date = {entry.date.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"]
    rest = entry.model_dump(exclude={"date"})
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in rest.items())]) + "\n"


def drift_db(before: Sequence[Calibration], now: Calibration) -> tuple[Calibration, float] | None:
    """Return the last calibration of the same microphone and channel, and how much more sensitive it is now.

    A microphone that hears 1 dB more reaches full scale 1 dB earlier. None when there is none to compare.
    """
    same = [e for e in before if (e.serial_number, e.channel) == (now.serial_number, now.channel)]
    return (same[-1], same[-1].full_scale_db - now.full_scale_db) if same else None


def full_scale_db(config: MicrophoneSection, microphone: str = "") -> float | None:
    """Return the level of full scale that the settings give or their record holds; None: not calibrated.

    Args:
        config: the section.
        microphone: its name; a record of another one is refused. Empty: any.

    Raises:
        CalibrationError: the record cannot be used.
    """
    if config.calibration is None:
        return config.full_scale_db
    latest = read_calibrations(config.calibration)[-1]
    if microphone and latest.microphone != microphone:
        raise CalibrationError(
            f"{config.calibration}: is of the microphone '{latest.microphone}', not of '{microphone}'; "
            f"correct `calibration`, or {_AGAIN}"
        )
    return latest.full_scale_db
