"""The gate: the only maker of a report.

It is right by construction, not by filtering: a report is built from the fields that its model declares, each
rounded to the resolution declared there, and from nothing else. What a finding carries besides stays here.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast

from edge.domain.events import Event
from edge.domain.observations import Observation
from edge.domain.report_base import (
    UNCERTAINTY,
    BelowK,
    Coarsened,
    CrowdReport,
    EventReport,
    SensorReport,
    Tied,
    marker,
)
from edge.domain.reports import REPORT_MODELS, Report
from edge.privacy.budget import Budget
from edge.privacy.contract import Terms, terms_of
from edge.privacy.noise import Ledger, discrete_laplace
from edge.privacy.policy import Noise, Policy
from edge.privacy.rounding import Rounding, rounded_up_to, rounding_of

GIVEN = frozenset({*SensorReport.model_fields, *EventReport.model_fields, *CrowdReport.model_fields, "kind"})
"""Fields that the gate fills from elsewhere than a field of the finding of the same name."""

_MALFORMED = (ArithmeticError, AttributeError, TypeError, ValueError)
"""What a number, a time or a model raises when a finding does not fit the contract."""


@dataclass(frozen=True, slots=True)
class _Mould:
    """How findings of one kind become reports."""

    model: type[Report]
    terms: Terms
    copied: Mapping[str, Rounding]
    phenomenon_time: Rounding
    result_time: Rounding
    counts: tuple[str, ...]
    tied: Mapping[str, tuple[str, Any]]


class _SpentError(Exception):
    """Nothing is left of the day's epsilon."""


class Gate:
    """Admits what the policy gives a ground and the contract can hold.

    Attributes:
        policy: the policy in force; may be replaced.
        admitted: reports made, by kind.
        withheld: findings that the policy gives no ground for, by kind.
        refused: findings that do not fit the contract (not a number, out of range, wrong type), by kind.
        over_budget: reports for which the information budget, or the day's of differential privacy, had no
            room, by kind.
        budget: what has left lately.
    """

    def __init__(self, policy: Policy, ledger: Ledger | None = None) -> None:
        self._ledger = ledger or Ledger()
        self.policy = policy
        self._admitted: Counter[str] = Counter()
        self._withheld: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._over_budget: Counter[str] = Counter()
        self._previous: dict[tuple[str, int], datetime] = {}
        self.budget = Budget()
        self.admitted: Mapping[str, int] = MappingProxyType(self._admitted)
        self.withheld: Mapping[str, int] = MappingProxyType(self._withheld)
        self.refused: Mapping[str, int] = MappingProxyType(self._refused)
        self.over_budget: Mapping[str, int] = MappingProxyType(self._over_budget)

    def admit(self, finding: Observation | Event, now_ns: int = 0) -> Report | None:
        """Make the report of a finding.

        Args:
            finding: what a detector observed or a rule concluded.
            now_ns: the moment, on a monotonic clock, for the information budget.

        Returns:
            The report; None when the kind is internal to the lamppost, has no ground in the policy, when the
            finding does not fit the contract or the budget has no room. Never raises for a bad finding: it
            counts it.
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
        except _SpentError:
            self._over_budget[finding.kind] += 1
            return None
        except _MALFORMED:
            self._refused[finding.kind] += 1
            return None
        if not self._affordable(report, mould.terms, now_ns):
            self._over_budget[finding.kind] += 1
            return None
        self._admitted[finding.kind] += 1
        return report

    def _affordable(self, report: Report, terms: Terms, now_ns: int) -> bool:
        stream = (report.kind, getattr(report, "sensor", -1))
        bits = terms.bits + terms.time_bits(report, self._previous.get(stream))
        affordable = self.budget.spend(
            now_ns, report.kind, bits, per_minute=terms.per_minute, priority=terms.priority
        )
        if affordable:
            self._previous[stream] = report.phenomenon_time
        return affordable

    def _blur(self, mould: _Mould, contents: dict[str, Any], noise: Noise) -> None:
        """Add noise to every count, and leave out what would tell the true ones."""
        counted = [name for name in mould.counts if contents[name] is not None]
        if any(contents[name] < 0 for name in counted):
            raise ValueError("a count is negative")
        spends = noise.epsilon * len(counted)
        known = contents["time_uncertainty_ms"] is not None
        day = contents["result_time"].date() if known else None
        if counted and not self._ledger.spend(day, spends, noise.per_day):
            raise _SpentError
        for name in counted:
            contents[name] = max(0, contents[name] + discrete_laplace(noise.epsilon))
        for name, (_, absent) in mould.tied.items():
            contents[name] = absent
        contents["epsilon"] = float(round(spends, 2))

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
            if self.policy.noise is not None:
                self._blur(mould, contents, self.policy.noise)
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


def _mould(model: type[Report]) -> _Mould:
    fields = model.model_fields
    return _Mould(
        model=model,
        terms=terms_of(model),
        copied={name: rounding_of(field) for name, field in fields.items() if name not in GIVEN},
        phenomenon_time=rounding_of(fields["phenomenon_time"]),
        result_time=rounding_of(fields["result_time"]),
        counts=tuple(name for name, field in fields.items() if marker(field, Coarsened)),
        tied={
            name: (tied.count, field.default)
            for name, field in fields.items()
            if (tied := marker(field, Tied))
        },
    )


_UNCERTAINTY = rounded_up_to(UNCERTAINTY)
_MOULDS: Mapping[str, _Mould] = {kind: _mould(model) for kind, model in REPORT_MODELS.items()}
