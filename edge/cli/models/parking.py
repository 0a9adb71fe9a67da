"""`lamppost models evaluate parking`: is the bay in each picture free or occupied.

The pictures are taken to be of one camera: when there are enough, their scores tell where free ends on it.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from edge.cli.models import tables
from edge.cli.output import FINE, FOUND_PROBLEM, complain, emit_json
from edge.inference.session import Model, open_model
from edge.vision.bays import batch, camera_shift, cut, shifted

MODEL = "parking"
_WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare pictures and result."""
    parser.add_argument(
        "--images", required=True, type=Path, metavar="CSV", help="CSV with a column `image`: one bay each"
    )
    parser.add_argument(
        "--out", required=True, type=Path, help="CSV to write: image, state, score of occupied"
    )
    parser.add_argument(
        "--mixed", action="store_true", help="the pictures are of several cameras: each is told by itself"
    )
    parser.set_defaults(do=run)


def run(args: argparse.Namespace, models: Path) -> int:
    """Write the table. A picture that cannot be read keeps its row with empty cells; exit code 1 then."""
    names = tables.listed(args.images, "image")
    model = open_model(models / MODEL)
    scores: dict[str, float] = {}
    failed: list[str] = []
    for name in names:
        try:
            scores[name] = _score(model, args.images.parent / name)
        except tables.RowError as error:
            complain(f"{name}: {error}")
            failed.append(name)
    shift = 0.0 if args.mixed else camera_shift(scores.values())
    threshold = model.card.labels[0].threshold

    def rows() -> Iterator[tuple[str, str, str]]:
        for name in names:
            if name in scores:
                score = shifted(scores[name], shift)
                yield name, "occupied" if score >= threshold else "free", f"{score:.6f}"
            else:
                yield name, "", ""

    tables.write(args.out, ("image", "state", "score"), rows())
    if args.json:
        emit_json({"images": len(names), "failed": len(failed), "out": str(args.out)})
    return FOUND_PROBLEM if failed else FINE


def _score(model: Model, path: Path) -> float:
    crop = cut(tables.read_picture(path), _WHOLE)
    if crop is None:
        raise tables.RowError("is too small to tell")
    return float(model.run(batch([crop]))[0][0, 0])
