"""`lamppost feedback`: tells a lamppost of its false alarms; after too many it no longer names bangs."""

import argparse
import sys
from typing import TYPE_CHECKING

from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, emit_json
from edge.cli.settings_file import add_config, load
from edge.runtime.clock import SystemClock

if TYPE_CHECKING:
    from edge.detectors.street_sound import Config
    from edge.inference.trust import Verdict

HELP = "false alarms of [detectors.street_sound]: false-alarm | reset | status"

_ACTIONS = {
    "false-alarm": "report one; when there are too many, bangs are told as unclear",
    "reset": "forget all; bangs are named again",
    "status": "how many there are; exit code 1 when there are too many",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="|".join(_ACTIONS))
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        add_config(action)
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one object")


def run(args: argparse.Namespace) -> int:
    """Write to the lamppost's file, and say how things stand; a daemon that runs notices within a second."""
    from edge.inference.trust import judge, report_false_alarm, reset

    config = _config(args)
    if args.action == "false-alarm":
        report_false_alarm(config.false_alarms, SystemClock().now().utc_ns)
    elif args.action == "reset":
        reset(config.false_alarms)
    verdict = judge(config.false_alarms, config.false_alarm_budget, config.budget_days)
    _tell(config, verdict, as_json=args.json)
    return FOUND_PROBLEM if args.action == "status" and verdict.demoted else FINE


def _config(args: argparse.Namespace) -> "Config":
    from edge.detectors.street_sound import Config

    settings = load(args.config, layers=("detectors",))
    config = settings.section("detectors", "street_sound")
    if not isinstance(config, Config):
        raise UsageError(f"{args.config}: has no [detectors.street_sound]; nothing here names bangs")
    return config


def _tell(config: "Config", verdict: "Verdict", *, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "demoted": verdict.demoted,
                "false_alarms": verdict.false_alarms,
                "budget": config.false_alarm_budget,
                "budget_days": config.budget_days,
            }
        )
        return
    state = "demoted: bangs are told as unclear until a reset" if verdict.demoted else "bangs are named"
    sys.stdout.write(f"{state}\n{verdict.detail}\n")
