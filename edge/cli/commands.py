"""`lamppost commands send`: the centre asks a lamppost for something, and hears what became of it."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge.cli.output import BROKEN, FINE, FOUND_PROBLEM, UsageError, complain, emit_json, seconds
from edge.cli.settings_file import add_config, load
from edge.delivery.cloud_events import node_topic
from edge.delivery.commands import KIND, command_topic, sealed_command
from edge.delivery.mqtt import connect
from edge.delivery.mqtt_access import Access, Message
from edge.delivery.publisher import access_of
from edge.domain.city import LampScene
from edge.domain.commands import ORDER, Order
from edge.runtime.node import publisher_config
from edge.runtime.worker import Worker
from edge.signing.key_store import KeyUnavailable, load_private_key

HELP = "sign a command for a lamppost and send it, as the centre does"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-verb, and a parser for each action."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="send")
    send = verbs.add_parser("send", help="sign a command, send it, and wait for the answer")
    actions = send.add_subparsers(dest="action", required=True, metavar="ACTION")
    scene = actions.add_parser("scene", help="light the lamp")
    scene.add_argument("scene", choices=[scene.value for scene in LampScene])
    scene.add_argument(
        "--for", dest="duration_s", type=seconds, default=600.0, metavar="S", help="default: 600"
    )
    policy = actions.add_parser("policy", help="give it a sealed policy")
    policy.add_argument("policy", type=Path, help="the file; its seal lies beside it, with .sig")
    threshold = actions.add_parser("threshold", help="set a detector's threshold within its declared bounds")
    threshold.add_argument("detector")
    threshold.add_argument("setting")
    threshold.add_argument("value", type=float)
    restart = actions.add_parser("restart", help="end `sense` in order and start it anew")
    false_alarm = actions.add_parser("false_alarm", help="what it reported then was no bang")
    false_alarm.add_argument("at", help="time of the report, ISO 8601")
    for action in (scene, policy, threshold, restart, false_alarm):
        _add_common(action)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--key", type=Path, required=True, help="the city's private key for commands")
    parser.add_argument("--city", help="default: that of the settings")
    parser.add_argument("--node", help="which lamppost (default: that of the settings)")
    parser.add_argument("--number", type=int, help="above every earlier one (default: the time in ms)")
    parser.add_argument("--valid-for", type=seconds, default=300.0, metavar="S", help="default: 300")
    parser.add_argument(
        "--wait", type=seconds, default=15.0, metavar="S", help="for the answer (default: 15)"
    )
    parser.add_argument(
        "--output", metavar="F", help="write the signed command to F (-: stdout), send nothing"
    )
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Sign, then send or write; exit code 1 when it was refused or no answer came."""
    settings = None
    if args.output is None or args.city is None or args.node is None:
        settings = load(args.config, layers=("delivery",))
    now = datetime.now(UTC)
    order = _order(args, args.city or settings.node.city, args.node or settings.node.id, now)  # type: ignore[union-attr]
    try:
        payload = sealed_command(order, load_private_key(args.key), now)
    except KeyUnavailable as error:
        raise UsageError(str(error)) from error
    if args.output is not None:
        return _write(payload, args.output)
    assert settings is not None
    config = publisher_config(settings)
    access = access_of(config, f"{order.city}-centre-{order.number}")
    answer = asyncio.run(_send(access, order, payload, args.wait))
    return _tell(answer, order, as_json=args.json)


def _order(args: argparse.Namespace, city: str, node: str, now: datetime) -> Order:
    content: dict[str, Any] = {
        "city": city,
        "node": node,
        "number": args.number or time.time_ns() // 1_000_000,
        "expires": (now + timedelta(seconds=args.valid_for)).replace(microsecond=0),
        "action": args.action,
    }
    match args.action:
        case "scene":
            content |= {"scene": args.scene, "duration_s": args.duration_s}
        case "policy":
            seal = args.policy.with_name(args.policy.name + ".sig")
            content |= {"policy": _read(args.policy), "seal": _read(seal)}
        case "threshold":
            content |= {"detector": args.detector, "setting": args.setting, "value": args.value}
        case "false_alarm":
            content |= {"at": args.at}
    try:
        return ORDER.validate_python(content)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"{args.action}: {said}") from error


async def _send(access: Access, order: Order, payload: bytes, wait_s: float) -> Mapping[str, Any] | None:
    """Publish; return the answer's content, None when none came in time. Raises BrokerError."""
    answered: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()

    def heard(message: Message) -> None:
        try:
            content = json.loads(message.payload)["data"]
            fits = content["number"] == order.number
        except (KeyError, TypeError, ValueError):
            return
        if fits and not answered.done():
            answered.set_result(content)

    with Worker("connect") as worker:
        connection = await connect(access, worker)
        try:
            await connection.subscribe(f"{node_topic(order.city, order.node)}/measure/{KIND}", heard)
            await connection.publish(command_topic(order.city, order.node), payload)
            async with asyncio.timeout(wait_s):
                return await answered
        except TimeoutError:
            return None
        finally:
            await connection.close()


def _tell(answer: Mapping[str, Any] | None, order: Order, *, as_json: bool) -> int:
    if answer is None:
        advice = f"is {order.node} online, and has it [delivery.commands]?"
        complain(f"command {order.number}: sent, and no answer came; {advice}")
        return FOUND_PROBLEM
    if as_json:
        emit_json(dict(answer))
    else:
        reason = "" if answer["reason"] == "none" else f" ({answer['reason']})"
        sys.stdout.write(f"command {order.number}: {answer['outcome']}{reason}\n")
    return FINE if answer["outcome"] == "done" else FOUND_PROBLEM


def _write(payload: bytes, output: str) -> int:
    if output == "-":
        sys.stdout.write(payload.decode() + "\n")
        return FINE
    try:
        Path(output).write_bytes(payload)
    except OSError as error:
        complain(f"{output}: {error.strerror}")
        return BROKEN
    return FINE


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: cannot be read ({error}); give a policy with its seal beside it"
        ) from error
