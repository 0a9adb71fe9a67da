#!/usr/bin/env python3
"""Measure what signing costs on one core: reports a second of processor time.

    scripts/measure_signing.py [--reports N] [--json]

Numbering and signing a report, committing it to the outbox in batches as the writer does, and checking it as
a subscriber does. The gate's share: scripts/measure_gate.py.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edge.delivery.numbering import Numbering, Position
from edge.delivery.outbox import Entry, Outbox
from edge.domain.report_base import LegalBasis, Purpose
from edge.domain.reports import Report
from edge.domain.sound_reports import SoundLevelReport
from edge.signing.key_list import TrustedKey
from edge.signing.key_store import KeyRing
from edge.signing.keys import PrivateKey
from edge.subscriber import Finding, Verifier

_NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
_BATCH = 200


def report() -> Report:
    """Return a report of usual length."""
    return SoundLevelReport(
        phenomenon_time=_NOON,
        result_time=_NOON,
        time_uncertainty_ms=0.4,
        purpose=Purpose.NOISE_MONITORING,
        legal_basis=LegalBasis.PUBLIC_TASK,
        retention_days=365,
        sensor=0,
        duration_s=60.0,
        calibrated=True,
        clipped=False,
        laeq_db=54.2,
        lafmax_db=71.3,
        lasmax_db=68.8,
        lcpeak_db=88.1,
        la10_db=57.0,
        la50_db=51.4,
        la90_db=47.9,
    )


def measure(count: int) -> dict[str, float]:
    """Return reports per second of processor time, by step, and bytes of one report."""
    key, usual = PrivateKey.generate(), report()
    numbering = Numbering("demo-city", "lp-0001", Position(1), KeyRing(key))
    entries: list[Entry] = []
    verifier = Verifier({key.key_id: TrustedKey("/lp/v1/demo-city/lp-0001", key.public)})
    figures = {
        "number_and_sign": _rate(count, lambda: entries.extend(numbering.entry(usual) for _ in range(count)))
    }
    with TemporaryDirectory() as folder, Outbox(Path(folder) / "outbox.sqlite", 1_000_000_000) as outbox:

        def commit() -> None:
            for start in range(0, count, _BATCH):
                outbox.append(entries[start : start + _BATCH], numbering.eviction)

        figures["commit"] = _rate(count, commit)
    findings: list[list[Finding]] = []
    figures["verify"] = _rate(
        count, lambda: findings.extend(map(verifier.accept, (e.payload for e in entries)))
    )
    assert not any(findings)
    figures["bytes"] = len(entries[-1].payload)
    return figures


def _rate(count: int, work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return count / (time.process_time() - began_s)


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; as a table for docs/signatures.md or as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reports", type=int, default=5000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(arguments)
    figures = measure(args.reports)
    if args.json:
        sys.stdout.write(json.dumps({name: round(value) for name, value in figures.items()}) + "\n")
        return 0
    for name, value in figures.items():
        unit = "" if name == "bytes" else "/s"
        sys.stdout.write(f"| {name.replace('_', ' ')} | {value:,.0f}{unit} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
