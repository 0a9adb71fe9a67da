"""The city's policy: for what purpose, on what ground and for how long each kind of report may leave.

One TOML file per city. A kind that the file does not list does not leave.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Strict, ValidationError
from pydantic_core import ErrorDetails

from edge.domain.complaint import Complaint
from edge.domain.nearest import nearest
from edge.domain.report_base import Days, LegalBasis, Purpose
from edge.domain.reports import REPORT_MODELS
from edge.domain.toml_lines import line_of

Location = tuple[str | int, ...]


class PolicyError(Complaint):
    """The policy cannot be used; one line for each mistake: file, line, what, and what to do."""

    wrong_use = True


class Ground(BaseModel):
    """Why a kind of report may leave, and how long whoever receives it may keep it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purpose: Purpose
    legal_basis: LegalBasis
    retention_days: Annotated[Days, Strict()]


@dataclass(frozen=True, slots=True)
class Policy:
    """What may leave.

    Attributes:
        grounds: kind of report to its ground; a kind that is not here does not leave.
    """

    grounds: Mapping[str, Ground]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reports: dict[str, Ground]


def load_policy(path: Path) -> Policy:
    """Read and check a policy file.

    Raises:
        PolicyError: it is missing, unreadable, not TOML, or names a kind or key that does not exist.
    """
    return parse_policy(_read(path), where=str(path))


def parse_policy(text: str, where: str) -> Policy:
    """Check the text of a policy file.

    Args:
        text: TOML.
        where: the file's name, for errors.

    Raises:
        PolicyError: as for `load_policy`.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{where}: not valid TOML: {error}") from error
    mistakes = [f"{line_of(text, loc) or 1}: {mistake}" for loc, mistake in _mistakes(content)]
    if mistakes:
        raise PolicyError("\n".join(f"{where}:{mistake}" for mistake in mistakes))
    return Policy(MappingProxyType(dict(_File.model_validate(content).reports)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise PolicyError(f"{path}: no such policy file; nothing leaves without one") from error
    except IsADirectoryError as error:
        raise PolicyError(f"{path}: is a directory; give the policy file inside it") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: not UTF-8 text; save the policy as UTF-8") from error
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}; check the path and its permissions") from error


def _mistakes(content: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    try:
        _File.model_validate(content)
    except ValidationError as error:
        for mistake in error.errors():
            yield mistake["loc"], _explain(mistake)
    reports = content.get("reports")
    for kind in reports if isinstance(reports, dict) else ():
        if kind not in REPORT_MODELS:
            yield ("reports", kind), f"unknown kind of report '{kind}'; {nearest(kind, REPORT_MODELS)}"


def _explain(mistake: ErrorDetails) -> str:
    *tables, last = mistake["loc"]
    name = ".".join(str(part) for part in mistake["loc"])
    match mistake["type"]:
        case "extra_forbidden":
            return f"unknown key '{name}'; {nearest(str(last), (Ground if tables else _File).model_fields)}"
        case "missing":
            return f"'{name}' is missing; add it"
        case "enum":
            known = {"purpose": Purpose, "legal_basis": LegalBasis}[str(last)]
            return (
                f"'{name}' is '{mistake['input']}', which does not exist; {nearest(mistake['input'], known)}"
            )
        case "dict_type" | "model_type":
            return f"'{name}' is not a table; write a section [reports.KIND]"
        case _:
            return f"'{name}': {mistake['msg'][:1].lower()}{mistake['msg'][1:]}"
