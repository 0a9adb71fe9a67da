"""Trains the network of models/people from nothing; goes on where it was interrupted.

    python -m scripts.people.train --cache FOLDER --teachers models_reference --pictures 60000

A public detector looks at each new picture with it. At first each stage of the network learns alone, from the
teacher's features to its next ones; then more and more from what the stages before it give.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.people.augment import Store, cutouts, drawing_weights, drawn, spoilt
from scripts.people.corpus import LICENCES, PICTURES, SEED, pictures
from scripts.people.losses import Batch, hint_loss, outputs_of, row_loss
from scripts.people.network import People
from scripts.people.targets import Target, target_of
from scripts.people.teachers import Yolox, one_class_each, read_boxes

SIDES_EARLY, SIDES_LATE = (192, 224, 256, 288), (256, 320, 352, 416)
SHARES = {
    "fights": 0.27,
    "manaus": 0.14,
    "highway": 0.11,
    "topview": 0.07,
    "atl": 0.07,
    "openimg": 0.06,
    "pennfudan": 0.06,
    "persontracker": 0.04,
    "wangcnz": 0.03,
    "intel": 0.03,
    "pklot": 0.02,
    "overflow": 0.04,
    "": 0.12,
}
_PEAK_RATE = 2.5e-3
_WARM = 300
_FORCED_UNTIL = 0.1
_FREE_FROM = 0.3
_HINT_FADES_FROM, _HINT_FADED_AT = 0.6, 0.75
_FIRST_STAGE_UNTIL = 0.35
_LARGER_FROM = 0.6
_EMA = 0.9985
_SAVED_EVERY = 250

Floats = NDArray[np.float32]


class Scale:
    """Mean and spread of each channel of the teacher's features."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as kept:
            self.mean = [torch.from_numpy(kept[f"mean{n}"]) for n in range(7)]
            self.spread = [torch.from_numpy(kept[f"spread{n}"]) for n in range(7)]

    def __call__(self, junctions: Sequence[Floats]) -> list[Tensor]:
        """Return features in their spreads from their means."""
        return [
            (torch.from_numpy(found) - mean) / spread
            for found, mean, spread in zip(junctions, self.mean, self.spread, strict=True)
        ]


def measure_scale(path: Path, store: Store, teacher: Yolox) -> None:
    """Write mean and spread of the teacher's features on sixty pictures."""
    dice = np.random.default_rng(SEED)
    seen = [teacher.look(_given([drawn(store, 320, dice)[0]]))[0] for _ in range(60)]
    kept = {}
    for number in range(7):
        values = np.concatenate([one[number] for one in seen]).transpose(1, 0, 2, 3)
        flat = values.reshape(len(values), -1)
        kept[f"mean{number}"] = flat.mean(axis=1)[:, None, None]
        kept[f"spread{number}"] = flat.std(axis=1)[:, None, None] + 0.02
    np.savez(path, **kept)


def _given(images: Sequence[NDArray[np.uint8]]) -> Floats:
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2), dtype=np.float32)


def batch_of(
    sources: tuple[Store, Yolox, Scale], dice: np.random.Generator, number: int, sides: Sequence[int]
) -> Batch:
    """Draw pictures, ask the teacher, spoil them."""
    store, teacher, scale = sources
    side = int(dice.choice(sides))
    made = [drawn(store, side, dice) for _ in range(number)]
    junctions, said = teacher.look(_given([image for image, _ in made]))
    targets: list[Target] = [target_of(said[n], made[n][1], (side, side)) for n in range(number)]
    seen = torch.from_numpy(_given([spoilt(image, dice) for image, _ in made]))
    return Batch(
        seen.contiguous(memory_format=torch.channels_last),
        [one.contiguous(memory_format=torch.channels_last) for one in scale(junctions)],
        torch.from_numpy(np.stack([one.rows for one in targets])),
        torch.from_numpy(np.stack([one.weight for one in targets])),
        torch.from_numpy(np.stack([one.near for one in targets])),
        side,
    )


def load_store(cache: Path, licences: str) -> Store:
    """Read the corpus and its boxes into memory."""
    found = read_boxes(cache)
    corpus = [one for one in pictures(cache) if one.part == "train" and (licences == "any" or one.permissive)]
    images = [np.asarray(cv2.imread(str(cache / PICTURES / one.file)), np.uint8) for one in corpus]
    boxes = [one_class_each(found.get(one.file, np.zeros((0, 6), np.float32))) for one in corpus]
    return Store(images, boxes, drawing_weights([one.source for one in corpus], SHARES), cutouts(boxes))


def main() -> None:
    """Train; keep the last state and the smoothed weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=60_000, help="how many new pictures to learn from")
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--start", type=Path, help="weights to go on from, people_LICENCES.npz of `export`")
    parser.add_argument("--licences", choices=LICENCES, default="any")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.set_flush_denormal(True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    store, teacher = load_store(args.cache, args.licences), Yolox(args.teachers)
    print(f"{len(store.images)} pictures, {len(store.cutouts)} cut-outs, on {device}", flush=True)
    path = args.cache / "scale.npz"
    if not path.exists():
        measure_scale(path, store, teacher)
    Trainer(args, store, teacher, Scale(path), device).run()


class Trainer:
    """The loop and what it keeps."""

    def __init__(
        self, args: argparse.Namespace, store: Store, teacher: Yolox, scale: Scale, device: str
    ) -> None:
        self.args, self.store, self.teacher, self.scale, self.device = args, store, teacher, scale, device
        torch.manual_seed(SEED)
        self.network = People().to(device, memory_format=torch.channels_last)
        if args.start:
            _load_start(self.network, args.start)
        self.smooth = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        weights = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        self.learner = torch.optim.AdamW(
            [{"params": weights, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}],
            lr=_PEAK_RATE,
        )
        self.step, self.steps, self.start = 0, args.pictures // args.batch, args.start
        self.mark = args.cache / f"people_{args.licences}.pt"
        if args.start and self.mark.exists():
            raise SystemExit(f"{self.mark}: from a training before; delete it to go on from {args.start}")
        if self.mark.exists():
            kept: dict[str, Any] = torch.load(self.mark, weights_only=True)
            self.network.load_state_dict(kept["network"])
            self.learner.load_state_dict(kept["learner"])
            self.smooth, self.step = kept["smooth"], kept["step"]

    def run(self) -> None:
        """Train to the end, telling how it goes."""
        began_s, begun, shown = time.monotonic(), self.step, []
        while self.step < self.steps:
            shown.append(self._once())
            self.step += 1
            if self.step % 50 == 0:
                each_s = (time.monotonic() - began_s) / (self.step - begun)
                words = " ".join(f"{value:.3f}" for value in np.mean(shown, axis=0))
                left_min = each_s * (self.steps - self.step) / 60
                print(f"step {self.step} of {self.steps}: {words}; {left_min:.0f} min left", flush=True)
                shown = []
            if self.step % _SAVED_EVERY == 0 or self.step == self.steps:
                self._save()

    def _once(self) -> list[float]:
        dice = np.random.default_rng((SEED, self.step))
        done = self.step / self.steps
        rate = (
            _PEAK_RATE * (0.02 + 0.98 * (0.5 + 0.5 * np.cos(np.pi * done))) * min(1, (self.step + 1) / _WARM)
        )
        for group in self.learner.param_groups:
            group["lr"] = float(rate)
        sides = SIDES_EARLY if done < _LARGER_FROM else SIDES_LATE
        batch = batch_of((self.store, self.teacher, self.scale), dice, self.args.batch, sides)
        batch = _moved(batch, self.device)
        free = 1.0 if self.start else np.clip((done - _FORCED_UNTIL) / (_FREE_FROM - _FORCED_UNTIL), 0, 1)
        self.network.train()
        self.network.stage2.train(done < _FIRST_STAGE_UNTIL)
        found, rows = outputs_of(self.network, batch, bool(dice.random() >= free))
        hints, hint_parts = hint_loss(found, batch)
        heads, parts = row_loss(rows, batch)
        fade = 1 - 0.9 * np.clip((done - _HINT_FADES_FROM) / (_HINT_FADED_AT - _HINT_FADES_FROM), 0, 1)
        loss = 4 * fade * hints + heads
        self.learner.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.learner.step()
        self._smooth()
        return [*hint_parts, *parts]

    def _smooth(self) -> None:
        keep = min(_EMA, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.dtype.is_floating_point:
                    self.smooth[name].mul_(keep).add_(value, alpha=1 - keep)

    def _save(self) -> None:
        kept = {"network": self.network.state_dict(), "learner": self.learner.state_dict()}
        torch.save(kept | {"smooth": self.smooth, "step": self.step}, self.mark.with_suffix(".new"))
        self.mark.with_suffix(".new").replace(self.mark)


def _load_start(network: People, path: Path) -> None:
    with np.load(path) as kept:
        state = {name: torch.from_numpy(kept[name]) for name in kept.files}
    network.load_state_dict({n: v.float() if v.dtype == torch.float16 else v for n, v in state.items()})


def _moved(batch: Batch, device: str) -> Batch:
    if device == "cpu":
        return batch
    return Batch(
        batch.seen.to(device),
        [one.to(device) for one in batch.junctions],
        batch.rows.to(device),
        batch.weight.to(device),
        batch.near.to(device),
        batch.size,
    )


if __name__ == "__main__":
    main()
