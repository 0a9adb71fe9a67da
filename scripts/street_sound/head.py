"""Fits the last layer again, on whole segments: something is in a segment when it is in one of its windows.

The mixtures say where an event is; the recordings as they are only say that there is one. The last layer
learns from both, the layers before it stay as they are. It sees the features and what the network itself says
of the teachers' tags (`network.Judge`): what few recordings teach is held close to what the tags say.

    python -m scripts.street_sound.head --recordings DIR --peers DIR --cache DIR [--licences permissive]
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from scripts.street_sound.corpus import FOLDS, SEED, Clip, read_manifest, read_tracks
from scripts.street_sound.labels import OUTPUTS, UNKNOWN, targets
from scripts.street_sound.network import Judge, StreetNet, export
from scripts.street_sound.peers import tag_families
from scripts.street_sound.progress import progress
from scripts.street_sound.scores import Windows, windows
from scripts.street_sound.train import furthest, read_pool

_STEPS, _RATE = 300, 3e-3
_KEEP = 1e-2  # how strongly the weights are held to where they began
_MIXED = 1.0  # weight of the mixtures beside the segments
_POSITIVES = 0.15  # share of the weight of a class that its positives get
_SHARPNESS = 4.0  # of the soft maximum over windows
_EVERY_WINDOW, _EVERY_MIXTURE = 2, 4  # neighbours say nearly the same


def _features(net: StreetNet, pictures: npt.NDArray[np.float16]) -> Tensor:
    parts = []
    with torch.no_grad():
        for start in range(0, len(pictures), 128):
            batch = torch.from_numpy(pictures[start : start + 128].astype(np.float32))[:, None]
            parts.append(net.features(batch.contiguous(memory_format=torch.channels_last)))
    return torch.cat(parts)


def _weights(wanted: Tensor, group: npt.NDArray[np.int64]) -> Tensor:
    """Weight of each answer: known ones only, positives and negatives in fixed shares, recordings evenly."""
    sizes = np.bincount(group)
    each = torch.from_numpy(1.0 / np.sqrt(sizes[group])).float()[:, None]
    positive, negative = (wanted == 1).float() * each, (wanted == 0).float() * each
    share = _POSITIVES * positive / (positive.sum(0) + 1e-6) + (1 - _POSITIVES) * negative / negative.sum(0)
    return share / len(OUTPUTS)


class _Segments:
    """Windows of the clips to learn from, grouped by segment."""

    def __init__(
        self, net: StreetNet, judge: Judge, clips: list[Clip], seen: Windows, chosen: npt.NDArray[np.bool_]
    ) -> None:
        rows = np.flatnonzero(chosen[seen.clip])[::_EVERY_WINDOW]
        _, first, self._segment = np.unique(
            seen.clip[rows] * 100_000 + seen.segment[rows], return_index=True, return_inverse=True
        )
        self.evidence = judge.evidence(_features(net, seen.pictures[rows]))
        of = [clips[i] for i in seen.clip[rows[first]]]
        self.wanted = torch.tensor([targets(c.label, c.original_label) for c in of])
        names = {g: n for n, g in enumerate(sorted({c.group for c in of}))}
        self.weights = _weights(self.wanted, np.array([names[c.group] for c in of]))

    def logits(self, answer: Callable[[Tensor], Tensor]) -> Tensor:
        """Soft maximum over the windows of each segment."""
        index = torch.from_numpy(self._segment)[:, None].expand(-1, len(OUTPUTS))
        raised = torch.exp((_SHARPNESS * answer(self.evidence)).clamp(max=60))
        total = torch.zeros_like(self.wanted).scatter_add_(0, index, raised)
        return torch.log(total + 1e-12) / _SHARPNESS


class _Fit:
    """The last layer over standardised evidence, held to where it began: at what the tags say."""

    def __init__(self, judge: Judge, evidence: Tensor) -> None:
        self.mean, self.spread = evidence.mean(0), evidence.std(0) + 1e-3
        weight, bias = judge.answer.weight.detach(), judge.answer.bias.detach()
        self.layer = nn.Linear(weight.shape[1], weight.shape[0])
        self.layer.weight.data.copy_(weight * self.spread)
        self.layer.bias.data.copy_(bias + weight @ self.mean)
        self._before = self.layer.weight.detach().clone()

    def __call__(self, evidence: Tensor) -> Tensor:
        """Logits of OUTPUTS."""
        logits: Tensor = self.layer((evidence - self.mean) / self.spread)
        return logits

    def moved(self) -> Tensor:
        """How far the weights are from where they began."""
        moved: Tensor = (self.layer.weight - self._before).square().sum()
        return moved

    def put_into(self, judge: Judge) -> None:
        """Give the judge the layer, for evidence as it is."""
        with torch.no_grad():
            weight = self.layer.weight / self.spread
            judge.answer.weight.copy_(weight)
            judge.answer.bias.copy_(self.layer.bias - weight @ self.mean)


def refit(
    net: StreetNet,
    judge: Judge,
    pool: dict[str, npt.NDArray[np.float16]],
    clips: list[Clip],
    seen: Windows,
    *,
    left_out: int | None,
    permissive: bool,
) -> None:
    """Fit `judge.answer` on the pool's labelled mixtures and on the clips outside the fold left out."""
    net.eval()
    net.to(memory_format=torch.channels_last)
    chosen = np.array([c.fold != left_out and (c.permissive or not permissive) for c in clips])
    with torch.no_grad():
        whole = _Segments(net, judge, clips, seen, chosen)
        labelled = np.flatnonzero((pool["targets"] != UNKNOWN).any(axis=1))[::_EVERY_MIXTURE]
        mixtures = judge.evidence(_features(net, pool["pictures"][labelled]))
    wanted = torch.from_numpy(pool["targets"][labelled].astype(np.float32))
    weights = _weights(wanted, np.arange(len(wanted)))
    fit = _Fit(judge, whole.evidence)
    optimiser = torch.optim.Adam(fit.layer.parameters(), lr=_RATE)
    cost_of = nn.functional.binary_cross_entropy_with_logits
    for _ in range(_STEPS):
        mixed = cost_of(fit(mixtures), wanted.clamp(0.01, 0.99), weight=weights, reduction="sum")
        cut = cost_of(
            whole.logits(fit), whole.wanted.clamp(0.01, 0.99), weight=whole.weights, reduction="sum"
        )
        optimiser.zero_grad()
        (_MIXED * mixed + cut + _KEEP * fit.moved()).backward()
        optimiser.step()
    fit.put_into(judge)


def unfitted(folder: Path) -> list[tuple[str, Path]]:
    """Return names and weights of the networks whose last layer was not fitted since their training."""
    found = [(name, furthest(folder, name)) for name in (*map(str, range(FOLDS)), "all")]
    return [(name, trained) for name, trained in found if trained and not _fitted(folder, name, trained)]


def _fitted(folder: Path, name: str, trained: Path) -> bool:
    head = folder / f"{name}.head.pt"
    return head.exists() and head.stat().st_mtime >= trained.stat().st_mtime


def main() -> None:
    """Refit and export every trained network that is not yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument(
        "--peers", type=Path, required=True, help="folder of the teachers, for their tags' names"
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder that training wrote")
    parser.add_argument("--licences", choices=("any", "permissive"), default="any")
    args = parser.parse_args()
    torch.set_num_threads(1)
    clips = read_manifest(args.recordings, SEED)
    seen = windows(args.cache, read_tracks(args.recordings, clips, args.cache))
    folder, pool = args.cache / f"networks-{args.licences}", args.cache / f"pool-{args.licences}"
    families = tag_families(args.peers)
    for name, trained in progress(unfitted(folder), "heads"):
        left_out = int(name) if name != "all" else None
        net = StreetNet()
        net.load_state_dict(torch.load(trained))
        judge = Judge(net, families)
        mixtures = read_pool(pool, [k for k in range(FOLDS) if k != left_out])
        refit(net, judge, mixtures, clips, seen, left_out=left_out, permissive=args.licences == "permissive")
        export(net, judge, folder / f"{name}.onnx")
        torch.save({"net": net.state_dict(), "judge": judge.state_dict()}, folder / f"{name}.head.pt")


if __name__ == "__main__":
    main()
