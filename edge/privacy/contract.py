"""The contract as terms: what each field of each kind of report can say, and how many bits that is."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import EnumType
from inspect import cleandoc
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from edge.domain.report_base import Priority, Quantity, ReportBase, TimeResolution, Topic, marker
from edge.domain.reports import REPORT_MODELS
from edge.privacy.budget import HOUR_S

FROM_POLICY = frozenset({"purpose", "legal_basis", "retention_days", "k", "epsilon"})
"""Fields that the policy fixes: they tell nothing of the street."""


@dataclass(frozen=True, slots=True)
class Term:
    """One field.

    Attributes:
        words: what an enumeration can say; a boolean says true or false.
        optional: it may be absent.
        at_most: how many members a list has at most; None when it is no list.
        bits: log2 of how many values can be told apart; 0 for what the policy fixes, and for times, which
            tell as much as the moments they could have been (`time_bits`).
    """

    name: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    resolution: float | None = None
    digits: int | None = None
    words: tuple[str, ...] = ()
    optional: bool = False
    at_most: int | None = None
    bits: float = 0.0


@dataclass(frozen=True, slots=True)
class Terms:
    """One kind of report.

    Attributes:
        meaning: what it says, for people.
        per_minute: so many leave a lamppost in any minute, at most.
        bits: of all its fields but the times.
        time_resolutions_s: of the phenomenon time and of the result time.
    """

    kind: str
    meaning: str
    topic: Topic
    priority: Priority
    per_minute: int
    fields: tuple[Term, ...]
    bits: float
    time_resolutions_s: tuple[float, float]

    def time_bits(self, report: ReportBase, previous: datetime | None) -> float:
        """Return the bits in the two times of a report.

        A time could have been any moment as far from an expected one as it is: its phenomenon time from that
        of the previous report of its kind and sensor, its result time from its phenomenon time.

        Args:
            report: of this kind.
            previous: phenomenon time of the previous one; None when there was none.
        """
        since_s = HOUR_S if previous is None else (report.phenomenon_time - previous).total_seconds()
        delay_s = (report.result_time - report.phenomenon_time).total_seconds()
        phenomenon_s, result_s = self.time_resolutions_s
        return _moments(since_s, phenomenon_s) + _moments(delay_s, result_s)


def _moments(between_s: float, resolution_s: float) -> float:
    return math.log2(1 + 2 * abs(between_s) / resolution_s)


def terms_of(model: type[ReportBase]) -> Terms:
    """Return the terms of a report's model."""
    fields = tuple(_term(name, field) for name, field in model.model_fields.items())
    return Terms(
        kind=model.model_fields["kind"].default,
        meaning=cleandoc(model.__doc__ or ""),
        topic=model.topic,
        priority=model.priority,
        per_minute=model.per_minute,
        fields=fields,
        bits=sum(field.bits for field in fields),
        time_resolutions_s=(_resolution_s(model, "phenomenon_time"), _resolution_s(model, "result_time")),
    )


def _resolution_s(model: type[ReportBase], name: str) -> float:
    resolution = marker(model.model_fields[name], TimeResolution)
    assert resolution is not None, "every time of the contract declares its resolution"
    return resolution.resolution_s


def _term(name: str, field: FieldInfo) -> Term:
    declared: Any = Annotated[field.annotation, *field.metadata, None]
    leaves = list(_leaves(declared))
    quantity = marker(field, Quantity)
    time = marker(field, TimeResolution)
    limits = [m for leaf in leaves for m in leaf[1]]
    return Term(
        name=name,
        unit=quantity.unit if quantity else "",
        low=_limit(limits, "ge"),
        high=_limit(limits, "le"),
        resolution=quantity.resolution if quantity else time.resolution_s if time else None,
        digits=quantity.digits if quantity else None,
        words=tuple(word for leaf in leaves for word in _words(leaf[0])),
        optional=any(leaf[0] is NoneType for leaf in leaves),
        at_most=_limit(limits, "max_length"),
        bits=0.0 if name in FROM_POLICY else math.log2(_values(declared)),
    )


def _leaves(declared: Any, around: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield every leaf type with the metadata around it."""
    if get_origin(declared) is Annotated:
        inner, *metadata = get_args(declared)
        found: list[Any] = []
        for item in metadata:
            found += item.metadata if isinstance(item, FieldInfo) else [item]
        yield from _leaves(inner, (*found, *around))
    elif get_origin(declared) in {Union, UnionType, tuple}:
        for part in get_args(declared):
            if part is not Ellipsis:
                yield from _leaves(part, around)
    else:
        yield declared, around


def _limit(metadata: Iterable[Any], name: str) -> Any:
    """Return what `Field(ge=...)` and its like have left in a type; None when they have not."""
    return next((limit for item in metadata if (limit := getattr(item, name, None)) is not None), None)


def _words(leaf: Any) -> tuple[str, ...]:
    if isinstance(leaf, EnumType):
        return tuple(map(str, leaf.__members__.values()))
    return tuple(map(str, get_args(leaf))) if get_origin(leaf) is Literal else ()


def _values(declared: Any, around: tuple[Any, ...] = ()) -> int:
    """Return how many values can be told apart."""
    origin = get_origin(declared)
    if origin is Annotated:
        inner, *metadata = get_args(declared)
        found: list[Any] = []
        for item in metadata:
            found += item.metadata if isinstance(item, FieldInfo) else [item]
        return _values(inner, (*found, *around))
    if origin in {Union, UnionType}:
        return sum(_values(part, around) for part in get_args(declared))
    if origin is tuple:
        return _lists(get_args(declared)[0], around)
    if declared in {int, float}:
        return _numbers(around)
    if declared is datetime:
        return 1
    return 2 if declared is bool else max(1, len(_words(declared)))


def _lists(member: Any, around: tuple[Any, ...]) -> int:
    longest = _limit(around, "max_length")
    assert longest is not None, "every list of the contract has a longest"
    each = _values(member, around)
    # The gate puts words in order and drops repetitions: a list of words is a set.
    ways = (math.comb(each, n) if isinstance(member, EnumType) else each**n for n in range(longest + 1))
    return sum(ways)


def _numbers(around: tuple[Any, ...]) -> int:
    quantity = next(m for m in around if isinstance(m, Quantity))
    low, high = _limit(around, "ge"), _limit(around, "le")
    assert low is not None, "every number of the contract has its limits"
    assert high is not None
    return 1 + _steps(high, quantity) + _steps(-low, quantity)


def _steps(far: float, quantity: Quantity) -> int:
    """Return how many multiples of the resolution lie between 0 and `far`, negative when it is below 0."""
    steps = math.floor(abs(far) / quantity.resolution + 1e-9)
    if quantity.digits is not None:
        steps, near = 0, 0.0
        while near < abs(far) - 1e-9:
            step = quantity.step(near * (1 + 1e-9))
            edge = min(abs(far), _decade_after(near, step, quantity))
            steps += math.floor((edge - near) / step + 1e-9)
            near = edge
    return steps if far >= 0 else -steps


def _decade_after(near: float, step: float, quantity: Quantity) -> float:
    """Return where the step becomes coarser next."""
    assert quantity.digits is not None
    coarser = 10.0 ** (math.floor(math.log10(step) + 1e-9) + quantity.digits)
    return coarser if coarser > near else coarser * 10


CONTRACT: Mapping[str, Terms] = MappingProxyType(
    {kind: terms_of(model) for kind, model in REPORT_MODELS.items()}
)
"""Every kind of report with its terms."""
