"""Which microphone: of the settings, or a recording of it."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from edge.cli.output import UsageError, existing_file
from edge.cli.settings_file import DEFAULT, load
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.microphone import MicrophoneSection
from edge.domain.stages import Section, Source
from edge.domain.time import Clock
from edge.runtime.settings import SOURCE_LAYERS, Entry, Settings, entry, said

_LAYERS = (*SOURCE_LAYERS, "detectors")
_TAKEN_OVER = ("full_scale_db", "calibration", "array")


@dataclass(frozen=True, slots=True)
class Choice:
    """A microphone.

    Attributes:
        config: its section; None for a recording without settings.
        settings: that it was found in, likewise.
    """

    name: str
    source: Source
    config: Section | None
    settings: Settings | None


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add --config, --microphone and --audio."""
    parser.add_argument(
        "--config", type=Path, help=f"settings file (default without --audio: {DEFAULT}); nothing leaves"
    )
    parser.add_argument("--microphone", metavar="NAME", help="which one, when the settings name several")
    parser.add_argument(
        "--audio", metavar="F", help="a recording instead; with --config, one of that microphone"
    )


def chosen(args: argparse.Namespace, clock: Clock, *, pace: str, calibrated: bool = True) -> Choice:
    """Return the microphone that the arguments name; its device or file is opened when it is entered.

    Args:
        args: of a parser with `add_choice`.
        clock: for the source.
        pace: of a recording, `real_time` or `max`.
        calibrated: with the calibration that it has, if it has one.

    Raises:
        UsageError: there is none, or more than one.
        SettingsError: the settings are wrong.
    """
    settings = None
    found: Entry | None = None
    if args.config is not None or args.audio is None:
        settings = load(args.config or DEFAULT, layers=_LAYERS, fed=False)
        found = microphone_of(settings, args.microphone)
    elif args.microphone is not None:
        raise UsageError(f"--microphone {args.microphone}: is looked for in the settings; give --config too")
    config = found.config if found else None
    if args.audio is not None or found is None:
        found = recording_of(existing_file(args.audio), found, pace)
    section = found.config
    if isinstance(section, MicrophoneSection) and not calibrated:
        section = section.model_copy(update={"full_scale_db": None, "calibration": None})
    source: Source = found.module.build(section, SourceId(found.name, 0, Component.MICROPHONE), clock)
    return Choice(found.name, source, config, settings)


def microphones(settings: Settings) -> list[Entry]:
    """Return the sections of microphones."""
    return [e for e in settings.of(*SOURCE_LAYERS) if e.module.COMPONENT is Component.MICROPHONE]


def microphone_of(settings: Settings, name: str | None) -> Entry:
    """Return the microphone of this name; without one the only one. Raises UsageError."""
    all_found = microphones(settings)
    found = [e for e in all_found if name is None or e.name == name]
    names = ", ".join(e.name for e in all_found)
    if not all_found:
        raise UsageError(f"{settings.path}: has no microphone; add [sources.microphone]")
    if not found:
        raise UsageError(f"--microphone {name}: not in {settings.path}; there is {names}")
    if len(found) > 1:
        raise UsageError(f"{settings.path}: has several microphones ({names}); choose one with --microphone")
    return found[0]


def recording_of(path: Path, microphone: Entry | None, pace: str, name: str = "") -> Entry:
    """Return a recording as a source; of a microphone, with its calibration and geometry.

    Args:
        path: the file.
        microphone: that it was made with, when known.
        pace: `real_time` or `max`.
        name: default: that of the microphone.

    Raises:
        UsageError: the settings of a recording do not allow it.
    """
    config = microphone.config if microphone else None
    taken = {key: getattr(config, key) for key in _TAKEN_OVER if isinstance(config, MicrophoneSection)}
    name = name or (microphone.name if microphone else "microphone")
    try:
        return entry("replay", "audio_file", name, path=path.resolve(), pace=pace, **taken)
    except ValidationError as error:
        raise UsageError("; ".join(said(detail) for detail in error.errors())) from error
