"""`lamppost run`: both roles in one process."""

import argparse
import asyncio
import os
import sys

from edge.cli.output import FINE
from edge.cli.settings_file import add_config, load
from edge.runtime.clock import SystemClock
from edge.runtime.hardening import forbid_core_dumps
from edge.runtime.logs import logging_to_stderr
from edge.runtime.node import run_both

HELP = "sense and publish in one process, for a bench, a demo or a small site"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config."""
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM, SIGINT or the end of every recording."""
    forbid_core_dumps()
    settings = load(args.config)
    with logging_to_stderr(json_lines=args.json):
        anew = asyncio.run(run_both(settings, SystemClock()))
    if anew:
        # The same process begins again: whoever watches over it need not notice.
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - it is our own command line
    return FINE
