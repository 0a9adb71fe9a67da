"""The tables that `lamppost models evaluate` reads and writes; paths are relative to the table's folder."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from edge.cli.output import UsageError
from edge.domain.frames import Image
from edge.vision.opencv import opencv
from edge.vision.picture import as_bgr

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


class RowError(Exception):
    """One file of a table cannot be evaluated; the message says why."""


def listed(table: Path, column: str) -> list[str]:
    """Return what a column of a CSV holds, each once, in order. Raises UsageError."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if column not in (reader.fieldnames or []):
                raise UsageError(f"{table}: no column `{column}`; the first line must name the columns")
            names = dict.fromkeys(row[column] or "" for row in reader)
    except OSError as error:
        raise UsageError(f"{table}: {error.strerror}; check the path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table}: not a CSV file in UTF-8 ({error}); export it again") from error
    found = [name for name in names if name]
    if not found:
        raise UsageError(f"{table}: lists nothing; add rows below the header")
    return found


def pictures_in(folder: Path) -> list[str]:
    """Return the pictures below a folder, relative to it. Raises UsageError."""
    found = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in PICTURES]
    if not found:
        raise UsageError(f"{folder}: holds no picture; give a folder of {', '.join(sorted(PICTURES))}")
    return sorted(found)


def read_picture(path: Path) -> Image:
    """Return a picture as the detectors get them. Raises RowError."""
    if not path.is_file():
        raise RowError("no such file; check the path")
    try:
        return as_bgr(opencv().imread(str(path), opencv().IMREAD_UNCHANGED))
    except ValueError as error:
        raise RowError(f"cannot be read as a picture: {error}") from error


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV. Raises UsageError."""
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); check the folder") from error
