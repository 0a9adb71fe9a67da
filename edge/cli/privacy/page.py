"""`lamppost privacy page`: the notice for residents."""

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, complain, emit_json
from edge.cli.privacy.show import standing_of
from edge.cli.settings_file import add_config, load
from edge.privacy.notice import LANGUAGES, Post, notice
from edge.runtime.settings import SOURCE_LAYERS, Settings

_NETWORK_CAMERAS = ("rtsp://", "rtsps://", "http://", "https://")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, the language and the settings."""
    parser.add_argument("--out", type=Path, help="the HTML file to write (default: standard output)")
    parser.add_argument("--language", choices=[*LANGUAGES, "both"], default="both", help="default: both")
    add_config(parser)
    parser.set_defaults(do=run)


def run(args: argparse.Namespace) -> int:
    """Write the page; exit code 1 when something is wrong with the policy, which the page then says too."""
    settings = load(args.config, fed=False)
    standing = standing_of(settings)
    languages = list(LANGUAGES) if args.language == "both" else [args.language]
    post = _post(settings, silent=standing.silent)
    page = notice(standing.policy, post, languages)
    for line in standing.trouble.splitlines():
        complain(line)
    if args.out is None:
        emit_json({"html": page}) if args.json else sys.stdout.write(page)
        return FOUND_PROBLEM if standing.trouble else FINE
    try:
        args.out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{args.out}: cannot be written ({error.strerror}); give another file") from error
    emit_json({"written": str(args.out)}) if args.json else sys.stdout.write(f"wrote {args.out}\n")
    return FOUND_PROBLEM if standing.trouble else FINE


def _post(settings: Settings, *, silent: bool) -> Post:
    sources = settings.of(*SOURCE_LAYERS)
    return Post(
        city=settings.node.city,
        node=settings.node.id,
        today=datetime.now(UTC).date(),
        signed=bool(settings.privacy and settings.privacy.city_key),
        silent=silent,
        network=_network(settings),
        sensors=Counter(str(source.module.COMPONENT) for source in sources),
    )


def _network(settings: Settings) -> str:
    """Return which sentence tells of the network of the process that hears and sees."""
    if settings.section("delivery", "embedded_broker") is not None:
        return "together"
    devices = [str(getattr(source.config, "device", "")) for source in settings.of("sources")]
    return "network" if any(device.startswith(_NETWORK_CAMERAS) for device in devices) else "no_network"
