"""Canonical JSON (RFC 8785, JCS): the same content always gives the same bytes, so that they can be signed.

Names in order of their UTF-16 code units, no spaces, strings and numbers as ECMAScript spells them: whoever
stores a report and writes it again in another order, or `5.0` for `5`, can still check its signature.
"""

import math
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any

_DEEPEST = 16
_LITERALS = {None: "null", True: "true", False: "false"}
_EXACT = 2**53
"""Beyond this a number that another program reads as a double is not the number that was written."""


class NotCanonicalError(ValueError):
    """There is no canonical form: NaN, infinity, an integer that a double cannot hold, or no JSON type."""


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a JSON object. Raises NotCanonicalError."""
    return joined(members(content))


def members(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the canonical form of each member of a JSON object. Raises NotCanonicalError."""
    return {name: _spelled(value, 1) for name, value in content.items()}


def joined(spelled: Mapping[str, str]) -> bytes:
    """Return the canonical bytes of the object that has these members. Raises NotCanonicalError."""
    try:
        return _object(spelled).encode()
    except UnicodeEncodeError as error:
        raise NotCanonicalError("a lone surrogate has no form in UTF-8") from error


def _object(spelled: Mapping[str, str]) -> str:
    names = sorted(spelled) if all(map(str.isascii, spelled)) else sorted(spelled, key=_code_units)
    return "{" + ",".join([f"{encode_basestring(name)}:{spelled[name]}" for name in names]) + "}"


def _code_units(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _spelled(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return _LITERALS[value]
    if isinstance(value, int | float):
        return _number(value)
    if depth >= _DEEPEST:
        raise NotCanonicalError(f"more than {_DEEPEST} objects and lists within each other")
    if isinstance(value, Mapping):
        return _object({name: _spelled(item, depth + 1) for name, item in value.items()})
    if isinstance(value, list | tuple):
        return "[" + ",".join([_spelled(item, depth + 1) for item in value]) + "]"
    raise NotCanonicalError(f"{type(value).__name__} is no JSON type")


def _number(value: float) -> str:
    if isinstance(value, int):
        if abs(value) > _EXACT:
            raise NotCanonicalError(f"{value} is beyond 2**53")
        return str(value)
    if not math.isfinite(value):
        raise NotCanonicalError("NaN and infinity are not JSON")
    return _ecmascript(value)


def _ecmascript(value: float) -> str:
    """Return a number as ECMA-262, Number::toString, spells it: its shortest digits."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"
