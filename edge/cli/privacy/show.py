"""`lamppost privacy show`: what this lamppost may send."""

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.cli.output import FINE, FOUND_PROBLEM, complain, emit_json
from edge.cli.settings_file import add_config, load
from edge.privacy.budget import HOUR_BITS, HOUR_S, SHORT_BITS, SHORT_S
from edge.privacy.contract import CONTRACT, Terms
from edge.privacy.policy import Policy
from edge.privacy.policy_watch import SILENCE, PolicyWatch, Standing
from edge.runtime.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config."""
    add_config(parser)
    parser.set_defaults(do=run)


def run(args: argparse.Namespace) -> int:
    """Print the policy in force and every kind of report; exit code 1 when the policy is not well."""
    settings = load(args.config, fed=False)
    standing = standing_of(settings)
    rows = [_row(terms, standing.policy) for terms in CONTRACT.values()]
    if args.json:
        emit_json({"policy": _facts(settings, standing)})
        for row in rows:
            emit_json(row)
    else:
        _tell(settings, standing, rows)
    return FOUND_PROBLEM if standing.trouble else FINE


def standing_of(settings: Settings) -> Standing:
    """Return the policy in force on this machine, now."""
    if settings.privacy is None:
        trouble = f"{settings.path}: no [privacy] policy; nothing but health leaves"
        return Standing(SILENCE, silent=True, trouble=trouble)
    watch = PolicyWatch(settings.privacy.demands(settings.node.city), keeps=False)
    return watch.look(datetime.now(UTC))


def _row(terms: Terms, policy: Policy) -> dict[str, Any]:
    ground = policy.grounds.get(terms.kind)
    row: dict[str, Any] = {
        "kind": terms.kind,
        "leaves": ground is not None,
        "bits": round(terms.bits, 1),
        "per_minute": terms.per_minute,
        "priority": str(terms.priority),
    }
    if ground is not None:
        row |= {
            "purpose": str(ground.purpose),
            "legal_basis": str(ground.legal_basis),
            "retention_days": ground.retention_days,
            "recipients": [str(recipient) for recipient in ground.recipients],
        }
    return row


def _facts(settings: Settings, standing: Standing) -> dict[str, Any]:
    policy = standing.policy
    return {
        "file": str(settings.privacy.policy) if settings.privacy else None,
        "in_force": not standing.silent,
        "signed": bool(settings.privacy and settings.privacy.city_key),
        "city": policy.of_city,
        "number": policy.number,
        "not_before": str(policy.not_before) if policy.not_before else None,
        "expires": str(policy.expires) if policy.expires else None,
        "k": policy.k,
        "trouble": standing.trouble,
        "bits_per_s_hour": HOUR_BITS // HOUR_S,
        "bits_per_s_short": SHORT_BITS // SHORT_S,
    }


def _tell(settings: Settings, standing: Standing, rows: list[dict[str, Any]]) -> None:
    for line in standing.trouble.splitlines():
        complain(line)
    policy = standing.policy
    signed = "signed by the city" if settings.privacy and settings.privacy.city_key else "unsigned"
    dated = (("from", policy.not_before), ("to", policy.expires))
    days = " ".join(f"{word} {day}" for word, day in dated if day) or "without a date"
    number = f"policy number {policy.number}, {signed}, {days}"
    sys.stdout.write(
        f"{settings.node.city} {settings.node.id}: {'no policy' if standing.silent else number}\n"
        f"counts of people below {policy.k} leave as a band; all reports together stay under "
        f"{HOUR_BITS // HOUR_S} bit/s over an hour and under {SHORT_BITS // SHORT_S} bit/s over {SHORT_S} s\n"
        "what each field can tell is in docs/contract\n"
    )
    table = Table("report", "why, and for whom", "days", "bits", "a minute", box=SIMPLE_HEAD)
    for row in rows:
        if row["leaves"]:
            why = f"{row['purpose']}, {row['legal_basis']}: {', '.join(row['recipients']) or 'the city only'}"
            numbers = (row["retention_days"], round(row["bits"]), row["per_minute"])
            table.add_row(row["kind"], why.replace("_", " "), *map(str, numbers))
    Console().print(table)
    if withheld := [row["kind"] for row in rows if not row["leaves"]]:
        Console().print(Text(f"does not leave: {', '.join(withheld)}", overflow="fold"))
