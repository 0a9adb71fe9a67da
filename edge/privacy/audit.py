"""An audit of what leaves: each payload against the contract, the policy and the budget, whoever made it.

It trusts nothing that the gate computed: it reads the bytes that would be published. But what a value is at
its resolution (`rounding_of`) and how many bits a report can say (`CONTRACT`) it works out with the gate's
own functions: a mistake in those shows in their tests, not here. Raw input is looked for in samples.
"""

import base64
import json
import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import ValidationError

from edge.domain.report_base import Quantity, marker
from edge.domain.reports import REPORT, Report
from edge.domain.time import NS_PER_S
from edge.privacy.budget import HOUR_BITS, HOUR_S, MINUTE_S, SHORT_BITS, SHORT_S
from edge.privacy.contract import CONTRACT
from edge.privacy.policy import Policy
from edge.privacy.rounding import EPOCH, rounding_of

_CANARY_BYTES = 12
_CANARIES = 64


@dataclass
class Window:
    """The most that came within any `length_s`."""

    length_s: int
    most: int = 0
    _total: int = 0
    _came: deque[tuple[int, int]] = field(default_factory=deque)

    def add(self, now_ns: int, amount: int) -> None:
        """Take note of an amount."""
        self._came.append((now_ns, amount))
        self._total += amount
        while self._came[0][0] <= now_ns - self.length_s * NS_PER_S:
            self._total -= self._came.popleft()[1]
        self.most = max(self.most, self._total)


class Audit:
    """Reads payloads as they would be published.

    Args:
        policy: in force.
        canaries: what must not be found in any payload, by what it is: of the raw input, names, paths.

    Attributes:
        breaches: what was wrong, one line each.
        came: reports by kind.
        hour: bits of the worst hour; short: of the worst ten seconds.
        minutes: reports of the worst minute, by kind.
    """

    def __init__(self, policy: Policy, canaries: Mapping[str, Iterable[bytes]]) -> None:
        self._policy = policy
        self._canaries = {what: tuple(parts) for what, parts in canaries.items()}
        self._previous: dict[tuple[str, int], datetime] = {}
        self.breaches: list[str] = []
        self.came: Counter[str] = Counter()
        self.hour = Window(HOUR_S)
        self.short = Window(SHORT_S)
        self.minutes: dict[str, Window] = defaultdict(lambda: Window(MINUTE_S))

    def take(self, payload: bytes, now_ns: int) -> None:
        """Audit one payload that leaves at `now_ns` (monotonic)."""
        for what, parts in self._canaries.items():
            if any(part in payload for part in parts):
                self.breaches.append(f"{what} is in a payload: {payload[:120]!r}")
        try:
            report = REPORT.validate_python(json.loads(payload)["data"])
        except (ValidationError, ValueError, KeyError, TypeError) as error:
            self.breaches.append(f"not of the contract: {str(error).splitlines()[0]}: {payload[:120]!r}")
            return
        self.came[report.kind] += 1
        self.breaches += [
            f"{report.kind}: {said}" for said in (*self._unpermitted(report), *off_grid(report))
        ]
        self._count(report, now_ns)

    def finish(self) -> None:
        """Judge what only shows in all of it: rates and the budget."""
        if self.hour.most >= HOUR_BITS:
            self.breaches.append(f"{self.hour.most} bits in an hour; the budget is below {HOUR_BITS}")
        if self.short.most >= SHORT_BITS:
            self.breaches.append(f"{self.short.most} bits in {SHORT_S} s; the budget is below {SHORT_BITS}")
        for kind, window in self.minutes.items():
            if window.most > CONTRACT[kind].per_minute:
                allowed = CONTRACT[kind].per_minute
                self.breaches.append(f"{kind}: {window.most} in a minute; the contract says {allowed}")

    def _unpermitted(self, report: Report) -> Iterator[str]:
        ground = self._policy.grounds.get(report.kind)
        if ground is None:
            yield "left without a purpose in the policy"
            return
        for name, wanted in ground.travelling.items():
            if getattr(report, name) != wanted:
                yield f"{name} is {getattr(report, name)}, the policy says {wanted}"
        k = getattr(report, "k", self._policy.k)
        if k < self._policy.k:
            yield f"k is {k}, the policy says {self._policy.k}"

    def _count(self, report: Report, now_ns: int) -> None:
        terms = CONTRACT[report.kind]
        stream = (report.kind, getattr(report, "sensor", -1))
        bits = math.ceil(terms.bits + terms.time_bits(report, self._previous.get(stream)))
        self._previous[stream] = report.phenomenon_time
        self.hour.add(now_ns, bits)
        self.short.add(now_ns, bits)
        self.minutes[report.kind].add(now_ns, 1)


def off_grid(report: Report) -> Iterator[str]:
    """Yield what a report tells finer than its resolution, or in an order that could carry hidden bits."""
    for name, declared in type(report).model_fields.items():
        value = getattr(report, name)
        if isinstance(value, datetime):
            whole = rounding_of(declared)((value - EPOCH) // timedelta(microseconds=1) * 1000)
        elif isinstance(value, tuple) or marker(declared, Quantity) is not None:
            whole = value if isinstance(value, str) else rounding_of(declared)(value)
        else:
            continue
        if whole != value:
            yield f"{name} is {value}; at its resolution it would be {whole}"


def canaries_of(raw: bytes) -> tuple[bytes, ...]:
    """Return pieces of raw input as they could hide in a payload: as they are, in hexadecimal, in base64."""
    step = max(1, (len(raw) - _CANARY_BYTES) // _CANARIES)
    pieces = {raw[at : at + _CANARY_BYTES] for at in range(0, max(1, len(raw) - _CANARY_BYTES), step)}
    # A run of one byte (silence, black) is found in anything.
    telling = [piece for piece in pieces if len(set(piece)) > _CANARY_BYTES // 2]
    return tuple(form for piece in telling for form in _forms(piece))


def _forms(piece: bytes) -> Iterator[bytes]:
    yield piece
    yield piece.hex().encode()
    for cut in range(3):  # base64 looks different at each of three alignments
        yield base64.b64encode(piece[cut : cut + 9]).rstrip(b"=")
        yield base64.urlsafe_b64encode(piece[cut : cut + 9]).rstrip(b"=")
