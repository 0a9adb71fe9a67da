"""Fits the last layer, on whole segments: something is in a segment when it is in one of its windows.

The mixtures say where an event is; the recordings as they are only say that there is one. The last layer
learns from both, the layers before it stay as they are. It sees the features and what the network itself says
of the teachers' tags (`network.Judge`): it begins at what the tags say, and what few recordings teach is held
close to that. Silence holds nothing, whatever the recording it is of is called. Sirens and
horns, which are told from several windows pooled, are fitted like the others. Further recordings
show it what else there is: what neither YAMNet nor the network's own tags hear in one is not there.

    python -m scripts.street_sound.head --recordings DIR --peers DIR --cache DIR [--more DIR]
        [--licences permissive]
"""

import argparse
import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from scripts.street_sound.corpus import FOLDS, SEED, Clip, read_manifest, read_tracks
from scripts.street_sound.labels import OUTPUTS, SILENCE, UNKNOWN, targets
from scripts.street_sound.more import Further, read_further
from scripts.street_sound.network import FEATURES, Judge, StreetNet, export
from scripts.street_sound.peers import Families, tag_families
from scripts.street_sound.progress import progress
from scripts.street_sound.scores import Scores, Windows, windows
from scripts.street_sound.train import load_start, read_shard, shards, trained

_ITERATIONS = 120  # of L-BFGS
_POSITIVES = 0.15  # share of the weight of a class that its positives get
_SHARPNESS = 4.0  # of the soft maximum over windows
_UNSURE = 0.01  # no answer is wanted more sure than this
_BIAS = -3.0  # where the answers begin: nothing is there
# Neighbours say nearly the same. The views of a mixture alternate, so these are the pictures as they are.
_EVERY_WINDOW, _EVERY_MIXTURE = 2, 4  # of a segment, of a shard
_FURTHER = 0.3  # weight of the further recordings beside the segments
_MARK = 0.95  # share of their windows, whatever is in them, that gets at most _BIAS
_NOT_HEARD = 0.0  # the largest logit of the teachers' tags, as the network gives them, of what is not there
_NAMES = (*map(str, range(FOLDS)), "all")  # of the last layers: which fold is left out
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Terms:
    """On what terms a class is fitted; `choose` compares them inside the folds that are learned from.

    Attributes:
        keep: how strongly the weights are held to where they began.
        prior: weight with which a class's own tags enter its logit where it begins.
        mixed: weight of the mixtures beside the segments.
    """

    keep: float = 3e-3
    prior: float = 0.6
    mixed: float = 0.1


TERMS = {
    "gunshot": Terms(),
    "firework": Terms(keep=1e-2),
    "explosion": Terms(),
    "glass_break": Terms(keep=3e-4, prior=1.5, mixed=0.01),
    "scream": Terms(keep=3e-4, prior=0.3, mixed=0.01),
    "raised_voice": Terms(),
    "siren": Terms(keep=1e-2, mixed=0.01),
    "horn": Terms(keep=3e-4, prior=1.0, mixed=0.01),
}
"""What `choose` found best for each class; explosions and raised voices are off and were not chosen for."""


FurtherHeard = tuple[Tensor, Tensor, npt.NDArray[np.int64]]
"""Of each window that is of no fold: evidence, targets, number of the package."""
NOTHING_FURTHER = (
    torch.zeros(0, FEATURES + 2 * len(OUTPUTS)),
    torch.zeros(0, len(OUTPUTS)),
    np.zeros(0, np.int64),
)


@dataclass(frozen=True)
class Heard:
    """What one network makes of all that a last layer may learn from.

    Attributes:
        clip: (n,) of each window, as in Windows; so are `segment`, `start_s` and `silent`.
        evidence: (n, ...) of each window.
        mixtures: of each fold: evidence, and targets as in the pool.
        further: of windows of further recordings.
    """

    clip: npt.NDArray[np.int64]
    segment: npt.NDArray[np.int64]
    start_s: Floats
    silent: npt.NDArray[np.bool_]
    evidence: Tensor
    mixtures: dict[int, tuple[Tensor, Tensor]]
    further: FurtherHeard


def _evidence(net: StreetNet, judge: Judge, pictures: npt.NDArray[np.float16]) -> Tensor:
    parts = []
    with torch.no_grad():
        for start in range(0, len(pictures), 128):
            batch = torch.from_numpy(pictures[start : start + 128].astype(np.float32))[:, None]
            features = net.features(batch.contiguous(memory_format=torch.channels_last))
            parts.append(judge.evidence(features))
    return torch.cat(parts)


def hear(net: StreetNet, judge: Judge, seen: Windows, pool: Path, further: Further | None = None) -> Heard:
    """Let a network hear windows of each segment, the labelled mixtures of every fold, further recordings."""
    net.eval()
    net.to(memory_format=torch.channels_last)
    mixtures = {}
    for fold in range(FOLDS):
        parts = []
        for path in shards(pool, fold):
            shard = read_shard(path)
            known = np.flatnonzero((shard["targets"] != UNKNOWN).any(axis=1))[::_EVERY_MIXTURE]
            wanted = torch.from_numpy(shard["targets"][known].astype(np.float32))
            parts.append((_evidence(net, judge, shard["pictures"][known]), wanted))
        mixtures[fold] = torch.cat([e for e, _ in parts]), torch.cat([w for _, w in parts])
    rows = np.flatnonzero(seen.place() % _EVERY_WINDOW == 0)
    return Heard(
        seen.clip[rows],
        seen.segment[rows],
        seen.start_s[rows],
        seen.silent[rows],
        _evidence(net, judge, seen.pictures[rows]),
        mixtures,
        _hear_further(net, judge, further) if further else NOTHING_FURTHER,
    )


def _hear_further(net: StreetNet, judge: Judge, further: Further) -> FurtherHeard:
    rows = np.flatnonzero(further.seen.place() % _EVERY_WINDOW == 0)
    evidence, of = _evidence(net, judge, further.seen.pictures[rows]), further.seen.clip[rows]
    tags = evidence[:, FEATURES:].reshape(-1, 2, len(OUTPUTS)).amax(dim=1)
    wanted = torch.where(tags < _NOT_HEARD, torch.from_numpy(further.wanted[of]), UNKNOWN)
    return evidence, wanted, further.package[of]


def _weights(wanted: Tensor, group: npt.NDArray[np.int64]) -> Tensor:
    """Weight of each answer: known ones only, positives and negatives in fixed shares, recordings evenly."""
    sizes = np.bincount(group)
    each = torch.from_numpy(1.0 / np.sqrt(sizes[group])).float()[:, None]
    positive, negative = (wanted == 1).float() * each, (wanted == 0).float() * each
    share = _POSITIVES * positive / (positive.sum(0) + 1e-6) + (1 - _POSITIVES) * negative / (
        negative.sum(0) + 1e-6
    )
    return share / len(OUTPUTS)


class _Segments:
    """Segments of the clips to learn from: which windows they are of, and what is wanted of them."""

    def __init__(self, heard: Heard, clips: list[Clip], chosen: npt.NDArray[np.bool_]) -> None:
        key = heard.clip * 100_000 + heard.segment
        loud = np.isin(key, key[~heard.silent])
        # Of a segment with sound in it, the silent windows say nothing.
        self.rows = np.flatnonzero(chosen[heard.clip] & ~(heard.silent & loud))
        _, first, segment = np.unique(key[self.rows], return_index=True, return_inverse=True)
        of, loud = [clips[i] for i in heard.clip[self.rows[first]]], loud[self.rows[first]]
        self.wanted = torch.tensor(
            [
                targets(c.label if sounds else SILENCE, c.original_label if sounds else "")
                for c, sounds in zip(of, loud, strict=True)
            ]
        )
        names = {g: n for n, g in enumerate(sorted({c.group for c in of}))}
        self.weights = _weights(self.wanted, np.array([names[c.group] for c in of]))
        self._index = torch.from_numpy(segment)

    def logits(self, answers: Tensor) -> Tensor:
        """Soft maximum of the answers over the windows of each segment."""
        raised = torch.exp((_SHARPNESS * answers).clamp(max=60))
        total = torch.zeros_like(self.wanted).index_add(0, self._index, raised)
        return torch.log(total + 1e-12) / _SHARPNESS


def _cost(logits: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    wanted = wanted.clamp(_UNSURE, 1 - _UNSURE)
    return nn.functional.binary_cross_entropy_with_logits(logits, wanted, weight=weights, reduction="sum")


def fit(
    heard: Heard, clips: list[Clip], folds: list[int], terms: Mapping[str, Terms], *, permissive: bool = False
) -> nn.Linear:
    """Return the last layer that `folds` teach on the terms of each class, for evidence as it is.

    What further recordings get is to put the layers of all folds, and the one that ships, on one scale.
    """
    chosen = np.array([c.fold in folds and (c.permissive or not permissive) for c in clips])
    segments = _Segments(heard, clips, chosen)
    whole = heard.evidence[segments.rows]
    mixed, wanted = (torch.cat(parts) for parts in zip(*(heard.mixtures[k] for k in folds), strict=True))
    mean, spread = whole.mean(0), whole.std(0) + 1e-3
    beside, absent, package = heard.further
    whole, mixed, beside = ((part - mean) / spread for part in (whole, mixed, beside))
    keep, prior, mixed_weight = torch.tensor([astuple(terms[name]) for name in OUTPUTS]).T
    weights = mixed_weight * _weights(wanted, np.arange(len(wanted)))
    absence = _FURTHER * _weights(absent, package)
    layer = nn.Linear(whole.shape[1], len(OUTPUTS))
    before = torch.zeros_like(layer.weight)
    before[:, FEATURES:] = torch.diag(prior).repeat(1, 2) * spread[FEATURES:]
    layer.weight.data.copy_(before)
    layer.bias.data.fill_(_BIAS)
    optimiser = torch.optim.LBFGS(
        layer.parameters(), max_iter=_ITERATIONS, history_size=10, line_search_fn="strong_wolfe"
    )

    def cost() -> Tensor:
        optimiser.zero_grad()
        total = _cost(segments.logits(layer(whole)), segments.wanted, segments.weights)
        total = total + _cost(layer(mixed), wanted, weights)
        total = total + _cost(layer(beside), absent, absence)
        total = total + (keep * (layer.weight - before).square().sum(1)).sum()
        total.backward()
        return total

    optimiser.step(cost)
    with torch.no_grad():
        layer.weight /= spread
        layer.bias -= layer.weight @ mean
        if len(beside):
            layer.bias += _BIAS - torch.quantile(layer(heard.further[0]), _MARK, dim=0)
    return layer


def answers(heard: Heard, layer: nn.Linear, of: npt.NDArray[np.bool_]) -> Scores:
    """What the layer says of each segment of the clips that are chosen in `of`."""
    rows = np.flatnonzero(of[heard.clip])
    with torch.no_grad():
        logits: Floats = layer(heard.evidence[rows]).numpy()
    scores = Scores(heard.clip[rows], heard.segment[rows], heard.start_s[rows], logits)
    return scores.told(by_segment=True).of_segments()


def digest(start: Path) -> str:
    """Return what tells one network's weights from another's."""
    return hashlib.sha256(start.read_bytes()).hexdigest()


def layers(folder: Path, start: Path) -> dict[str, bool]:
    """Return of each last layer in `folder`, by fold and `all`, whether it was fitted on that network."""
    files = {name: folder / f"{name}.head.pt" for name in _NAMES}
    whole = digest(start)
    return {name: torch.load(path).get("start") == whole for name, path in files.items() if path.exists()}


def refuse_others(folder: Path, start: Path) -> None:
    """End the command if a last layer in `folder` was fitted on another network."""
    others = [name for name, ours in layers(folder, start).items() if not ours]
    if others:
        raise SystemExit(
            f"{folder}: the last layers {', '.join(others)} were fitted on another network than {start}; "
            "run scripts.street_sound.head"
        )


def load(start: Path, families: Families, head: Path | None = None) -> tuple[StreetNet, Judge]:
    """Return the network and its judge, with a last layer that was fitted on it or with none yet."""
    net = load_start(start)
    judge = Judge(net, families)
    if head:
        judge.answer.load_state_dict(torch.load(head)["answer"])
    return net, judge


def arguments(about: str | None) -> argparse.ArgumentParser:
    """Return a parser of where the recordings, the teachers and what was made of them lie."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--peers", type=Path, required=True, help="folder of the teachers and peers")
    parser.add_argument("--cache", type=Path, required=True, help="folder that pool.py and head.py write")
    parser.add_argument("--more", type=Path, help="folder of further sound files, as for the pool")
    return parser


def listen(args: argparse.Namespace, seen: Windows, pool: Path) -> tuple[StreetNet, Judge, Heard]:
    """Return the network, its judge, and what it makes of all that a last layer may learn from."""
    further = read_further(args.more, args.peers, args.cache) if args.more else None
    net, judge = load(trained(args.cache), tag_families(args.peers))
    return net, judge, hear(net, judge, seen, pool, further)


def main() -> None:
    """Fit the last layers that this network lacks, each with a fold left out and one on all; export them."""
    parser = arguments(__doc__)
    parser.add_argument("--licences", choices=("any", "permissive"), default="any")
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder, start = args.cache / f"networks-{args.licences}", trained(args.cache)
    folder.mkdir(parents=True, exist_ok=True)
    fitted = layers(folder, start)
    names = [name for name in _NAMES if not fitted.get(name)]
    if not names:
        return
    clips = read_manifest(args.recordings, SEED)
    seen = windows(args.cache, read_tracks(args.recordings, clips, args.cache))
    net, judge, heard = listen(args, seen, args.cache / f"pool-{args.licences}")
    of = digest(start)
    for name in progress(names, "heads"):
        folds = [k for k in range(FOLDS) if str(k) != name]
        layer = fit(heard, clips, folds, TERMS, permissive=args.licences == "permissive")
        judge.answer.load_state_dict(layer.state_dict())
        export(net, judge, folder / f"{name}.onnx")
        torch.save({"start": of, "answer": layer.state_dict()}, folder / f"{name}.head.pt")


if __name__ == "__main__":
    main()
