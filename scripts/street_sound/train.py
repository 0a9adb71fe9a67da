"""Train the street-sound network.

First on further recordings, as the start of all; then once for each fold left out; then on everything. It
can be interrupted at any time: run the same command again and it goes on.

    python -m scripts.street_sound.train --cache DIR [--licences permissive] [--only base,0,1,2,3,all]
"""

import argparse
import copy
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from scripts.street_sound.corpus import FOLDS, SEED
from scripts.street_sound.labels import UNKNOWN
from scripts.street_sound.network import StreetNet, export
from scripts.street_sound.progress import progress

BATCH = 32
_PEAK_RATE = 1.2e-3
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
        return 2.0 * answered + 0.5 * likeness + tagging


def fit(name: str, pool: Arrays, epochs: float, start: StreetNet | None, folder: Path) -> StreetNet:
    """Train one network; returns the averaged weights. Checkpoints and result lie in `folder`."""
    done, unfinished = folder / f"{name}.pt", folder / f"{name}.unfinished.pt"
    torch.manual_seed(SEED)
    net = copy.deepcopy(start) if start else StreetNet()
    if done.exists():
        net.load_state_dict(torch.load(done))
        return net
    count = len(pool["pictures"])
    steps = int(epochs * count / BATCH)
    loss = Loss(pool)
    optimiser = torch.optim.AdamW(net.parameters(), lr=_PEAK_RATE, weight_decay=0.03)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, _PEAK_RATE, total_steps=steps + 1, pct_start=0.15)
    net.to(memory_format=torch.channels_last)  # half the time on a CPU
    slow = copy.deepcopy(net)
    first = 0
    if unfinished.exists():
        state = torch.load(unfinished)
        first = state["step"]
        for part, key in ((net, "net"), (slow, "slow"), (optimiser, "optimiser"), (rate, "rate")):
            part.load_state_dict(state[key])
    orders = [np.random.default_rng([SEED, e]).permutation(count) for e in range(int(epochs) + 2)]
    order = np.concatenate(orders)
    recent = 0.0
    for step in progress(range(first, steps), name, every=100):
        rows = np.sort(order[step * BATCH : (step + 1) * BATCH])
        batch = {k: torch.from_numpy(v[rows].astype(np.float32)) for k, v in pool.items()}
        generator = torch.Generator().manual_seed(SEED * 100_000 + step)
        torch.manual_seed(step)
        net.train()
        out = net(_vary(batch["pictures"], generator)[:, None].contiguous(memory_format=torch.channels_last))
        cost = loss(out, batch["targets"], batch["embeddings"], batch["logits"])
        optimiser.zero_grad(set_to_none=True)
        cost.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        rate.step()
        recent += 0.02 * (float(cost) - recent)
        _follow(slow, net, min(_SLOW, (step + 1) / (step + 20)))
        if (step + 1) % _SAVE_EVERY == 0:
            print(f" {name} loss {recent:.3f}", flush=True)
            state = {"step": step + 1, "net": net, "slow": slow, "optimiser": optimiser, "rate": rate}
            torch.save({k: v if k == "step" else v.state_dict() for k, v in state.items()}, unfinished)
    torch.save(slow.state_dict(), done)
    unfinished.unlink(missing_ok=True)
    return slow


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
    parser.add_argument("--base-epochs", type=float, default=4)
    parser.add_argument("--epochs", type=float, default=2.5)
    parser.add_argument(
        "--more-shards", type=int, default=5, help="shards of further sounds beside the labelled"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    pool = args.cache / f"pool-{args.licences}"
    folder = args.cache / f"networks-{args.licences}"
    folder.mkdir(parents=True, exist_ok=True)
    wanted: list[str] = args.only.split(",")
    more = args.cache / "pool-any"
    has_more = any(more.glob("fold-1-*.npz"))
    base = fit("base", read_pool(more, [-1]), args.base_epochs, None, folder) if has_more else None
    for name in (n for n in wanted if n != "base"):
        left_out = int(name) if name != "all" else None
        arrays = read_pool(pool, [k for k in range(FOLDS) if k != left_out])
        if has_more:
            extra = read_pool(more, [-1], args.more_shards)
            arrays = {k: np.concatenate([v, extra[k]]) for k, v in arrays.items()}
        net = fit(name, arrays, args.epochs, base, folder)
        export(net, folder / f"{name}.onnx")


if __name__ == "__main__":
    main()
