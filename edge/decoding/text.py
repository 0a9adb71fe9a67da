"""Reading lines of text: their columns, keys and paths."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge.decoding.measures import Condition, Kind, Measure, MessageShape, Step
from edge.decoding.profile import Profile
from edge.decoding.results import ABSENT_BY_OUTCOME, Message, Rejection
from edge.decoding.shapes import LinesCodec
from edge.decoding.units import Unit
from edge.decoding.values import Convert, converter
from edge.domain.health import Absence

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LETTERED = re.compile(rf"({_NUMBER.pattern})(\D?)", re.ASCII)
_ANGLE = re.compile(r"(\d{1,3})(\d\d(?:\.\d*)?)", re.ASCII)
_NOTHING = {"", "nan", "null", "none", "inf", "-inf", "na", "n/a", "--"}


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, taken apart.

    Attributes:
        columns: texts between separators.
        pairs: of a kv line.
        tree: of a JSON line.
    """

    columns: Sequence[str] = ()
    pairs: Mapping[str, str] | None = None
    tree: object = None


def _parse_columns(text: str, codec: LinesCodec) -> _Line | Rejection:
    columns = [column.strip() for column in text.split(codec.separator)]
    if codec.columns and len(columns) not in codec.columns:
        return Rejection.LENGTH
    return _Line(columns)


def _parse_pairs(text: str, codec: LinesCodec) -> _Line | Rejection:
    line = _parse_columns(text, codec)
    if isinstance(line, Rejection):
        return line
    split = (column.partition("=") for column in line.columns)
    return _Line(line.columns, {key.strip(): value.strip() for key, sign, value in split if sign})


def _parse_tree(text: str, _: LinesCodec) -> _Line | Rejection:
    try:
        tree = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return Rejection.CONTENT
    return _Line(tree=tree) if isinstance(tree, dict | list) else Rejection.CONTENT


_PARSERS: dict[str, Callable[[str, LinesCodec], _Line | Rejection]] = {
    "csv": _parse_columns,
    "nmea": _parse_columns,
    "kv": _parse_pairs,
    "json": _parse_tree,
}


def _descend(tree: object, path: Sequence[Step]) -> object:
    """Follow a path: a key, an index, or the first element of a list whose keys have given values."""
    for step in path:
        if isinstance(step, str) and isinstance(tree, dict):
            tree = tree.get(step)
        elif isinstance(step, int) and isinstance(tree, list):
            tree = tree[step] if -len(tree) <= step < len(tree) else None
        elif isinstance(step, dict) and isinstance(tree, list):
            tree = next((x for x in tree if isinstance(x, dict) and step.items() <= _texts(x).items()), None)
        else:
            return None
    return tree


def _texts(element: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in element.items()}


def _scalar(found: object) -> str | None:
    """Return a JSON value as the text that a line would hold; None when it is no number and no text."""
    if found is None:
        return ""
    if isinstance(found, bool | dict | list):
        return None
    return str(found)


def _locate(measure: Measure) -> Callable[[_Line], str | None]:
    """Return the function that takes a field's text from a line; empty when it is not there."""
    if measure.path is not None:
        path = measure.path
        return lambda line: _scalar(_descend(line.tree, path))
    if measure.key is not None:
        key = measure.key
        return lambda line: (line.pairs or {}).get(key, "")
    column = measure.column or 0
    if measure.type is Kind.ANGLE:
        return lambda line: "".join(line.columns[column : column + 2])
    return lambda line: line.columns[column] if column < len(line.columns) else ""


def _angle(text: str) -> float | None:
    """Degrees of an NMEA angle, degrees and minutes run together and then the hemisphere; None when wrong."""
    found = _ANGLE.fullmatch(text[:-1])
    if found is None or text[-1:] not in {"N", "S", "E", "W"} or float(found[2]) >= 60:
        return None
    value = int(found[1]) + float(found[2]) / 60
    return round(-value if text[-1] in "SW" else value, 8)


def _number(text: str) -> float | None:
    if _NUMBER.fullmatch(text) is None:
        return None
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


def _hexadecimal(text: str) -> float | None:
    return int(text, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,8}", text) else None


_NUMBERS: dict[Kind, Callable[[str], float | None]] = {
    Kind.NUMBER: _number,
    Kind.HEX: _hexadecimal,
    Kind.ANGLE: _angle,
}


class _TextField:
    """A measure of a line, compiled."""

    def __init__(self, measure: Measure) -> None:
        self.name = measure.full_name
        self.measurement = measure.is_measurement
        self._locate = _locate(measure)
        self._invalid = frozenset(x for x in measure.invalid if isinstance(x, str))
        self._flags = [(1 << bit, name) for bit, name in measure.flags.items()]
        self._is_text = measure.type is Kind.STR or measure.unit in {Unit.ID, Unit.TEXT}
        self._parse = _NUMBERS.get(measure.type, _number)
        self._convert: Convert = converter(measure)
        self._letters = {letter: converter(measure, unit) for letter, unit in measure.letters.items()}

    def text(self, line: _Line) -> str | None:
        """Return what the line holds; None when it is neither number nor text."""
        return self._locate(line)

    def value(self, text: str | None) -> float | str | Absence | None:
        """Return the value, why it is absent, or None when the text makes no sense."""
        if text is None or self._is_text:
            return text
        if text in self._invalid or text.lower() in _NOTHING:
            return Absence.NO_READING
        if self._letters:
            return self._lettered(text)
        raw = self._parse(text)
        return self._convert(raw) if raw is not None and self.measurement else raw

    def _lettered(self, text: str) -> float | Absence | None:
        """Return the value of a number followed by the letter of its unit."""
        found = _LETTERED.fullmatch(text)
        if found is None:
            return None
        # A letter that is no unit, such as '#', is how a board marks a value it does not trust.
        convert, raw = self._letters.get(found[2]), _number(found[1])
        return Absence.SENSOR_FAULT if convert is None or raw is None else convert(raw)

    def flags(self, text: str | None) -> list[str]:
        """Return the names of the bits that are set."""
        raw = self._parse(text or "") if self._flags else None
        return [] if raw is None else [name for bit, name in self._flags if int(raw) & bit]


class _TextMessage:
    """One message of a profile, compiled."""

    def __init__(self, shape: MessageShape) -> None:
        self._id = shape.id
        self._outcome = shape.outcome
        self._conditions = shape.match
        self._fields = [_TextField(measure) for measure in shape.fields]
        self._voided = ABSENT_BY_OUTCOME.get(shape.outcome)

    def matches(self, line: _Line) -> bool:
        return all(_holds(condition, line) for condition in self._conditions)

    def read(self, line: _Line, offset: int, size: int) -> Message | Rejection:
        values: dict[str, float] = {}
        absent: dict[str, Absence] = {}
        flags: list[str] = []
        meta: dict[str, float | str] = {}
        understood = not self._fields
        for each in self._fields:
            text = each.text(line)
            value = each.value(text)
            flags += each.flags(text)
            understood = understood or (value is not None and text != "")
            if isinstance(value, Absence) or value is None:
                if each.measurement:
                    absent[each.name] = value or Absence.SENSOR_FAULT
            elif each.measurement and not isinstance(value, str):
                values[each.name] = value
            else:
                meta[each.name] = value
        if not understood:
            return Rejection.CONTENT
        if self._voided is not None:
            absent, values = dict.fromkeys((*values, *absent), self._voided), {}
        return Message(self._id, self._outcome, offset, size, values, absent, tuple(flags), meta)


def _holds(condition: Condition, line: _Line) -> bool:
    if condition.column is not None:
        return condition.column < len(line.columns) and line.columns[condition.column] == condition.equals
    if condition.sentence is not None:
        return bool(line.columns) and line.columns[0][-3:] == condition.sentence
    if line.pairs is not None:
        return condition.key in line.pairs
    return isinstance(line.tree, dict) and condition.key in line.tree


class LinesReader:
    """Reads lines of the forms csv, kv, json and nmea."""

    def __init__(self, profile: Profile, codec: LinesCodec) -> None:
        self._codec = codec
        self._parse = _PARSERS[codec.form]
        self._messages = [_TextMessage(shape) for shape in profile.messages]

    def read(self, body: bytes, offset: int, size: int) -> Message | Rejection:
        """Return the message that a line is, or why it is none."""
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            return Rejection.CONTENT
        if not text.replace("\t", " ").isprintable():
            return Rejection.CONTENT
        line = self._parse(text, self._codec)
        if isinstance(line, Rejection):
            return line
        for message in self._messages:
            if message.matches(line):
                return message.read(line, offset, size)
        return Rejection.UNKNOWN
