"""What must agree between several keys of a profile: fields with frames, commands with codecs, names."""

from collections.abc import Iterator

from edge.decoding.binary import FAULT_MESSAGE, bits_used, width
from edge.decoding.commands import encode, forbidden
from edge.decoding.measures import TEXT_KINDS, Condition, Kind, Measure, MessageShape, Role
from edge.decoding.profile import Profile
from edge.decoding.shapes import FrameCodec, LinesCodec

Problem = tuple[str, str]
"""A key of the profile and what is wrong with it."""

_TESTS = {
    "frame": {"at", "length"},
    "shdlc": {"at", "length", "command"},
    "modbus_rtu": {"at", "length", "function"},
    "csv": {"column"},
    "kv": {"column", "key"},
    "json": {"key"},
    "nmea": {"column", "sentence"},
}
_PLACES = {"csv": "column", "nmea": "column", "kv": "key", "json": "path"}


def problems(profile: Profile) -> Iterator[Problem]:
    """Yield everything that does not fit together."""
    yield from _names(profile)
    for index, message in enumerate(profile.messages):
        yield from _message(profile, f"messages[{index}]", message)
    yield from _firmware(profile)
    yield from _commands(profile)
    yield from _life_cycle(profile)
    yield from _examples(profile)


def _form(profile: Profile) -> str:
    return profile.codec.form if isinstance(profile.codec, LinesCodec) else profile.codec.kind


def _names(profile: Profile) -> Iterator[Problem]:
    ids = [message.id for message in profile.messages]
    if not ids:
        yield "messages", "there is none"
    yield from (("messages", f"id '{name}' twice") for name in sorted(set(ids)) if ids.count(name) > 1)
    if FAULT_MESSAGE in ids and _form(profile) in {"shdlc", "modbus_rtu"}:
        yield "messages", f"id '{FAULT_MESSAGE}' is taken by the errors of {_form(profile)}"
    known = {flag for m in profile.messages for field in m.fields for flag in field.flags.values()}
    for key, flags in (("fault", profile.quality.fault), ("warming_up", profile.quality.warming_up)):
        for flag in flags:
            if flag not in known:
                yield f"quality.{key}", f"'{flag}' is no flag of any field"


def _firmware(profile: Profile) -> Iterator[Problem]:
    told = {field.full_name for m in profile.messages for field in m.fields if not field.is_measurement}
    wanted = [("version", profile.firmware.version)] if profile.firmware.version else []
    wanted += [(f"expect[{i}].field", each.field) for i, each in enumerate(profile.firmware.expect)]
    for key, name in wanted:
        if name not in told:
            yield f"firmware.{key}", f"'{name}' is no field that is not a measurement"


def _message(profile: Profile, key: str, message: MessageShape) -> Iterator[Problem]:
    form = _form(profile)
    for index, condition in enumerate(message.match):
        if condition.kind not in _TESTS[form]:
            wanted = ", ".join(sorted(_TESTS[form]))
            yield f"{key}.match[{index}]", f"'{condition.kind}' does not suit {form}; use {wanted}"
    wrong = False
    for index, measure in enumerate(message.fields):
        for reason in _place(form, measure):
            wrong = True
            yield f"{key}.fields[{index}] ({measure.name})", reason
    if not wrong and form not in _PLACES:
        yield from _layout(profile, key, message)


def _place(form: str, measure: Measure) -> Iterator[str]:
    wanted = _PLACES.get(form, "at")
    given = [name for name in ("at", "column", "key", "path") if getattr(measure, name) is not None]
    if given != [wanted]:
        yield f"a field of {form} has '{wanted}', this one has {given or 'nothing'}"
        return
    is_text = measure.type in TEXT_KINDS
    if form not in _PLACES:
        if measure.type is Kind.STR and measure.role is Role.MEASUREMENT:
            yield "type: str is no measurement; give a role"
        if is_text and measure.type is not Kind.STR:
            yield f"type: '{measure.type}' is a type of text lines; binary frames need one such as u16be"
        elif measure.mask is not None and measure.mask >> 8 * width(measure):
            yield f"mask: {measure.mask:#x} is wider than {measure.type}"
        elif any(bit >= 8 * width(measure) for bit in measure.flags):
            yield f"flags: a bit above {8 * width(measure) - 1}"
    elif not is_text:
        yield f"type: '{measure.type}' is a type of binary frames; text lines need number, hex, angle or str"
    elif measure.type is Kind.ANGLE and form != "nmea":
        yield "type: angle is a type of NMEA sentences"
    if measure.letters and form != "kv":
        yield "letters: only kv fields have them"


def _layout(profile: Profile, key: str, message: MessageShape) -> Iterator[Problem]:
    """Check that fields lie inside the frame and apart from each other and from the frame's own bytes."""
    size = _size(profile, message.match)
    reserved = profile.codec.reserved() if isinstance(profile.codec, FrameCodec) else {}
    taken: list[tuple[str, int, int, int]] = []
    for index, measure in enumerate(message.fields):
        where = f"{key}.fields[{index}] ({measure.name})"
        assert measure.at is not None
        first, last = measure.at, measure.at + width(measure)
        if size is not None and last > size:
            yield where, f"bytes {first} to {last - 1} lie outside a frame of {size} bytes"
        for what, span in reserved.items():
            if first < span.stop and span.start < last:
                yield where, f"bytes {first} to {last - 1} overlap {what}"
        for name, other_first, other_last, bits in taken:
            if first < other_last and other_first < last:
                same = (first, last) == (other_first, other_last)
                if not (same and bits & bits_used(measure) == 0):
                    yield where, f"overlaps the field '{name}'"
        taken.append((measure.name, first, last, bits_used(measure)))


def _size(profile: Profile, match: tuple[Condition, ...]) -> int | None:
    told = next((condition.length for condition in match if condition.length is not None), None)
    if told is None and isinstance(profile.codec, FrameCodec):
        return profile.codec.length.fixed or profile.codec.length.longest
    return told


def _commands(profile: Profile) -> Iterator[Problem]:
    for name, command in profile.commands.items():
        try:
            why = forbidden(encode(command, profile.codec), profile.deny)
        except ValueError as error:
            yield f"commands.{name}", str(error)
            continue
        if why:
            yield f"commands.{name}", f"is never sent: {why}"
        shown = any(example.command == name for example in profile.examples)
        if command.computed and not shown:
            yield "examples", f"none shows the bytes of the computed command '{name}'"


def _life_cycle(profile: Profile) -> Iterator[Problem]:
    for name in profile.lifecycle.commands:
        if name not in profile.commands:
            yield "lifecycle", f"no command '{name}'; there are: {', '.join(profile.commands) or 'none'}"
    if (profile.timing.mode == "poll") != bool(profile.lifecycle.poll):
        yield "lifecycle.poll", "needed by, and only by, timing.mode 'poll'"


def _examples(profile: Profile) -> Iterator[Problem]:
    if not any(example.message for example in profile.examples):
        yield "examples", "none shows a message that is accepted"
    if not any(example.error for example in profile.examples):
        yield "examples", "none shows bytes that are rejected"
    for index, example in enumerate(profile.examples):
        if example.command is not None and example.command not in profile.commands:
            yield f"examples[{index}]", f"no command '{example.command}'"
