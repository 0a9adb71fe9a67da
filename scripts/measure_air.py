#!/usr/bin/env python3
"""Measure what the air costs: processor time of each detector and rule, and what is remembered on disk.

Usage: python scripts/measure_air.py [--hours 24]

One simulated board speaks once a second: particulate matter with humidity, weather with wind, gases, odours,
water and a GNSS position. CPU time is counted, so other work on the machine matters less. docs/air.md has the
table.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from edge.domain.frames import ReadingFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.observations import Observation
from edge.domain.time import NS_PER_S, CaptureTime

BOARD = SourceId("air", 0, Component.SERIAL_BOARD)
START = CaptureTime(1_900_000_800 * NS_PER_S, 50 * NS_PER_S)
DETECTORS = (
    "particulates",
    "gases",
    "weather",
    "heat_stress",
    "gas_indices",
    "water_level",
    "position",
    "time_quality",
    "reading_health",
)
RULES: dict[str, dict[str, Any]] = {
    "particulates_correction": {"boards": [{"source": "air"}]},
    "air_means": {"particulates": "corrected"},
    "air_index": {},
    "air_exceedance": {},
    "air_twins": {"one": "air", "other": "air_2"},
}


def readings(hours: float) -> Iterator[ReadingFrame]:
    """Yield one reading a second of a street whose air changes over the day."""
    for second in range(round(hours * 3600)):
        wave, noise = math.sin(second / 9000), math.sin(second * 1.7)
        values = {
            "pm1_ugm3": 9 + 3 * wave,
            "pm2_5_ugm3": 14 + 6 * wave + noise,
            "pm10_ugm3": 24 + 9 * wave + noise,
            "temperature_c": 14 + 4 * wave,
            "humidity_percent": 60 - 20 * wave,
            "pressure_hpa": 1013 + wave,
            "wind_speed_mps": 3 + noise,
            "wind_direction_deg": 180 + 20 * noise,
            "rain_total_mm": second / 36_000,
            "no2_ppb": 12 + 4 * noise,
            "o3_ppb": 30 - 10 * wave,
            "voc_index": 100 + 5 * noise,
            "water_level_m": 1.2 + 0.1 * wave,
            "latitude_deg": 52.37 + 1e-6 * noise,
            "longitude_deg": 4.9,
            "satellites": 9.0,
            "hdop": 0.9,
        }
        yield ReadingFrame(BOARD, START.shifted(second), "simulated", values)


def detected(name: str, frames: list[ReadingFrame]) -> tuple[float, list[Observation]]:
    """Return the CPU time of one detector on all readings, and what it observed."""
    module = import_module(f"edge.detectors.{name}")
    detector = module.build(module.Config())
    begun = time.process_time()
    found = [observation for frame in frames for observation in detector.accept(frame)]
    return time.process_time() - begun, found


def concluded(
    name: str, observations: list[Observation], seconds: int
) -> tuple[float, float, list[Any], Any]:
    """Return the CPU time of one rule on observations, and on each second, what it told, and itself."""
    module = import_module(f"edge.fusion.{name}")
    rule = module.build(module.Config.model_validate(RULES[name]))
    begun = time.process_time()
    found = [finding for observation in observations for finding in rule.accept(observation)]
    spent = time.process_time() - begun
    begun = time.process_time()
    if hasattr(rule, "elapse"):
        for second in range(seconds):
            found += rule.elapse(observations[-1].time.shifted(second / seconds).monotonic_ns)
    return spent, time.process_time() - begun, found, rule


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--hours", type=float, default=24.0, help="length of the simulated input")
    args = parser.parse_args()
    frames = list(readings(args.hours))
    out = sys.stdout.write
    out("| part | us for each reading | observations or events |\n|---|---|---|\n")
    observed: list[Observation] = []
    whole = 0.0
    for name in DETECTORS:
        spent, found = detected(name, frames)
        observed += found
        whole += spent
        out(f"| `detectors.{name}` | {spent / len(frames) * 1e6:.1f} | {len(found)} |\n")
    observed.sort(key=lambda each: each.time.monotonic_ns)
    kept = 0
    for name in RULES:
        spent, passing, found, rule = concluded(name, observed, len(frames))
        observed += [finding for finding in found if isinstance(finding, Observation)]
        whole += spent + passing
        out(f"| `fusion.{name}` | {(spent + passing) / len(frames) * 1e6:.1f} | {len(found)} |\n")
        if hasattr(rule, "remember"):
            kept += len(json.dumps({name: rule.remember()}, separators=(",", ":")))
    share = whole / (args.hours * 3600)
    out(f"| all of them | {whole / len(frames) * 1e6:.1f}: {share:.3%} of a core | |\n\n")
    out(f"Remembered: {kept} bytes, written every 5 minutes: {kept * 288 / 1e6:.1f} MB a day.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
