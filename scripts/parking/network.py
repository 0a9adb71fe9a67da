"""A small convolutional network over one bay, 64x64."""

import torch
from torch import nn


def _block(given: int, taken: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(given, given, 3, stride, 1, groups=given, bias=False),
        nn.BatchNorm2d(given),
        nn.Conv2d(given, taken, 1, bias=False),
        nn.BatchNorm2d(taken),
        nn.ReLU(),
    )


class Bay(nn.Module):
    """float32 (n, 3, 64, 64), 0..255, BGR, to logits (n,); exported, it ends in a sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 5, 2, 2, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            _block(16, 32, 2),
            _block(32, 32, 1),
            _block(32, 64, 2),
            _block(64, 64, 1),
            _block(64, 96, 2),
        )
        self.head = nn.Linear(192, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logit of `occupied`."""
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        spread = ((images - mean) ** 2).mean(dim=(1, 2, 3), keepdim=True).sqrt()
        # A bare bay keeps its low contrast: divided by its noise, the noise would look like a car.
        found = self.body((images - mean) / (spread + 20.0))
        pooled = torch.cat([found.mean(dim=(2, 3)), found.amax(dim=(2, 3))], dim=1)
        logits: torch.Tensor = self.head(pooled)[:, 0]
        return logits


class Exported(nn.Module):
    """The network with its sigmoid, (n, 1)."""

    def __init__(self, network: Bay) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the score of `occupied`, 0..1."""
        return torch.sigmoid(self.network(images))[:, None]
