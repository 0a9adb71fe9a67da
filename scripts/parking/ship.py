"""Measures the networks of `train.py`, each on the car park that it never saw, and writes models/parking.

python -m scripts.parking.ship --cache FOLDER
"""

import argparse
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.domain.shipped import shipped
from edge.vision.bays import batch, camera_shift, logits
from scripts.parking.corpus import FILE, UNKNOWN
from scripts.street_sound.measures import auc

SEED = 2026
_BATCH = 256
_RARE, _BAYS, _DRAWN = 0.05, 300, 30

Floats = NDArray[np.float64]


def main() -> None:
    """Measure, copy, write the card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--left-out", default="nothing", help="default: the network of all sources ships")
    parser.add_argument("--seed", type=int, default=SEED, help="the one that ships")
    args = parser.parse_args()
    with np.load(args.cache / FILE) as kept:
        images, occupied, source = kept["images"], kept["occupied"], kept["source"]
    street = np.char.startswith(source, "street_")
    figures = []
    for left_out in sorted(set(source[~street].tolist())):
        held = source == left_out
        paths = sorted(args.cache.glob(f"without_{left_out}_*.onnx"))
        if not paths:
            continue
        found = [scores(path, images[held]) for path in paths]
        figures.append(_figures(left_out, found, occupied[held] == 1))
        print(figures[-1])
    folder = shipped("models") / "parking"
    folder.mkdir(exist_ok=True)
    content = (args.cache / f"without_{args.left_out}_{args.seed}.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content)
    text = (Path(__file__).parent / "card_head.toml").read_text(encoding="utf-8")
    loose = occupied == UNKNOWN
    for name, value in {
        "sha256": hashlib.sha256(content).hexdigest(),
        "seed": args.seed,
        "date": datetime.now(UTC).date().isoformat(),
        "left_out": args.left_out,
        "bays": int((~street & (source != args.left_out)).sum()),
        "street": int((street & ~loose).sum()),
        "loose": int(loose.sum()),
    }.items():
        text = text.replace(f"<{name}>", str(value))
    (folder / "card.toml").write_text(text + "\n" + "\n".join(figures), encoding="utf-8")


def scores(path: Path, images: NDArray[np.uint8]) -> Floats:
    """Return the network's score of `occupied` for each crop."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    parts = [images[first : first + _BATCH] for first in range(0, len(images), _BATCH)]
    found: Any = np.concatenate([session.run(None, {"bay": batch(list(part))})[0][:, 0] for part in parts])
    return np.asarray(found, np.float64)


def _figures(left_out: str, found: Sequence[Floats], occupied: NDArray[np.bool_]) -> str:
    on = f"{len(occupied)} bays of {left_out}, by networks that saw no picture of it"
    if len(found) > 1:
        on += f"; mean, least and most of {len(found)} seeds"
    parted = [float(np.mean((logits(each) >= camera_shift(each)) == occupied)) for each in found]
    alone = [float(np.mean((each >= 0.5) == occupied)) for each in found]
    full = [_right(each[occupied], True) for each in found]
    empty = [_right(each[~occupied], False) for each in found]
    return "\n".join(
        (
            _figure("accuracy, the camera's own scores parted", on, parted, 0.97),
            _figure("accuracy at a score of 0.5", on, alone),
            _figure("accuracy, parted, if it had seen its occupied bays alone", on, full),
            _figure("accuracy, parted, if it had seen its free bays alone", on, empty),
            _figure(
                f"share told free, parted, where {_RARE:.0%} are",
                on,
                [_rare(each, occupied, True) for each in found],
            ),
            _figure(
                f"share told free at 0.5, where {_RARE:.0%} are",
                on,
                [_rare(each, occupied, False) for each in found],
            ),
            _figure("area under the ROC curve", on, [auc(each[occupied], each[~occupied]) for each in found]),
        )
    )


def _rare(found: Floats, occupied: NDArray[np.bool_], parted: bool) -> float:
    """Return the share of bays told free in a car park of which a twentieth is, over drawn car parks."""
    dice = np.random.default_rng(SEED)
    free, taken = np.flatnonzero(~occupied), np.flatnonzero(occupied)
    told = []
    for _ in range(_DRAWN):
        many = round(_BAYS * _RARE)
        drawn = found[np.concatenate([dice.choice(free, many), dice.choice(taken, _BAYS - many)])]
        told.append(np.mean(logits(drawn) < (camera_shift(drawn) if parted else 0.0)))
    return float(np.mean(told))


def _right(found: Floats, occupied: bool) -> float:
    return float(np.mean((logits(found) >= camera_shift(found)) == occupied))


def _figure(what: str, on: str, values: Sequence[float], target: float | None = None) -> str:
    text = f'[[figures]]\nwhat = "{what}"\non = "{on}"\nvalue = {np.mean(values):.4f}\n'
    if len(values) > 1:
        text += f"low = {min(values):.4f}\nhigh = {max(values):.4f}\n"
    return text + (f"target = {target}\n" if target else "")


if __name__ == "__main__":
    main()
