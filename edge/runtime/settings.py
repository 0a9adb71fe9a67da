"""Settings: one TOML file, `LAMPPOST_...` overrides, every section checked by the module of its name."""

import importlib
import os
import pkgutil
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from edge.delivery.commands import as_list
from edge.domain.complaint import Complaint
from edge.domain.nearest import nearest
from edge.domain.stages import SETTINGS_FOLDER, Section
from edge.domain.toml_lines import line_of
from edge.runtime.misfits import feeds, misfits
from edge.runtime.privacy_section import PrivacySection
from edge.runtime.signing_section import SigningSection

SOURCE_LAYERS = ("sources", "replay", "simulation")
"""Layers whose sections are sources; a section of theirs may be an array of tables."""

SECTION_LAYERS = (*SOURCE_LAYERS, "detectors", "fusion", "actuators", "delivery")

_ENV_PREFIX = "LAMPPOST_"
_SHOWN = 60
"""Characters of a wrong value that are repeated to whoever wrote it."""

_SLUG = r"^[a-z0-9][a-z0-9-]{0,31}$"


class SettingsError(Complaint):
    """The settings are wrong; one line for each mistake: where, what, and what to do."""

    wrong_use = True


class NodeSection(Section):
    """`[node]`: who this lamppost is, in topics and in the source of every report."""

    city: str = Field(pattern=_SLUG, description="short name of the city: a-z, 0-9 and '-'")
    id: str = Field(pattern=_SLUG, description="name of this lamppost, unique in the city")


@dataclass(frozen=True, slots=True)
class Entry:
    """One section: the module of its name and its checked config."""

    layer: str
    section: str
    name: str
    module: ModuleType
    config: Section

    @property
    def where(self) -> str:
        """The section as the settings file writes it."""
        return f"[{self.layer}.{self.section}]"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that was set, checked."""

    path: Path
    node: NodeSection
    privacy: PrivacySection | None
    entries: tuple[Entry, ...]
    signing: SigningSection = field(default_factory=SigningSection)

    def replaying(self, sources: Sequence["Entry"]) -> "Settings":
        """Return these settings with other sources, without the detectors that they do not feed."""
        kept = [e for e in self.entries if e.layer not in SOURCE_LAYERS]
        fed = [e for e in kept if e.layer != "detectors" or any(feeds(s, e) for s in sources)]
        return replace(self, entries=(*sources, *fed))

    def without(self, entries: Sequence["Entry"]) -> "Settings":
        """Return these settings without some sections."""
        return replace(self, entries=tuple(entry for entry in self.entries if entry not in entries))

    def replacing(self, made: "Entry") -> "Settings":
        """Return these settings with one section replaced, or added."""
        kept = [e for e in self.entries if (e.layer, e.section) != (made.layer, made.section)]
        return replace(self, entries=(*kept, made))

    def of(self, *layers: str) -> tuple[Entry, ...]:
        """Return the sections of these layers, in the order of the file."""
        return tuple(entry for entry in self.entries if entry.layer in layers)

    def section(self, layer: str, section: str) -> Section | None:
        """Return the config of one section, None when the file has no such section."""
        found = [e.config for e in self.entries if (e.layer, e.section) == (layer, section)]
        return found[0] if found else None


def entry(layer: str, section: str, name: str = "", **values: object) -> Entry:
    """Return a section made by the program instead of a file. Raises pydantic.ValidationError."""
    module = importlib.import_module(f"edge.{layer}.{section}")
    return Entry(layer, section, name or section, module, module.Config(**values))


def sections_of(layer: str) -> list[str]:
    """Return the names of the sections that a layer knows: its modules that hold a `Config`."""
    package = importlib.import_module(f"edge.{layer}")
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return sorted(n for n in names if hasattr(importlib.import_module(f"edge.{layer}.{n}"), "Config"))


def load_settings(
    path: Path,
    *,
    layers: Collection[str] = SECTION_LAYERS,
    fed: bool = True,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read, override, check.

    Args:
        path: the TOML file.
        layers: layers whose sections are loaded and checked; a publisher needs only `delivery`.
        fed: refuse a detector that no source feeds; a replay brings its own sources later.
        environment: overrides such as `LAMPPOST_NODE__ID`; default: the process's environment.

    Raises:
        SettingsError: a line for each mistake, with the file, the line and the nearest right key.
    """
    text = _read(path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    variables = dict(os.environ if environment is None else environment)
    overrides = {k: v for k, v in variables.items() if k.upper().startswith(_ENV_PREFIX)}
    _refuse_stray_variables(overrides, content)
    named = _named_sections(content, overrides, layers)
    model = _model(named, layers, _base(content, overrides))
    token = SETTINGS_FOLDER.set(path.resolve().parent)
    try:
        settings = model()
    except ValidationError as error:
        raise SettingsError(_explain(error, _Text(path, text, overrides), model)) from error
    finally:
        SETTINGS_FOLDER.reset(token)
    found = _settings(path, settings, named)
    if fed:
        _refuse_unread(found, text, layers)
    return found


def settings_schema() -> dict[str, Any]:
    """Return the JSON Schema of the settings file with every section of this installation."""
    named = {layer: sections_of(layer) for layer in SECTION_LAYERS}
    return _model(named, SECTION_LAYERS, _base({}, {})).model_json_schema()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except IsADirectoryError as error:
        raise SettingsError(f"{path}: is a directory; give the settings file inside it") from error
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: no such file; `lamppost config init` writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error


def _named_sections(
    content: Mapping[str, Any], overrides: Mapping[str, str], layers: Collection[str]
) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for layer in layers:
        table = content.get(layer, {})
        names = list(table) if isinstance(table, dict) else []
        for variable in overrides:
            parts = variable[len(_ENV_PREFIX) :].lower().split("__")
            if parts[0] == layer and len(parts) > 1 and parts[1] not in names:
                names.append(parts[1])
        named[layer] = [name for name in names if _module(layer, name) is not None]
    return named


def _module(layer: str, name: str) -> ModuleType | None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return None
    path = f"edge.{layer}.{name}"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name == path:
            return None
        raise
    return module if hasattr(module, "Config") else None


def _model(
    named: Mapping[str, Sequence[str]], layers: Collection[str], base: type[BaseSettings]
) -> type[BaseSettings]:
    fields: dict[str, Any] = {
        "node": (NodeSection, ...),
        "privacy": (PrivacySection | None, None),
        "signing": (SigningSection, Field(default_factory=SigningSection)),
    }
    for layer in SECTION_LAYERS:
        kind = _layer_model(layer, named.get(layer, ())) if layer in layers else dict[str, Any]
        fields[layer] = (kind, Field(default_factory=kind))
    return create_model("Settings", __base__=base, **fields)


def _layer_model(layer: str, names: Sequence[str]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name in names:
        config: Any = importlib.import_module(f"edge.{layer}.{name}").Config
        kind = Annotated[tuple[config, ...], BeforeValidator(as_list)] if layer in SOURCE_LAYERS else config
        fields[name] = (kind | None, None)
    return create_model(f"{layer.capitalize()}Section", __config__=ConfigDict(extra="forbid"), **fields)


def _base(content: dict[str, Any], overrides: Mapping[str, str]) -> type[BaseSettings]:
    class Base(BaseSettings):
        model_config = SettingsConfigDict(
            extra="forbid", env_prefix=_ENV_PREFIX, env_nested_delimiter="__", frozen=True
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours reads what the caller gave
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env file beside a daemon
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - secrets are named files
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            environment = EnvSettingsSource(settings_cls)
            environment.env_vars = {k.lower(): v for k, v in overrides.items()}
            return init_settings, environment, InitSettingsSource(settings_cls, content)

    return Base


def _settings(path: Path, settings: BaseSettings, named: Mapping[str, Sequence[str]]) -> Settings:
    entries: list[Entry] = []
    for layer, sections in named.items():
        for section in sections:
            module = importlib.import_module(f"edge.{layer}.{section}")
            configs = getattr(getattr(settings, layer), section)
            for config in configs if isinstance(configs, tuple) else (configs,):
                name = getattr(config, "name", "") or section
                entries.append(Entry(layer, section, name, module, config))
    return Settings(
        path=path,
        node=settings.node,  # type: ignore[attr-defined] # a field of the model made for this file
        privacy=settings.privacy,  # type: ignore[attr-defined]
        entries=tuple(entries),
        signing=settings.signing,  # type: ignore[attr-defined]
    )


def _refuse_stray_variables(overrides: Mapping[str, str], content: Mapping[str, Any]) -> None:
    for variable in overrides:
        layer, *keys = variable[len(_ENV_PREFIX) :].lower().split("__")
        known = ("node", "privacy", "signing", *SECTION_LAYERS)
        if layer not in known:
            hint = nearest(layer, known)
            raise SettingsError(f"environment: {variable}: nothing reads it; {hint} Unset it or correct it")
        if not keys or (layer in SECTION_LAYERS and len(keys) < 2):
            raise SettingsError(
                f"environment: {variable}: names no key; write LAMPPOST_NODE__ID, for example"
            )
        table = content.get(layer, {})
        if isinstance(table, dict) and isinstance(table.get(keys[0]), list):
            where = f"[[{layer}.{keys[0]}]]"
            raise SettingsError(
                f"environment: {variable}: cannot override one of several {where}; edit the file"
            )


def _refuse_unread(settings: Settings, text: str, layers: Collection[str]) -> None:
    """A section that nothing feeds would sit there looking as if it worked."""
    if not {"detectors", *SOURCE_LAYERS} <= set(layers):
        return
    others = [entry for entry in settings.entries if entry.layer not in SOURCE_LAYERS]
    mistakes = misfits(settings.of(*SOURCE_LAYERS), others)
    lines = [(_line(text, (entry.layer, entry.section)), entry, what) for entry, what in mistakes]
    if lines:
        raise SettingsError(
            "\n".join(f"{settings.path}:{line} {entry.where} {what}" for line, entry, what in lines)
        )


@dataclass(frozen=True, slots=True)
class _Text:
    """What was written, and where: the file, and the variables that override it."""

    path: Path
    content: str
    overrides: Mapping[str, str]

    def where(self, location: Sequence[str | int]) -> str:
        """Say where a setting was given: a variable, or a line of the file."""
        variable = _ENV_PREFIX + "__".join(str(part) for part in location)
        given = [name for name in self.overrides if name.lower() == variable.lower()]
        return f"environment: {given[0]}:" if given else f"{self.path}:{_line(self.content, location)}"


def _explain(error: ValidationError, text: _Text, model: type[BaseModel]) -> str:
    return "\n".join(_explain_one(detail, text, model) for detail in error.errors())


def _explain_one(detail: Any, text: _Text, model: type[BaseModel]) -> str:
    location: tuple[str | int, ...] = detail["loc"]
    where = text.where(location)
    table = ".".join(str(part) for part in location[:-1] if not isinstance(part, int))
    key = f"[{table}] {location[-1]}" if table else str(location[-1])
    if detail["type"] == "extra_forbidden":
        return f"{where} {key}: unknown key; {nearest(location[-1], _known_keys(model, location[:-1]))}"
    if detail["type"] == "missing":
        return f"{where} {key}: is missing; it has no default"
    given = "" if isinstance(detail["input"], dict) else f" (given: {_short(detail['input'])})"
    return f"{where} {key}: {said(detail)}{given}"


def _short(given: object) -> str:
    text = repr(given)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def said(detail: Any) -> str:
    """Return what pydantic says of one mistake, without the name of the exception that it wraps."""
    return str(detail["msg"]).removeprefix("Value error, ")


def _line(text: str, location: Sequence[str | int]) -> str:
    line = line_of(text, location)
    return f"{line}:" if line else ""


def _known_keys(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    if len(location) == 1 and location[0] in SECTION_LAYERS:
        return sections_of(str(location[0]))
    here: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, str):
            here = _model_of(here.model_fields[part].annotation) if here else None
    return list(here.model_fields) if here else []


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside `X | None`, `tuple[X, ...]` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for arg in get_args(annotation) if (m := _model_of(arg)) is not None), None)
