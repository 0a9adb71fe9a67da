"""The teacher while training: YOLOX-nano in PyTorch, with the features between its stages."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scripts.people.teachers import COLUMNS, JUNCTIONS, QUARTERS, inner_graph

_FLOOR = 0.02
_HIGHEST = 6e4
_FARTHEST = 20.0


class Guide:
    """YOLOX-nano with its junctions, for batches of any size that 32 divides; half precision on a GPU."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        import onnx2torch

        half = torch.float16 if device.type == "cuda" else torch.float32
        network = onnx2torch.convert(inner_graph(folder, QUARTERS)).eval().requires_grad_(requires_grad=False)
        for name, layer in list(network.named_children()):
            if type(layer).__name__ == "OnnxResize":
                setattr(network, name, _Twice())
        self._network = network.to(device, half, memory_format=torch.channels_last)
        self._columns = torch.tensor([*range(5), *(5 + column for column in COLUMNS)], device=device)
        self._given = half

    def look(self, pictures: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the junctions, (n, c, h, w) each, and the rows (n, rows, 11) with probabilities; float32.

        Args:
            pictures: (n, 3, h, w), BGR, 0..255.
        """
        with torch.no_grad():
            given = _quarters(pictures).to(self._given, memory_format=torch.channels_last)
            # Half precision ends at 65,504.
            outputs = [output.float().nan_to_num(0.0, _HIGHEST, -_HIGHEST) for output in self._network(given)]
        rows = torch.cat([head.flatten(2) for head in outputs[len(JUNCTIONS) :]], dim=2)
        return outputs[: len(JUNCTIONS)], rows[:, self._columns].transpose(1, 2).contiguous()


class _Twice(torch.nn.Module):
    """What its resizing does, without asking the GPU how much."""

    def forward(self, x: Tensor, *_: object) -> Tensor:
        """(n, c, h, w) to (n, c, 2h, 2w)."""
        return torch.nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


def _quarters(pictures: Tensor) -> Tensor:
    """Return (n, c, h, w) as (n, 4c, h/2, w/2): even rows and columns, odd rows, odd columns, odd both."""
    return torch.cat([pictures[:, :, y::2, x::2] for x in (0, 1) for y in (0, 1)], dim=1)


class Scale:
    """Mean and spread of each channel of the teacher's features."""

    def __init__(self, path: Path, device: torch.device) -> None:
        with np.load(path) as kept:
            self._mean, self._spread = (
                [torch.from_numpy(kept[f"{name}{number}"]).to(device) for number in range(len(JUNCTIONS))]
                for name in ("mean", "spread")
            )

    def __call__(self, junctions: list[Tensor]) -> list[Tensor]:
        """Return features in their spreads from their means, twenty at most."""
        return [
            ((found - mean) / spread).clamp(-_FARTHEST, _FARTHEST)
            for found, mean, spread in zip(junctions, self._mean, self._spread, strict=True)
        ]


def measure_scale(path: Path, pictures: Iterable[Tensor], guide: Guide) -> None:
    """Write mean and spread of the teacher's features on batches (n, 3, s, s), 0..255."""
    seen = [guide.look(batch)[0] for batch in pictures]
    kept = {}
    for number in range(len(JUNCTIONS)):
        values = torch.cat([one[number].transpose(0, 1).flatten(1) for one in seen], dim=1)
        kept[f"mean{number}"] = values.mean(dim=1)[:, None, None].cpu().numpy()
        kept[f"spread{number}"] = values.std(dim=1)[:, None, None].cpu().numpy() + np.float32(_FLOOR)
    np.savez(path, **kept)
