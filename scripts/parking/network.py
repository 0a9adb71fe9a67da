"""A small convolutional network over one bay, 64x64."""

import torch
from torch import nn

WIDTH = 192
"""Numbers that the network sees a bay as, before it judges."""


def _layer(given: int, taken: int, side: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(given, taken, side, stride, side // 2, bias=False), nn.BatchNorm2d(taken), nn.ReLU()
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = _layer(channels, channels, 3, 1)
        self.outer = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, found: torch.Tensor) -> torch.Tensor:
        return torch.relu(found + self.outer(self.inner(found)))


class Bay(nn.Module):
    """float32 (n, 3, 64, 64), 0..255, BGR, to logits (n,); exported, it ends in a sigmoid."""

    def __init__(self, taught: int = 0) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _layer(3, 16, 5, 2),
            _layer(16, 32, 3, 2),
            _Residual(32),
            _layer(32, 64, 3, 2),
            _Residual(64),
            _layer(64, WIDTH // 2, 3, 2),
        )
        self.head = nn.Linear(WIDTH, 1)
        # Only in training: what it sees has to tell what the teacher sees.
        self.pupil = nn.Linear(WIDTH, taught) if taught else None

    def seen(self, images: torch.Tensor) -> torch.Tensor:
        """Return what it sees, (n, 192)."""
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        spread = ((images - mean) ** 2).mean(dim=(1, 2, 3), keepdim=True).sqrt()
        # A bare bay keeps its low contrast: divided by its noise, the noise would look like a car.
        found = self.body((images - mean) / (spread + 20.0))
        return torch.cat([found.mean(dim=(2, 3)), found.amax(dim=(2, 3))], dim=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logit of `occupied`."""
        logits: torch.Tensor = self.head(self.seen(images))[:, 0]
        return logits


class Exported(nn.Module):
    """The network with its sigmoid, (n, 1)."""

    def __init__(self, network: Bay) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the score of `occupied`, 0..1."""
        return torch.sigmoid(self.network(images))[:, None]
