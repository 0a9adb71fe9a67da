#!/usr/bin/env python3
"""Measure how many reports a second one core takes through the gate, its number, link and signature.

    scripts/measure_gate.py [--seconds S] [--json]

Each kind alone, per second of processor time, so that a busy machine measures the same; the last row is a
mixture of all. Findings come a minute apart on the gate's clock, so that the budget refuses none.
"""

import argparse
import dataclasses
import itertools
import json
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edge.cli.settings_file import EXAMPLES
from edge.delivery.numbering import Numbering, Position
from edge.domain.events import Impulse
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Particulates, SceneMotion, SoundLevel
from edge.domain.scene_observations import PeopleCount
from edge.domain.time import NS_PER_S, CaptureTime
from edge.privacy.gate import Gate
from edge.privacy.policy import load_policy
from edge.signing.key_store import KeyRing
from edge.signing.keys import PrivateKey

TARGET_PER_S = 2000
_MINUTE_NS = 60 * NS_PER_S
_START_NS = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp()) * NS_PER_S
_BATCH = 50


def findings() -> list[Any]:
    """Return one finding of each of some kinds."""
    time_ = CaptureTime(_START_NS, 0, 0.3)
    common: dict[str, Any] = {"time": time_, "result_time_ns": _START_NS + NS_PER_S}
    microphone, camera, board = (
        SourceId("s", n, kind)
        for n, kind in enumerate((Component.MICROPHONE, Component.CAMERA, Component.SERIAL_BOARD))
    )
    levels: dict[str, Any] = dict.fromkeys(
        ("laeq_db", "lafmax_db", "lasmax_db", "lcpeak_db", "la10_db", "la50_db", "la90_db"), 61.23
    )
    return [
        SoundLevel(source=microphone, **common, duration_s=60.0, calibrated=True, clipped=False, **levels),
        Impulse(
            **common,
            confirmed=True,
            because=("impulse_onset",),
            calibrated=True,
            clipped=False,
            lcpeak_db=101.31,
            above_floor_db=33.3,
            rise_s=0.0012,
            duration_s=0.131,
            impulses=2,
            azimuth_deg=123.4,
            azimuth_uncertainty_deg=2.2,
            elevation_deg=4.5,
            elevation_uncertainty_deg=3.1,
        ),
        SceneMotion(
            source=camera, **common, duration_s=60.0, moving_share=0.123, occupied_share=0.2, frames=300
        ),
        PeopleCount(
            source=camera,
            **common,
            duration_s=60.0,
            frames=300,
            people=17.0,
            people_low=14.0,
            people_high=20.0,
            vehicles=3.0,
            two_wheelers=6.0,
        ),
        Particulates(source=board, **common, duration_s=60.0, readings=60, pm2_5_ugm3=8.13, pm10_ugm3=15.07),
        Health(
            source=camera,
            **common,
            component=Component.CAMERA,
            status=Status.OK,
            reason=Reason.RECOVERED,
        ),
    ]


def per_second(given: Iterable[Any], seconds: float) -> float:
    """Return reports made and signed per second of processor time."""
    gate = Gate(load_policy(EXAMPLES / "policy.toml"))
    numbering = Numbering("demo-city", "lp-0001", Position(1), KeyRing(PrivateKey.generate()))
    endless = itertools.cycle(given)
    made, minute, began_s = 0, 0, time.process_time()
    while (spent_s := time.process_time() - began_s) < seconds:
        for _ in range(_BATCH):
            minute += 1
            report = gate.admit(_later(next(endless), minute * _MINUTE_NS), minute * _MINUTE_NS)
            if report is None:
                raise RuntimeError("the gate refused a finding; a rate of refusals is no figure")
            numbering.entry(report)
            made += 1
    return made / spent_s


def _later(finding: Any, later_ns: int) -> Any:
    moment = CaptureTime(_START_NS + later_ns, later_ns, 0.3)
    return dataclasses.replace(finding, time=moment, result_time_ns=_START_NS + later_ns)


def measure(seconds: float) -> list[dict[str, Any]]:
    """Return a row for each kind and one for all of them in turn."""
    given = findings()
    rows = [{"kind": finding.kind, "reports_per_s": per_second([finding], seconds)} for finding in given]
    return [*rows, {"kind": "all in turn", "reports_per_s": per_second(given, seconds)}]


def main(arguments: list[str] | None = None) -> int:
    """Command line; exit code 1 when all in turn are slower than the target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of processor time, for each row")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    args = parser.parse_args(arguments)
    rows = measure(args.seconds)
    if args.json:
        for row in rows:
            sys.stdout.write(json.dumps(row) + "\n")
    else:
        table = Table("report", "gate and signature, reports/s on one core")
        for row in rows:
            table.add_row(row["kind"], f"{row['reports_per_s']:.0f}")
        Console().print(table)
    return int(rows[-1]["reports_per_s"] < TARGET_PER_S)


if __name__ == "__main__":
    sys.exit(main())
