"""Train the street-sound network.

First on further recordings, as the start of all; then once for each fold left out; then on everything. It
can be interrupted at any time: run the same command again and it goes on.

    python -m scripts.street_sound.train --cache DIR [--licences permissive] [--only base,0,1,2,3,all]
"""

import argparse
import copy
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from scripts.street_sound.corpus import FOLDS, SEED
from scripts.street_sound.labels import UNKNOWN
from scripts.street_sound.network import StreetNet
from scripts.street_sound.progress import progress

BATCH = 32
_FROZEN = 3  # first layers of the trunk
_SAVE_EVERY = 200
_SLOW = 0.998  # decay of the averaged weights
_POSITIVE_WEIGHT = 2.0

Arrays = dict[str, npt.NDArray[np.float16]]


def read_pool(folder: Path, folds: list[int], most: int | None = None) -> Arrays:
    """Return the shards of `folds` as one array of each kind."""
    paths = sorted(p for k in folds for p in folder.glob(f"fold{k}-*.npz") if ".part" not in p.name)
    if not paths:
        raise SystemExit(f"{folder}: no shards of folds {folds}; run scripts.street_sound.pool first")
    shards = [np.load(path) for path in paths[:most]]
    return {name: np.concatenate([shard[name] for shard in shards]) for name in shards[0].files}


def _vary(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Tilt, colour, shift and mask the pictures a little: each is seen differently in each epoch."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    count, bands, _ = pictures.shape
    band = torch.linspace(-1, 1, bands)
    colour = torch.zeros(count, bands)
    for order in (1.0, 2.0, 3.5):
        colour += (uniform(count, 1) - 0.5) * 0.5 * torch.sin(band * order + 6.3 * uniform(count, 1))
    floor = pictures.amin(dim=(1, 2), keepdim=True)
    varied = torch.maximum(pictures + colour[:, :, None] * (uniform(count, 1, 1) < 0.6), floor)
    place = torch.arange(bands)[None, :, None]
    start, width = uniform(count, 1, 1) * bands, uniform(count, 1, 1) * 10 * (uniform(count, 1, 1) < 0.4)
    varied = torch.where((place >= start) & (place < start + width), floor, varied)
    shift = int(uniform(1) * 20) - 10
    varied = torch.roll(varied, shift, dims=2)
    return torch.roll(varied, int(uniform(1) * 3) - 1, dims=1)


class Loss:
    """Labels where known; the teacher's embedding (standardised) and tags everywhere."""

    def __init__(self, pool: Arrays) -> None:
        sample = pool["embeddings"][:: max(1, len(pool["embeddings"]) // 4000)].astype(np.float32)
        self._mean, self._spread = torch.tensor(sample.mean(0)), torch.tensor(sample.std(0) + 1e-2)

    def __call__(
        self, out: tuple[Tensor, Tensor, Tensor], targets: Tensor, embedding: Tensor, tags: Tensor
    ) -> Tensor:
        """Cost of one batch."""
        known = targets != UNKNOWN
        labels = nn.functional.binary_cross_entropy_with_logits(
            out[0],
            targets.clamp(min=0.0) * 0.98 + 0.01,
            reduction="none",
            pos_weight=torch.tensor(_POSITIVE_WEIGHT),
        )
        answered = (labels * known).sum() / (known.sum() + 1)
        wanted = ((embedding - self._mean) / self._spread).clamp(-4, 4)
        likeness = nn.functional.mse_loss(out[1], wanted)
        tagging = nn.functional.binary_cross_entropy_with_logits(out[2], torch.sigmoid(tags)) * 20
        return 3.0 * answered + 0.5 * likeness + tagging


@dataclass(frozen=True)
class Stage:
    """One training: its name, length and speed, and whether the first layers stay as the start has them."""

    name: str
    epochs: float
    peak_rate: float
    frozen: bool = False


_BASE_RATE, _RATE = 1.2e-3, 1.5e-3  # peak learning rates


class _Run:
    """A network in training, with all that a checkpoint holds."""

    def __init__(self, stage: Stage, steps: int, start: StreetNet | None) -> None:
        torch.manual_seed(SEED)
        self.step, self.net = 0, copy.deepcopy(start) if start else StreetNet()
        self.net.to(memory_format=torch.channels_last)  # half the time on a CPU
        self.slow = copy.deepcopy(self.net)
        self._fixed = [self.net.trunk[k] for k in range(_FROZEN)] if stage.frozen else []
        for layer in self._fixed:
            layer.requires_grad_(requires_grad=False)
        free = [p for p in self.net.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(free, lr=stage.peak_rate, weight_decay=0.03)
        self.rate = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, stage.peak_rate, total_steps=steps + 1, pct_start=0.15
        )
        self._parts = {"net": self.net, "slow": self.slow, "optimiser": self.optimiser, "rate": self.rate}

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        torch.save({"step": self.step, **{k: v.state_dict() for k, v in self._parts.items()}}, path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path)
        self.step = state["step"]
        for name, part in self._parts.items():
            part.load_state_dict(state[name])

    def learn(self, batch: dict[str, Tensor], loss: Loss) -> float:
        """Take one step; return its cost."""
        generator = torch.Generator().manual_seed(SEED * 100_000 + self.step)
        torch.manual_seed(self.step)
        self.net.train()
        for layer in self._fixed:
            layer.eval()
        pictures = _vary(batch["pictures"], generator)[:, None]
        out = self.net(pictures.contiguous(memory_format=torch.channels_last))
        cost = loss(out, batch["targets"], batch["embeddings"], batch["logits"])
        self.optimiser.zero_grad(set_to_none=True)
        cost.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimiser.step()
        self.rate.step()
        self.step += 1
        _follow(self.slow, self.net, min(_SLOW, self.step / (self.step + 19)))
        return float(cost.detach())


def fit(stage: Stage, pool: Arrays, start: StreetNet | None, folder: Path) -> StreetNet:
    """Train one network; returns the averaged weights. Checkpoints and result lie in `folder`."""
    done, unfinished = folder / f"{stage.name}.pt", folder / f"{stage.name}.unfinished.pt"
    count = len(pool["pictures"])
    steps = int(stage.epochs * count / BATCH)
    run = _Run(stage, steps, start)
    if done.exists():
        run.slow.load_state_dict(torch.load(done))
        return run.slow
    if unfinished.exists():
        run.load(unfinished)
    orders = [np.random.default_rng([SEED, e]).permutation(count) for e in range(int(stage.epochs) + 2)]
    order, recent, loss = np.concatenate(orders), 0.0, Loss(pool)
    for step in progress(range(run.step, steps), stage.name, every=100):
        rows = np.sort(order[step * BATCH : (step + 1) * BATCH])
        batch = {k: torch.from_numpy(v[rows].astype(np.float32)) for k, v in pool.items()}
        recent += 0.02 * (run.learn(batch, loss) - recent)
        if run.step % _SAVE_EVERY == 0:
            sys.stderr.write(f"{stage.name}: cost {recent:.3f}\n")
            run.save(unfinished)
    torch.save(run.slow.state_dict(), done)
    unfinished.unlink(missing_ok=True)
    return run.slow


def _follow(slow: StreetNet, net: StreetNet, decay: float) -> None:
    with torch.no_grad():
        for a, b in zip(slow.state_dict().values(), net.state_dict().values(), strict=True):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - decay)
            else:
                a.copy_(b)


def main() -> None:
    """Train what is not trained yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="where the pool is and the networks go")
    parser.add_argument("--licences", choices=("any", "permissive"), default="any")
    parser.add_argument("--only", default="base,0,1,2,3,all")
    parser.add_argument("--base-epochs", type=float, default=3.5, help="over the further recordings")
    parser.add_argument("--epochs", type=float, default=1.25, help="of each fold and of everything")
    parser.add_argument("--all-layers", action="store_true", help="train the first layers after the base too")
    parser.add_argument(
        "--more-shards", type=int, default=1, help="shards of further sounds beside the labelled"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    pool = args.cache / f"pool-{args.licences}"
    folder = args.cache / f"networks-{args.licences}"
    folder.mkdir(parents=True, exist_ok=True)
    wanted: list[str] = args.only.split(",")
    more = args.cache / "pool-any"
    has_more = any(more.glob("fold-1-*.npz"))
    start = Stage("base", args.base_epochs, _BASE_RATE)
    base = fit(start, read_pool(more, [-1]), None, folder) if has_more else None
    frozen = has_more and not args.all_layers
    for name in (n for n in wanted if n != "base"):
        left_out = int(name) if name != "all" else None
        arrays = read_pool(pool, [k for k in range(FOLDS) if k != left_out])
        if has_more:
            extra = read_pool(more, [-1], args.more_shards)
            arrays = {k: np.concatenate([v, extra[k]]) for k, v in arrays.items()}
        fit(Stage(name, args.epochs, _RATE, frozen), arrays, base, folder)


if __name__ == "__main__":
    main()
