"""The city's list of its lampposts' public keys, a TOML file that anyone who receives reports is given.

    [[keys]]
    source = "/lp/v1/demo-city/lp-0001"
    public = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    valid_from = 2026-01-01T00:00:00Z # optional, as is valid_until
    revoked = true # optional: believe nothing that this key signed

While a key is rotated the list holds both.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.domain.complaint import Complaint
from edge.domain.nearest import nearest
from edge.signing.keys import PublicKey

_REQUIRED = ("source", "public")
_OPTIONAL = ("valid_from", "valid_until", "revoked")


class KeyListError(Complaint):
    """The list cannot be used; the message says what is wrong, where, and what to do."""

    wrong_use = True


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key, and what it is trusted for.

    Attributes:
        source: `/lp/v1/{city}/{node}`: whose reports it signs.
        public: the key.
        valid_from: reports of an earlier time are not believed.
        valid_until: reports of that time or a later one are not believed.
        revoked: nothing is believed any more.
    """

    source: str
    public: PublicKey
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    revoked: bool = False


def key_list_entry(source: str, public: PublicKey) -> str:
    """Return the lines of one key."""
    return f'[[keys]] # {public.key_id}\nsource = "{source}"\npublic = "{public}"\n'


def load_key_list(path: Path) -> Mapping[str, TrustedKey]:
    """Read a list of keys; returns them by key id. Raises KeyListError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyListError(f"{path}: cannot be read ({error}); give the city's list of keys") from error
    return parse_key_list(text, str(path))


def parse_key_list(text: str, where: str) -> Mapping[str, TrustedKey]:
    """Read the text of a list of keys. Raises KeyListError, which names `where`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KeyListError(f"{where}: not valid TOML: {error}") from error
    entries = content.get("keys", [])
    if set(content) - {"keys"} or not isinstance(entries, list) or not entries:
        raise KeyListError(f"{where}: is no list of keys; each begins with [[keys]]")
    keys: dict[str, TrustedKey] = {}
    for number, key in enumerate(_keys(entries, where), 1):
        if key.public.key_id in keys:
            raise KeyListError(
                f"{where}: keys[{number}]: {key.public} stands there twice; no two may share one"
            )
        keys[key.public.key_id] = key
    return keys


def _keys(entries: Sequence[Any], where: str) -> Iterator[TrustedKey]:
    for number, entry in enumerate(entries, 1):
        try:
            yield _key(entry)
        except (TypeError, ValueError) as error:
            raise KeyListError(f"{where}: keys[{number}]: {error}") from error


def _key(entry: Any) -> TrustedKey:
    if not isinstance(entry, dict):
        raise TypeError("is no table; write [[keys]]")
    known = (*_REQUIRED, *_OPTIONAL)
    for name in entry:
        if name not in known:
            raise ValueError(f"unknown key '{name}'; {nearest(name, known)}")
    for name in _REQUIRED:
        if not isinstance(entry.get(name), str):
            raise TypeError(f"{name} is missing or no text")
    if not isinstance(entry.get("revoked", False), bool):
        raise TypeError("revoked is neither true nor false")
    return TrustedKey(
        source=entry["source"],
        public=PublicKey.from_text(entry["public"]),
        valid_from=_time(entry, "valid_from"),
        valid_until=_time(entry, "valid_until"),
        revoked=entry.get("revoked", False),
    )


def _time(entry: Mapping[str, Any], name: str) -> datetime | None:
    value = entry.get(name)
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise TypeError(f"{name} is no date and time; write 2026-01-01T00:00:00Z")
    return value if value.tzinfo else value.replace(tzinfo=UTC)
