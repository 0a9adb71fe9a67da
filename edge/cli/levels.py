"""`lamppost levels`: the sound levels of a recording (IEC 61672-1:2013)."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, complain, emit_json, existing_file

if TYPE_CHECKING:
    from edge.dsp.levels import Levels

HELP = "sound levels of a recording: LAeq, LAFmax, LASmax, LCpeak, LAE, LA10, LA50, LA90, bands"

_BLOCK = 65_536
_FULL_SCALE_DB = (-50.0, 250.0)
# The highest code of 8 bits is 127/128 of full scale; of 16 bits and more it is above 0.9999.
_EIGHT_BITS = {"PCM_U8", "PCM_S8"}
_EIGHT_BIT_RAIL = 126.5 / 128

_ROWS = (
    ("LAeq", "laeq_db", "mean over the recording"),
    ("LAFmax", "lafmax_db", "highest Fast level (125 ms)"),
    ("LASmax", "lasmax_db", "highest Slow level (1 s)"),
    ("LCpeak", "lcpeak_db", "highest peak"),
    ("LAE", "lae_db", "exposure: all its energy in one second"),
    ("LA10", "la10_db", "exceeded 10 % of the time"),
    ("LA50", "la50_db", "exceeded half the time"),
    ("LA90", "la90_db", "exceeded 90 % of the time: the background"),
)


@dataclass
class _Reading:
    """What was read of a file, and what is wrong with it, for people."""

    rate_hz: int = 0
    channels: int = 0
    problems: list[str] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="F", help="a recording: WAV, FLAC, Ogg, any rate from 4 kHz")
    parser.add_argument(
        "--full-scale-db",
        type=float,
        metavar="X",
        help="dB SPL of a full-scale sine's RMS; without it levels are dB re full scale",
    )
    parser.add_argument(
        "--channel", type=int, default=0, metavar="N", help="which channel, from 0 (default 0)"
    )
    parser.add_argument(
        "--bands", action="store_true", help="also one-third-octave bands, 25 Hz to 16 kHz, not A-weighted"
    )


def run(args: argparse.Namespace) -> int:
    """Measure one channel of a recording, block by block, so that its length does not matter.

    A rate below 44.1 kHz is measured as it is: the weightings hold up to half of any rate. A level of
    digital silence is null (JSON) or absent (table), never a number.
    """
    path = existing_file(args.file)
    _check_full_scale(args.full_scale_db)
    if path.stat().st_size == 0:
        raise UsageError(f"{path}: is empty; give a recording")
    reading = _Reading()
    levels = _measure(path, args.channel, reading, bands=args.bands)
    if levels.invalid:
        share = levels.invalid / max(1, levels.invalid + round(levels.duration_s * reading.rate_hz))
        reading.problems.append(f"{levels.invalid} samples ({share:.2%}) are not numbers; they are left out")
    if levels.silent:
        reading.problems.append("no sound at all (digital silence or one constant value); there is no level")
    record = _record(levels, args.full_scale_db, args.channel, reading)
    if args.json:
        emit_json(record)
    else:
        _print_table(path, record)
    for problem in reading.problems:
        complain(f"{path}: {problem}")
    return FOUND_PROBLEM if reading.problems else FINE


def _check_full_scale(full_scale_db: float | None) -> None:
    low, high = _FULL_SCALE_DB
    if full_scale_db is not None and not low <= full_scale_db <= high:
        raise UsageError(f"--full-scale-db {full_scale_db:g}: give {low:g} to {high:g} dB, often 110 to 130")


def _measure(path: Path, channel: int, reading: _Reading, *, bands: bool) -> "Levels":
    import soundfile

    from edge.dsp.levels import LevelMeter
    from edge.dsp.samples import RAIL
    from edge.dsp.weighting import LOWEST_RATE_HZ

    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, TypeError) as error:
        # TypeError: a name that ends in .raw, for which the library wants to be told the format.
        reason = getattr(error, "error_string", "raw samples without a header")
        raise UsageError(f"{path}: not a recording of sound ({reason}); give WAV, FLAC or Ogg") from error
    with file:
        reading.rate_hz, reading.channels = file.samplerate, file.channels
        if not 0 <= channel < file.channels:
            raise UsageError(f"{path}: has no channel {channel}; --channel takes 0 to {file.channels - 1}")
        if file.samplerate < LOWEST_RATE_HZ:
            raise UsageError(
                f"{path}: {file.samplerate} Hz is too slow to weight; give {LOWEST_RATE_HZ} Hz or more"
            )
        rail = _EIGHT_BIT_RAIL if file.subtype in _EIGHT_BITS else RAIL
        meter = LevelMeter(file.samplerate, rail=rail, bands=bands)
        for block in _blocks(file, path, reading):
            meter.add(block[:, channel])
    taken = meter.take()
    if not taken:
        raise UsageError(f"{path}: holds no sound; give another file")
    return taken[0]


def _blocks(file: Any, path: Path, reading: _Reading) -> Iterator[NDArray[np.float64]]:
    """Yield the sound of a file; note where it breaks off."""
    import soundfile

    from edge.decoding.recording import edges, is_cut_sound

    read = 0
    cause = ""
    try:
        while len(block := file.read(_BLOCK, dtype="float64", always_2d=True)):
            read += len(block)
            yield block
    except soundfile.LibsndfileError as error:
        cause = f" ({error.error_string})"
    if cause or read < file.frames or is_cut_sound(*edges(path)):
        reading.problems.append(
            f"cut short{cause}: measured the {read / file.samplerate:.1f} s that are there; copy it again"
        )


def _record(
    levels: "Levels", full_scale_db: float | None, channel: int, reading: _Reading
) -> dict[str, float | int | bool | None]:
    from edge.dsp.bands import NAMES
    from edge.dsp.decibels import FLOOR_DB

    scaled = levels.calibrated(full_scale_db or 0.0)
    keys = [key for _, key, _ in _ROWS]
    bands = zip(NAMES, scaled.bands_db, strict=True) if scaled.bands_db else ()
    return {
        **{key: None if getattr(levels, key) <= FLOOR_DB else round(getattr(scaled, key), 3) for key in keys},
        "duration_s": round(levels.duration_s, 6),
        "calibrated": full_scale_db is not None,
        "clipped": levels.clipped,
        "laimax_db": None if levels.silent else round(scaled.laimax_db, 3),
        "rate_hz": reading.rate_hz,
        "channels": reading.channels,
        "channel": channel,
        "invalid_samples": levels.invalid,
        **{name: None if level is None else round(level, 3) for name, level in bands},
    }


def _print_table(path: Path, record: dict[str, float | int | bool | None]) -> None:
    from rich.console import Console
    from rich.table import Table

    from edge.dsp.bands import NAMES, NOMINAL_HZ

    unit = "dB re 20 µPa" if record["calibrated"] else "dB re full scale"
    table = Table(title=f"{path.name}", title_justify="left", caption_justify="left")
    table.add_column("level")
    table.add_column(unit, justify="right")
    table.add_column("what it is", style="dim")
    for name, key, meaning in _ROWS:
        value = record[key]
        at_least = "≥ " if key == "lcpeak_db" and record["clipped"] else ""
        table.add_row(name, "-" if value is None else f"{at_least}{value:.1f}", meaning)
    for hz, key in zip(NOMINAL_HZ, NAMES, strict=True):
        if key in record:
            value = record[key]
            table.add_row(f"{hz:g} Hz", "-" if value is None else f"{value:.1f}", "one-third octave, Z")
    notes = [f"{record['duration_s']:.1f} s at {record['rate_hz']} Hz, channel {record['channel']}"]
    notes[0] += f" of {record['channels']}"
    if record["clipped"]:
        notes.append("clipped: levels are at least these")
    if not record["calibrated"]:
        notes.append("not calibrated: give --full-scale-db for sound pressure levels")
    table.caption = "\n".join(notes)
    Console().print(table)
