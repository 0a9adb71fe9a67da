"""The gate: the only maker of a report.

It is right by construction, not by filtering: a report is built from the fields that its model declares, each
rounded to the resolution declared there, and from nothing else. What a finding carries besides stays here.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from types import MappingProxyType
from typing import Any, cast

from pydantic.fields import FieldInfo

from edge.domain.events import Event
from edge.domain.observations import Observation
from edge.domain.report_base import (
    BelowK,
    Coarsened,
    CrowdReport,
    EventReport,
    Quantity,
    SensorReport,
    Tied,
    TimeResolution,
    Trigger,
    marker,
)
from edge.domain.reports import REPORT_MODELS, Report
from edge.privacy.policy import Policy

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GIVEN = frozenset({*SensorReport.model_fields, *EventReport.model_fields, *CrowdReport.model_fields, "kind"})
"""Fields that the gate fills from elsewhere than a field of the finding of the same name."""

_MALFORMED = (ArithmeticError, AttributeError, TypeError, ValueError)
"""What a number, a time or a model raises when a finding does not fit the contract."""

Rounding = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Mould:
    """How findings of one kind become reports."""

    model: type[Report]
    copied: Mapping[str, Rounding]
    phenomenon_time: Rounding
    result_time: Rounding
    counts: tuple[str, ...]
    tied: Mapping[str, tuple[str, Any]]


class Gate:
    """Admits what the policy gives a ground and the contract can hold.

    Attributes:
        policy: the policy in force; may be replaced.
        admitted: reports made, by kind.
        withheld: findings that the policy gives no ground for, by kind.
        refused: findings that do not fit the contract (not a number, out of range, wrong type), by kind.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._admitted: Counter[str] = Counter()
        self._withheld: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self.admitted: Mapping[str, int] = MappingProxyType(self._admitted)
        self.withheld: Mapping[str, int] = MappingProxyType(self._withheld)
        self.refused: Mapping[str, int] = MappingProxyType(self._refused)

    def admit(self, finding: Observation | Event) -> Report | None:
        """Make the report of a finding.

        Returns:
            The report; None when the kind is internal to the lamppost, has no ground in the policy, or when
            the finding does not fit the contract. Never raises for a bad finding: it counts it.
        """
        mould = _MOULDS.get(finding.kind)
        if mould is None:
            return None
        ground = self.policy.grounds.get(finding.kind)
        if ground is None:
            self._withheld[finding.kind] += 1
            return None
        try:
            report = mould.model.model_validate(self._contents(mould, finding) | ground.travelling)
        except _MALFORMED:
            self._refused[finding.kind] += 1
            return None
        self._admitted[finding.kind] += 1
        return report

    def _contents(self, mould: _Mould, finding: Observation | Event) -> dict[str, Any]:
        contents: dict[str, Any] = {
            "phenomenon_time": mould.phenomenon_time(finding.time.utc_ns),
            "result_time": mould.result_time(finding.result_time_ns),
            "time_uncertainty_ms": _UNCERTAINTY(finding.time.uncertainty_ms),
        }
        fields = mould.model.model_fields
        if "sensor" in fields:
            contents["sensor"] = cast("Observation", finding).source.sensor
        if "time_unsynchronised" in fields:
            contents["time_unsynchronised"] = finding.time.uncertainty_ms is None
        for name, rounding in mould.copied.items():
            contents[name] = rounding(getattr(finding, name))
        if "k" in fields:
            contents["k"] = self.policy.k
            _hide_small_counts(mould, contents, self.policy.k)
        return contents


def _hide_small_counts(mould: _Mould, contents: dict[str, Any], k: int) -> None:
    for name in mould.counts:
        # A negative count does not fit the contract; it is refused, not told as a small one.
        if contents[name] is not None and 0 <= contents[name] < k:
            contents[name] = BelowK.BELOW_K
    for name, (count, absent) in mould.tied.items():
        if contents[count] is BelowK.BELOW_K:
            contents[name] = absent


def _plain(value: Any) -> Any:
    # A detector's bool or float may be a numpy scalar, which the report's model would refuse.
    return value.item() if hasattr(value, "item") else value


def rounded_to(resolution: float) -> Rounding:
    """Return the rounding to the nearest multiple of `resolution`; None stays None, -0 becomes 0.

    Of a tuple, each member is rounded.
    """
    digits = _digits(resolution)

    def round_number(value: Any) -> Any:
        number = _plain(value)
        if number is None:
            return None
        if isinstance(number, tuple):
            return tuple(round_number(member) for member in number)
        if isinstance(number, bool):
            raise TypeError("a boolean is not a quantity")
        return round(round(number / resolution) * resolution, digits)

    return round_number


def _rounded_up_to(resolution: float) -> Rounding:
    digits = _digits(resolution)

    def round_up(value: Any) -> Any:
        # Rounded first, because 0.3 / 0.1 is a hair below 3 and 0.7 / 0.1 a hair above 7.
        return None if value is None else round(ceil(round(value / resolution, 6)) * resolution, digits)

    return round_up


def rounded_down_to(resolution_s: float) -> Rounding:
    """Return the rounding of nanoseconds since 1970 down to a UTC time; 1 us is the finest."""
    step_us = round(resolution_s * 1_000_000)

    def round_time(utc_ns: Any) -> datetime:
        return _EPOCH + timedelta(microseconds=int(utc_ns) // (step_us * 1000) * step_us)

    return round_time


def _in_order(because: Any) -> tuple[Trigger, ...]:
    # The order and the repetition of triggers could carry hidden bits.
    given = {Trigger(kind) for kind in because}
    return tuple(trigger for trigger in Trigger if trigger in given)


def _digits(resolution: float) -> int:
    exponent = Decimal(str(resolution)).normalize().as_tuple().exponent
    return max(0, -cast("int", exponent))


def _rounding(name: str, field: FieldInfo) -> Rounding:
    if name == "because":
        return _in_order
    quantity = marker(field, Quantity)
    return rounded_to(quantity.resolution) if quantity else _plain


def _mould(model: type[Report]) -> _Mould:
    fields = model.model_fields
    return _Mould(
        model=model,
        copied={name: _rounding(name, field) for name, field in fields.items() if name not in GIVEN},
        phenomenon_time=_time(fields["phenomenon_time"]),
        result_time=_time(fields["result_time"]),
        counts=tuple(name for name, field in fields.items() if marker(field, Coarsened)),
        tied={
            name: (tied.count, field.default)
            for name, field in fields.items()
            if (tied := marker(field, Tied))
        },
    )


def _time(field: FieldInfo) -> Rounding:
    resolution = marker(field, TimeResolution)
    assert resolution is not None, "every time of the contract declares its resolution"
    return rounded_down_to(resolution.resolution_s)


_UNCERTAINTY = _rounded_up_to(0.1)
_MOULDS: Mapping[str, _Mould] = {kind: _mould(model) for kind, model in REPORT_MODELS.items()}
