"""The city's policy: for what purpose, on what ground and for how long each kind of report may leave.

One TOML file per city. A kind that the file does not list does not leave.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import EnumType
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from edge.domain.city import City
from edge.domain.complaint import Complaint
from edge.domain.events import EVENT_KINDS
from edge.domain.health import Reason
from edge.domain.nearest import nearest
from edge.domain.reports import REPORT_MODELS
from edge.domain.toml_lines import line_of
from edge.privacy.policy_file import File, Ground, NoticeTable

Location = tuple[str | int, ...]

DEFAULT_K = 5


class PolicyError(Complaint):
    """The policy cannot be used; one line for each mistake: file, line, what, and what to do.

    Attributes:
        reason: for a health report.
    """

    wrong_use = True

    def __init__(self, message: str, reason: Reason = Reason.UNREADABLE) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Noise:
    """How much noise counts of people get.

    Attributes:
        epsilon: of one count, which one person changes by one.
        per_day: what all counts of a day may spend together.
    """

    epsilon: Fraction
    per_day: Fraction


@dataclass(frozen=True, slots=True)
class Policy:
    """What may leave.

    Attributes:
        grounds: kind of report to its ground; a kind that is not here does not leave.
        city: what rules and actuators obey.
        k: counts of people below it leave as a band.
        noise: differential privacy of counts of people; None without.
        of_city: short name of the city whose policy it is.
        number: rises with every policy of the city.
        not_before: first day on which it holds, in the city's time zone.
        expires: last day.
        notice: names for the residents' page, and for nothing else.
    """

    grounds: Mapping[str, Ground]
    city: City = field(default_factory=City)
    k: int = DEFAULT_K
    noise: Noise | None = None
    of_city: str | None = None
    number: int = 0
    not_before: date | None = None
    expires: date | None = None
    notice: NoticeTable = field(default_factory=NoticeTable)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What one lamppost withholds of what its city's policy lets out. It can add nothing.

    Attributes:
        withhold: kinds that do not leave.
        k: a higher one than the policy's.
        retention_days: shorter ones than the policy's, by kind.
    """

    withhold: frozenset[str] = frozenset()
    k: int = 0
    retention_days: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


def narrowed(policy: Policy, narrowing: Narrowing) -> Policy:
    """Return what one lamppost may let out: never more than the policy, whatever the narrowing says."""
    shorter = narrowing.retention_days
    grounds = {
        kind: ground.model_copy(
            update={"retention_days": min(ground.retention_days, shorter.get(kind, ground.retention_days))}
        )
        for kind, ground in policy.grounds.items()
        if kind not in narrowing.withhold
    }
    return replace(policy, grounds=MappingProxyType(grounds), k=max(policy.k, narrowing.k))


def widening(policy: Policy, narrowing: Narrowing) -> list[str]:
    """Return what a narrowing asks for in vain, for whoever wrote it."""
    said = [
        f"retention_days of {kind}: {days} is longer than the policy's {policy.grounds[kind].retention_days}"
        for kind, days in narrowing.retention_days.items()
        if kind in policy.grounds and days > policy.grounds[kind].retention_days
    ]
    if 0 < narrowing.k < policy.k:
        said.append(f"k: {narrowing.k} is lower than the policy's {policy.k}")
    return said


def load_policy(path: Path) -> Policy:
    """Read and check a policy file.

    Raises:
        PolicyError: it is missing, unreadable, not TOML, or names a kind or key that does not exist.
    """
    try:
        return parse_policy(read_policy(path).decode(), where=str(path))
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: not UTF-8 text; save the policy as UTF-8") from error


def parse_policy(text: str, where: str) -> Policy:
    """Check the text of a policy file.

    Args:
        text: TOML.
        where: the file's name, for errors.

    Raises:
        PolicyError: as for `load_policy`; nothing else, or a mistake in a file would end the daemon.
    """
    try:
        return _parsed(text, where)
    except PolicyError:
        raise
    except Exception as error:
        message = f"{where}: cannot be checked ({type(error).__name__}: {error}); correct what changed last"
        raise PolicyError(message) from error


def _parsed(text: str, where: str) -> Policy:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{where}: not valid TOML: {error}") from error
    mistakes = [f"{line_of(text, loc) or 1}: {mistake}" for loc, mistake in _mistakes(content)]
    if mistakes:
        raise PolicyError("\n".join(f"{where}:{mistake}" for mistake in mistakes))
    file = File.model_validate(content)
    if contradictions := list(_contradictions(file)):
        lines = (f"{where}:{line_of(text, loc) or 1}: {said}" for loc, said in contradictions)
        raise PolicyError("\n".join(lines), Reason.CONTRADICTORY)
    heading, noise = file.policy, file.differential_privacy
    return Policy(
        grounds=MappingProxyType(dict(file.reports)),
        city=file.city(),
        k=file.counts.k,
        # By their decimals: 0.1 is a tenth, not what a float makes of it.
        noise=Noise(Fraction(str(noise.epsilon_per_count)), Fraction(str(noise.epsilon_per_day)))
        if noise
        else None,
        of_city=heading.city,
        number=heading.number,
        not_before=heading.not_before,
        expires=heading.expires,
        notice=file.notice,
    )


def read_policy(path: Path) -> bytes:
    """Return the file's bytes. Raises PolicyError that says what to do."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        message = f"{path}: no such policy file; nothing leaves without one"
        raise PolicyError(message, Reason.MISSING) from error
    except IsADirectoryError as error:
        raise PolicyError(f"{path}: is a directory; give the policy file inside it") from error
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}; check the path and its permissions") from error


def _mistakes(content: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    try:
        File.model_validate(content)
    except ValidationError as error:
        for mistake in error.errors():
            yield mistake["loc"], _explain(mistake)
    yield from _unknown(content, "reports", "kind of report", REPORT_MODELS)
    yield from _unknown(content, "scenes", "kind of event", EVENT_KINDS)


def _contradictions(file: File) -> Iterator[tuple[Location, str]]:
    """Yield what says two things of the same hours; of two that overlap only in part, the first one holds."""
    levels = [
        (level.quantity, level.span, level.level_db, level.distance_m) for level in file.permitted_levels
    ]
    priors = [(prior.sound, prior.span, prior.odds, 0.0) for prior in file.priors]
    for table, said in (("permitted_levels", levels), ("priors", priors)):
        for number, (what, span, *_) in enumerate(said):
            first = next(n for n, other in enumerate(said) if other[:2] == (what, span))
            if first != number:
                hint = (
                    f"says of {what} at the same hours as number {first + 1} of them; remove one of the two"
                )
                yield (table, number), f"'{table}.{number}' {hint}"


def _unknown(
    content: Mapping[str, Any], table: str, what: str, known: Iterable[str]
) -> Iterator[tuple[Location, str]]:
    given = content.get(table)
    for name in given if isinstance(given, dict) else ():
        if name not in known:
            yield (table, name), f"unknown {what} '{name}'; {nearest(name, known)}"


def _explain(mistake: ErrorDetails) -> str:
    *tables, last = mistake["loc"]
    name = ".".join(str(part) for part in mistake["loc"] if part != "[key]")
    match mistake["type"]:
        case "extra_forbidden":
            return f"unknown key '{name}'; {nearest(last, _names(_at(tables)))}"
        case "missing":
            return f"'{name}' is missing; add it"
        case "enum":
            hint = nearest(mistake["input"], _names(_at(mistake["loc"])))
            return f"'{name}' is '{mistake['input']}', which does not exist; {hint}"
        case "dict_type" | "model_type":
            example = "[reports.KIND]" if name.startswith("reports") else f"[{name}]"
            return f"'{name}' is not a table; write a section {example}"
        case "tuple_type":
            return f"'{name}' is not a list of tables; write sections [[{name}]]"
        case _:
            said = mistake["msg"].removeprefix("Value error, ")
            return f"'{name}': {said[:1].lower()}{said[1:]}"


def _at(location: Iterable[str | int]) -> Any:
    """Return the type that the file's model declares at a place; None where it declares none."""
    here: Any = File
    table: Any = None
    for part in location:
        here, table = _inner(here, table, part), here
    return here


def _inner(here: Any, table: Any, part: str | int) -> Any:
    if part == "[key]":  # pydantic names a key of a table of tables after the key itself
        return _bare(next(iter(get_args(table)), None))
    if isinstance(here, type) and issubclass(here, BaseModel):
        field = here.model_fields.get(str(part))
        return field and _bare(field.annotation)
    # A table of tables or a list of them: the type of its values.
    return _bare(next((arg for arg in reversed(get_args(here)) if arg is not Ellipsis), None))


def _bare(declared: Any) -> Any:
    """Return a type without what is annotated, and without the None that it may be instead."""
    if get_origin(declared) in {Annotated, Union, UnionType}:
        return _bare(next(arg for arg in get_args(declared) if arg is not NoneType))
    return declared


def _names(declared: Any) -> Iterable[str]:
    """Return the keys of a table, or the words of an enumeration; none of anything else."""
    if isinstance(declared, EnumType):
        return list(declared.__members__.values())
    return list(getattr(declared, "model_fields", ()))
