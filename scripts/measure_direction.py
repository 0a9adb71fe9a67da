#!/usr/bin/env python3
"""Measure how well arrays hear where a bang came from, with the detector that ships, on simulated sound.

    python -m scripts.measure_direction [--trials N] [--json | --markdown]

Each trial draws a direction, a bang of 0.5 to 3 ms and, where uncertainty is judged, an array that does not
stand quite as its settings say.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edge.detectors import impulse
from edge.domain.array import MicrophoneArray
from edge.domain.frames import AudioFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.observations import ImpulseOnset, Observation
from edge.domain.time import NS_PER_S, CaptureTime
from edge.dsp.air import speed_of_sound_m_s
from edge.dsp.direction import Direction, find_direction
from scripts.array_sound import (
    ONSET_S,
    RATE_HZ,
    angles_deg,
    diffuse,
    in_a_street,
    in_the_open,
    noisy,
    places,
    towards,
)
from scripts.canyon_sound import LENGTH_M, in_a_canyon

Float = NDArray[np.float64]
Row = dict[str, object]
Trial = tuple[Float, float, float, float]
"""Sound, sample of its onset, azimuth and elevation."""

Draw = Callable[[np.random.Generator], Trial]
Range = tuple[float, float]

_SOURCE = SourceId("array", 0, Component.MICROPHONE)
_START = CaptureTime(1_700_000_000 * NS_PER_S, NS_PER_S)
_BLOCK = 4800
_NEAR_S = 0.01
_BANG_S = (0.0005, 0.003)
_DIFFUSE = 0.1
_PICKED_S = 0.0002
_HEARD_S = 0.8
_ANY_DB = (10.0, 30.0)
SNR_DB = (10, 20, 30)


def square(side_m: float) -> MicrophoneArray:
    """Return four microphones in a horizontal square."""
    half = side_m / 2
    corners = ((half, half, 0.0), (half, -half, 0.0), (-half, -half, 0.0), (-half, half, 0.0))
    return MicrophoneArray(positions_m=corners)


def _tetrahedron(edge_m: float) -> MicrophoneArray:
    a = edge_m / np.sqrt(8)
    return MicrophoneArray(positions_m=((a, a, a), (a, -a, -a), (-a, a, -a), (-a, -a, a)))


def _ring(count: int, radius_m: float) -> MicrophoneArray:
    turns = 2 * np.pi * np.arange(count) / count
    around = tuple((float(radius_m * np.sin(t)), float(radius_m * np.cos(t)), 0.0) for t in turns)
    return MicrophoneArray(positions_m=around)


ARRAYS = {
    "square, diagonal 6.5 cm": square(0.065 / np.sqrt(2)),
    "square, side 6.5 cm": square(0.065),
    "square, diagonal 20 cm": square(0.2 / np.sqrt(2)),
    "square, side 1 m": square(0.98),
    "ring of 6, 9 cm across": _ring(6, 0.045),
    "tetrahedron, edge 10 cm": _tetrahedron(0.1),
    "triangle, side 10 cm": _ring(3, 0.1 / np.sqrt(3)),
    "line of 4, 20 cm": MicrophoneArray(positions_m=tuple((x, 0.0, 0.0) for x in (-0.1, -0.04, 0.03, 0.1))),
    "pair, 10 cm": MicrophoneArray(positions_m=((-0.05, 0.0, 0.0), (0.05, 0.0, 0.0))),
}


LINES = ("line of 4, 20 cm", "pair, 10 cm")
SMALL = ("square, diagonal 6.5 cm", "square, side 6.5 cm")
STREET = ("square, diagonal 6.5 cm", "square, diagonal 20 cm", "tetrahedron, edge 10 cm")


def through_detector(sound: Float, array: MicrophoneArray) -> ImpulseOnset | None:
    """Return what the impulse detector says of the bang at `_HEARD_S`; None when it did not hear it."""
    detector = impulse.build(impulse.Config())
    samples = sound.astype(np.float32)
    told: list[Observation] = []
    for first in range(0, len(samples), _BLOCK):
        at = _START.after_samples(first, RATE_HZ)
        frame = AudioFrame(_SOURCE, at, samples[first : first + _BLOCK], RATE_HZ, array=array)
        told += detector.accept(frame)
    told += detector.finish()
    bang_ns = _START.monotonic_ns + round(_HEARD_S * NS_PER_S)
    near = (o for o in told if abs(o.time.monotonic_ns - bang_ns) < _NEAR_S * NS_PER_S)
    return next((o for o in near if isinstance(o, ImpulseOnset)), None)


@dataclass(frozen=True, slots=True)
class Miss:
    """How far a direction is from the truth, degrees, and in stated standard deviations; None: not told."""

    azimuth_deg: float | None
    azimuth_sigmas: float | None
    elevation_deg: float | None
    elevation_sigmas: float | None


def miss(onset: ImpulseOnset | Direction, azimuth_deg: float, elevation_deg: float) -> Miss:
    """Compare with the truth; where the array cannot tell two directions apart, with the nearer one."""
    azimuths = [a for a in (onset.azimuth_deg, onset.other_azimuth_deg) if a is not None]
    elevations = [e for e in (onset.elevation_deg, onset.other_elevation_deg) if e is not None]
    off = min((abs((a - azimuth_deg + 180) % 360 - 180) for a in azimuths), default=None)
    high = min((abs(e - elevation_deg) for e in elevations), default=None)
    return Miss(
        off,
        None if off is None else off / (onset.azimuth_uncertainty_deg or np.inf),
        high,
        None if high is None else high / (onset.elevation_uncertainty_deg or np.inf),
    )


def open_air(array: MicrophoneArray, snr_db: Range, *, up_to_deg: float, of_peak: bool = False) -> Draw:
    """Return what draws a bang in the open at an elevation of 0 to `up_to_deg`."""

    def draw(rng: np.random.Generator) -> Trial:
        azimuth_deg = rng.uniform(0, 360)
        elevation_deg = float(np.degrees(np.arcsin(rng.uniform(0, np.sin(np.radians(up_to_deg))))))
        at, speed_m_s = _as_it_stands(rng, array)
        sound = in_the_open(at, towards(azimuth_deg, elevation_deg), speed_m_s, _bang_s(rng))
        mixed = noisy(rng, sound, rng.uniform(*snr_db), of_peak=of_peak)
        return mixed, ONSET_S * RATE_HZ, azimuth_deg, elevation_deg

    return draw


def street(array: MicrophoneArray, snr_db: Range, *, from_facade_m: float = 0.5, heard: bool = False) -> Draw:
    """Return what draws a bang in a street 15 m wide.

    The array stands 4 to 6 m high and up to 3 m from a facade, the bang is 5 to 60 m along the street, two of
    three at 1 to 1.8 m, the others 10 to 60 m high. With `heard` there is enough sound around it for the
    detector.
    """

    def draw(rng: np.random.Generator) -> Trial:
        pole = np.array([rng.uniform(from_facade_m, 3), 0.0, rng.uniform(4, 6)])
        high = rng.uniform(1, 1.8) if rng.random() < 2 / 3 else rng.uniform(10, 60)
        bang = np.array([rng.uniform(1, 14), rng.choice([-1, 1]) * rng.uniform(5, 60), high])
        at, speed_m_s = _as_it_stands(rng, array)
        sound = in_a_street(pole + at, bang, speed_m_s, _bang_s(rng))
        onset_s = ONSET_S
        if heard:
            onset_s = _HEARD_S
            around = round((_HEARD_S - ONSET_S) * RATE_HZ)
            sound = np.pad(sound, ((around, around), (0, 0)))
        sound += diffuse(rng, sound.shape, _DIFFUSE, onset_s)
        mixed = noisy(rng, sound, rng.uniform(*snr_db), onset_s)
        return mixed, onset_s * RATE_HZ, *angles_deg(bang - pole)

    return draw


def canyon(array: MicrophoneArray, snr_db: Range) -> Draw:
    """Return what draws a bang in the street canyon of pyroomacoustics.

    The array stands 4 to 6 m high and 1 to 3 m from a facade; bangs are 5 to 35 m along the street, 1 to 20 m
    high.
    """

    def draw(rng: np.random.Generator) -> Trial:
        pole = np.array([rng.uniform(1, 3), LENGTH_M / 2, rng.uniform(4, 6)])
        along_m = LENGTH_M / 2 + rng.choice([-1, 1]) * rng.uniform(5, 35)
        bang = np.array([rng.uniform(1, 14), along_m, rng.uniform(1, 20)])
        at, speed_m_s = _as_it_stands(rng, array)
        sound, onset = in_a_canyon(pole + at, bang, speed_m_s, _bang_s(rng))
        mixed = noisy(rng, sound, rng.uniform(*snr_db), onset / RATE_HZ)
        return mixed, onset, *angles_deg(bang - pole)

    return draw


def _bang_s(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(_BANG_S))))


def _as_it_stands(rng: np.random.Generator, array: MicrophoneArray) -> tuple[Float, float]:
    """Return positions on the map and the speed of sound, off by what the settings say they may be."""
    at = places(array, array.heading_deg + array.heading_uncertainty_deg * rng.standard_normal())
    at = at + array.position_uncertainty_m * rng.standard_normal(at.shape)
    temperature_c = array.temperature_c + array.temperature_uncertainty_c * rng.standard_normal()
    return at, speed_of_sound_m_s(temperature_c)


def exact(array: MicrophoneArray) -> MicrophoneArray:
    """Return the same array with nothing uncertain about it: what remains is the method's own error."""
    known = {"heading_uncertainty_deg": 0, "position_uncertainty_m": 0, "temperature_uncertainty_c": 0}
    return array.model_copy(update=known)


def trials(
    array: MicrophoneArray, draw: Draw, count: int, seed: int, *, heard: bool = False
) -> list[Miss | None]:
    """Return a miss for each trial; with `heard` by the detector, None for a bang that it did not hear.

    Without, the onset is known to 0.2 ms, about what the picker does.
    """
    rng = np.random.default_rng(seed)
    found: list[Miss | None] = []
    for _ in range(count):
        sound, onset, azimuth_deg, elevation_deg = draw(rng)
        told: ImpulseOnset | Direction | None
        if heard:
            told = through_detector(sound, array)
        else:
            picked = onset + rng.uniform(-_PICKED_S, _PICKED_S) * RATE_HZ
            told = find_direction(sound, picked, RATE_HZ, array)
        found.append(None if told is None else miss(told, azimuth_deg, elevation_deg))
    return found


def summary(misses: Sequence[Miss | None]) -> Row:
    """Return the figures of a row."""
    heard = [m for m in misses if m is not None]
    told = sum(m.azimuth_deg is not None for m in heard)
    row: Row = {"azimuth_told": f"{told} of {len(misses)}"}
    for name in ("azimuth", "elevation"):
        off = np.array([v for m in heard if (v := getattr(m, f"{name}_deg")) is not None])
        sigmas = np.array([v for m in heard if (v := getattr(m, f"{name}_sigmas")) is not None])
        row[f"{name}_median_deg"] = round(float(np.median(off)), 2) if off.size else None
        row[f"{name}_p90_deg"] = round(float(np.quantile(off, 0.9)), 2) if off.size else None
        row[f"{name}_within_1"] = round(float(np.mean(sigmas <= 1)), 2) if off.size else None
        row[f"{name}_within_2"] = round(float(np.mean(sigmas <= 2)), 2) if off.size else None
    return row


def measure(count: int) -> Iterator[Row]:
    """Yield every row of every table."""
    yield from _in_the_open(count)
    yield from _in_the_street(count)
    yield from _in_the_canyon(max(1, count // 3))
    yield from _stated(count)
    yield from costs(max(5, count // 10))


def _in_the_open(count: int) -> Iterator[Row]:
    for name, array in ARRAYS.items():
        sure = exact(array)
        for snr_db in SNR_DB:
            misses = trials(sure, open_air(sure, (snr_db, snr_db), up_to_deg=20), count, 1)
            yield {"table": "open", "array": name, "snr_db": snr_db, **summary(misses)}
    for name in SMALL:
        sure = exact(ARRAYS[name])
        misses = trials(sure, open_air(sure, (20, 20), up_to_deg=20, of_peak=True), count, 2)
        yield {"table": "peak", "array": name, "snr_db": 20, **summary(misses)}


def _in_the_street(count: int) -> Iterator[Row]:
    for name in STREET:
        sure = exact(ARRAYS[name])
        for from_facade_m, snr_db in ((0.5, 15), (0.5, 25), (1.5, 25)):
            draw = street(sure, (snr_db, snr_db), from_facade_m=from_facade_m)
            where = {"array": name, "snr_db": snr_db, "from_facade_m": from_facade_m}
            yield {"table": "street", **where, **summary(trials(sure, draw, count, 3))}
        draw = street(sure, (25, 25), from_facade_m=1.5, heard=True)
        misses = trials(sure, draw, max(1, count // 2), 3, heard=True)
        yield {"table": "detector", "array": name, "snr_db": 25, "from_facade_m": 1.5, **summary(misses)}


def _in_the_canyon(count: int) -> Iterator[Row]:
    for name in STREET:
        sure = exact(ARRAYS[name])
        for snr_db in (15, 25):
            misses = trials(sure, canyon(sure, (snr_db, snr_db)), count, 7)
            yield {"table": "canyon", "array": name, "snr_db": snr_db, **summary(misses)}


def _stated(count: int) -> Iterator[Row]:
    for name, array in ARRAYS.items():
        up_to_deg = 30 if name in LINES else 90
        misses = trials(array, open_air(array, _ANY_DB, up_to_deg=up_to_deg), count, 4)
        yield {"table": "stated", "array": name, "place": f"open, up to {up_to_deg}", **summary(misses)}
    for name in STREET:
        misses = trials(ARRAYS[name], street(ARRAYS[name], _ANY_DB), count, 5)
        yield {"table": "stated", "array": name, "place": "street", **summary(misses)}


def costs(count: int) -> Iterator[Row]:
    """Yield the processor time of one direction for each array."""
    for name, array in ARRAYS.items():
        rng = np.random.default_rng(6)
        draw = open_air(array, (20, 20), up_to_deg=20)
        sounds = [draw(rng)[0] for _ in range(count)]
        began_s = time.process_time()
        for sound in sounds:
            find_direction(sound, ONSET_S * RATE_HZ, RATE_HZ, array)
        spent_ms = (time.process_time() - began_s) / count * 1000
        yield {"table": "cost", "array": name, "cpu_ms": round(spent_ms, 1)}


_UNITS = {"snr_db": "SNR, dB", "from_facade_m": "from facade, m", "cpu_ms": "CPU, ms", "azimuth_told": "told"}


def tables(rows: Sequence[Row]) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Yield name, head and cells of each table."""
    for name in dict.fromkeys(str(row["table"]) for row in rows):
        lines = [_cells(row) for row in rows if row["table"] == name]
        yield name, list(lines[0]), [list(line.values()) for line in lines]


def _cells(row: Row) -> dict[str, str]:
    plain = {
        _UNITS.get(key, key): str(value)
        for key, value in row.items()
        if key != "table" and (key == "azimuth_told" or not key.startswith(("azimuth", "elevation")))
    }
    if "azimuth_told" not in row:
        return plain
    figures = {}
    for name in ("azimuth", "elevation"):
        known = row[f"{name}_median_deg"] is not None
        pairs = (
            ("error, °: median / 90 %", "median_deg", "p90_deg"),
            ("within 1 / 2 σ", "within_1", "within_2"),
        )
        for head, one, other in pairs:
            figures[f"{name} {head}"] = f"{row[f'{name}_{one}']} / {row[f'{name}_{other}']}" if known else "-"
    return plain | figures


def markdown(rows: Sequence[Row]) -> str:
    """Return the tables as text for the documentation."""
    parts = []
    for name, head, cells in tables(rows):
        lines = ["| " + " | ".join(line) + " |" for line in (head, *cells)]
        lines.insert(1, "|" + " --- |" * len(head))
        parts.append(f"## {name}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def show(rows: Sequence[Row]) -> None:
    """Print the tables."""
    for name, head, cells in tables(rows):
        table = Table(*head, title=name)
        for line in cells:
            table.add_row(*line)
        Console().print(table)


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--trials", type=int, default=200, help="bangs for each row (default 200)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line")
    form.add_argument("--markdown", action="store_true", help="tables for the documentation")
    args = parser.parse_args(arguments)
    if args.trials < 1:
        parser.error("--trials: give at least 1")
    rows = []
    for row in measure(args.trials):
        if args.json:
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
        rows.append(row)
    if args.markdown:
        sys.stdout.write(markdown(rows))
    elif not args.json:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
