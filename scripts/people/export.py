"""Writes the trained network as ONNX, its normalisation folded into its convolutions, its weights as float16.

And as weights to go on from (`train --start`): people_LICENCES.npz.

python -m scripts.people.export --cache FOLDER [--licences permissive]
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from scripts.onnx_files import halve_weights
from scripts.people.corpus import LICENCES, SIDE
from scripts.people.network import People, Shipped

_LARGE = 512  # weights in a tensor


def main() -> None:
    """Export the smoothed weights of the last checkpoint."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--licences", choices=LICENCES, default="any")
    args = parser.parse_args()
    kept: dict[str, Any] = torch.load(
        args.cache / f"people_{args.licences}.pt", weights_only=True, map_location="cpu"
    )
    network = People()
    network.load_state_dict(kept["smooth"])
    path = args.cache / f"people_{args.licences}.onnx"
    export(network, path)
    weights: dict[str, Any] = {name: _halved(value.numpy()) for name, value in network.state_dict().items()}
    np.savez_compressed(path.with_suffix(".npz"), **weights)
    print(f"{path}: step {kept['step']}, {path.stat().st_size} bytes")


def export(network: People, path: Path) -> None:
    """Write a network for one picture of 416x416."""
    network.eval()
    torch.onnx.export(
        Shipped(network),
        (torch.zeros(1, 3, SIDE, SIDE),),
        str(path),
        input_names=["images"],
        output_names=["output"],
        opset_version=17,
        dynamo=False,
    )
    halve_weights(path, _LARGE)


def _halved(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float16) if values.dtype == np.float32 and values.ndim > 1 else values


if __name__ == "__main__":
    main()
