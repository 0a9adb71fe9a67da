"""Trains the network of models/people from nothing; goes on where it was interrupted.

    python -m scripts.people.train --cache FOLDER --teachers models_reference --minutes 20 --workers 8

A public detector looks at each new picture with it. At first each stage of the network learns alone, from the
teacher's features to its next ones; then more and more from what the stages before it give. The first GPU is
taken if there is one. The rate falls as the pictures (`--pictures`) or the minutes (`--minutes`) run out.
"""

import argparse
import hashlib
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from scripts.people.augment import Store
from scripts.people.corpus import LICENCES, SEED
from scripts.people.drawing import Drawn, Draws, batches, draw, load_store
from scripts.people.guide import Guide, Scale, measure_scale
from scripts.people.losses import Batch, hint_loss, outputs_of, row_loss
from scripts.people.network import People
from scripts.people.targets import targets_of

_PEAK_RATE, _LAST_SHARE = 3e-3, 0.01
_WARM = 300
_FORCED_UNTIL, _FREE_FROM = 0.06, 0.2
_HINT_FADES_FROM, _HINT_FADED_AT, _HINT_LEFT = 0.75, 0.9, 0.15
_HINT_WEIGHT = 4.0
_EMA = 0.998
_TOLD_EVERY, _SAVED_EVERY_S = 50, 45.0
_SCALE_BATCHES, _SCALE_BATCH = 8, 8


def main() -> None:
    """Train; keep the last state and the smoothed weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True)
    plan = parser.add_mutually_exclusive_group(required=True)
    plan.add_argument("--pictures", type=int, help="how many new pictures to learn from")
    plan.add_argument("--minutes", type=float, help="how long to learn instead, loading not counted")
    parser.add_argument("--batch", type=int, default=10, help="pictures a step; 96 on a GPU")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw pictures; 0: this one")
    parser.add_argument("--start", type=Path, help="weights to go on from, people_LICENCES.npz")
    parser.add_argument("--licences", choices=LICENCES, default="any")
    args = parser.parse_args()
    if args.batch < 1 or (args.pictures or args.minutes or 0) <= 0:
        parser.error("--pictures, --minutes and --batch must be above 0")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.benchmark = True
    store = load_store(args.cache, args.licences, args.workers)
    # The processes that draw are begun before the GPU is.
    trainer = Trainer(args, store, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    guide = Guide(args.teachers, trainer.device)
    print(f"{len(store.images)} pictures, {len(store.cutouts)} cut-outs, on {trainer.device}", flush=True)
    trainer.run(guide, scale_of(args.cache / "scale.npz", store, guide, trainer.device))


def scale_of(path: Path, store: Store, guide: Guide, device: torch.device) -> Scale:
    """Return mean and spread of the teacher's features; measure them if they are not known yet."""
    if not path.exists():
        dice = np.random.default_rng(SEED)
        made = (draw(store, _SCALE_BATCH, dice, 0.5).pictures for _ in range(_SCALE_BATCHES))
        measure_scale(path, (_given(one, device) for one in made), guide)
    return Scale(path, device)


def _given(pictures: Tensor, device: torch.device) -> Tensor:
    """Return uint8 (n, s, s, 3) as float32 (n, 3, s, s), channels last in memory."""
    return pictures.to(device, non_blocking=True).permute(0, 3, 1, 2).float()


class Trainer:
    """The loop and what it keeps."""

    def __init__(self, args: argparse.Namespace, store: Store, device: torch.device) -> None:
        self.args, self.device = args, device
        self.mark = args.cache / f"people_{args.licences}.pt"
        kept = _kept(self.mark)
        self.start = hashlib.sha256(args.start.read_bytes()).hexdigest() if args.start else ""
        if kept and args.start and kept.get("start") != self.start:
            raise SystemExit(f"{self.mark}: from a training before; delete it to go on from {args.start}")
        self.start = self.start or kept.get("start", "")
        begun = kept.get("batch", args.batch)
        if begun != args.batch:  # its steps would count for other numbers of pictures
            raise SystemExit(f"{self.mark}: begun with --batch {begun}; go on with that, or delete it")
        self.step, self.spent_s = kept.get("step", 0), kept.get("spent_s", 0.0)
        self.done = torch.zeros(1).share_memory_()
        self.done[0] = self._planned()
        draws = Draws(store, args.batch, self.done)
        self._batches = batches(draws, args.workers, self.step, pinned=device.type == "cuda")
        torch.manual_seed(SEED)
        self.network = People()
        if kept or args.start:
            self.network.load_state_dict(kept["network"] if kept else read_weights(args.start))
        self.network.to(device, memory_format=torch.channels_last)
        state = self.network.state_dict()
        self._values = [value for value in state.values() if value.dtype.is_floating_point]
        self.smooth = {name: value.detach().clone() for name, value in state.items()}
        if kept:
            self.smooth = {name: value.to(device) for name, value in kept["smooth"].items()}
        weights = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        self.learner = torch.optim.AdamW(
            [{"params": weights, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}],
            lr=_PEAK_RATE,
        )
        if kept:
            self.learner.load_state_dict(kept["learner"])

    def _planned(self) -> float:
        """Return how far the training is, 0..1."""
        if self.args.minutes:
            return min(1.0, float(self.spent_s / (60 * self.args.minutes)))
        return min(1.0, float(self.step * self.args.batch / self.args.pictures))

    def run(self, guide: Guide, scale: Scale) -> None:
        """Train to the end, telling how it goes."""
        before_s, saved_s = time.monotonic(), time.monotonic()
        shown: list[Tensor] = []
        told = (self.step, self.spent_s)
        while (done := self._planned()) < 1:
            self.done[0] = done
            shown.append(self._once(_batch_of(next(self._batches), guide, scale, self.device), done))
            self.step += 1
            now_s = time.monotonic()
            self.spent_s, before_s = self.spent_s + now_s - before_s, now_s
            if self.step % _TOLD_EVERY == 0:
                self._tell(shown, told)
                shown, told = [], (self.step, self.spent_s)
            if now_s - saved_s > _SAVED_EVERY_S:
                self._save()
                saved_s = now_s
        self._save()

    def _once(self, batch: Batch, done: float) -> Tensor:
        rate = _LAST_SHARE + (1 - _LAST_SHARE) * (0.5 + 0.5 * np.cos(np.pi * done))
        for group in self.learner.param_groups:
            group["lr"] = float(_PEAK_RATE * rate * min(1, (self.step + 1) / _WARM))
        free = 1.0 if self.start else (done - _FORCED_UNTIL) / (_FREE_FROM - _FORCED_UNTIL)
        forced = bool(np.random.default_rng((SEED, self.step)).random() >= free)
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            found, rows = outputs_of(self.network, batch, forced)
        hints, hint_parts = hint_loss(found, batch)
        heads, parts = row_loss(rows, batch)
        faded = np.clip((done - _HINT_FADES_FROM) / (_HINT_FADED_AT - _HINT_FADES_FROM), 0, 1)
        loss = _HINT_WEIGHT * float(1 - (1 - _HINT_LEFT) * faded) * hints + heads
        self.learner.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.learner.step()
        self._smooth()
        return torch.stack([*hint_parts, *parts])

    def _smooth(self) -> None:
        keep = min(_EMA, (1 + self.step) / (10 + self.step))
        smooth = [value for value in self.smooth.values() if value.dtype.is_floating_point]
        with torch.no_grad():
            torch._foreach_lerp_(smooth, self._values, 1 - keep)

    def _tell(self, shown: list[Tensor], before: tuple[int, float]) -> None:
        words = " ".join(f"{value:.3f}" for value in torch.stack(shown).mean(dim=0).tolist())
        each_s = (self.spent_s - before[1]) / max(1, self.step - before[0])
        speed = self.args.batch / max(1e-9, each_s)
        print(
            f"step {self.step}, {100 * self._planned():.1f} %: {words}; {speed:.0f} pictures/s, "
            f"{self.step * self.args.batch} so far",
            flush=True,
        )

    def _save(self) -> None:
        kept = {"network": self.network.state_dict(), "learner": self.learner.state_dict()}
        kept |= {"smooth": self.smooth, "step": self.step, "spent_s": self.spent_s, "start": self.start}
        kept["batch"] = self.args.batch
        torch.save(kept, self.mark.with_suffix(".new"))
        self.mark.with_suffix(".new").replace(self.mark)
        write_weights(self.smooth, self.mark.with_suffix(".npz"))


def _kept(mark: Path) -> dict[str, Any]:
    """Return the state of a training to be gone on from, empty where there is none; not on a GPU yet."""
    if not mark.exists():
        return {}
    kept: dict[str, Any] = torch.load(mark, weights_only=True, map_location="cpu")
    return kept


def _batch_of(made: Drawn, guide: Guide, scale: Scale, device: torch.device) -> Batch:
    """Ask the teacher of pictures, make targets, and give the network what is spoilt."""
    seen = _given(made.pictures, device)
    junctions, said = guide.look(seen)
    targets = targets_of(said, made.boxes.to(device, non_blocking=True), int(seen.shape[2]))
    seen[made.which.to(device, non_blocking=True)] = _given(made.spoilt, device)
    return Batch(seen, scale(junctions), targets)


def write_weights(state: dict[str, Tensor], path: Path) -> None:
    """Write weights, those of convolutions as float16."""
    arrays: dict[str, Any] = {name: value.cpu().numpy() for name, value in state.items()}
    for name, values in arrays.items():
        if values.dtype == np.float32 and values.ndim > 1:
            arrays[name] = values.astype(np.float16)
    part = path.with_name(f"part_{path.name}")
    np.savez_compressed(part, **arrays)
    part.replace(path)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read what `write_weights` wrote."""
    with np.load(path) as kept:
        state = {name: torch.from_numpy(kept[name]) for name in kept.files}
    return {name: value.float() if value.dtype == torch.float16 else value for name, value in state.items()}


if __name__ == "__main__":
    main()
