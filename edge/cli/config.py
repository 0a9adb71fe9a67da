"""`lamppost config init | check | schema`."""

import argparse
import sys
from pathlib import Path

from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, complain, emit_json
from edge.cli.settings_file import DEFAULT, EXAMPLES
from edge.runtime.privacy_section import policy_mistakes
from edge.runtime.settings import SettingsError, load_settings, settings_schema

HELP = "write a first settings file, check one, or print the schema"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the three sub-verbs."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="init|check|schema")
    init = actions.add_parser("init", help="write lamppost.toml and policy.toml, with comments, to a folder")
    init.add_argument("folder", nargs="?", type=Path, default=DEFAULT.parent, help="default: /etc/lamppost")
    check = actions.add_parser("check", help="say what is wrong in a settings file, with lines")
    check.add_argument("file", nargs="?", type=Path, default=DEFAULT, help=f"default: {DEFAULT}")
    schema = actions.add_parser("schema", help="print the JSON Schema of the settings file")
    for action in (init, check, schema):
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Do what the sub-verb says."""
    if args.action == "init":
        return _init(args.folder, as_json=args.json)
    if args.action == "check":
        return _check(args.file, as_json=args.json)
    emit_json(settings_schema())
    return FINE


def _init(folder: Path, *, as_json: bool) -> int:
    targets = [folder / name for name in ("lamppost.toml", "policy.toml")]
    for target in targets:
        if target.exists():
            raise UsageError(f"{target}: exists already; move it away, nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target in targets:
            target.write_text((EXAMPLES / target.name).read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror}); give another folder") from error
    if as_json:
        emit_json({"written": [str(target) for target in targets]})
    else:
        sys.stdout.write(f"wrote {targets[0]} and {targets[1]}; edit them, then `lamppost config check`\n")
    return FINE


def _check(path: Path, *, as_json: bool) -> int:
    mistakes: list[str] = []
    try:
        settings = load_settings(path)
        if settings.privacy is not None:
            mistakes = policy_mistakes(settings.privacy, settings.node.city)
    except SettingsError as error:
        mistakes = str(error).splitlines()
    if as_json:
        emit_json({"file": str(path), "ok": not mistakes, "mistakes": mistakes})
    elif mistakes:
        for mistake in mistakes:
            complain(mistake)
    else:
        sections = ", ".join(f"{e.layer}.{e.section}" for e in settings.entries)
        sys.stdout.write(f"{path}: fine ({sections})\n")
    return FOUND_PROBLEM if mistakes else FINE
