"""Trains the network of bays; goes on where it was interrupted.

    python -m scripts.parking.train --cache FOLDER [--epochs 10]

One network for each source left out (its figures say how well it does on a camera it never saw), and one of
all sources, which ships. Each epoch is kept in the cache, with the scores of the source that was left out.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from scripts.parking.augment import augmented
from scripts.parking.corpus import FILE
from scripts.parking.network import Bay, Exported

SEED = 2026
BATCH = 64
_PEAK_RATE = 4e-3
_TRUST_AFTER = 0.3
_HIDDEN_SHARE = 0.08


def main() -> None:
    """Train each variant, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument(
        "--only", help="one source to leave out, or `nothing`; default: each, one after another"
    )
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(args.cache / FILE) as kept:
        images = torch.from_numpy(kept["images"]).permute(0, 3, 1, 2).contiguous()
        occupied = torch.from_numpy(kept["occupied"]).float()
        source = kept["source"]
    bays = sorted(name for name in set(source.tolist()) if not name.startswith("street_"))
    for left_out in [args.only] if args.only else [*bays, "nothing"]:
        held = torch.from_numpy(source == left_out)
        network = _trained(args, left_out, images[~held], occupied[~held], (images[held], occupied[held]))
        _export(network, args.cache / f"without_{left_out}.onnx")


def _trained(
    args: argparse.Namespace,
    left_out: str,
    images: torch.Tensor,
    occupied: torch.Tensor,
    held: tuple[torch.Tensor, torch.Tensor],
) -> Bay:
    torch.manual_seed(SEED)
    network = Bay()
    learner = torch.optim.AdamW(network.parameters(), lr=_PEAK_RATE, weight_decay=0.02)
    steps = args.epochs * (len(images) // BATCH)
    plan = torch.optim.lr_scheduler.OneCycleLR(learner, _PEAK_RATE, total_steps=steps)
    mark = args.cache / f"without_{left_out}_{args.epochs}.pt"
    begun = 0
    if mark.exists():
        kept: dict[str, Any] = torch.load(mark, weights_only=True)
        network.load_state_dict(kept["network"])
        learner.load_state_dict(kept["learner"])
        plan.load_state_dict(kept["plan"])
        begun = kept["epochs"]
    for epoch in range(begun, args.epochs):
        dice = torch.Generator().manual_seed(SEED + epoch)
        lost = _epoch(network, (learner, plan), (images, occupied), dice)
        kept = {"network": network.state_dict(), "learner": learner.state_dict(), "plan": plan.state_dict()}
        torch.save(kept | {"epochs": epoch + 1}, mark)
        right = _right(network, *held)
        print(f"without {left_out}: epoch {epoch + 1}, loss {lost:.3f}, right on it {right:.4f}", flush=True)
    network.eval()
    return network


def _epoch(
    network: Bay, steps: tuple[Any, Any], bays: tuple[torch.Tensor, torch.Tensor], dice: torch.Generator
) -> float:
    (learner, plan), (images, occupied) = steps, bays
    network.train()
    order = torch.randperm(len(images), generator=dice)
    total = 0.0
    for chosen in order[: len(order) // BATCH * BATCH].split(BATCH):
        batch = augmented(images[chosen].float(), dice)
        wanted = occupied[chosen] * 0.94 + 0.03
        each = functional.binary_cross_entropy_with_logits(network(batch), wanted, reduction="none")
        # Some labels cannot be seen (a tree hides the bay): once the rest is learnt, the worst are left out.
        learnt = plan.last_epoch > _TRUST_AFTER * plan.total_steps
        loss = (each.sort().values[: round((1 - _HIDDEN_SHARE) * BATCH)] if learnt else each).mean()
        learner.zero_grad()
        loss.backward()
        learner.step()
        plan.step()
        total += float(loss.detach()) * len(chosen)
    return total / len(images)


def _right(network: Bay, images: torch.Tensor, occupied: torch.Tensor) -> float:
    if not len(images):
        return float("nan")
    network.eval()
    with torch.no_grad():
        scores = torch.cat([network(part.float()) for part in images.split(256)])
    return float(((scores > 0).float() == occupied).float().mean())


def _export(network: Bay, path: Path) -> None:
    import onnx

    example = torch.zeros(1, 3, 64, 64)
    torch.onnx.export(
        Exported(network),
        (example,),
        str(path),
        input_names=["bay"],
        output_names=["occupied"],
        dynamic_axes={"bay": {0: "n"}, "occupied": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    onnx.checker.check_model(onnx.load(path))


if __name__ == "__main__":
    main()
