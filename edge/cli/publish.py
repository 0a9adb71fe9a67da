"""`lamppost publish`: from the outbox to the broker; no devices."""

import argparse
import asyncio

from edge.cli.output import FINE
from edge.cli.settings_file import add_config, load
from edge.runtime.logs import logging_to_stderr
from edge.runtime.node import run_publish

HELP = "the role that carries reports from the outbox to the broker; opens no device"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config."""
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    settings = load(args.config, layers=("delivery",))
    with logging_to_stderr(json_lines=args.json):
        asyncio.run(run_publish(settings))
    return FINE
