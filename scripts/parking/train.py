"""Trains the network of bays; goes on where it was interrupted.

    python -m scripts.parking.train --cache FOLDER [--seeds 2026 2027]

First the base: on the street pictures alone, which show neither car park. From it one network for each car
park left out (its figures say how well it does on a camera it never saw), and one of all, which ships. All
learn the labels, the judgement of a teacher that saw the same labels, and what it sees (`teacher.py`).
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from scripts.parking.corpus import FILE, UNKNOWN
from scripts.parking.network import Bay, Exported
from scripts.parking.teacher import TAUGHT, components, judged

SEED = 2026
BATCH = 64
_DRAWN = 8000
_CERTAIN = 0.97
_WEIGHT_OF_FEATURES = 0.7
_SHARE_OF_BAYS = 0.3
_SHARE_OF_LOOSE = 0.3
BASE = "street"
NOTHING = "nothing"


@dataclass(frozen=True)
class Plan:
    """How one network is trained: from which kept one, with what seed, how long, how fast at most."""

    name: str
    start: Path | None
    seed: int
    epochs: int
    peak_rate: float


@dataclass(frozen=True)
class Lessons:
    """Pictures uint8 (m, 3, 64, 64), answers (m,), what the teacher sees (m, k), weights to draw by (m,)."""

    images: torch.Tensor
    wanted: torch.Tensor
    seen: torch.Tensor
    weights: torch.Tensor


def main() -> None:
    """Train the base, then each variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--only", help="one car park to leave out, or `nothing`; default: each, then nothing")
    parser.add_argument("--seeds", type=int, nargs="+", default=[SEED])
    parser.add_argument("--base-epochs", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(args.cache / TAUGHT) as kept:
        images, features, index = kept["images"], kept["features"], kept["index"]
    with np.load(args.cache / FILE) as kept:
        plain = np.arange(len(index)) < (kept["occupied"] != UNKNOWN).sum()
        occupied, source = kept["occupied"][index], kept["source"][index]
    street = np.char.startswith(source, "street_")
    seen = torch.from_numpy(components(features, street))

    def lessons(taught: NDArray[np.bool_]) -> Lessons:
        judgement = judged(features, occupied, source, taught)
        for held in sorted(set(source[~street & ~taught & plain].tolist())):
            right = ((judgement > 0.5) == occupied)[plain & (source == held)].mean()
            print(f"the teacher is right on {held}, left out: {right:.4f}", flush=True)
        told = np.where(occupied == UNKNOWN, judgement, occupied)
        # Where label and teacher contradict each other (a tree hides the bay), neither is insisted on.
        wanted = torch.from_numpy((told + judgement) / 2).float().clamp(1 - _CERTAIN, _CERTAIN)
        weights = torch.from_numpy(_weights(occupied, street, taught)[taught])
        chosen = torch.from_numpy(images[taught]).permute(0, 3, 1, 2).contiguous()
        return Lessons(chosen, wanted[taught], seen[taught], weights)

    base = _trained(args.cache, Plan(BASE, None, SEED, args.base_epochs, 4e-3), lessons(street))
    _export(base, args.cache / f"without_{BASE}.onnx")
    bays = sorted(set(source[~street].tolist()))
    for seed in args.seeds:
        for left_out in [args.only] if args.only else [*bays, NOTHING]:
            plan = Plan(f"{left_out}_{seed}", args.cache / f"{BASE}.pt", seed, args.epochs, 3e-3)
            network = _trained(args.cache, plan, lessons(source != left_out))
            _export(network, args.cache / f"without_{plan.name}.onnx")


def _weights(
    occupied: NDArray[np.int64], street: NDArray[np.bool_], taught: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return how often each picture is drawn: the groups in fixed shares, within each both states alike."""
    weights = np.zeros(len(occupied))
    loose = occupied == UNKNOWN
    shares = ((loose, _SHARE_OF_LOOSE), (~street, _SHARE_OF_BAYS))
    for group, share in (*shares, (street & ~loose, 1 - _SHARE_OF_LOOSE - _SHARE_OF_BAYS)):
        for state in set(occupied[group & taught].tolist()):
            chosen = group & taught & (occupied == state)
            weights[chosen] = share / chosen.sum()
    return weights


def _trained(cache: Path, plan: Plan, lessons: Lessons) -> Bay:
    torch.manual_seed(plan.seed)
    network = Bay(lessons.seen.shape[1])
    network.to(memory_format=torch.channels_last)
    if plan.start:
        network.load_state_dict(torch.load(plan.start, weights_only=True)["network"])
    learner = torch.optim.AdamW(network.parameters(), lr=plan.peak_rate, weight_decay=0.02)
    steps = plan.epochs * (_DRAWN // BATCH)
    rates = torch.optim.lr_scheduler.OneCycleLR(learner, plan.peak_rate, total_steps=steps, pct_start=0.2)
    mark = cache / f"{plan.name}.pt"
    begun = 0
    if mark.exists():
        kept: dict[str, Any] = torch.load(mark, weights_only=True)
        network.load_state_dict(kept["network"])
        learner.load_state_dict(kept["learner"])
        rates.load_state_dict(kept["rates"])
        begun = kept["epochs"]
    for epoch in range(begun, plan.epochs):
        dice = torch.Generator().manual_seed(1000 * plan.seed + epoch)
        lost = _epoch(network, (learner, rates), lessons, dice)
        kept = {"network": network.state_dict(), "learner": learner.state_dict(), "rates": rates.state_dict()}
        torch.save(kept | {"epochs": epoch + 1}, mark)
        print(f"{plan.name}: epoch {epoch + 1}, loss {lost:.3f}", flush=True)
    network.eval()
    return network


def _epoch(network: Bay, steps: tuple[Any, Any], lessons: Lessons, dice: torch.Generator) -> float:
    learner, rates = steps
    network.train()
    total = 0.0
    for _ in range(_DRAWN // BATCH):
        chosen = torch.multinomial(lessons.weights, BATCH, replacement=True, generator=dice)
        pictures = _again(lessons.images[chosen].float(), dice)
        found = network.seen(pictures.contiguous(memory_format=torch.channels_last))
        judgement = functional.binary_cross_entropy_with_logits(
            network.head(found)[:, 0], lessons.wanted[chosen]
        )
        assert network.pupil is not None
        features = functional.mse_loss(network.pupil(found), lessons.seen[chosen])
        loss = judgement + _WEIGHT_OF_FEATURES * features
        learner.zero_grad()
        loss.backward()
        learner.step()
        rates.step()
        total += float(loss.detach()) * BATCH / _DRAWN
    return total


def _again(pictures: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
    """Change pictures once more, by no more than the teacher would still see alike: mirror, light, noise."""
    n = len(pictures)
    mirrored = torch.rand(n, generator=dice) < 0.5
    pictures = torch.where(mirrored.view(-1, 1, 1, 1), pictures.flip(3), pictures)
    gain = 0.75 + 0.5 * torch.rand(n, 1, 1, 1, generator=dice)
    noise = 6 * torch.rand(n, 1, 1, 1, generator=dice) * torch.randn(pictures.shape, generator=dice)
    return (pictures * gain + noise).clamp(0, 255)


def _export(network: Bay, path: Path) -> None:
    import onnx

    example = torch.zeros(1, 3, 64, 64)
    network.pupil = None
    torch.onnx.export(
        Exported(network).eval(),
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
