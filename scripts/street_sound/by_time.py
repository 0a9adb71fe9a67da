"""Train the street-sound network in so many minutes, on an accelerator where there is one.

The stages are those of `train.py`, each with its share of the time, its rate planned by the time left. The
pool is held in the accelerator's memory and may still be in the making (`pool.py --workers`). Half of each
batch is mixed with other pictures: the teacher mn04 hears the mixture itself. Run again, it goes on.

    python -m scripts.street_sound.by_time --cache DIR --peers DIR --minutes N
"""

import argparse
import sys
import time
from pathlib import Path

import torch

from scripts.street_sound.held import Held
from scripts.street_sound.network import StreetNet
from scripts.street_sound.peers import tag_families
from scripts.street_sound.teacher import TorchTeacher
from scripts.street_sound.train import BASE_RATE, FORCED_RATE, START, Loss, Stage, fit, load_start, save_start

_STAGES = {"layers": (0.375, FORCED_RATE), "base": (0.625, BASE_RATE)}  # share of the time, peak rate
_DECAY = 0.005  # many steps over pictures that never end need little of it
_MIXED = 0.5  # share of a batch


def _train(args: argparse.Namespace, device: torch.device) -> None:
    ends_s = time.monotonic() + 60 * args.minutes
    folder = args.cache / "network"
    folder.mkdir(parents=True, exist_ok=True)
    held = Held(args.cache / "pool-any", device, args.batch)
    # What the layers give is standardised in the same way in every training.
    loss = Loss(TorchTeacher(args.peers, device), held.first(512), tag_families(args.peers))
    net: StreetNet | None = load_start(args.start) if args.start.exists() else None
    left = 1.0
    for name, (share, rate) in _STAGES.items():
        seconds = max(1.0, (ends_s - time.monotonic()) * share / left)
        left -= share
        stage = Stage(
            name,
            pictures=0,
            peak_rate=rate,
            forced=name == "layers",
            seconds=seconds,
            mixed=int(_MIXED * args.batch),
            decay=_DECAY,
        )
        sys.stderr.write(f"{name}: {seconds:.0f} s, {len(held)} mixtures\n")
        net = fit(stage, held, loss, net, folder, device=device)
    assert net is not None
    save_start(net, folder / START.name)


def main() -> None:
    """Train what is not trained yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="where the pool is and the networks go")
    parser.add_argument("--peers", type=Path, required=True, help="folder of the teachers")
    parser.add_argument("--minutes", type=float, required=True, help="how long it may take in all")
    parser.add_argument("--batch", type=int, default=256, help="pictures in a step")
    parser.add_argument("--start", type=Path, default=START, help="weights from which it begins")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = True
    _train(args, torch.device("cuda" if torch.cuda.is_available() else "cpu"))


if __name__ == "__main__":
    main()
