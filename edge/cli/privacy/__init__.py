"""`lamppost privacy show | verify | page | sign`: what may leave, the proof, the notice, the signature."""

import argparse
from typing import Any

from edge.cli.privacy import page, show, sign, verify

HELP = "what this lamppost may send and why; the proof; the notice for residents"


def _leaf(actions: Any, name: str, about: str) -> argparse.ArgumentParser:
    """Add a sub-verb that takes `--json` after its name too."""
    leaf: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
    leaf.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return leaf


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-verbs."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="show|verify|page|sign")
    show.add_arguments(_leaf(actions, "show", "every kind of report: whether it may leave, why, how precise"))
    verify.add_arguments(_leaf(actions, "verify", "send recordings through and check everything that leaves"))
    page.add_arguments(_leaf(actions, "page", "write the notice for residents, in Dutch and English"))
    sign.add_arguments(_leaf(actions, "sign", "check a policy and sign it with the city's key"))


def run(args: argparse.Namespace) -> int:
    """Do what the sub-verb says."""
    code: int = args.do(args)
    return code
