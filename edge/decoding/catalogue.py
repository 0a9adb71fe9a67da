"""Profiles on disk: reading one, testing it by its own examples, finding it by its name."""

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationError
from pydantic_core import ErrorDetails

from edge.decoding.crosscheck import Problem, problems
from edge.decoding.examples import failures
from edge.decoding.profile import Profile
from edge.domain.sections import SETTINGS_FOLDER
from edge.domain.shipped import shipped

FOLDER = "firmware_profiles"


class ProfileError(Exception):
    """A profile cannot be used. The message names the file and every key that is wrong, with the reason.

    Attributes:
        found: key and reason of each problem.
    """

    def __init__(self, path: Path, found: Sequence[Problem]) -> None:
        self.found = tuple(found)
        super().__init__(
            "; ".join(f"{path}: {key}: {reason}" if key else f"{path}: {reason}" for key, reason in found)
        )


def load(path: Path) -> Profile:
    """Return the profile in a TOML file. Raises ProfileError when its examples fail, too."""
    profile = parse(_read(path), path)
    if wrong := list(problems(profile)):
        raise ProfileError(path, wrong)
    if wrong := list(failures(profile)):
        raise ProfileError(path, wrong)
    return profile


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except IsADirectoryError:
        reason = "is a directory; give a .toml file inside it"
    except FileNotFoundError:
        reason = "no such file; check the path"
    except UnicodeDecodeError:
        reason = "is not text; a profile is a TOML file in UTF-8"
    except OSError as error:
        reason = f"{error.strerror}; check its permissions"
    raise ProfileError(path, [("", reason)])


def parse(text: str, path: Path) -> Profile:
    """Return the profile that a TOML text describes; `path` is for messages. Examples are not run."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(path, [("", f"not TOML: {error}")]) from None
    try:
        return Profile.model_validate(tree)
    except ValidationError as error:
        raise ProfileError(path, [_explain(detail) for detail in error.errors()]) from None


def _explain(detail: ErrorDetails) -> Problem:
    key = ""
    for part in detail["loc"]:
        # The discriminator's value is part of pydantic's location and no key of the file.
        if part in {"frame", "shdlc", "modbus_rtu", "lines"} and key == "codec":
            continue
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    reason = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        reason = "unknown key; remove it or correct its spelling"
    return key, reason


def load_known(name: str) -> Profile:
    """Return a profile, given its id or a path. Raises ProfileError or LookupError."""
    return load(find(name))


def _known_profile(name: str) -> str:
    by_path = name.endswith(".toml")
    try:
        path = SETTINGS_FOLDER.get() / name if by_path else find(name)
        load(path)
    except (LookupError, ProfileError) as error:
        raise ValueError(str(error)) from error
    return str(path) if by_path else name


ProfileId = Annotated[str, AfterValidator(_known_profile)]
"""In the settings: id of a profile, or the path of one; a relative one is relative to the settings file."""


def shipped_paths() -> list[Path]:
    """Return the files of all profiles of this installation."""
    return sorted(shipped(FOLDER).glob("*.toml"))


def find(name: str) -> Path:
    """Return the file of a profile, given its id or a path to a .toml file.

    Raises:
        LookupError: there is none; the message names the nearest one.
    """
    if name.endswith(".toml"):
        return Path(name)
    known = {path.stem: path for path in shipped_paths()}
    if name in known:
        return known[name]
    near = [stem for stem in known if name.lower() in stem]
    near = near or difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else "`lamppost profiles list` shows them all"
    raise LookupError(f"no profile '{name}'; {hint}")
