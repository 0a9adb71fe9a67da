"""`lamppost doctor`: what works, what does not, what to do about it."""

import argparse
import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.cli.output import FINE, FOUND_PROBLEM, emit_json
from edge.cli.settings_file import add_config
from edge.decoding.catalogue import load_known
from edge.delivery.commands import Config
from edge.delivery.mqtt import connect
from edge.delivery.mqtt_errors import BrokerError
from edge.delivery.publisher import access_of
from edge.detectors import street_sound
from edge.diagnostics.air import check_air
from edge.diagnostics.system import check_clock, check_outbox, check_system
from edge.domain.actuator import ActuatorError
from edge.domain.check import Check
from edge.domain.complaint import Complaint
from edge.inference.trust import judge
from edge.privacy.policy_watch import PolicyWatch, Standing
from edge.runtime.actuation import fit_actuators
from edge.runtime.clock import SystemClock, kernel_uncertainty_ms
from edge.runtime.command_memory import CommandMemory, CommandMemoryError
from edge.runtime.hardening import swap_risk
from edge.runtime.lanes import fit
from edge.runtime.node import commands_config, outbox_config, publisher_config
from edge.runtime.settings import SOURCE_LAYERS, Entry, Settings, SettingsError, load_settings
from edge.runtime.signing_keys import key_path, keys_of
from edge.runtime.thresholds import OutOfBoundsError, with_threshold
from edge.runtime.worker import Worker
from edge.signing.key_store import KeyUnavailable

HELP = "test this machine, its sensors, its settings and its broker; say what to do"

_DEVICES = (
    "/dev/serial/by-id/*",
    "/dev/v4l/by-path/*",
    "/dev/snd/by-id/*",
    "/dev/ttyUSB*",
    "/dev/ttyACM*",
    "/dev/gpiochip*",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config."""
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Run every check; exit code 1 when one fails. The daemon must not be running: devices are opened."""
    checks: list[Check] = []
    table = Table("", "what", "found", "what to do", title="lamppost doctor", show_lines=False)
    for check in _checks(args.config):
        checks.append(check)
        if args.json:
            emit_json({"what": check.what, "ok": check.ok, "detail": check.detail, "advice": check.advice})
        else:
            mark = Text("ok", "green") if check.ok else Text("no", "red")
            # Text, not str: rich would take a section's name in brackets for its markup.
            table.add_row(
                mark, *(Text(cell, overflow="fold") for cell in (check.what, check.detail, check.advice))
            )
    if not args.json:
        Console().print(table)
    return FINE if all(check.ok for check in checks) else FOUND_PROBLEM


def _checks(path: Path) -> Iterator[Check]:
    yield from check_system()
    yield check_clock(kernel_uncertainty_ms())
    yield Check("swap", ok=True, detail=swap_risk() or "none: memory stays in memory")
    yield Check(
        "devices", ok=True, detail=", ".join(_devices()) or "none under /dev/serial, /dev/v4l, /dev/snd"
    )
    try:
        settings = load_settings(path)
    except SettingsError as error:
        for line in str(error).splitlines():
            yield Check("settings", ok=False, detail=line, advice="see `lamppost config check`")
        return
    yield Check("settings", ok=True, detail=str(path))
    yield _policy(settings)
    yield _signing(settings)
    yield from _commands(settings)
    yield from _air(settings)
    yield from _false_alarms(settings)
    broken = list(_broken_detectors(settings))
    yield from (check for _, check in broken)
    for fitting in fit(settings.without([entry for entry, _ in broken]), SystemClock()):
        yield fitting.source.check()
    yield from _actuators(settings)
    yield from _delivery(settings)


def _broken_detectors(settings: Settings) -> Iterator[tuple[Entry, Check]]:
    """Yield the detectors that cannot be built, as when nobody fetched the model of one."""
    for entry in settings.of("detectors"):
        try:
            entry.module.build(entry.config)
        except Complaint as error:
            advice = "do what the message says, or remove the section"
            yield entry, Check(f"detector {entry.section}", ok=False, detail=str(error), advice=advice)


def _actuators(settings: Settings) -> Iterator[Check]:
    try:
        fitted = fit_actuators(settings)
    except ActuatorError as error:
        yield Check("actuators", ok=False, detail=str(error), advice="do what the message says")
        return
    yield from (actuator.check() for _, actuator in fitted)


def _devices() -> list[str]:
    return [str(found) for pattern in _DEVICES for found in sorted(Path("/").glob(pattern.lstrip("/")))]


def _standing(settings: Settings) -> Standing | None:
    """Return the policy in force; None without one."""
    if settings.privacy is None:
        return None
    return PolicyWatch(settings.privacy.demands(settings.node.city), keeps=False).look(datetime.now(UTC))


def _policy(settings: Settings) -> Check:
    standing = _standing(settings)
    if standing is None:
        advice = "add [privacy] policy = ... to the settings"
        return Check("policy", ok=False, detail="none: only health will leave this lamppost", advice=advice)
    if standing.trouble:
        return Check("policy", ok=False, detail=standing.trouble, advice="see `lamppost privacy show`")
    signed = "signed" if settings.privacy and settings.privacy.city_key else "unsigned, as on a bench"
    kinds = ", ".join(sorted(standing.policy.grounds)) or "nothing"
    return Check("policy", ok=True, detail=f"{signed}; lets out {kinds}")


def _air(settings: Settings) -> Iterator[Check]:
    """Yield what the boards can say of the air, where a rule of the settings asks."""
    if all(settings.section("fusion", rule) is None for rule in ("air_index", "air_exceedance")):
        return
    boards = {
        entry.name: load_known(entry.config.profile).measurements
        for entry in settings.of(*SOURCE_LAYERS)
        if hasattr(entry.config, "profile")
    }
    standing = _standing(settings)
    yield check_air(boards, standing.policy.city.air_limits if standing else {}, datetime.now(UTC).date())


def _false_alarms(settings: Settings) -> Iterator[Check]:
    config = settings.section("detectors", "street_sound")
    if isinstance(config, street_sound.Config):
        verdict = judge(config.false_alarms, config.false_alarm_budget, config.budget_days)
        advice = "find out what it mistakes for a shot, then `lamppost feedback reset`"
        detail = (
            f"demoted, bangs are told as unclear: {verdict.detail}" if verdict.demoted else verdict.detail
        )
        yield Check(
            "false alarms", ok=not verdict.demoted, detail=detail, advice=advice if verdict.demoted else ""
        )


def _signing(settings: Settings) -> Check:
    try:
        keys = keys_of(settings)
    except KeyUnavailable as error:
        advice = "until it is mended nothing but health leaves, unsigned; then restart lamppost-sense"
        return Check("signing key", ok=False, detail=str(error), advice=advice)
    if keys is None:
        advice = "remove unsigned = true from [signing], and `lamppost keys generate`"
        return Check("signing key", ok=False, detail="reports leave unsigned", advice=advice)
    return Check("signing key", ok=True, detail=f"{key_path(settings)}, key id {keys.current.key_id}")


def _commands(settings: Settings) -> Iterator[Check]:
    config = commands_config(settings)
    if config is None:
        return
    mistakes = [*_unknown_thresholds(settings, config)]
    try:
        memory = CommandMemory.read(config.state)
    except CommandMemoryError as error:
        mistakes.append(str(error))
    if mistakes:
        yield Check("commands", ok=False, detail="; ".join(mistakes), advice="see docs/commands.md")
        return
    detail = f"obeys {', '.join(config.allow) or 'none'}; the last one had number {memory.highest}"
    yield Check("commands", ok=True, detail=detail)


def _unknown_thresholds(settings: Settings, config: Config) -> Iterator[str]:
    for bound in config.thresholds:
        for value in (bound.min, bound.max):
            try:
                with_threshold(settings, config, bound.detector, bound.setting, value)
            except OutOfBoundsError as error:
                yield str(error)


def _delivery(settings: Settings) -> Iterator[Check]:
    box = outbox_config(settings)
    yield check_outbox(box.path, box.max_mb)
    if settings.section("delivery", "embedded_broker") is not None:
        yield Check("broker", ok=True, detail="embedded, in this process")
    else:
        yield asyncio.run(_broker(settings))


async def _broker(settings: Settings) -> Check:
    config = publisher_config(settings)
    what = f"broker {config.host}:{config.port}"
    try:
        with Worker("connect") as worker:
            access = access_of(config, f"{settings.node.city}-{settings.node.id}-doctor")
            connection = await connect(access, worker)
            await connection.close()
    except BrokerError as error:
        return Check(what, ok=False, detail=str(error), advice="correct [delivery.publisher] or the broker")
    except (OSError, ValueError) as error:
        detail = f"{config.password_file}: {error}"
        return Check(what, ok=False, detail=detail, advice="write the password on its first line, as UTF-8")
    return Check(what, ok=True, detail=f"accepts us with MQTT {connection.version}")
