"""Rounding to the resolutions that the contract declares."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import EnumType, StrEnum
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic.fields import FieldInfo

from edge.domain.report_base import Quantity, TimeResolution, marker

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Rounding = Callable[[Any], Any]


def rounding_of(field: FieldInfo) -> Rounding:
    """Return how a field's value is rounded; what declares no resolution is only made plain."""
    if (time := marker(field, TimeResolution)) is not None:
        return rounded_down_to(time.resolution_s)
    if (quantity := marker(field, Quantity)) is not None:
        return rounded_to(quantity)
    if (words := words_of(field)) is not None:
        return in_order(words)
    return plain


def words_of(field: FieldInfo) -> type[StrEnum] | None:
    """Return the enumeration of a field that holds several words of it."""
    annotation = (
        get_args(field.annotation)[0] if get_origin(field.annotation) is Annotated else field.annotation
    )
    member = get_args(annotation)[0] if get_origin(annotation) is tuple else None
    return member if isinstance(member, EnumType) and issubclass(member, StrEnum) else None


def plain(value: Any) -> Any:
    """Return a numpy scalar, which a report's model would refuse, as Python's own."""
    return value.item() if hasattr(value, "item") else value


def rounded_to(quantity: Quantity) -> Rounding:
    """Return the rounding to the nearest multiple of the step; None stays None, -0 becomes 0.

    Of a tuple, each member is rounded.
    """
    return _rounded(quantity, round)


def rounded_up_to(quantity: Quantity) -> Rounding:
    """Return the rounding up to the next multiple of the step; None stays None."""
    # Rounded first, because 0.3 / 0.1 is a hair below 3 and 0.7 / 0.1 a hair above 7.
    return _rounded(quantity, lambda steps: math.ceil(round(steps, 6)))


def _rounded(quantity: Quantity, whole: Callable[[float], int]) -> Rounding:
    decimals = _decimals(quantity.resolution)

    def round_number(value: Any) -> Any:
        number = plain(value)
        if number is None:
            return None
        if isinstance(number, tuple):
            return tuple(round_number(member) for member in number)
        if isinstance(number, bool):
            raise TypeError("a boolean is not a quantity")
        step = quantity.step(number)
        return round(whole(number / step) * step, decimals)

    return round_number


def rounded_down_to(resolution_s: float) -> Rounding:
    """Return the rounding of nanoseconds since 1970 down to a UTC time; 1 us is the finest."""
    step_us = round(resolution_s * 1_000_000)

    def round_time(utc_ns: Any) -> datetime:
        return EPOCH + timedelta(microseconds=int(utc_ns) // (step_us * 1000) * step_us)

    return round_time


def in_order(words: type[StrEnum]) -> Rounding:
    """Return the sorting of words of an enumeration: their order and repetition could carry hidden bits."""

    def sort(given: Any) -> tuple[StrEnum, ...]:
        known = {words(word) for word in given}
        return tuple(word for word in words if word in known)

    return sort


def _decimals(resolution: float) -> int:
    exponent = Decimal(str(resolution)).normalize().as_tuple().exponent
    return max(0, -cast("int", exponent))
