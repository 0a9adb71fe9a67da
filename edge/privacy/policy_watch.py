"""Which policy is in force: the city's while it is good, else the one before, else only health leaves."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.domain.health import Reason
from edge.domain.report_base import LegalBasis, Purpose
from edge.privacy.policy import Narrowing, Policy, PolicyError, narrowed, parse_policy, read_policy
from edge.privacy.policy_file import Ground
from edge.privacy.seal import check_seal, seal_path
from edge.signing.keys import PublicKey

SILENCE = Policy(
    {
        "health": Ground(
            purpose=Purpose.MAINTENANCE, legal_basis=LegalBasis.NO_PERSONAL_DATA, retention_days=30
        )
    }
)
"""In force where no policy is: the lamppost says how it is, and nothing else."""

_COPY = "policy.sealed"


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
    before, or its copy, which survives a restart. So nobody can put an old policy back, and a spoilt file
    changes nothing.

    Args:
        demands: what the lamppost asks of a policy.
        keeps: write the copy; a command that only looks does not.
    """

    def __init__(self, demands: Demands, *, keeps: bool = True) -> None:
        self._keeps = keeps
        self._demands = demands
        self._previous: Policy | None = None

    def look(self, now: datetime) -> Standing:
        """Return the policy in force.

        Args:
            now: with a time zone; a policy holds from the first to the last of its days in the city's.
        """
        try:
            text, sealed = self._read()
            given = self._checked(text, sealed, now)
        except PolicyError as error:
            return self._without(error, now)
        earlier = self._earlier(now) if self._demands.keys else ()
        best = max((given, *earlier), key=lambda policy: policy.number)
        self._previous = best
        trouble = self._keep(text, sealed) if best is given else ""
        reason = Reason.NO_PERMISSION if trouble else Reason.NONE
        return Standing(narrowed(best, self._demands.narrowing), trouble=trouble, reason=reason)

    def offer(self, text: bytes, sealed: str, now: datetime) -> None:
        """Take a policy that came another way than as a file, with its seal; the next look puts it in force.

        Raises:
            PolicyError: it is not good, no newer than the one in force, or cannot be kept.
        """
        if not self._demands.keys or self._demands.state is None:
            raise PolicyError(
                "policy: none is taken without [privacy] city_key to check it with", Reason.UNSIGNED
            )
        policy = self._checked(text, sealed, now)
        in_force = max((earlier.number for earlier in self._earlier(now)), default=0)
        if policy.number <= in_force:
            message = f"policy: number {policy.number} is no newer than {in_force}, which is in force"
            raise PolicyError(message, Reason.CONTRADICTORY)
        if trouble := self._keep(text, sealed):
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
        found = []
        with suppress(PolicyError):
            if self._previous is not None:
                _require_in_time(self._previous, now, "policy")
                found.append(self._previous)
        with suppress(PolicyError, OSError, UnicodeDecodeError):
            if (copy := self._copy) is not None:
                sealed, _, text = copy.read_bytes().partition(b"\n")
                found.append(self._checked(text, sealed.decode(), now))
        return found

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
        _require_in_time(policy, now, where)
        return policy

    @property
    def _copy(self) -> Path | None:
        return self._demands.state / _COPY if self._demands.keys and self._demands.state else None

    def _keep(self, text: bytes, sealed: str) -> str:
        """Write the copy, whole or not at all; return what went wrong."""
        copy = self._copy
        if copy is None or not self._keeps:
            return ""
        content = sealed.strip().encode() + b"\n" + text
        try:
            if copy.exists() and copy.read_bytes() == content:
                return ""
            copy.parent.mkdir(parents=True, exist_ok=True)
            partial = copy.with_suffix(".partial")
            partial.write_bytes(content)
            partial.replace(copy)
        except OSError as error:
            return f"{copy}: no copy of the policy can be kept ({error.strerror}); make its folder writable"
        return ""


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
