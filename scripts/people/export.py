"""Writes the trained network as ONNX, its normalisation folded into its convolutions, its weights as float16.

python -m scripts.people.export --cache FOLDER [--licences permissive]
"""

import argparse
from pathlib import Path

import torch

from scripts.onnx_files import halve_weights, write_network
from scripts.people.corpus import LICENCES, SIDE
from scripts.people.network import People, Shipped
from scripts.people.train import read_weights

_LARGE = 512  # weights in a tensor


def main() -> None:
    """Export people_LICENCES.npz, the smoothed weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--licences", choices=LICENCES, default="any")
    args = parser.parse_args()
    path = args.cache / f"people_{args.licences}.onnx"
    network = People()
    network.load_state_dict(read_weights(path.with_suffix(".npz")))
    export(network, path)
    print(f"{path}: {path.stat().st_size} bytes")


def export(network: People, path: Path) -> None:
    """Write a network for one picture of 416x416."""
    network.eval()
    example = torch.zeros(1, 3, SIDE, SIDE)
    write_network(Shipped(network), example, path, ("images", "output"), any_number=False)
    halve_weights(path, _LARGE)


if __name__ == "__main__":
    main()
