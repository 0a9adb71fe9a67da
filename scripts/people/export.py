"""Writes the trained network as ONNX, its normalisation folded into its convolutions.

python -m scripts.people.export --cache FOLDER [--licences permissive]
"""

import argparse
from pathlib import Path
from typing import Any

import torch

from scripts.people.corpus import LICENCES, SIDE
from scripts.people.network import People, Shipped


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
    print(f"{path}: step {kept['step']}, {path.stat().st_size} bytes")


def export(network: People, path: Path) -> None:
    """Write a network for one picture of 416x416."""
    import onnx

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
    onnx.checker.check_model(onnx.load(path))


if __name__ == "__main__":
    main()
