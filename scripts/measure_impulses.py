#!/usr/bin/env python3
"""Measure the impulse finder: false onsets per hour in street sound, and how many bangs it finds in a street.

    scripts/measure_impulses.py DATA [--split report|tune] [--set THRESHOLD=VALUE] [--json | --markdown]

DATA is a folder with `manifest.csv` (path, label, original_label, group, kind). Groups, recordings of one
origin, are split in two by a checksum of their name: thresholds were chosen on the `tune` half, figures come
from the `report` half.
"""

import argparse
import csv
import json
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import signal
from scipy.stats import chi2

from edge.dsp.impulses import ImpulseFinder, Thresholds
from edge.dsp.levels import LevelMeter, Levels

Sound = NDArray[np.float64]
Rows = list[dict[str, object]]

RATE_HZ = 48_000
# What a street sounds like, steady or lively, without anything that bangs on purpose.
STREET = {
    *("traffic", "crowd", "rain", "wind", "siren", "horn", "speech", "street_music", "children_playing"),
    *("air_conditioner", "Helicopter", "Sea waves", "laughter", "phone", "Baby cry", "Rooster", "scream"),
}
MACHINES = {"drilling", "jackhammer", "Chainsaw"}
# Sudden sounds that are no shot: an onset is right, a shot would be wrong.
SUDDEN = {
    *("dog", "doorslam", "drawer", "knock", "keyboard", "keysDrop", "glass", "Clock tick", "Fire crackling"),
    *("cough", "Person sneeze", "pageturn", "clearthroat"),
}
BANGS = {"gunshot", "fireworks"}
ABOVE_DB = (10, 15, 20, 30)
LEAD_S = 3.0
SHORTEST_BED_S = 3.0


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording of the manifest."""

    path: Path
    label: str
    group: str


@dataclass
class Count:
    """Onsets found in so much sound."""

    clips: int = 0
    hit: int = 0
    onsets: int = 0
    seconds: float = 0.0
    missed: list[str] = field(default_factory=list)


def read_manifest(folder: Path, split: str) -> list[Clip]:
    """Return the real recordings of one half of the groups."""
    with (folder / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] in {"real", "real?"}]
    wanted = {"tune": 0, "report": 1}[split]
    return [
        Clip(
            folder / row["path"],
            row["original_label"] if row["label"] == "other" else row["label"],
            row["group"],
        )
        for row in rows
        if zlib.crc32(row["group"].encode()) % 2 == wanted
    ]


def read(clip: Clip) -> Sound:
    """Return the first channel at 48 kHz."""
    sound, rate_hz = soundfile.read(clip.path, dtype="float64", always_2d=True)
    if rate_hz == RATE_HZ:
        return np.asarray(sound[:, 0])
    divisor = int(np.gcd(rate_hz, RATE_HZ))
    return np.asarray(signal.resample_poly(sound[:, 0], RATE_HZ // divisor, rate_hz // divisor))


def onsets(sound: Sound, thresholds: Thresholds, *, begin: int, end: int) -> int:
    """Return how many impulses begin between two samples."""
    finder = ImpulseFinder(RATE_HZ, 1, thresholds)
    found = finder.add(sound) + finder.finish()
    return sum(begin <= impulse.sample < end for impulse in found)


def levels(sound: Sound) -> Levels:
    """Return the levels of a sound."""
    meter = LevelMeter(RATE_HZ)
    meter.add(sound)
    return meter.take()[0]


def in_street_sound(clips: Iterable[Clip], thresholds: Thresholds) -> dict[str, Count]:
    """Count onsets in each kind of sound.

    Each clip is heard reversed in time first, so that the floor is its own.
    """
    counts: dict[str, Count] = defaultdict(Count)
    for clip in clips:
        sound = read(clip)
        count = counts[clip.label]
        found = onsets(np.concatenate([sound[::-1], sound]), thresholds, begin=len(sound), end=2 * len(sound))
        count.clips += 1
        count.hit += found > 0
        count.onsets += found
        count.seconds += len(sound) / RATE_HZ
    return counts


def beds(clips: Iterable[Clip]) -> list[Sound]:
    """Return street sound to lay bangs in, each looped back and forth to twenty seconds."""
    found = []
    for clip in clips:
        sound = read(clip)
        if clip.label in {"traffic", "crowd", "rain", "wind", "children_playing", "street_music"}:
            measured = levels(sound)
            if len(sound) >= SHORTEST_BED_S * RATE_HZ and not measured.silent:
                there_and_back = np.concatenate([sound, sound[::-1]])
                copies = -(-20 * RATE_HZ // len(there_and_back))
                found.append(np.tile(there_and_back, copies)[: 20 * RATE_HZ] / 10 ** (measured.laeq_db / 20))
    return found


def bangs_in_a_street(
    clips: Iterable[Clip], street: list[Sound], above_db: float, thresholds: Thresholds
) -> dict[str, Count]:
    """Lay each bang into a street, its LAFmax `above_db` above the street's LAeq, and count what is found."""
    rng = np.random.default_rng(2024)
    counts: dict[str, Count] = defaultdict(Count)
    lead = round(LEAD_S * RATE_HZ)
    for clip in clips:
        sound = read(clip)[: 15 * RATE_HZ]
        measured = levels(sound)
        if measured.silent:
            continue
        bed = street[rng.integers(len(street))]
        mixed = bed[: lead + len(sound) + RATE_HZ // 2] * 0.01
        mixed[lead : lead + len(sound)] += sound * 10 ** ((above_db - 40 - measured.lafmax_db) / 20)
        found = onsets(mixed, thresholds, begin=lead - RATE_HZ // 20, end=lead + len(sound))
        count = counts[clip.label]
        count.clips += 1
        count.hit += found > 0
        count.onsets += found
        count.seconds += len(sound) / RATE_HZ
        if not found:
            count.missed.append(clip.path.name)
    return counts


def per_hour(count: Count) -> tuple[float, float, float]:
    """Return onsets per hour with the bounds of the 95 % confidence interval (Poisson, exact)."""
    hours = count.seconds / 3600
    low = chi2.ppf(0.025, 2 * count.onsets) / 2 if count.onsets else 0.0
    high = chi2.ppf(0.975, 2 * count.onsets + 2) / 2
    return count.onsets / hours, float(low) / hours, float(high) / hours


def total(counts: dict[str, Count], labels: set[str]) -> Count:
    """Add up counts."""
    chosen = [count for label, count in counts.items() if label in labels]
    return Count(
        clips=sum(c.clips for c in chosen),
        hit=sum(c.hit for c in chosen),
        onsets=sum(c.onsets for c in chosen),
        seconds=sum(c.seconds for c in chosen),
    )


def measure(folder: Path, split: str, thresholds: Thresholds) -> Iterator[dict[str, object]]:
    """Yield one row of figures after another."""
    clips = read_manifest(folder, split)
    others = [clip for clip in clips if clip.label in STREET | MACHINES | SUDDEN]
    bangs = [clip for clip in clips if clip.label in BANGS]
    console = Console(stderr=True)
    quiet = not console.is_terminal
    street = in_street_sound(track(others, "street sound", console=console, disable=quiet), thresholds)
    for name, labels in (("street", STREET), ("machines", MACHINES), ("sudden sounds", SUDDEN)):
        yield _false_row(f"all {name}", total(street, labels))
        for label in sorted(labels & street.keys()):
            yield _false_row(label, street[label])
    bed = beds(clips)
    for above_db in ABOVE_DB:
        told = track(bangs, f"bangs {above_db} dB above", console=console, disable=quiet)
        for label, count in sorted(bangs_in_a_street(told, bed, above_db, thresholds).items()):
            yield {
                "what": label,
                "lafmax_above_street_db": above_db,
                "clips": count.clips,
                "found": round(count.hit / count.clips, 3),
            }


def _false_row(what: str, count: Count) -> dict[str, object]:
    rate, low, high = per_hour(count) if count.seconds else (0.0, 0.0, 0.0)
    return {
        "what": what,
        "clips": count.clips,
        "hours": round(count.seconds / 3600, 3),
        "onsets": count.onsets,
        "per_hour": round(rate, 1),
        "per_hour_95": [round(low, 1), round(high, 1)],
    }


_FALSE = {
    "what": "sound",
    "clips": "clips",
    "hours": "hours",
    "onsets": "onsets",
    "per_hour": "per hour",
    "per_hour_95": "95 % interval",
}
_FOUND = {
    "what": "bang",
    "lafmax_above_street_db": "LAFmax above the street's LAeq, dB",
    "clips": "clips",
    "found": "share of clips with an onset",
}


def show(rows: Rows) -> None:
    """Print two tables: onsets in other sound, and bangs found."""
    console = Console()
    for title, columns in (("Onsets where nothing was shot", _FALSE), ("Bangs found in a street", _FOUND)):
        table = Table(*columns.values(), title=title)
        for cells in _cells(rows, columns):
            table.add_row(*cells)
        console.print(table)


def markdown(rows: Rows) -> str:
    """Return the same tables as Markdown."""
    tables = []
    for columns in (_FALSE, _FOUND):
        lines = [list(columns.values()), ["---"] * len(columns), *_cells(rows, columns)]
        tables.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(tables) + "\n"


def _cells(rows: Rows, columns: dict[str, str]) -> Iterator[list[str]]:
    for row in rows:
        if row.keys() == columns.keys():
            yield [_text(row[key]) for key in columns]


def _text(value: object) -> str:
    return " to ".join(map(str, value)) if isinstance(value, list) else str(value)


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path, help="folder with manifest.csv and the recordings")
    parser.add_argument("--split", choices=("report", "tune"), default="report")
    parser.add_argument("--set", action="append", default=[], metavar="THRESHOLD=VALUE")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line")
    form.add_argument("--markdown", action="store_true", help="tables for the documentation")
    args = parser.parse_args(arguments)
    if not (args.folder / "manifest.csv").is_file():
        parser.error(f"{args.folder}: has no manifest.csv; give the folder of recordings")
    changed = dict(item.split("=", 1) for item in args.set)
    thresholds = Thresholds(**{name: float(value) for name, value in changed.items()})
    rows = measure(args.folder, args.split, thresholds)
    if args.json:
        for row in rows:
            sys.stdout.write(json.dumps(row) + "\n")
    elif args.markdown:
        sys.stdout.write(markdown(list(rows)))
    else:
        show(list(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
