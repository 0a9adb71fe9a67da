"""`lamppost models evaluate street_sound`: the model over the clips of a manifest, as a table."""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edge.cli.output import BROKEN, FINE, FOUND_PROBLEM, UsageError, complain, emit_json, existing_file
from edge.dsp.log_mel import cut_windows, log_mel, to_model_rate
from edge.dsp.pooling import log_odds, pooled_over, probability_of
from edge.inference.card import ModelError
from edge.inference.session import Model, open_model

if TYPE_CHECKING:
    import soundfile

MODEL = "street_sound"
HOP_S = 0.25
_BLOCK_S = 60.0
_BATCH = 32

Floats = npt.NDArray[np.float32]
Windows = list[tuple[float, Floats]]


class ClipError(Exception):
    """A clip cannot be evaluated; the message says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare manifest, result and form."""
    parser.add_argument("--manifest", required=True, help="CSV with a column `path` and, if known, `label`")
    parser.add_argument("--out", required=True, type=Path, help="CSV to write")
    parser.add_argument("--segments", action="store_true", help="one row for every window, with its time")
    parser.add_argument("--hop", type=float, default=HOP_S, metavar="S", help="seconds between windows")
    parser.set_defaults(do=run)


def _rows(manifest: Path) -> list[tuple[int, str, str]]:
    """Return (line, path, label) of each row."""
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if "path" not in (reader.fieldnames or []):
                raise UsageError(f"{manifest}: no column `path`; the first line must name the columns")
            rows = [(reader.line_num, row["path"] or "", row.get("label") or "") for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{manifest}: not a CSV file in UTF-8 ({error}); export it again") from error
    if not rows:
        raise UsageError(f"{manifest}: lists no clips; add rows below the header")
    return rows


def _one_channel(block: Floats) -> Floats:
    """Mean of the channels that are alive: finite and not constant."""
    alive = np.isfinite(block).all(axis=0) & (np.ptp(np.nan_to_num(block), axis=0) > 0)
    chosen = block[:, alive] if alive.any() else block
    return np.asarray(chosen.mean(axis=1), dtype=np.float32)


def _blocks(file: "soundfile.SoundFile", hop_s: float) -> Iterator[tuple[float, Floats]]:
    """Yield (start, samples) in pieces that share no window: memory stays bounded on long recordings."""
    rate = file.samplerate
    size = round((round(_BLOCK_S / hop_s) * hop_s + 1.0 - hop_s) * rate)
    overlap = min(size - 1, round(max(0.0, 1.0 - hop_s) * rate))
    done = 0
    for block in file.blocks(size, overlap=overlap, dtype="float32", always_2d=True):
        if done == 0 or len(block) > overlap:
            yield done / rate, block
        done += size - overlap


def _windows(path: Path, hop_s: float) -> Iterator[tuple[float, Floats]]:
    import soundfile

    if path.is_dir():
        raise ClipError("is a directory; give a sound file")
    if not path.exists():
        raise ClipError("no such file; check the path")
    try:
        with soundfile.SoundFile(path) as file:
            for start_s, block in _blocks(file, hop_s):
                mono = _one_channel(block)
                gaps = ~np.isfinite(mono)
                track = to_model_rate(np.where(gaps, 0, mono), file.samplerate)
                for at_s, window in cut_windows(track, hop_s):
                    span = slice(int(at_s * file.samplerate), int((at_s + 1) * file.samplerate))
                    if not gaps[span].any():
                        yield start_s + at_s, window
    except (soundfile.LibsndfileError, ValueError, OSError) as error:
        raise ClipError(f"cannot be read as sound: {error}") from error


def _probabilities(model: Model, windows: Windows) -> Iterator[tuple[float, Floats]]:
    pictures = log_mel(np.stack([window for _, window in windows]))
    for (start_s, _), row in zip(windows, model.run(pictures)[0], strict=True):
        yield start_s, row


def evaluate_clip(model: Model, path: Path, hop_s: float) -> list[tuple[float, Floats]]:
    """Return (start in seconds, probability of each label) of every whole and finite window of a clip.

    What the card pools over some seconds is told as the daemon tells it: from the windows up to this one.

    Raises:
        ClipError: missing, not sound, empty, or without one window of finite samples.
    """
    found: list[tuple[float, Floats]] = []
    waiting: Windows = []
    for window in _windows(path, hop_s):
        waiting.append(window)
        if len(waiting) == _BATCH:
            found += _probabilities(model, waiting)
            waiting = []
    if waiting:
        found += _probabilities(model, waiting)
    if not found:
        raise ClipError("holds no second of finite samples; leave it out or record it again")
    return _told(model, found)


def _told(model: Model, found: list[tuple[float, Floats]]) -> list[tuple[float, Floats]]:
    starts, heard = (np.array(part) for part in zip(*found, strict=True))
    told = heard.copy()
    for k, label in enumerate(model.card.labels):
        if label.pooled_s:
            odds = pooled_over(log_odds(heard[:, [k]]), starts, label.pooled_s)
            told[:, k] = probability_of(odds)[:, 0]
    return list(zip(starts.tolist(), told, strict=True))


def _table(
    label_of_clip: tuple[str, str], found: list[tuple[float, Floats]], segments: bool
) -> Iterator[list[Any]]:
    if segments:
        for start_s, row in found:
            yield [*label_of_clip, f"{start_s:.3f}", *(f"{p:.6f}" for p in row)]
    else:
        yield [*label_of_clip, *(f"{p:.6f}" for p in np.max([row for _, row in found], axis=0))]


def run(args: argparse.Namespace, models: Path) -> int:
    """Write the table. A clip that cannot be evaluated keeps its row with empty cells; exit code 1 then."""
    manifest = existing_file(args.manifest)
    if not 0.01 <= args.hop <= 10.0:
        raise UsageError(f"--hop {args.hop}: must be 0.01..10 seconds")
    rows = _rows(manifest)
    try:
        model = open_model(models / MODEL)
        failed = _write(args, model, manifest, rows)
    except ModelError as error:
        complain(str(error))
        return BROKEN
    except OSError as error:
        raise UsageError(f"{args.out}: cannot be written ({error.strerror}); check the folder") from error
    if args.json:
        emit_json({"clips": len(rows), "failed": failed, "out": str(args.out)})
    return FOUND_PROBLEM if failed else FINE


def _write(args: argparse.Namespace, model: Model, manifest: Path, rows: list[tuple[int, str, str]]) -> int:
    names = model.card.label_names()
    failed = 0
    with args.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", *(["start_s"] if args.segments else []), *names])
        for line, path, label in rows:
            try:
                found = evaluate_clip(model, manifest.parent / path, args.hop)
            except ClipError as error:
                complain(f"{manifest}, line {line}: {path}: {error}")
                failed += 1
                writer.writerow([path, label, *([""] if args.segments else []), *("" for _ in names)])
            else:
                writer.writerows(_table((path, label), found, args.segments))
    return failed
