"""Trains the networks of bays; goes on where it was interrupted.

    python -m scripts.parking.train --cache FOLDER [--minutes 40] [--seed 2026]

First the base, on the street pictures alone, which show neither car park, and without a label: each part of
the network learns what a part of the teacher makes of the same changed crop, first from the teacher's own map
before it, then from ours. From the base one network for each car park left out (its figures say how well it
does on a camera it never saw) and one of all: a linear layer on what the teacher sees is fitted to labels,
and network and layer go on together. Every picture is changed anew each time it is shown.

Uses the GPU where there is one. The rates follow the time that was planned, not a number of steps.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from scripts.parking.augment import augmented
from scripts.parking.corpus import FILE, UNKNOWN
from scripts.parking.network import FEATURES, Bay, export, pooled, scaled
from scripts.parking.teacher import Eye, Judge, Scale, judge, scale_of, teacher

SEED = 2026
BASE = "street"
_SEEN = "seen.pt"
NOTHING = "nothing"
_SHARE_OF_BASE = 0.45
"""Of the time; the others share the rest alike."""
_PEAK_RATE = {True: 4e-3, False: 2e-3}
"""Of the base and of the others."""
_RISING = 0.08
_FROM_THE_TEACHER = 0.35
"""Of the base's time: each part learns by itself, from the teacher's map before it."""
_AVERAGED_OVER = 300.0
"""Steps, at most a tenth of those done: the weights that are kept are means over so many."""
_CERTAIN = 0.97
_WEIGHT_OF_FEATURES, _WEIGHT_OF_JUDGEMENT = 1.0, 0.5
_SHARE_OF_BAYS, _SHARE_OF_LOOSE = 0.3, 0.3
_VIEWS = {"cuda": 4, "cpu": 1}
"""Changed views of each labelled crop that the linear layer is fitted to, besides the crop as it is."""
_MEASURED = 16
"""Batches that the spread of the teacher's maps is measured on."""
_KEEP_EVERY_S = 20.0
_BATCH = {"cuda": 256, "cpu": 64}

Mask = NDArray[np.bool_]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Corpus:
    """Crops uint8 (n, 3, 64, 64) on the device, occupied (n,) and source (n,)."""

    images: Tensor
    occupied: NDArray[np.int64]
    source: NDArray[np.str_]

    @property
    def street(self) -> Mask:
        """Say which crops show no car park."""
        found: Mask = np.char.startswith(self.source, "street_")
        return found


@dataclass(frozen=True)
class Plan:
    """How one network is trained: from which kept one, on which crops, with what seed, how long."""

    name: str
    start: str | None
    taught: Mask
    seed: int
    seconds: float


class Lessons:
    """Draws crops, changes them, and asks the teacher."""

    def __init__(self, corpus: Corpus, taught: Mask, eye: Eye, scale: Scale) -> None:
        self._eye, self.scale = eye, scale
        device = corpus.images.device
        self._chosen = torch.from_numpy(np.flatnonzero(taught)).to(device)
        self._weights = torch.from_numpy(_drawn(corpus, taught)[taught]).float().to(device)
        self._images = corpus.images
        self._occupied = torch.from_numpy(corpus.occupied).to(device)
        self._batch = _BATCH[device.type]

    def views(self, dice: torch.Generator) -> Iterator[tuple[Tensor, list[Tensor], Tensor]]:
        """Yield changed crops float32, what the teacher sees (even maps), and occupied (-1 where unknown)."""
        while True:
            drawn = torch.multinomial(self._weights, self._batch, replacement=True, generator=dice)
            index = self._chosen[drawn]
            with torch.no_grad():
                pictures = augmented(self._images[index].float(), dice)
                wanted = self.scale.even(self._eye(pictures))
            yield pictures, wanted, self._occupied[index]


def main() -> None:
    """Train the base, then each variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--only", help="one car park to leave out, or `nothing`; default: each, then nothing")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--minutes", type=float, default=40.0, help="for all networks together")
    args = parser.parse_args()
    if not args.minutes > 0:
        parser.error("--minutes must be above 0")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = True
    corpus = _read(args.cache / FILE, device)
    eye = teacher(device)
    scale = _scale(corpus, eye)
    bays = sorted(set(corpus.source[~corpus.street].tolist()))
    if args.only and args.only not in (*bays, NOTHING):
        parser.error(f"--only {args.only}: there are {', '.join((*bays, NOTHING))}")
    variants = [args.only] if args.only else [*bays, NOTHING]
    seconds = 60 * args.minutes
    each = seconds * (1 - _SHARE_OF_BASE) / len(variants)
    plans = [Plan(BASE, None, corpus.street, args.seed, seconds * _SHARE_OF_BASE)]
    plans += [Plan(f"{v}_{args.seed}", BASE, corpus.source != v, args.seed, each) for v in variants]
    for plan in plans:
        judged = None
        if plan.start:
            judged = _judge(corpus, plan.taught, _seen(args.cache / _SEEN, corpus, (eye, scale)))
        network = _trained(args.cache, plan, Lessons(corpus, plan.taught, eye, scale), judged)
        export(network.cpu(), args.cache / f"without_{plan.name}.onnx")


def _read(path: Path, device: torch.device) -> Corpus:
    with np.load(path) as kept:
        images, occupied, source = kept["images"], kept["occupied"], kept["source"]
    on_device = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).contiguous()
    return Corpus(on_device, occupied.astype(np.int64), source)


def _scale(corpus: Corpus, eye: Eye) -> Scale:
    with torch.no_grad():
        dice = torch.Generator(corpus.images.device).manual_seed(SEED)
        street = torch.from_numpy(np.flatnonzero(corpus.street)).to(dice.device)
        batches = []
        for _ in range(_MEASURED):
            drawn = torch.randint(
                len(street), (_BATCH[dice.device.type],), generator=dice, device=dice.device
            )
            batches.append(eye(augmented(corpus.images[street[drawn]].float(), dice)))
        return scale_of(batches)


def _drawn(corpus: Corpus, taught: Mask) -> NDArray[np.float64]:
    """Return how often each picture is drawn: the groups in fixed shares, within each both states alike."""
    weights = np.zeros(len(taught))
    loose, street = corpus.occupied == UNKNOWN, corpus.street
    shares = ((loose, _SHARE_OF_LOOSE), (~street, _SHARE_OF_BAYS))
    for group, share in (*shares, (street & ~loose, 1 - _SHARE_OF_LOOSE - _SHARE_OF_BAYS)):
        for state in set(corpus.occupied[group & taught].tolist()):
            chosen = group & taught & (corpus.occupied == state)
            weights[chosen] = share / chosen.sum()
    return weights


def _evened(corpus: Corpus, labelled: Mask) -> NDArray[np.float64]:
    """Return weights that sum to 1: the street pictures twice as heavy as a car park, both states alike."""
    group = np.where(corpus.street, "", corpus.source)
    weights = np.zeros(len(labelled))
    for name in set(group[labelled].tolist()):
        for state in (0, 1):
            chosen = labelled & (group == name) & (corpus.occupied == state)
            weights[chosen] = (1 if name else 2) / chosen.sum()
    evened: NDArray[np.float64] = weights / weights.sum()
    return evened


def _seen(kept: Path, corpus: Corpus, sight: tuple[Eye, Scale]) -> Tensor:
    """Return scaled features of all crops with a label as they are, then of changed views, (1 + views, m, k).

    One source after the other: what is painted over a crop comes from its neighbours in the batch.
    """
    device = corpus.images.device
    if kept.exists():
        found: Tensor = torch.load(kept, weights_only=True, map_location=device)
        return found
    eye, scale = sight
    dice = torch.Generator(device).manual_seed(SEED)
    labelled = corpus.source[corpus.occupied != UNKNOWN]
    images = corpus.images[torch.from_numpy(corpus.occupied != UNKNOWN).to(device)]
    found = torch.zeros(_VIEWS[device.type] + 1, len(images), FEATURES, device=device)
    with torch.no_grad():
        for source in sorted(set(labelled.tolist())):
            index = torch.from_numpy(np.flatnonzero(labelled == source)).to(device)
            for view in range(len(found)):
                for part in index.split(_BATCH[device.type]):
                    pictures = images[part].float()
                    shown = augmented(pictures, dice) if view else pictures
                    seen = pooled(scale.even(eye(shown)))
                    found[view, part] = scaled(seen, scale.level, scale.spread)
        _save(found, kept)
        return found


def _judge(corpus: Corpus, taught: Mask, seen: Tensor) -> Judge:
    """Fit the linear layer on the labels of what is taught; say how it does on a car park left out."""
    known = corpus.occupied != UNKNOWN
    chosen = torch.from_numpy(taught[known]).to(seen.device)
    answers = torch.from_numpy(corpus.occupied[known]).to(seen.device)
    weights = torch.from_numpy(_evened(corpus, taught & known)[known]).float().to(seen.device)
    views = len(seen)
    found = judge(
        seen[:, chosen].flatten(0, 1), answers[chosen].repeat(views), weights[chosen].repeat(views) / views
    )
    for held in sorted(set(corpus.source[~taught & ~corpus.street].tolist())):
        which = torch.from_numpy(corpus.source[known] == held).to(seen.device)
        right = ((found.logits(seen[0, which]) > 0) == (answers[which] == 1)).float().mean()
        print(f"the teacher is right on {held}, left out: {right:.4f}", flush=True)
    return found


def _trained(
    cache: Path, plan: Plan, lessons: Lessons, judged: Judge | None, clock: Clock = time.monotonic
) -> Bay:
    """Train until the planned time is used, going on from what is kept; return the mean network."""
    scale = lessons.scale
    torch.manual_seed(plan.seed)
    network = Bay().to(scale.level.device, memory_format=torch.channels_last)
    if plan.start:
        kept = torch.load(_mean_file(cache, plan.start), weights_only=True, map_location=scale.level.device)
        network.load_state_dict(kept)
    network.level, network.spread = scale.level, scale.spread
    if judged:
        with torch.no_grad():
            network.head.weight.copy_(judged.slope[None])
            network.head.bias.copy_(judged.level)
    course = _Course(cache / f"{plan.name}.pt", plan, network, judged)
    dice = torch.Generator(scale.level.device).manual_seed(1000 * plan.seed + course.steps)
    course.run(lessons, dice, clock)
    return course.mean()


class _Course:
    """One network's training: how far it is, its mean weights, what is kept."""

    def __init__(self, mark: Path, plan: Plan, network: Bay, judged: Judge | None) -> None:
        self._mark, self._plan, self._network, self._judged = mark, plan, network, judged
        self._peak = _PEAK_RATE[plan.start is None]
        self._learner = torch.optim.AdamW(network.parameters(), lr=self._peak, weight_decay=0.02)
        self._mean = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self._used_s, self.steps = 0.0, 0
        if mark.exists():
            kept: dict[str, Any] = torch.load(mark, weights_only=True, map_location=network.level.device)
            network.load_state_dict(kept["network"])
            self._learner.load_state_dict(kept["learner"])
            self._used_s, self.steps = kept["used_s"], kept["steps"]
            mean = torch.load(
                _mean_file(mark.parent, plan.name), weights_only=True, map_location=network.level.device
            )
            self._mean = mean

    def mean(self) -> Bay:
        """Return the network with its mean weights."""
        network = Bay()
        network.load_state_dict(self._mean)
        network.eval()
        return network

    def run(self, lessons: Lessons, dice: torch.Generator, clock: Clock) -> None:
        """Learn until the planned time is used."""
        begun_s = clock() - self._used_s
        kept_s, before = self._used_s, self.steps
        lost = torch.zeros(3, device=self._network.level.device)
        for pictures, wanted, occupied in lessons.views(dice):
            self._used_s = clock() - begun_s
            done = self._used_s / self._plan.seconds
            if done >= 1:
                break
            for group in self._learner.param_groups:
                group["lr"] = self._peak * _rate(done)
            lost = 0.98 * lost + 0.02 * self._step(pictures, wanted, occupied, done)
            if self._used_s - kept_s > min(_KEEP_EVERY_S, self._plan.seconds / 4):
                kept_s = self._used_s
                self._keep()
                mean = lost / (1 - 0.98 ** (self.steps - before))
                losses = ", ".join(f"{value:.3f}" for value in mean.tolist())
                print(f"{self._plan.name}: {done:.0%}, step {self.steps}, losses {losses}", flush=True)
        self._keep()

    def _step(self, pictures: Tensor, wanted: list[Tensor], occupied: Tensor, done: float) -> Tensor:
        network = self._network.train()
        alone = self._plan.start is None and done < _FROM_THE_TEACHER
        cuda = pictures.device.type == "cuda"
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast(pictures.device.type, torch.bfloat16, enabled=cuda):
            found = network.maps(pictures, wanted if alone else None)
        found = [each.float() for each in found]
        maps = torch.stack(
            [functional.mse_loss(ours, theirs) for ours, theirs in zip(found, wanted, strict=True)]
        ).mean()
        spread = network.spread
        features = functional.mse_loss(pooled(found) / spread, pooled(wanted) / spread)
        judgement = self._misjudged(found, wanted, occupied)
        loss = maps + _WEIGHT_OF_FEATURES * features + _WEIGHT_OF_JUDGEMENT * judgement
        self._learner.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        self._learner.step()
        self.steps += 1
        self._average()
        return torch.stack([maps, features, judgement]).detach()

    def _misjudged(self, found: list[Tensor], wanted: list[Tensor], occupied: Tensor) -> Tensor:
        if self._judged is None:
            return torch.zeros((), device=occupied.device)
        with torch.no_grad():
            judgement = torch.sigmoid(self._judged.logits(self._network.features(wanted)))
            # Where label and teacher contradict each other (a tree hides the bay), neither is insisted on.
            told = torch.where(occupied == UNKNOWN, judgement, occupied.float())
            answers = ((told + judgement) / 2).clamp(1 - _CERTAIN, _CERTAIN)
        return functional.binary_cross_entropy_with_logits(self._network.judged(found), answers)

    def _average(self) -> None:
        share = 1 / min(_AVERAGED_OVER, 1 + self.steps / 10)
        now = self._network.state_dict()
        floating = [name for name, value in now.items() if value.is_floating_point()]
        with torch.no_grad():
            torch._foreach_lerp_(
                [self._mean[name] for name in floating], [now[name] for name in floating], share
            )

    def _keep(self) -> None:
        kept = {
            "network": self._network.state_dict(),
            "learner": self._learner.state_dict(),
            "used_s": self._used_s,
            "steps": self.steps,
        }
        _save(self._mean, _mean_file(self._mark.parent, self._plan.name))
        _save(kept, self._mark)


def _save(content: Any, path: Path) -> None:
    part = path.with_suffix(".part")
    torch.save(content, part)
    part.replace(path)


def _mean_file(cache: Path, name: str) -> Path:
    return cache / f"{name}_mean.pt"


def _rate(done: float) -> float:
    """Return the rate as a share of the peak: up in a line, down as a cosine."""
    if done < _RISING:
        return max(done / _RISING, 0.02)
    return float(0.5 + 0.5 * np.cos(np.pi * (done - _RISING) / (1 - _RISING))) + 1e-3


if __name__ == "__main__":
    main()
