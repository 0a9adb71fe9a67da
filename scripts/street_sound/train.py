"""Train the street-sound network.

First on further recordings, as the start of all: each layer by itself, given what the teacher's layer
before it gives, then the whole chain; then once for each fold left out; then on everything. With
`--more-pictures` the folds and everything go on from where they ended, at a lower rate. It can be interrupted
at any time: run the same command again and it goes on.

    python -m scripts.street_sound.train --cache DIR --peers DIR [--only base,0,1,2,3,all]
"""

import argparse
import copy
import sys
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from scripts.street_sound.corpus import FOLDS, SEED
from scripts.street_sound.labels import UNKNOWN
from scripts.street_sound.network import EMBEDDING, StreetNet
from scripts.street_sound.peers import Families, tag_families
from scripts.street_sound.progress import progress
from scripts.street_sound.teacher import Teacher

START = Path(__file__).with_name("start.npz")
BATCH = 64
_HELD = 24  # shards a batch is drawn from
_SAVE_EVERY = 200
_SLOW, _FOLLOW_EVERY = 0.99, 4  # decay of the averaged weights, each so many steps
_POSITIVE_WEIGHT = 2.0
_MANY_PLACES, _FEW = 7, 4  # layers below this one learn from a part of each batch: they have places enough
_LAYERS_WEIGHT = {True: 1.0, False: 0.3}  # forced, and in the chain

Arrays = dict[str, npt.NDArray[np.float16]]


def shards(folder: Path, folds: list[int], most: int | None = None) -> list[Path]:
    """Return the files of `folds`, at most `most` of each, the folds by turns."""
    found = [sorted(p for p in folder.glob(f"fold{k}-*.npz") if ".part" not in p.name)[:most] for k in folds]
    if not all(found):
        raise SystemExit(
            f"{folder}: shards of folds {folds} are missing; run scripts.street_sound.pool first"
        )
    return [path for row in zip_longest(*found) for path in row if path]


def read_shard(path: Path) -> Arrays:
    """Return one shard with a row for each picture."""
    stored = np.load(path)
    views = stored["pictures"].shape[1]
    whole = {n: np.repeat(stored[n], views, axis=0) for n in stored.files if n != "pictures"}
    return {"pictures": stored["pictures"].reshape(-1, *stored["pictures"].shape[2:]), **whole}


def read_pool(folder: Path, folds: list[int], most: int | None = None) -> Arrays:
    """Return the shards of `folds` as one array of each kind."""
    parts = [read_shard(path) for path in shards(folder, folds, most)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


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
    """Labels where known, and what the teachers say of a picture: mn04 layer by layer, both in tags."""

    def __init__(self, teacher: Teacher, sample: Tensor, families: Families) -> None:
        """Args: the teacher; pictures (n, BANDS, FRAMES) to see how its layers vary; tags of OUTPUTS."""
        self._teacher = teacher
        heard = teacher(sample)
        changes = [heard.layers[0], *(b - a if a.shape == b.shape else b for a, b in pairwise(heard.layers))]
        self._spread = [c.var(dim=(0, 2, 3), keepdim=True) + 1e-3 for c in changes]
        self._embedding_spread = heard.embedding.var(dim=0) + 1e-3
        self._columns = [torch.tensor(sorted({k for f in family for k in f})) for family in families]

    def __call__(self, net: StreetNet, pictures: Tensor, batch: dict[str, Tensor], forced: bool) -> Tensor:
        """Cost of one batch; `forced`: each layer is given what the teacher's layer before it gives."""
        heard = self._teacher(pictures)
        seen = pictures[:, None].contiguous(memory_format=torch.channels_last)
        layers = (
            net.forced(seen, heard.layers, len(seen) // _FEW, _MANY_PLACES) if forced else net.chain(seen)
        )
        cost = _LAYERS_WEIGHT[forced] * self._of_layers(layers, heard.layers)
        features = net.gathered(heard.layers if forced else layers)
        answers, *tags = net.said(features)
        if not forced:
            error = (features[:, :EMBEDDING] - heard.embedding).square() / self._embedding_spread
            cost = cost + 3.0 * error.mean()
        cost = cost + 3.0 * _answered(answers, batch["targets"])
        for said, teacher, columns in zip(tags, (heard.logits, batch["yamnet"]), self._columns, strict=True):
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
        pos_weight=torch.tensor(_POSITIVE_WEIGHT),
    )
    return (each * known).sum() / (known.sum() + 1)


@dataclass(frozen=True)
class Stage:
    """One training.

    Attributes:
        name: of its files.
        pictures: how many it sees.
        peak_rate: of learning.
        before: pictures seen before it.
        forced: each layer learns by itself, from what the teacher's layer before it gives.
    """

    name: str
    pictures: int
    peak_rate: float
    before: int = 0
    forced: bool = False


_FORCED_RATE, _BASE_RATE, _RATE, _MORE_RATE = 4e-3, 2e-3, 1e-3, 8e-4  # peak learning rates


class _Run:
    """A network in training, with all that a checkpoint holds."""

    def __init__(self, stage: Stage, start: StreetNet | None) -> None:
        torch.manual_seed(SEED)
        self.steps, self.before = stage.pictures // BATCH, stage.before // BATCH
        self.step, self.net = 0, copy.deepcopy(start) if start else StreetNet()
        self.forced = stage.forced
        self.net.to(memory_format=torch.channels_last)  # half the time on a CPU
        self.slow = copy.deepcopy(self.net)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), lr=stage.peak_rate, weight_decay=0.03, fused=True
        )
        self.rate = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, stage.peak_rate, total_steps=self.steps + 1, pct_start=0.15
        )
        self._parts = {"net": self.net, "slow": self.slow, "optimiser": self.optimiser, "rate": self.rate}

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        partial = path.with_suffix(".part")
        torch.save({"step": self.step, **{k: v.state_dict() for k, v in self._parts.items()}}, partial)
        partial.rename(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path)
        self.step = state["step"]
        for name, part in self._parts.items():
            part.load_state_dict(state[name])

    def learn(self, batch: dict[str, Tensor], loss: Loss) -> float:
        """Take one step; return its cost."""
        step = self.before + self.step
        generator = torch.Generator().manual_seed(SEED * 100_000 + step)
        torch.manual_seed(step)
        self.net.train()
        cost = loss(self.net, _vary(batch["pictures"], generator), batch, self.forced)
        self.optimiser.zero_grad(set_to_none=True)
        cost.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.rate.step()
        self.step += 1
        if self.step % _FOLLOW_EVERY == 0:
            _follow(self.slow, self.net, min(_SLOW, self.step / (self.step + 10 * _FOLLOW_EVERY)))
        return float(cost.detach())


def fit(stage: Stage, paths: list[Path], loss: Loss, start: StreetNet | None, folder: Path) -> StreetNet:
    """Train one network; returns the averaged weights. Checkpoints and result lie in `folder`."""
    done, unfinished = folder / f"{stage.name}.pt", folder / f"{stage.name}.unfinished.pt"
    if done.exists():
        net = StreetNet()
        net.load_state_dict(torch.load(done))
        return net
    if start and not stage.pictures:
        torch.save(start.state_dict(), done)
        return start
    feed, recent = Feed(paths, stage.before + stage.pictures), 0.0
    run = _Run(stage, start)
    if unfinished.exists():
        run.load(unfinished)
    for step in progress(range(run.step, run.steps), stage.name, every=100):
        recent += (run.learn(feed.batch(run.before + step), loss) - recent) * (0.02 if recent else 1.0)
        if run.step % _SAVE_EVERY == 0:
            sys.stderr.write(f"{stage.name}: cost {recent:.3f}\n")
            run.save(unfinished)
    torch.save(run.slow.state_dict(), done)
    unfinished.unlink(missing_ok=True)
    return run.slow


def furthest(folder: Path, name: str) -> Path | None:
    """Return the weights of the last finished stage of a fold or of everything, where there is one."""
    stages = [folder / f"{name}.more.pt", folder / f"{name}.pt"]
    return next((path for path in stages if path.exists()), None)


def _follow(slow: StreetNet, net: StreetNet, decay: float) -> None:
    with torch.no_grad():
        for a, b in zip(slow.state_dict().values(), net.state_dict().values(), strict=True):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - decay)
            else:
                a.copy_(b)


def load_start(path: Path) -> StreetNet:
    """Return the network whose weights `save_start` wrote."""
    net, stored = StreetNet(), np.load(path)
    net.load_state_dict(
        {k: torch.from_numpy(np.asarray(stored[k])).to(v.dtype) for k, v in net.state_dict().items()}
    )
    return net


def save_start(net: StreetNet, path: Path) -> None:
    """Write weights as float16."""
    kept = {k: v.numpy() for k, v in net.state_dict().items()}
    np.savez_compressed(
        path, **{k: v.astype(np.float16) if v.dtype.kind == "f" else v for k, v in kept.items()}
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="where the pool is and the networks go")
    parser.add_argument(
        "--peers", type=Path, required=True, help="folder of the teachers, for their tags' names"
    )
    parser.add_argument("--licences", choices=("any", "permissive"), default="any")
    parser.add_argument("--only", default="base,0,1,2,3,all")
    parser.add_argument(
        "--layers", type=int, default=130_000, help="pictures the layers see, each by itself; 0: none"
    )
    parser.add_argument(
        "--base", type=int, default=83_000, help="pictures the common start sees after that; 0: none"
    )
    parser.add_argument(
        "--each", type=int, default=12_800, help="pictures each fold and everything sees; 0: as started"
    )
    parser.add_argument(
        "--more-pictures", type=int, default=0, help="pictures each of them sees after that; 0: no such stage"
    )
    parser.add_argument(
        "--more-rate", type=float, default=_MORE_RATE, help="peak learning rate of --more-pictures"
    )
    parser.add_argument(
        "--more-shards", type=int, default=6, help="shards of further sounds beside the labelled"
    )
    parser.add_argument(
        "--start", type=Path, default=START, help="weights from which the common start begins"
    )
    return parser.parse_args()


def main() -> None:
    """Train what is not trained yet."""
    args = _arguments()
    torch.set_num_threads(1)
    pool, more = args.cache / f"pool-{args.licences}", args.cache / "pool-any"
    folder = args.cache / f"networks-{args.licences}"
    folder.mkdir(parents=True, exist_ok=True)
    # What the layers give is standardised in the same way in every training.
    sample = torch.from_numpy(read_shard(shards(more, [-1], 1)[0])["pictures"][:512].astype(np.float32))
    loss = Loss(Teacher(args.peers), sample, tag_families(args.peers))
    base = load_start(args.start) if args.start.exists() else None
    if args.layers:
        stage = Stage("layers", args.layers, _FORCED_RATE, forced=True)
        base = fit(stage, shards(more, [-1]), loss, base, folder)
    if args.base:
        stage = Stage("base", args.base, _BASE_RATE, before=args.layers)
        base = fit(stage, shards(more, [-1]), loss, base, folder)
        save_start(base, folder / START.name)
    for name in (n for n in args.only.split(",") if n != "base"):
        left_out = int(name) if name != "all" else None
        paths = shards(pool, [k for k in range(FOLDS) if k != left_out])
        paths += shards(more, [-1], args.more_shards) if args.more_shards else []
        net = fit(Stage(name, args.each, _RATE), paths, loss, base, folder)
        if args.more_pictures:
            more_stage = Stage(f"{name}.more", args.more_pictures, args.more_rate, before=args.each)
            fit(more_stage, paths, loss, net, folder)


if __name__ == "__main__":
    main()
