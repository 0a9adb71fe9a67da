"""`lamppost version`."""

import argparse
import platform
import sys

from edge import __version__
from edge.cli.output import FINE, emit_json

HELP = "version of this program, of Python and of the machine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Takes no arguments of its own."""


def run(args: argparse.Namespace) -> int:
    """Print the version."""
    facts = {"version": __version__, "python": platform.python_version(), "machine": platform.machine()}
    if args.json:
        emit_json(facts)
    else:
        sys.stdout.write("lamppost {version} (Python {python}, {machine})\n".format(**facts))
    return FINE
