"""Whatever is wrong in a policy file, it is told as a mistake of the file; nothing else ever escapes."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, time
from typing import Any

import pytest

from edge.privacy import policy as policy_module
from edge.privacy.policy import PolicyError, parse_policy

WHOLE: dict[str, Any] = {
    "policy": {
        "city": "utrecht",
        "number": 1,
        "not_before": date(2026, 1, 1),
        "expires": date(2026, 12, 31),
        "timezone": "Europe/Amsterdam",
    },
    "reports": {
        "sound_level": {
            "purpose": "noise_monitoring",
            "legal_basis": "public_task",
            "retention_days": 30,
            "recipients": ["city_platform"],
        }
    },
    "counts": {"k": 5},
    "differential_privacy": {"epsilon_per_count": 0.5, "epsilon_per_day": 720},
    "permitted_levels": [{"quantity": "lafmax_db", "level_db": 70, "distance_m": 10}],
    "priors": [{"sound": "firework", "odds": 20, "first": date(2000, 12, 31), "last": date(2000, 12, 31)}],
    "quiet_hours": [{"start": time(22), "end": time(7), "every_year": False}],
    "air_limits": {"city": {"pm2_5_day": 20}},
    "scenes": {"bang": "bright"},
    "notice": {"controller": "Utrecht", "contact": "desk", "recipients": {"city_platform": "Datapunt"}},
}
STRANGE = [3, -1, 1.5, float("nan"), True, "x", "", [], [3], {}, {"x": 3}, [{}], date(2026, 1, 1), time(7)]

Path = tuple[str | int, ...]


def toml(value: Any) -> str:
    """Return a value as TOML writes it on one line."""
    match value:
        case dict():
            return "{" + ", ".join(f'"{name}" = {toml(inner)}' for name, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case date() | time():
            return value.isoformat()
        case _:
            return repr(value)


def text(content: dict[str, Any]) -> str:
    return "".join(f"{name} = {toml(value)}\n" for name, value in content.items())


def places(value: Any, here: Path = ()) -> Iterator[Path]:
    """Yield where everything in the file is."""
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from places(each, (*here, name))


def at(content: Any, place: Sequence[str | int]) -> Any:
    for part in place:
        content = content[part]
    return content


TABLES = [place for place in places(WHOLE) if isinstance(at(WHOLE, place), dict)]
PLACES = [place for place in places(WHOLE) if place]


def test_the_whole_file_is_good() -> None:
    assert parse_policy(text(WHOLE), "policy.toml").number == 1


@pytest.mark.parametrize("table", TABLES, ids=lambda place: ".".join(map(str, place)) or "file")
def test_a_misspelt_key_of_any_table_is_a_mistake_with_a_hint(table: Path) -> None:
    for name in at(WHOLE, table):
        content = copy.deepcopy(WHOLE)
        misspelt = f"{name[:-1]}q"
        at(content, table)[misspelt] = at(content, table).pop(name)
        with pytest.raises(PolicyError) as caught:
            parse_policy(text(content), "policy.toml")
        said = next(line for line in str(caught.value).splitlines() if misspelt in line)
        assert any(hint in said for hint in (f"did you mean '{name}'?", "known: ", "; write ")), said


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_whatever_stands_in_a_place_the_policy_is_read_or_a_mistake_is_told(place: Path) -> None:
    for strange in STRANGE:
        content = copy.deepcopy(WHOLE)
        at(content, place[:-1])[place[-1]] = strange
        with suppress(PolicyError):
            parse_policy(text(content), "policy.toml")


def test_a_mistake_that_cannot_be_explained_is_still_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise AttributeError("'NoneType' object has no attribute")

    monkeypatch.setattr(policy_module, "_explain", fails)
    with pytest.raises(PolicyError, match=r"^policy.toml: cannot be checked \(AttributeError"):
        parse_policy("reports = 3\n", "policy.toml")


def test_a_file_nested_too_deeply_is_a_mistake() -> None:
    with pytest.raises(PolicyError, match=r"^policy\.toml"):
        parse_policy("x = " + "[" * 5000 + "]" * 5000 + "\n", "policy.toml")
