"""The examples of a profile are its test: as they are, split, after noise, twice, with bits flipped."""

import math
from collections.abc import Iterator, Mapping, Sequence

from edge.decoding.commands import encode
from edge.decoding.decoder import Decoder
from edge.decoding.profile import Example, Profile
from edge.decoding.results import Message, Rejected
from edge.decoding.shapes import FrameCodec, LinesCodec
from edge.decoding.units import QUANTITIES

Result = Message | Rejected

_RELATIVE_TOLERANCE = 1e-5
_ABSOLUTE_TOLERANCE = 1e-6


def decode(profile: Profile, pieces: Sequence[bytes]) -> list[Result]:
    """Decode a whole stream, given in pieces."""
    decoder = Decoder(profile)
    found = [result for piece in pieces for result in decoder.feed(piece)]
    return found + decoder.finish()


def failures(profile: Profile) -> Iterator[tuple[str, str]]:
    """Yield the examples that do not come out as they say: key and reason."""
    for index, example in enumerate(profile.examples):
        why = _command_failure(profile, example) if example.command else _failure(profile, example)
        if why:
            yield f"examples[{index}]", why


def _command_failure(profile: Profile, example: Example) -> str:
    assert example.command is not None
    assert example.tx is not None
    sent = encode(profile.commands[example.command], profile.codec)
    return (
        "" if sent == example.tx else f"command '{example.command}' is {sent.hex()}, not {example.tx.hex()}"
    )


def _failure(profile: Profile, example: Example) -> str:
    stream = example.received or b""
    plain = decode(profile, [stream])
    if example.error is not None:
        return _not_rejected(plain, example)
    if why := _unlike(plain, example):
        return why
    assert isinstance(plain[0], Message)
    for how, found in _variants(profile, stream):
        if any(not _same(plain[0], result) for result in found):
            return f"decodes differently {how}"
    return ""


def _variants(profile: Profile, stream: bytes) -> Iterator[tuple[str, list[Result]]]:
    yield "byte by byte", decode(profile, [bytes((byte,)) for byte in stream])
    twice = decode(profile, [stream + stream])
    yield "twice in a row", twice if len(twice) == 2 else []
    after_noise = decode(profile, [noise(profile), stream])
    noisy: list[Result] = [result for result in after_noise if isinstance(result, Message)]
    yield "after noise", noisy


def noise(profile: Profile) -> bytes:
    """Return bytes that are no message of the profile; of lines, a line of its own."""
    if isinstance(profile.codec, LinesCodec):
        return b"\xf0\x8f\x00 ets Jan  8 2013,rst cause:4\r\n"
    return b"\x00\xff\x13\x37\x55"


def _not_rejected(found: list[Result], example: Example) -> str:
    if any(isinstance(result, Message) for result in found):
        return f"is accepted, should be rejected for '{example.error}'"
    reasons = [result.reason for result in found if isinstance(result, Rejected)]
    if example.error not in reasons:
        return f"is rejected for {', '.join(reasons) or 'nothing'}, not for '{example.error}'"
    return ""


def _unlike(found: list[Result], example: Example) -> str:
    if len(found) != 1 or not isinstance(found[0], Message):
        return f"gives {len(found)} results ({_brief(found)}), not one message '{example.message}'"
    message = found[0]
    if message.message != example.message:
        return f"is the message '{message.message}', not '{example.message}'"
    if example.flags is not None and set(example.flags) != set(message.flags):
        return f"has the flags {list(message.flags)}, not {list(example.flags)}"
    for name, told in example.absent.items():
        if _named(message.absent, name) != told:
            return f"{name} is {_named(message.absent, name) or 'not absent'}, not {told}"
    for expected, given in ((example.values, message.values), (example.meta, message.meta)):
        for name, value in expected.items():
            if not _equal(_named(given, name), value):
                return f"{name} is {_named(given, name)}, not {value}"
    return ""


def _brief(found: list[Result]) -> str:
    return ", ".join(r.message if isinstance(r, Message) else r.reason for r in found) or "none"


def _named(values: Mapping[str, object], name: str) -> object:
    """Return the value of a field, named with or without its unit; None when there is none."""
    if name in values:
        return values[name]
    suffixes = {quantity.suffix for quantity in QUANTITIES.values()}
    return next((values[full] for s in suffixes if (full := f"{name}_{s}") in values), None)


def _equal(given: object, expected: float | str) -> bool:
    if isinstance(given, int | float) and isinstance(expected, int | float):
        return math.isclose(given, expected, rel_tol=_RELATIVE_TOLERANCE, abs_tol=_ABSOLUTE_TOLERANCE)
    return given == expected


def _same(expected: Message, result: Result) -> bool:
    return isinstance(result, Message) and contents(result) == contents(expected)


def contents(message: Message) -> tuple[object, ...]:
    """Return what a message says, without where it was."""
    return (
        message.message,
        message.outcome,
        dict(message.values),
        dict(message.absent),
        message.flags,
        dict(message.meta),
    )


def flips(stream: bytes) -> Iterator[bytes]:
    """Yield the stream with each single bit flipped, one at a time."""
    for place, byte in enumerate(stream):
        for bit in range(8):
            yield stream[:place] + bytes((byte ^ 1 << bit,)) + stream[place + 1 :]


def has_checksum(profile: Profile) -> bool:
    """Whether the codec can tell that a single bit was flipped."""
    codec = profile.codec
    if isinstance(codec, FrameCodec):
        return codec.checksum is not None
    return not isinstance(codec, LinesCodec) or codec.checksum != "none"


def flip_failures(profile: Profile) -> Iterator[tuple[str, str]]:
    """Yield the accepted examples in which a flipped bit gives a different message: key and reason."""
    if not has_checksum(profile):
        return
    for index, example in enumerate(profile.examples):
        if example.message is None:
            continue
        stream = example.received or b""
        expected = [contents(r) for r in decode(profile, [stream]) if isinstance(r, Message)]
        for place, flipped in enumerate(flips(stream)):
            found = [contents(r) for r in decode(profile, [flipped]) if isinstance(r, Message)]
            if found not in ([], expected):
                yield f"examples[{index}]", f"bit {place % 8} of byte {place // 8} may flip unseen"
