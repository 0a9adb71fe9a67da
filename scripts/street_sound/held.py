"""A pool held in the memory of an accelerator, which takes in new shards while they are being made."""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edge.dsp.log_mel import SHAPE
from scripts.street_sound.corpus import SEED
from scripts.street_sound.labels import OUTPUTS
from scripts.street_sound.network import YAMNET_TAGS
from scripts.street_sound.pool import VIEWS

_LOOK_EVERY_S = 2.0


class Held:
    """All mixtures of further sounds: VIEWS pictures, targets and what YAMNet says, float16 on the device."""

    def __init__(self, folder: Path, device: torch.device, batch: int) -> None:
        """Args: the folder of shards; where the pictures are held; how many a batch has."""
        self._folder, self._device, self._batch = folder, device, batch
        shapes = {"pictures": (VIEWS, *SHAPE), "targets": (len(OUTPUTS),), "yamnet": (YAMNET_TAGS,)}
        self._kept = {n: torch.empty(0, *s, dtype=torch.float16, device=device) for n, s in shapes.items()}
        self._count, self._read = 0, set[Path]()
        self._looked_s = -np.inf

    def __len__(self) -> int:
        """How many mixtures are held."""
        return self._count

    def look(self, now_s: float) -> None:
        """Take in the shards that have come since, when it is time to look."""
        if now_s - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = now_s
        for path in sorted(self._folder.glob("fold-1-*.npz")):
            if ".part" not in path.name and path not in self._read:
                self._take(path)

    def wait(self, mixtures: int) -> None:
        """Return when so many mixtures are there."""
        self.look(time.monotonic())
        told = False
        while self._count < mixtures:
            if not told:
                sys.stderr.write(
                    f"{self._folder}: waits for {mixtures} mixtures of further sounds, "
                    "which scripts.street_sound.pool makes\n"
                )
                told = True
            time.sleep(_LOOK_EVERY_S)
            self.look(time.monotonic())

    def _take(self, path: Path) -> None:
        self._read.add(path)
        stored = np.load(path)
        rows = len(stored["targets"])
        end = self._count + rows
        for name, kept in self._kept.items():
            if end > len(kept):
                room = max(len(kept) + len(kept) // 4, end)  # both lie in memory while one is copied
                larger = torch.empty(room, *kept.shape[1:], dtype=kept.dtype, device=kept.device)
                larger[: self._count] = kept[: self._count]
                self._kept[name] = larger
            self._kept[name][self._count : end] = torch.from_numpy(stored[name]).to(self._device)
        self._count = end

    def first(self, pictures: int) -> Tensor:
        """Return the first pictures, float32 (n, BANDS, FRAMES); waits for them."""
        self.wait(pictures // VIEWS)
        return self._kept["pictures"][: pictures // VIEWS].flatten(0, 1).float()

    def batch(self, step: int) -> dict[str, Tensor]:
        """Return pictures, as float32 on the device; a step draws the same from the same pool."""
        self.look(time.monotonic())
        generator = torch.Generator(self._device).manual_seed(SEED * 100_003 + step)

        def drawn(most: int) -> Tensor:
            return torch.randint(most, (self._batch,), generator=generator, device=self._device)

        rows, view = drawn(self._count), drawn(VIEWS)
        return {
            "pictures": self._kept["pictures"][rows, view].float(),
            "targets": self._kept["targets"][rows].float(),
            "yamnet": self._kept["yamnet"][rows].float(),
        }
