#!/usr/bin/env python3
"""Draw how loud a day was, from reports alone: no sound, no waveform.

    python -m scripts.day_profile REPORTS --out DAY.png [--sensor N] [--timezone Europe/Amsterdam]

`python -m scripts.simulate_day > REPORTS` makes a day to try it with.

REPORTS are JSON lines, reports or CloudEvents, such as `mosquitto_sub` or `lamppost replay` print (`-` for
standard input); only those of kind `sound_level` are read. To draw takes matplotlib, which is in
scripts/street_sound/requirements.txt.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

_GAP = 1.5
"""Intervals further apart than so many of their lengths are not joined by a line."""


class ReportsError(Exception):
    """The reports cannot be drawn; the message says why."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What one report says."""

    begins: datetime
    duration_s: float
    sensor: int
    calibrated: bool
    clipped: bool
    laeq_db: float
    lafmax_db: float
    la10_db: float
    la90_db: float


def read(lines: Iterable[str], sensor: int) -> list[Interval]:
    """Return the intervals of one sensor in order of time; a report delivered twice counts once.

    Raises:
        ReportsError: a line is no JSON, or no report of this sensor is among them, or some are calibrated
            and some are not.
    """
    found: dict[datetime, Interval] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            report = record.get("data", record)
            if report.get("kind") == "sound_level" and report["sensor"] == sensor:
                interval = _interval(report)
                found[interval.begins] = interval
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReportsError(f"line {number}: no report ({error}); give one JSON object a line") from error
    if not found:
        raise ReportsError(f"no sound_level of sensor {sensor} among the reports")
    if len({interval.calibrated for interval in found.values()}) > 1:
        raise ReportsError("some levels are calibrated and some are not; draw them apart")
    return [found[begins] for begins in sorted(found)]


def _interval(report: dict[str, Any]) -> Interval:
    given = {name: report[name] for name in Interval.__dataclass_fields__ if name != "begins"}
    return Interval(begins=datetime.fromisoformat(report["phenomenon_time"]), **given)


def runs(intervals: Sequence[Interval]) -> list[list[Interval]]:
    """Return the intervals in runs without a gap between them."""
    numbers = [0]
    for one, following in pairwise(intervals):
        apart_s = (following.begins - one.begins).total_seconds()
        numbers.append(numbers[-1] + (apart_s > _GAP * max(one.duration_s, 1.0)))
    numbered = zip(numbers, intervals, strict=True)
    return [[interval for _, interval in run] for _, run in groupby(numbered, key=lambda one: one[0])]


def mean_db(intervals: Sequence[Interval]) -> float:
    """Return the LAeq of all intervals together."""
    energy = sum(i.duration_s * 10 ** (i.laeq_db / 10) for i in intervals)
    return float(10 * np.log10(energy / sum(i.duration_s for i in intervals)))


def draw(intervals: Sequence[Interval], out: Path, timezone: ZoneInfo) -> None:
    """Write the picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import dates
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(11, 4.5))
    for number, run in enumerate(runs(intervals)):
        middle = [i.begins.astimezone(timezone) + timedelta(seconds=i.duration_s / 2) for i in run]
        first = number == 0
        axes.fill_between(
            middle,
            [i.la90_db for i in run],
            [i.la10_db for i in run],
            color="#9ecae1",
            label="LA90 to LA10" if first else None,
        )
        axes.plot(middle, [i.laeq_db for i in run], color="#08519c", lw=1.5, label="LAeq" if first else None)
        axes.plot(
            middle, [i.lafmax_db for i in run], ".", ms=3, color="#d94801", label="LAFmax" if first else None
        )
    clipped = [i for i in intervals if i.clipped]
    if clipped:
        times = [i.begins.astimezone(timezone) + timedelta(seconds=i.duration_s / 2) for i in clipped]
        axes.plot(times, [i.lafmax_db for i in clipped], "r^", ms=5, label="clipped: at least")
    unit = "dB re 20 µPa" if intervals[0].calibrated else "dB re full scale, not calibrated"
    heard_h = sum(i.duration_s for i in intervals) / 3600
    day = intervals[0].begins.astimezone(timezone).date()
    axes.set_title(f"{day}, sensor {intervals[0].sensor}: LAeq {mean_db(intervals):.1f} over {heard_h:.1f} h")
    axes.set_ylabel(f"level, {unit}")
    axes.set_xlabel(f"time, {timezone.key}")
    axes.xaxis.set_major_locator(dates.HourLocator(interval=2, tz=timezone))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M", tz=timezone))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="upper left", ncols=4, fontsize="small")
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    plt.close(figure)


def main(arguments: list[str] | None = None, given: TextIO = sys.stdin) -> int:
    """Command line; exit code 2 when there is nothing to draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reports", help="JSON lines; - for standard input")
    parser.add_argument("--out", type=Path, required=True, help="picture to write, .png or .svg")
    parser.add_argument("--sensor", type=int, default=0)
    parser.add_argument("--timezone", default="UTC")
    args = parser.parse_args(arguments)
    try:
        timezone = ZoneInfo(args.timezone)
        lines = given if args.reports == "-" else Path(args.reports).read_text(encoding="utf-8").splitlines()
        draw(read(lines, args.sensor), args.out, timezone)
    except (ReportsError, OSError, UnicodeDecodeError, ZoneInfoNotFoundError) as error:
        sys.stderr.write(f"day_profile: {args.reports}: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
