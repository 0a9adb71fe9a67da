"""Which policy is in force: the city's while it is good, else the one before, else only health leaves."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.domain.city import City, Span
from edge.domain.health import Reason
from edge.domain.report_base import LegalBasis, Purpose
from edge.domain.whole_file import write_whole
from edge.privacy.policy import Narrowing, Policy, PolicyError, narrowed, parse_policy, read_policy
from edge.privacy.policy_file import Ground
from edge.privacy.seal import check_seal, seal_path
from edge.signing.keys import PublicKey

SILENCE = Policy(
    {
        "health": Ground(
            purpose=Purpose.MAINTENANCE, legal_basis=LegalBasis.NO_PERSONAL_DATA, retention_days=30
        )
    },
    City(quiet_hours=(Span(),)),
)
"""In force where no policy is: the lamppost says how it is and nothing else, and every hour is quiet."""

_COPY = "policy.sealed"
_NUMBER = "policy.number"

_KNOWN = 4
"""So many policies are kept parsed: the city's, its copy, and one of each that follows."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What a lamppost asks of a policy.

    Attributes:
        path: the city's file; its seal lies beside it.
        city: whose policy it must be.
        keys: the city's; one of them must have sealed it. Without any, no seal is asked for.
        state: folder for the copy of the latest good policy; only sealed ones are kept.
        narrowing: what this lamppost withholds besides.
    """

    path: Path
    city: str
    keys: Sequence[PublicKey] = ()
    state: Path | None = None
    narrowing: Narrowing = field(default_factory=Narrowing)


@dataclass(frozen=True, slots=True)
class Standing:
    """The policy in force.

    Attributes:
        policy: to be obeyed, already narrowed.
        silent: there is no good one, so only health leaves.
        trouble: what is wrong with the city's file; empty when nothing is.
        reason: the same for a health report.
    """

    policy: Policy
    silent: bool = False
    trouble: str = ""
    reason: Reason = Reason.NONE


class PolicyWatch:
    """Looks at the policy whenever it is asked to; reads files, so it takes a moment.

    Of sealed policies the good one with the highest number is in force: the city's file, what was in force
    before, or its copy, which survives a restart. The highest number that ever was in force is kept besides,
    and none below it is taken, even when that policy has expired. So nobody can put an old policy back, and a
    spoilt file changes nothing.

    Args:
        demands: what the lamppost asks of a policy.
        keeps: write the copy; a command that only looks does not.
    """

    def __init__(self, demands: Demands, *, keeps: bool = True) -> None:
        self._keeps = keeps
        self._demands = demands
        self._previous: Policy | None = None
        self._number = 0
        self._known: dict[tuple[bytes, str], Policy] = {}

    def look(self, now: datetime) -> Standing:
        """Return the policy in force.

        Args:
            now: with a time zone; a policy holds from the first to the last of its days in the city's.
        """
        try:
            text, sealed = self._read()
            given = self._checked(text, sealed, now)
            earlier = self._earlier(now) if self._demands.keys else ()
            best = max((given, *earlier), key=lambda policy: policy.number)
            self._require_no_older(best)
        except PolicyError as error:
            return self._without(error, now)
        self._previous, self._number = best, max(self._number, best.number)
        trouble = self._keep(best.number, text, sealed) if best is given else ""
        reason = Reason.NO_PERMISSION if trouble else Reason.NONE
        return Standing(narrowed(best, self._demands.narrowing), trouble=trouble, reason=reason)

    def offer(self, text: bytes, sealed: str, now: datetime) -> None:
        """Take a policy that came another way than as a file, with its seal; the next look puts it in force.

        Raises:
            PolicyError: it is not good, no newer than every one that was in force, or cannot be kept.
        """
        if not self._demands.keys or self._demands.state is None:
            raise PolicyError(
                "policy: none is taken without [privacy] city_key to check it with", Reason.UNSIGNED
            )
        policy = self._checked(text, sealed, now)
        if policy.number <= (highest := self._highest()):
            message = f"policy: number {policy.number} is no newer than {highest}, which is or was in force"
            raise PolicyError(message, Reason.CONTRADICTORY)
        if trouble := self._keep(policy.number, text, sealed):
            raise PolicyError(trouble, Reason.NO_PERMISSION)

    def _without(self, error: PolicyError, now: datetime) -> Standing:
        earlier = list(self._earlier(now))
        if not earlier:
            self._previous = None
            trouble = f"{error}\nno other policy is in force: nothing but health leaves"
            return Standing(SILENCE, silent=True, trouble=trouble, reason=error.reason)
        self._previous = max(earlier, key=lambda policy: policy.number)
        trouble = f"{error}\nthe previous policy (number {self._previous.number}) stays in force"
        return Standing(
            narrowed(self._previous, self._demands.narrowing), trouble=trouble, reason=error.reason
        )

    def _earlier(self, now: datetime) -> list[Policy]:
        """Return what was in force before and still may be: in memory, and on disk."""
        found = [policy for policy in (self._previous, self._copied()) if policy is not None]
        in_time = []
        for policy in found:
            with suppress(PolicyError):
                _require_in_time(policy, now, "policy")
                self._require_no_older(policy)
                in_time.append(policy)
        return in_time

    def _require_no_older(self, policy: Policy) -> None:
        if self._demands.keys and policy.number < (highest := self._highest()):
            message = (
                f"{self._demands.path}: number {policy.number} is lower than {highest}, which was in force"
            )
            raise PolicyError(f"{message}; the city signs one with a higher number", Reason.CONTRADICTORY)

    def _highest(self) -> int:
        """Return the highest number that was ever in force, whether that policy has expired or not."""
        copied = self._copied()
        return max(self._number, self._noted(), copied.number if copied else 0)

    def _noted(self) -> int:
        """Return the number on disk; 0 when there is none of this city that can be read."""
        if self._copy is None:
            return 0
        try:
            noted = json.loads(self._copy.with_name(_NUMBER).read_bytes())
            number = noted["number"] if noted["city"] == self._demands.city else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        return number if type(number) is int else 0

    def _copied(self) -> Policy | None:
        """Return the policy of the copy, expired or not; None when there is no good one."""
        with suppress(PolicyError, OSError, UnicodeDecodeError):
            if (copy := self._copy) is not None:
                sealed, _, text = copy.read_bytes().partition(b"\n")
                return self._genuine(text, sealed.decode())
        return None

    def _read(self) -> tuple[bytes, str]:
        path = self._demands.path
        text = read_policy(path)
        if not self._demands.keys:
            return text, ""
        try:
            return text, seal_path(path).read_text(encoding="ascii")
        except FileNotFoundError as error:
            message = (
                f"{seal_path(path)}: no such seal; the city signs with `lamppost privacy sign {path.name}`"
            )
            raise PolicyError(message, Reason.UNSIGNED) from error
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError(f"{seal_path(path)}: cannot be read: {error}", Reason.BAD_SIGNATURE) from error

    def _checked(self, text: bytes, sealed: str, now: datetime) -> Policy:
        policy = self._genuine(text, sealed)
        _require_in_time(policy, now, str(self._demands.path))
        return policy

    def _genuine(self, text: bytes, sealed: str) -> Policy:
        """Return a policy of this city with its seal, in time or not; parsed when it is seen first."""
        seen = text, sealed.strip()
        if seen not in self._known:
            policy = self._parsed(text, sealed)
            latest = list(self._known.items())[1 - _KNOWN :]
            self._known = {**dict(latest), seen: policy}
        return self._known[seen]

    def _parsed(self, text: bytes, sealed: str) -> Policy:
        demands = self._demands
        where = str(demands.path)
        if demands.keys:
            check_seal(text, sealed, demands.keys, str(seal_path(demands.path)))
        try:
            policy = parse_policy(text.decode(), where)
        except UnicodeDecodeError as error:
            raise PolicyError(
                f"{where}: not UTF-8 text; save the policy as UTF-8", Reason.UNREADABLE
            ) from error
        if demands.keys:
            require_heading(policy, where)
        if policy.of_city not in {None, demands.city}:
            message = f"{where}: is the policy of '{policy.of_city}', this lamppost is in '{demands.city}'"
            raise PolicyError(f"{message}; give it the policy of its own city", Reason.CONTRADICTORY)
        return policy

    @property
    def _copy(self) -> Path | None:
        return self._demands.state / _COPY if self._demands.keys and self._demands.state else None

    def _keep(self, number: int, text: bytes, sealed: str) -> str:
        """Write the copy and its number, each whole or not at all; return what went wrong."""
        copy = self._copy
        if copy is None or not self._keeps:
            return ""
        noted = json.dumps({"city": self._demands.city, "number": number})
        try:
            # In this order: a number without its policy would silence the lamppost.
            _write_if_new(copy, sealed.strip().encode() + b"\n" + text)
            _write_if_new(copy.with_name(_NUMBER), noted.encode())
        except OSError as error:
            return f"{copy}: no copy of the policy can be kept ({error.strerror}); make its folder writable"
        return ""


def _write_if_new(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def require_heading(policy: Policy, where: str) -> None:
    """Require what a signed policy says of itself. Raises PolicyError."""
    wanted = {
        "city": policy.of_city,
        "number": policy.number,
        "not_before": policy.not_before,
        "expires": policy.expires,
    }
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        message = f"{where}: a signed policy says in [policy] {', '.join(missing)}; add it and sign again"
        raise PolicyError(message, Reason.CONTRADICTORY)


def _require_in_time(policy: Policy, now: datetime, where: str) -> None:
    today = now.astimezone(ZoneInfo(policy.city.timezone)).date()
    if policy.not_before is not None and today < policy.not_before:
        message = f"{where}: holds from {policy.not_before} on, today is {today}; is the clock right?"
        raise PolicyError(message, Reason.NOT_YET_VALID)
    if policy.expires is not None and today > policy.expires:
        message = f"{where}: held until {policy.expires}, today is {today}; the city signs a new one"
        raise PolicyError(message, Reason.EXPIRED)
