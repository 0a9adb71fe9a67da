"""Measures the networks of `train.py`, each on the source that it never saw, and writes models/parking.

python -m scripts.parking.ship --cache FOLDER
"""

import argparse
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from edge.domain.shipped import shipped
from edge.vision.bays import batch, camera_shift, logits
from scripts.parking.corpus import FILE

SEED = 2026
_BATCH = 256

Floats = NDArray[np.float64]


def main() -> None:
    """Measure, copy, write the card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--left-out", default="nothing", help="default: the network of all sources ships")
    args = parser.parse_args()
    with np.load(args.cache / FILE) as kept:
        images, occupied, source = kept["images"], kept["occupied"], kept["source"]
    figures = []
    for path in sorted(args.cache.glob("without_*.onnx")):
        left_out = path.stem.removeprefix("without_")
        held = source == left_out
        if held.any():
            figures.append(_figures(left_out, scores(path, images[held]), occupied[held]))
            print(figures[-1])
    folder = shipped("models") / "parking"
    folder.mkdir(exist_ok=True)
    content = (args.cache / f"without_{args.left_out}.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content)
    text = (Path(__file__).parent / "card_head.toml").read_text(encoding="utf-8")
    text = text.replace("<sha256>", hashlib.sha256(content).hexdigest()).replace("<seed>", str(SEED))
    text = text.replace("<date>", datetime.now(UTC).date().isoformat())
    text = text.replace("<left_out>", args.left_out)
    bays = int(sum(not str(name).startswith("street_") and name != args.left_out for name in source))
    text = text.replace("<bays>", str(bays)).replace(
        "<street>", str(sum(str(name).startswith("street_") for name in source))
    )
    (folder / "card.toml").write_text(text + "\n" + "\n".join(figures), encoding="utf-8")


def scores(path: Path, images: NDArray[np.uint8]) -> Floats:
    """Return the network's score of `occupied` for each crop."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    parts = [images[first : first + _BATCH] for first in range(0, len(images), _BATCH)]
    found: Any = np.concatenate([session.run(None, {"bay": batch(list(part))})[0][:, 0] for part in parts])
    return np.asarray(found, np.float64)


def _figures(left_out: str, found: Floats, occupied: NDArray[Any]) -> str:
    alone = float(np.mean((found >= 0.5) == occupied))
    right = float(np.mean((logits(found) >= camera_shift(found)) == occupied))
    ranks = rankdata(found)[occupied == 1].sum()
    positives = int(occupied.sum())
    area = (ranks - positives * (positives + 1) / 2) / (positives * (len(occupied) - positives))
    on = f"{len(found)} bays of {left_out}, by a network that saw no bay of it"
    return (
        f'[[figures]]\nwhat = "accuracy, the camera\'s own scores parted"\non = "{on}"\n'
        f"value = {right:.4f}\ntarget = 0.97\n\n"
        f'[[figures]]\nwhat = "accuracy at a score of 0.5"\non = "{on}"\nvalue = {alone:.4f}\n\n'
        f'[[figures]]\nwhat = "area under the ROC curve"\non = "{on}"\nvalue = {area:.4f}\n'
    )


if __name__ == "__main__":
    main()
