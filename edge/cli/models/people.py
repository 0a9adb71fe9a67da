"""`lamppost models evaluate people`: what a detector finds in pictures, as a table of boxes."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from edge.cli.models import tables
from edge.cli.output import FINE, FOUND_PROBLEM, complain, emit_json
from edge.detectors.people import DEFAULT, finder_of
from edge.inference.session import open_model
from edge.vision.finder import Finder, Tiling

MODEL = "people"
_HEADER = ("image", "class", "score", "x1", "y1", "x2", "y2")


def tiling(text: str) -> Tiling:
    """Return columns and rows given as `3x2`. Raises argparse.ArgumentTypeError."""
    columns, _, rows = text.lower().partition("x")
    if not (columns.isdigit() and rows.isdigit() and 1 <= int(columns) <= 8 and 1 <= int(rows) <= 8):
        raise argparse.ArgumentTypeError(f"'{text}': write columns x rows, 1 to 8 each: 3x2; 1x1 is none")
    return int(columns), int(rows)


def score(text: str) -> float:
    """Return a score given on the command line. Raises argparse.ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number between 0 and 1")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare pictures, result and how they are searched."""
    parser.add_argument(
        "--images",
        required=True,
        type=Path,
        metavar="CSV_OR_DIR",
        help="CSV with a column `image`, or a folder",
    )
    parser.add_argument(
        "--out", required=True, type=Path, help="CSV to write; a picture without finds has no row"
    )
    parser.add_argument(
        "--detector", default=DEFAULT, metavar="NAME", help=f"folder below models/; default: {DEFAULT}"
    )
    parser.add_argument("--threshold", type=score, default=0.01, help="lowest score told (default: 0.01)")
    parser.add_argument(
        "--tiles", type=tiling, default=(1, 1), metavar="CxR", help="also search in tiles: 3x2"
    )
    parser.set_defaults(do=run)


def run(args: argparse.Namespace, models: Path) -> int:
    """Write the table. A picture that cannot be read is a complaint and exit code 1."""
    folder = args.images if args.images.is_dir() else args.images.parent
    names = tables.pictures_in(folder) if args.images.is_dir() else tables.listed(args.images, "image")
    model = open_model(models / args.detector, args.fetched)
    finder = finder_of(model, faint=1.0)
    finder.lowest[:] = args.threshold
    failed: list[str] = []
    tables.write(args.out, _HEADER, _rows(finder, folder, names, args.tiles, failed))
    if args.json:
        told = {"images": len(names), "failed": len(failed), "out": str(args.out)}
        emit_json(told | {"detector": model.card.name})
    return FOUND_PROBLEM if failed else FINE


def _rows(
    finder: Finder, folder: Path, names: list[str], tiles: Tiling, failed: list[str]
) -> Iterator[tuple[object, ...]]:
    for name in names:
        try:
            boxes = finder.find(tables.read_picture(folder / name), tiles)
        except tables.RowError as error:
            complain(f"{name}: {error}")
            failed.append(name)
            continue
        for corners, found, label in zip(boxes.corners, boxes.scores, boxes.labels, strict=True):
            yield name, finder.labels[label], f"{found:.4f}", *(f"{side:.1f}" for side in corners)
