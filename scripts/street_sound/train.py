"""Train the street-sound network, on further recordings and simulated sounds alone.

First each layer by itself, given what the teacher's layer before it gives, then the whole chain. No recording
that is measured on is heard; what they teach is the last layer (`head.py`). It can be interrupted
at any time: run the same command again and it goes on.

    python -m scripts.street_sound.train --cache DIR --peers DIR
"""

import argparse
import copy
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from scripts.street_sound.corpus import SEED
from scripts.street_sound.labels import UNKNOWN
from scripts.street_sound.network import EMBEDDING, StreetNet, layout
from scripts.street_sound.peers import Families, tag_families
from scripts.street_sound.progress import progress
from scripts.street_sound.teacher import Teacher
from scripts.street_sound.vary import mixed, vary

START = Path(__file__).with_name("start.npz")
BATCH = 64
_HELD = 24  # shards a batch is drawn from
_SAVE_EVERY, _SAVE_EVERY_S = 200, 30.0  # steps of a plan by pictures, seconds of a plan by time
_SLOW, _FOLLOW_EVERY = 0.99, 4  # decay of the averaged weights, each so many steps
_POSITIVE_WEIGHT = 2.0
_MANY_PLACES, _FEW = 7, 4  # layers below this one learn from a part of each batch: they have places enough
_LAYERS_WEIGHT = {True: 1.0, False: 0.3}  # forced, and in the chain

_CPU = torch.device("cpu")

Arrays = dict[str, npt.NDArray[np.float16]]


def shards(folder: Path, fold: int) -> list[Path]:
    """Return the files of a fold; -1: of the further sounds."""
    found = sorted(p for p in folder.glob(f"fold{fold}-*.npz") if ".part" not in p.name)
    if not found:
        raise SystemExit(f"{folder}: shards of fold {fold} are missing; run scripts.street_sound.pool first")
    return found


def read_shard(path: Path) -> Arrays:
    """Return one shard with a row for each picture."""
    stored = np.load(path)
    views = stored["pictures"].shape[1]
    whole = {n: np.repeat(stored[n], views, axis=0) for n in stored.files if n != "pictures"}
    return {"pictures": stored["pictures"].reshape(-1, *stored["pictures"].shape[2:]), **whole}


class Feed:
    """Batches from shards that are visited one after the other, so that a training need not hold all of them.

    A batch is drawn from the _HELD shards visited last. The first epoch visits them in their order, the next
    ones in any. The same step always gets the same batch.
    """

    def __init__(self, paths: list[Path], pictures: int) -> None:
        """Args: the shards, of equal size; how many pictures the whole training sees."""
        self._paths, self._kept = paths, dict[int, Arrays]()
        self._size = len(read_shard(paths[0])["pictures"])
        self.steps = pictures // BATCH
        visits = self.steps * BATCH // self._size + _HELD + 1
        orders = [
            np.random.default_rng([SEED, e]).permutation(len(paths)) for e in range(visits // len(paths))
        ]
        self._visits = np.concatenate([np.arange(len(paths)), *orders])

    def _shard(self, visit: int) -> Arrays:
        if visit not in self._kept:
            self._kept = {v: s for v, s in self._kept.items() if v > visit - _HELD}
            self._kept[visit] = read_shard(self._paths[self._visits[visit]])
        return self._kept[visit]

    def batch(self, step: int) -> dict[str, Tensor]:
        """Return batch `step` as float32."""
        rng = np.random.default_rng([SEED, 1, step])
        last = min(step * BATCH // self._size + _HELD // 2, self._visits.size - 1)
        first = max(0, last - _HELD + 1)
        near = [self._shard(v) for v in range(first, last + 1)]
        which, row = rng.integers(len(near), size=BATCH), rng.integers(self._size, size=BATCH)
        return {
            name: torch.from_numpy(
                np.stack([near[w][name][r] for w, r in zip(which, row, strict=True)]).astype(np.float32)
            )
            for name in near[0]
        }


class Batches(Protocol):
    """Where a training gets its batches."""

    def batch(self, step: int) -> dict[str, Tensor]:
        """Return batch `step`: pictures, targets, yamnet."""
        ...


class Loss:
    """Labels where known, and what the teachers say of a picture: mn04 layer by layer, both in tags."""

    def __init__(self, teacher: Teacher, sample: Tensor, families: Families) -> None:
        """Args: the teacher; pictures (n, BANDS, FRAMES) to see how its layers vary; tags of OUTPUTS."""
        self._teacher = teacher
        heard = teacher(sample)
        changes = [heard.layers[0], *(b - a if a.shape == b.shape else b for a, b in pairwise(heard.layers))]
        self._spread = [c.var(dim=(0, 2, 3), keepdim=True) + 1e-3 for c in changes]
        self._embedding_spread = heard.embedding.var(dim=0) + 1e-3
        self._columns = [
            torch.tensor(sorted({k for f in family for k in f}), device=sample.device) for family in families
        ]

    def __call__(self, net: StreetNet, pictures: Tensor, batch: dict[str, Tensor], forced: bool) -> Tensor:
        """Cost of one batch; `forced`: each layer is given what the teacher's layer before it gives.

        Of the pictures at the end that have no row in the batch, nothing is known but what mn04 hears.
        """
        known = len(batch["targets"])
        heard = self._teacher(pictures)
        seen = pictures[:, None].contiguous(memory_format=layout(pictures.device))
        layers = (
            net.forced(seen, heard.layers, len(seen) // _FEW, _MANY_PLACES) if forced else net.chain(seen)
        )
        cost = _LAYERS_WEIGHT[forced] * self._of_layers(layers, heard.layers)
        features = net.gathered(heard.layers if forced else layers)
        answers, *tags = net.said(features)
        if not forced:
            error = (features[:, :EMBEDDING] - heard.embedding).square() / self._embedding_spread
            cost = cost + 3.0 * error.mean()
        cost = cost + 3.0 * _answered(answers[:known], batch["targets"])
        said_of = (tags[0], tags[1][:known])
        for said, teacher, columns in zip(
            said_of, (heard.logits, batch["yamnet"]), self._columns, strict=True
        ):
            cost = cost + 12 * nn.functional.binary_cross_entropy_with_logits(said, torch.sigmoid(teacher))
            # Probabilities say little of what is rare; the order of our classes' logits matters far down.
            wanted = teacher[:, columns].clamp(-8, 8)
            cost = cost + 0.2 * nn.functional.smooth_l1_loss(said[:, columns], wanted)
        return cost

    def _of_layers(self, ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
        errors = [
            ((a - b[: len(a)]).square() / spread).mean()
            for a, b, spread in zip(ours, theirs, self._spread, strict=True)
        ]
        return torch.stack(errors).sum()


def _answered(logits: Tensor, targets: Tensor) -> Tensor:
    known = targets != UNKNOWN
    each = nn.functional.binary_cross_entropy_with_logits(
        logits,
        targets.clamp(min=0.0) * 0.98 + 0.01,
        reduction="none",
        pos_weight=torch.full((), _POSITIVE_WEIGHT, device=logits.device),
    )
    return (each * known).sum() / (known.sum() + 1)


@dataclass(frozen=True)
class Stage:
    """One training.

    Attributes:
        name: of its files.
        pictures: how many it sees, unless it is planned by time.
        peak_rate: of learning.
        before: pictures seen before it.
        forced: each layer learns by itself, from what the teacher's layer before it gives.
        seconds: how long it goes on; 0: as many pictures as told.
        mixed: how many pictures of a batch are mixed with others.
        decay: of the weights.
    """

    name: str
    pictures: int
    peak_rate: float
    before: int = 0
    forced: bool = False
    seconds: float = 0.0
    mixed: int = 0
    decay: float = 0.03

    @property
    def seen(self) -> int:
        """How many pictures have been seen when it is over."""
        return self.before + self.pictures


FORCED_RATE, BASE_RATE = 4e-3, 2e-3  # peak learning rates
_RISE, _LOWEST, _LAST = 0.15, 1 / 25, 1 / 250_000  # share of the rise; of the peak, before and after
_MOMENTA = 0.85, 0.95


def one_cycle(fraction: float) -> tuple[float, float]:
    """Return the learning rate, as a share of its peak, and the momentum (Smith and Topin 2018).

    Args:
        fraction: of the training, 0..1.
    """
    low, high = _MOMENTA
    if fraction < _RISE:
        risen = (1 - math.cos(math.pi * fraction / _RISE)) / 2
        return _LOWEST + (1 - _LOWEST) * risen, high - (high - low) * risen
    fallen = (1 - math.cos(math.pi * (fraction - _RISE) / (1 - _RISE))) / 2
    return 1 - (1 - _LAST) * fallen, low + (high - low) * fallen


class _Run:
    """A network in training, with all that a checkpoint holds."""

    def __init__(self, stage: Stage, start: StreetNet | None, device: torch.device) -> None:
        torch.manual_seed(SEED)
        self.stage, self.device = stage, device
        self.steps, self.before = stage.pictures // BATCH, stage.before // BATCH
        self.step, self.spent_s, self.net = 0, 0.0, copy.deepcopy(start) if start else StreetNet()
        self.net.to(device).to(memory_format=layout(device))
        self.slow = copy.deepcopy(self.net)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), lr=stage.peak_rate, weight_decay=stage.decay, fused=True
        )
        self._parts = {"net": self.net, "slow": self.slow, "optimiser": self.optimiser}

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        partial = path.with_suffix(".part")
        parts = {k: v.state_dict() for k, v in self._parts.items()}
        torch.save({"step": self.step, "spent_s": self.spent_s, **parts}, partial)
        partial.rename(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, map_location=self.device)
        self.step, self.spent_s = state["step"], state["spent_s"]
        for name, part in self._parts.items():
            part.load_state_dict(state[name])

    def fractions(self) -> Iterator[float]:
        """Yield before each step how much of the training is done, 0..1."""
        if not self.stage.seconds:
            for step in progress(range(self.step, self.steps), self.stage.name, every=100):
                yield step / self.steps
            return
        # Resumed, it gets the seconds that are planned now on top of those spent.
        began, ends_s = time.monotonic() - self.spent_s, self.spent_s + self.stage.seconds
        while self.spent_s < ends_s:
            yield self.spent_s / ends_s
            self.spent_s = time.monotonic() - began

    def learn(self, batch: dict[str, Tensor], loss: Loss, fraction: float) -> Tensor:
        """Take one step; return its cost. It does not wait for the device."""
        step = self.before + self.step
        generator = torch.Generator(self.device).manual_seed(SEED * 100_000 + step)
        torch.manual_seed(step)
        self.net.train()
        rate, momentum = one_cycle(fraction)
        for group in self.optimiser.param_groups:
            group["lr"], group["betas"] = rate * self.stage.peak_rate, (momentum, group["betas"][1])
        pictures = mixed(vary(batch["pictures"], generator), self.stage.mixed, generator)
        known = len(pictures) - self.stage.mixed
        batch = {"targets": batch["targets"][:known], "yamnet": batch["yamnet"][:known]}
        cost = loss(self.net, pictures, batch, self.stage.forced)
        self.optimiser.zero_grad(set_to_none=True)
        cost.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        if self.step % _FOLLOW_EVERY == 0:
            _follow(self.slow, self.net, min(_SLOW, self.step / (self.step + 10 * _FOLLOW_EVERY)))
        return cost.detach()


def fit(
    stage: Stage,
    feed: Batches,
    loss: Loss,
    start: StreetNet | None,
    folder: Path,
    *,
    device: torch.device = _CPU,
) -> StreetNet:
    """Train one network; returns the averaged weights. Checkpoints and result lie in `folder`."""
    done, unfinished = folder / f"{stage.name}.pt", folder / f"{stage.name}.unfinished.pt"
    if done.exists():
        net = StreetNet()
        net.load_state_dict(torch.load(done, map_location="cpu"))
        return net
    run, recent = _Run(stage, start, device), None
    if unfinished.exists():
        run.load(unfinished)
    saved_s = time.monotonic()
    for fraction in run.fractions():
        cost = run.learn(feed.batch(run.before + run.step), loss, fraction)
        recent = cost if recent is None else torch.lerp(recent, cost, 0.02)
        by_time = bool(stage.seconds) and time.monotonic() - saved_s > _SAVE_EVERY_S
        if by_time or (not stage.seconds and run.step % _SAVE_EVERY == 0):
            saved_s = time.monotonic()
            sys.stderr.write(f"{stage.name}: {fraction:.0%}, step {run.step}, cost {float(recent):.3f}\n")
            run.save(unfinished)
    run.slow.to("cpu")
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


def trained(cache: Path) -> Path:
    """Return the weights that training left in `cache`; where there was none, those of the repository."""
    found = cache / "network" / START.name
    return found if found.exists() else START


def load_start(path: Path) -> StreetNet:
    """Return the network whose weights `save_start` wrote."""
    net, stored = StreetNet(), np.load(path)
    net.load_state_dict(
        {k: torch.from_numpy(np.asarray(stored[k])).to(v.dtype) for k, v in net.state_dict().items()}
    )
    return net


def save_start(net: StreetNet, path: Path) -> None:
    """Write weights as float16."""
    partial = path.with_suffix(".part.npz")
    kept = {k: v.numpy() for k, v in net.state_dict().items()}
    np.savez_compressed(
        partial, **{k: v.astype(np.float16) if v.dtype.kind == "f" else v for k, v in kept.items()}
    )
    partial.replace(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="where the pool is and the networks go")
    parser.add_argument(
        "--peers", type=Path, required=True, help="folder of the teachers, for their tags' names"
    )
    parser.add_argument(
        "--layers", type=int, default=130_000, help="pictures the layers see, each by itself; 0: none"
    )
    parser.add_argument("--base", type=int, default=83_000, help="pictures the chain sees after that")
    parser.add_argument("--start", type=Path, default=START, help="weights from which it begins")
    return parser.parse_args()


def main() -> None:
    """Train what is not trained yet."""
    args = _arguments()
    torch.set_num_threads(1)
    folder, paths = args.cache / "network", shards(args.cache / "pool-any", -1)
    folder.mkdir(parents=True, exist_ok=True)
    # What the layers give is standardised in the same way in every training.
    sample = torch.from_numpy(read_shard(paths[0])["pictures"][:512].astype(np.float32))
    loss = Loss(Teacher(args.peers), sample, tag_families(args.peers))
    net = load_start(args.start) if args.start.exists() else None
    if args.layers:
        stage = Stage("layers", args.layers, FORCED_RATE, forced=True)
        net = fit(stage, Feed(paths, stage.seen), loss, net, folder)
    stage = Stage("base", args.base, BASE_RATE, before=args.layers)
    save_start(fit(stage, Feed(paths, stage.seen), loss, net, folder), folder / START.name)


if __name__ == "__main__":
    main()
