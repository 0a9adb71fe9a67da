"""`lamppost actuators`: lamps and loudspeaker, for the technician under them and for the service manager."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, emit_json, seconds
from edge.cli.settings_file import add_config, load
from edge.domain.actuator import Actuator, LampAction, LampRequest, SceneCommand
from edge.domain.city import LampScene
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.time import Clock
from edge.runtime.actuation import fit_actuators
from edge.runtime.clock import SystemClock

HELP = "lamps and loudspeaker: normal sets the safe state, test shows every scene"

_STEP_S = 0.1
_TESTED = (LampScene.BRIGHT, LampScene.GUIDE, LampScene.CALM, LampScene.NORMAL)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="normal|test")
    normal = actions.add_parser(
        "normal", help="set the normal light at once; the unit runs it when the daemon has died"
    )
    test = actions.add_parser("test", help="go through all scenes, at the pace a lamp may change")
    test.add_argument("--seconds", type=seconds, default=8.0, help="for each scene (default: 8)")
    for action in (normal, test):
        add_config(action)
        action.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="one object a line"
        )


def run(args: argparse.Namespace) -> int:
    """Do it; exit code 1 when a device does not do what it is told. The daemon must not be running."""
    fitted = fit_actuators(load(args.config, layers=("actuators",)))
    if not fitted:
        raise UsageError(f"{args.config}: has no [actuators.*] section")
    problems = 0
    for source, actuator in fitted:
        if args.action == "test":
            problems += _tell(args, source, _scenes(actuator, source, args.seconds, SystemClock()))
        check = actuator.check()
        problems += not check.ok
        _say(args, check.what, {"ok": check.ok, "detail": check.detail, "advice": check.advice})
    return FOUND_PROBLEM if problems else FINE


def _scenes(actuator: Actuator, source: SourceId, each_s: float, clock: Clock) -> Iterator[Observation]:
    """Yield what an actuator observes while it is asked for one scene after the other."""
    for scene in _TESTED:
        now = clock.now()
        # Each holds until the next one is asked for.
        actuator.notice(SceneCommand(source=source, time=now, scene=scene, duration_s=2 * each_s + 5), now)
        for _ in range(round(each_s / _STEP_S)):
            now = clock.now()
            yield from actuator.step(now, now.monotonic_ns)
            clock.sleep(_STEP_S)
    actuator.close()


def _tell(args: argparse.Namespace, source: SourceId, observations: Iterable[Observation]) -> int:
    """Print what is observed; return how many troubles were among it."""
    troubles = 0
    for observation in observations:
        if isinstance(observation, LampAction | LampRequest):
            level = round(observation.level_percent)
            _say(args, f"lamp {source.name}", {"scene": observation.scene.value, "level_percent": level})
        elif isinstance(observation, Health):
            troubles += 1
            _say(args, source.name, {"ok": False, "detail": observation.detail})
    return troubles


def _say(args: argparse.Namespace, what: str, said: dict[str, Any]) -> None:
    if args.json:
        emit_json({"what": what} | said)
    else:
        sys.stdout.write(f"{what}: " + ", ".join(str(v) for v in said.values() if v != "") + "\n")
        sys.stdout.flush()
