"""How the pictures differ each time that they are seen."""

import math

import torch
from torch import Tensor

_NATURAL = 5.0  # a picture's unit in natural logarithms of power (edge/dsp/log_mel.py)
_WEAKEST_DB, _STRONGEST_DB = -25.0, 6.0  # of a picture that is mixed into another
_LONGEST_ROLL = 50  # frames


def vary(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Tilt, colour, shift and mask the pictures a little: each is seen differently in each epoch.

    Args:
        pictures: (n, BANDS, FRAMES).
        generator: of the same device.
    """
    device = pictures.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=device)

    count, bands, _ = pictures.shape
    band = torch.linspace(-1, 1, bands, device=device)
    colour = torch.zeros(count, bands, device=device)
    for order in (1.0, 2.0, 3.5):
        colour += (uniform(count, 1) - 0.5) * 0.5 * torch.sin(band * order + 6.3 * uniform(count, 1))
    floor = pictures.amin(dim=(1, 2), keepdim=True)
    varied = torch.maximum(pictures + colour[:, :, None] * (uniform(count, 1, 1) < 0.6), floor)
    place = torch.arange(bands, device=device)[None, :, None]
    start, width = uniform(count, 1, 1) * bands, uniform(count, 1, 1) * 10 * (uniform(count, 1, 1) < 0.4)
    varied = torch.where((place >= start) & (place < start + width), floor, varied)
    # Drawn on the host: the device need not be waited for.
    host = torch.Generator().manual_seed(generator.initial_seed())
    later, higher = (float(v) for v in torch.rand(2, generator=host))
    return torch.roll(varied, (int(later * 20) - 10, int(higher * 3) - 1), dims=(2, 1))


def mixed(pictures: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return the pictures, the last `count` of them mixed with others of the batch, at the same level.

    The powers of two sounds add up, but for how their waves meet; what the teacher makes of a mixture it is
    asked anew.

    Args:
        pictures: (n, BANDS, FRAMES).
        count: 0..n.
        generator: of the same device.
    """
    if not count:
        return pictures
    host = torch.Generator().manual_seed(generator.initial_seed())
    roll = int(torch.randint(2 * _LONGEST_ROLL, (1,), generator=host)) - _LONGEST_ROLL
    first = pictures[-count:]
    second = torch.roll(pictures.roll(1 + count // 2, dims=0)[-count:], roll, dims=2)
    share = torch.rand(count, 1, 1, generator=generator, device=pictures.device)
    gain = (_WEAKEST_DB + (_STRONGEST_DB - _WEAKEST_DB) * share) * (math.log(10) / 10)
    power = torch.logaddexp(_NATURAL * first, _NATURAL * second + gain) - torch.log1p(gain.exp())
    return torch.cat([pictures[:-count], power / _NATURAL])
