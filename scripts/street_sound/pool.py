"""Make the training pool: mixtures of one second, their log-mel pictures and what YAMNet hears in them.

Everything in one mixture comes from one fold, so that a fold can be left out by leaving its shards out. Fold
-1 holds further recordings without labels and simulated sounds over them; it is never measured on.

    python -m scripts.street_sound.pool --recordings DIR --peers DIR --cache DIR [--more DIR] [--shards N]
"""

import argparse
import multiprocessing
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from edge.dsp.log_mel import WINDOW_SAMPLES, log_mel
from scripts.street_sound import physics, street, tones
from scripts.street_sound.corpus import FOLDS, SEED, Clip, read_manifest, read_tracks
from scripts.street_sound.labels import FROM_MANIFEST, OUTPUTS, UNKNOWN, targets
from scripts.street_sound.more import heard_in, read_more
from scripts.street_sound.peers import Yamnet
from scripts.street_sound.progress import progress

Floats = npt.NDArray[np.float32]
SHARD = 1000
VIEWS = 2
_WITH_STREET, _WITH_SECOND = 0.3, 0.06  # shares of the mixtures with another sound, with a second event

# Shares of the foregrounds of a labelled shard.
_RECORDED = {
    "gunshot": 0.15,
    "fireworks": 0.11,
    "explosion": 0.03,
    "glass": 0.05,
    "scream": 0.08,
    "shout": 0.01,
    "siren": 0.07,
    "horn": 0.06,
    "background": 0.27,
}
_SIMULATED = {
    "shots": 0.03,
    "fireworks": 0.04,
    "impacts": 0.02,
    "sirens": 0.03,
    "horns": 0.02,
    "glass": 0.01,
    "tones": 0.03,
}
_SIMULATED_UNLABELLED = 0.3  # share of the foregrounds of the other shards
_SOUGHT = 0.5  # share of the recordings of the other shards in which YAMNet hears something of OUTPUTS
_HARD = {
    *(
        "jackhammer",
        "drilling",
        "Fire crackling",
        "doorslam",
        "knock",
        "engine_idling",
        "Person sneeze",
        "cough",
    ),
    *("Baby cry", "Rooster", "children_playing", "laughter", "keysDrop", "drawer", "Chainsaw"),
}
_PEAKY = {"gunshot", "fireworks", "explosion", "glass", "doorslam"}


@dataclass(frozen=True)
class Sound:
    """A recording with the weights of its 50 ms blocks as places where something is heard.

    Attributes:
        clip: its row of the manifest; None: a further recording, without labels.
        group: what is drawn evenly: the recording a clip is of, or the package.
        track: at SAMPLE_RATE_HZ.
        places: (blocks,), sum 1.
        heard: (len(OUTPUTS),) what YAMNet hears somewhere in a further recording, 0..1.
    """

    clip: Clip | None
    group: str
    track: npt.NDArray[np.int16]
    places: npt.NDArray[np.float64]
    heard: Floats | None = None


def _places(track: npt.NDArray[np.int16], label: str) -> npt.NDArray[np.float64]:
    blocks = np.asarray(track[: max(1600, track.size // 1600 * 1600)], dtype=np.float32)
    blocks = np.resize(blocks, max(1600, blocks.size // 1600 * 1600))
    level = 10 * np.log10(np.square(blocks.reshape(-1, 1600) / 32768).mean(axis=1) + 1e-10)
    weight = (level > level.max() - (14 if label in _PEAKY else 30)).astype(float)
    return np.asarray(weight / weight.sum())


def _cut(rng: np.random.Generator, sound: Sound) -> Floats:
    """Return one second of a recording, with something audible in it, respeeded now and then.

    Half of the time it lies as windows do in use: inside the recording, or a short one centred.
    """
    place = rng.choice(sound.places.size, p=sound.places) * 1600
    start = place - int(rng.uniform(0.05, 0.75) * WINDOW_SAMPLES)
    if rng.random() < 0.5:
        spare = sound.track.size - WINDOW_SAMPLES
        start = int(np.clip(start, 0, spare)) if spare > 0 else spare // 2
    low, high = max(0, start - 3000), min(sound.track.size, start + int(1.4 * WINDOW_SAMPLES))
    piece: Floats = np.asarray(sound.track[low:high], dtype=np.float32) / np.float32(32768)
    lead = max(0, -start)
    if rng.random() < 0.3:
        piece = street.respeed(rng, piece)
    skip = max(0, start - low)
    piece = piece[skip : skip + WINDOW_SAMPLES - lead]
    padded = np.pad(piece, (lead, max(0, WINDOW_SAMPLES - lead - piece.size)))
    return np.asarray(padded[:WINDOW_SAMPLES], dtype=np.float32)


class Fold:
    """The sounds of one fold, drawn evenly over recordings rather than over clips."""

    def __init__(self, sounds: list[Sound]) -> None:
        self._by_label: dict[str, tuple[list[Sound], npt.NDArray[np.float64]]] = {}
        events = set(FROM_MANIFEST.values())
        labels: dict[str, list[Sound]] = {}
        for sound in sounds:
            label = sound.clip.label if sound.clip else "background"
            labels.setdefault(label if label in events else "background", []).append(sound)
        for label, members in labels.items():
            self._by_label[label] = members, self._weights(members)

        heard = [s for s in sounds if s.heard is not None]
        if heard:
            score = np.sqrt(np.array([s.heard for s in heard]).clip(0.03) - 0.03) + 1e-6
            self._sought = heard, score / score.sum(axis=0)

    @staticmethod
    def _weights(members: list[Sound]) -> npt.NDArray[np.float64]:
        sizes = Counter(m.group for m in members)
        weight = np.array([sizes[m.group] ** -0.5 for m in members])
        weight *= [2.5 if m.clip and {m.clip.original_label, m.clip.label} & _HARD else 1.0 for m in members]
        return np.asarray(weight / weight.sum())

    def seek(self, rng: np.random.Generator) -> Sound:
        """A further recording in which one of OUTPUTS may be heard: each equally often."""
        members, weights = self._sought
        return members[rng.choice(len(members), p=weights[:, rng.integers(len(OUTPUTS))])]

    def draw(self, rng: np.random.Generator, label: str) -> Sound | None:
        """A recording of `label`, or None when the fold has none."""
        if label not in self._by_label:
            return None
        members, weight = self._by_label[label]
        return members[rng.choice(len(members), p=weight)]


_SIMULATIONS = {
    "shots": (physics.shots, "gunshot"),
    "fireworks": (physics.fireworks, "fireworks"),
    "impacts": (physics.impacts, "other"),
    "sirens": (tones.sirens, "siren"),
    "horns": (tones.horns, "horn"),
    "glass": (tones.glass, "glass"),
    "tones": (tones.tones, "other"),
}


def _simulated(rng: np.random.Generator, kind: str) -> tuple[Floats, list[float]]:
    make, label = _SIMULATIONS[kind]
    sound = make(rng)
    if rng.random() < 0.8:  # nothing real is heard without its surroundings
        sound = street.through_the_street(rng, sound)
    return sound, targets(label, "simulated")


def _foreground(rng: np.random.Generator, fold: Fold, labelled: bool) -> tuple[Floats, list[float]]:
    if not labelled:
        if rng.random() < _SIMULATED_UNLABELLED:
            return _simulated(rng, str(rng.choice(list(_SIMULATED))))
        sound = fold.seek(rng) if rng.random() < _SOUGHT else fold.draw(rng, "background")
        assert sound is not None
        return _cut(rng, sound), [UNKNOWN] * len(OUTPUTS)
    shares = _RECORDED | {f"~{k}": v for k, v in _SIMULATED.items()}
    names, p = list(shares), np.array(list(shares.values()))
    name = str(rng.choice(names, p=p / p.sum()))
    if name.startswith("~"):
        return _simulated(rng, name[1:])
    sound = fold.draw(rng, name) or fold.draw(rng, "background")
    assert sound is not None
    assert sound.clip is not None
    return _cut(rng, sound), targets(sound.clip.label, sound.clip.original_label)


def _both(a: list[float], b: list[float]) -> list[float]:
    """Targets of a mixture: heard when either holds it, open when either leaves it open."""
    return [
        1.0 if 1.0 in (x, y) else UNKNOWN if UNKNOWN in (x, y) else 0.0 for x, y in zip(a, b, strict=True)
    ]


def one_mixture(rng: np.random.Generator, fold: Fold, labelled: bool) -> tuple[Floats, list[float]]:
    """Return one second and its targets, before the street and the microphone."""
    sound, target = _foreground(rng, fold, labelled)
    plan = rng.random()
    if plan < _WITH_STREET:
        other = fold.draw(rng, "background")
        assert other is not None
        known = (
            targets(other.clip.label, other.clip.original_label) if other.clip else [UNKNOWN] * len(OUTPUTS)
        )
        ratio_db = rng.uniform(-5, 30)
        # What is 20 dB below the event does not make its answers open.
        sound, target = (
            street.mix(sound, _cut(rng, other), ratio_db),
            target if ratio_db > 20 else _both(target, known),
        )
    elif plan < _WITH_STREET + _WITH_SECOND:
        second, known = _foreground(rng, fold, labelled)
        sound, target = street.mix(sound, second, rng.uniform(-5, 5)), _both(target, known)
    return sound, target


def _logit(probability: Floats) -> Floats:
    odds = (probability + 1e-7) / (1 - probability + 1e-7)
    return np.asarray(np.clip(np.log(odds), -12, 12), dtype=np.float32)


def _yamnet(yamnet: Yamnet, rng: np.random.Generator, sound: Floats) -> Floats:
    """Return YAMNet's logits (521) of one second, at some level."""
    margin = (WINDOW_SAMPLES - 31_200) // 2  # its window is 0.975 s
    loud = sound / (np.max(np.abs(sound)) + 1e-6) * rng.uniform(0.2, 0.9)
    return _logit(yamnet(loud[margin : margin + 31_200])[0])


def _views(rng: np.random.Generator, sound: Floats) -> Floats:
    """Return VIEWS pictures of a mixture: as it is, and after the street and a microphone."""
    changed = street.into_the_microphone(rng, street.through_the_street(rng, sound))
    return np.stack([log_mel(sound), log_mel(changed)])


def make_shard(
    path: Path, seed: int, fold: Fold, labelled: bool, yamnet: Yamnet, *, mixtures: int = SHARD
) -> None:
    """Write one shard, all float16: VIEWS pictures of each mixture, its targets, what YAMNet says."""
    rng = np.random.default_rng(seed)
    kept: dict[str, list[Floats]] = {n: [] for n in ("pictures", "targets", "yamnet")}
    for _ in range(mixtures):
        sound, target = one_mixture(rng, fold, labelled)
        said = _yamnet(yamnet, rng, sound)
        row = (_views(rng, sound), np.array(target, np.float32), said)
        for name, value in zip(kept, row, strict=True):
            kept[name].append(value.astype(np.float16))
    # Two runs that meet in the middle may both be making the same shard.
    partial = path.with_suffix(f".{os.getpid()}.part.npz")
    rows: dict[str, Any] = {name: np.stack(values) for name, values in kept.items()}
    np.savez(partial, **rows)
    partial.replace(path)


def _further(folder: Path, peers: Path, cache: Path) -> list[Sound]:
    names, tracks = zip(*read_more(folder, cache), strict=True)
    heard = heard_in(list(tracks), peers, cache)
    return [Sound(None, n, t, _places(t, ""), h) for n, t, h in zip(names, tracks, heard, strict=True)]


@dataclass(frozen=True)
class _Plan:
    """What a pool is made of, and where."""

    folds: dict[int, Fold]
    folder: Path
    peers: Path
    mixtures: int


class _Worker:
    """Makes shards in a process of its own."""

    plan: ClassVar[_Plan]
    yamnet: ClassVar[Yamnet]

    @classmethod
    def begin(cls, plan: _Plan) -> None:
        cls.plan, cls.yamnet = plan, Yamnet(plan.peers)

    @classmethod
    def make(cls, wanted: tuple[int, int]) -> None:
        serial, fold = wanted
        plan = cls.plan
        path = plan.folder / f"fold{fold}-{serial:03d}.npz"
        if not path.exists():
            seed = SEED * 1_000_000 + (fold + 1) * 10_000 + serial
            make_shard(path, seed, plan.folds[fold], fold >= 0, cls.yamnet, mixtures=plan.mixtures)


def _make(wanted: list[tuple[int, int]], plan: _Plan, workers: int) -> None:
    bar = iter(progress(wanted, "pool"))
    if workers == 1:
        _Worker.begin(plan)
        for one in bar:
            _Worker.make(one)
        return
    # Forked, so that all share the sounds in memory.
    with multiprocessing.get_context("fork").Pool(workers, _Worker.begin, (plan,)) as crew:
        for _, _ in zip(crew.imap_unordered(_Worker.make, wanted), bar, strict=True):
            pass


def _labelled(args: argparse.Namespace) -> dict[int, Fold]:
    clips = read_manifest(args.recordings, SEED)
    tracks = read_tracks(args.recordings, clips, args.cache)
    sounds = [Sound(c, c.group, t, _places(t, c.label)) for c, t in zip(clips, tracks, strict=True)]
    if args.licences == "permissive":
        sounds = [s for s in sounds if s.clip and s.clip.permissive]
    return {k: Fold([s for s in sounds if s.clip and s.clip.fold == k]) for k in range(FOLDS)}


def main() -> None:
    """Make what is missing of the pool."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=Path, help="folder with manifest.csv; needed for --shards")
    parser.add_argument("--peers", type=Path, required=True, help="folder with yamnet/")
    parser.add_argument("--cache", type=Path, required=True, help="where decoded tracks and shards go")
    parser.add_argument("--more", type=Path, help="folder of further sound files, without labels")
    parser.add_argument("--licences", choices=("any", "permissive"), default="any")
    parser.add_argument("--shards", type=int, default=10, help="shards of 1000 for each fold")
    parser.add_argument("--more-shards", type=int, default=20, help="shards of further sounds")
    parser.add_argument(
        "--from-the-end",
        action="store_true",
        help="in the other order: two runs side by side meet in the middle",
    )
    parser.add_argument("--mixtures", type=int, default=SHARD, help="mixtures in a shard")
    parser.add_argument("--workers", type=int, default=1, help="processes that make shards")
    args = parser.parse_args()
    if args.shards and not args.recordings:
        parser.error("--shards needs --recordings; with --shards 0 only further sounds are mixed")
    folds = _labelled(args) if args.shards else {}
    wanted = [(n, k) for n in range(args.shards) for k in range(FOLDS)]
    if args.more:
        folds[-1] = Fold(_further(args.more, args.peers, args.cache))
        wanted = [(n, -1) for n in range(args.more_shards)] + wanted
    folder = args.cache / f"pool-{args.licences}"
    folder.mkdir(parents=True, exist_ok=True)
    plan = _Plan(folds, folder, args.peers, args.mixtures)
    _make(wanted[::-1] if args.from_the_end else wanted, plan, args.workers)


if __name__ == "__main__":
    main()
