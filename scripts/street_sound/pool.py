"""Make the training pool: mixtures of one second, their log-mel pictures and what the teacher hears in them.

Everything in one mixture comes from one fold, so that a fold can be left out by leaving its shards out. Fold
-1 holds further recordings without labels and simulated sounds over them; it is never measured on.

    python -m scripts.street_sound.pool --recordings DIR --peers DIR --cache DIR [--more DIR] [--shards N]
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.dsp.log_mel import SHAPE, WINDOW_SAMPLES, log_mel
from scripts.street_sound import physics, street
from scripts.street_sound.corpus import FOLDS, SEED, Clip, read_manifest, read_tracks
from scripts.street_sound.labels import FROM_MANIFEST, OUTPUTS, UNKNOWN, targets
from scripts.street_sound.more import read_more
from scripts.street_sound.peers import Mn04
from scripts.street_sound.progress import progress

Floats = npt.NDArray[np.float32]
SHARD = 1000

# Shares of the foregrounds of a labelled shard.
_RECORDED = {
    "gunshot": 0.15,
    "fireworks": 0.12,
    "explosion": 0.03,
    "glass": 0.06,
    "scream": 0.09,
    "shout": 0.01,
    "siren": 0.07,
    "horn": 0.06,
    "background": 0.27,
}
_SIMULATED = {"shots": 0.05, "fireworks": 0.05, "impacts": 0.04}
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
    """A recording with the weights of its 50 ms blocks as places where something is heard."""

    clip: Clip | None
    track: npt.NDArray[np.int16]
    places: npt.NDArray[np.float64]


def _places(track: npt.NDArray[np.int16], label: str) -> npt.NDArray[np.float64]:
    blocks = np.asarray(track[: max(1600, track.size // 1600 * 1600)], dtype=np.float32)
    blocks = np.resize(blocks, max(1600, blocks.size // 1600 * 1600))
    level = 10 * np.log10(np.square(blocks.reshape(-1, 1600) / 32768).mean(axis=1) + 1e-10)
    weight = (level > level.max() - (14 if label in _PEAKY else 30)).astype(float)
    return np.asarray(weight / weight.sum())


def _cut(rng: np.random.Generator, sound: Sound) -> Floats:
    """Return one second of a recording, with something audible in it, respeeded now and then."""
    place = rng.choice(sound.places.size, p=sound.places) * 1600
    start = place - int(rng.uniform(0.05, 0.75) * WINDOW_SAMPLES)
    low, high = max(0, start - 3000), min(sound.track.size, start + int(1.4 * WINDOW_SAMPLES))
    piece: Floats = np.asarray(sound.track[low:high], dtype=np.float32) / np.float32(32768)
    lead = max(0, -start)
    if rng.random() < 0.5:
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

    @staticmethod
    def _weights(members: list[Sound]) -> npt.NDArray[np.float64]:
        sizes: dict[str, int] = {}
        for m in members:
            sizes[m.clip.group if m.clip else ""] = sizes.get(m.clip.group if m.clip else "", 0) + 1
        weight = np.array([sizes[m.clip.group if m.clip else ""] ** -0.5 for m in members])
        weight *= [2.5 if m.clip and {m.clip.original_label, m.clip.label} & _HARD else 1.0 for m in members]
        return np.asarray(weight / weight.sum())

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
}


def _simulated(rng: np.random.Generator, kind: str) -> tuple[Floats, list[float]]:
    make, label = _SIMULATIONS[kind]
    return make(rng), targets(label, "simulated")


def _foreground(rng: np.random.Generator, fold: Fold, labelled: bool) -> tuple[Floats, list[float]]:
    if not labelled:
        if rng.random() < 0.25:
            return _simulated(rng, str(rng.choice(list(_SIMULATED))))
        sound = fold.draw(rng, "background")
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
    if plan < 0.45:
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
    elif plan < 0.53:
        second, known = _foreground(rng, fold, labelled)
        sound, target = street.mix(sound, second, rng.uniform(-5, 5)), _both(target, known)
    return sound, target


def make_shard(path: Path, seed: int, fold: Fold, labelled: bool, teacher: Mn04) -> None:
    """Write one shard: pictures (float16), targets, teacher's embedding and logits (float16)."""
    rng = np.random.default_rng(seed)
    pictures = np.empty((SHARD, *SHAPE), np.float16)
    wanted = np.empty((SHARD, len(OUTPUTS)), np.float16)
    embeddings, logits = np.empty((SHARD, 384), np.float16), np.empty((SHARD, 527), np.float16)
    for i in range(SHARD):
        sound, target = one_mixture(rng, fold, labelled)
        heard, embeddings[i] = teacher(sound / (np.max(np.abs(sound)) + 1e-6) * rng.uniform(0.2, 0.9))
        logits[i] = np.clip(np.log((heard + 1e-7) / (1 - heard + 1e-7)), -12, 12)
        if rng.random() < 0.75:
            sound = street.into_the_microphone(rng, street.through_the_street(rng, sound))
        pictures[i] = log_mel(sound)
        wanted[i] = target
    partial = path.with_suffix(".part.npz")
    np.savez(partial, pictures=pictures, targets=wanted, embeddings=embeddings, logits=logits)
    partial.rename(path)


def main() -> None:
    """Make what is missing of the pool."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--peers", type=Path, required=True, help="folder with efficientat_mn04/")
    parser.add_argument("--cache", type=Path, required=True, help="where decoded tracks and shards go")
    parser.add_argument("--more", type=Path, help="folder of further sound files, without labels")
    parser.add_argument("--licences", choices=("any", "permissive"), default="any")
    parser.add_argument("--shards", type=int, default=10, help="shards of 1000 for each fold")
    parser.add_argument("--more-shards", type=int, default=20, help="shards of further sounds")
    parser.add_argument("--threads", default="0/1", help="K/N: this run makes every Nth shard from the Kth")
    args = parser.parse_args()
    clips = read_manifest(args.recordings, SEED)
    tracks = read_tracks(args.recordings, clips, args.cache)
    sounds = [Sound(c, t, _places(t, c.label)) for c, t in zip(clips, tracks, strict=True)]
    if args.licences == "permissive":
        sounds = [s for s in sounds if s.clip and s.clip.permissive]
    folds = {k: Fold([s for s in sounds if s.clip and s.clip.fold == k]) for k in range(FOLDS)}
    wanted = [(n, k) for n in range(args.shards) for k in range(FOLDS)]
    if args.more:
        folds[-1] = Fold([Sound(None, t, _places(t, "")) for t in read_more(args.more, args.cache)])
        wanted = [(n, -1) for n in range(args.more_shards)] + wanted
    folder = args.cache / f"pool-{args.licences}"
    folder.mkdir(parents=True, exist_ok=True)
    teacher = Mn04(args.peers)
    part, parts = (int(x) for x in args.threads.split("/"))
    for serial, fold in progress(wanted[part::parts], "pool"):
        path = folder / f"fold{fold}-{serial:03d}.npz"
        if not path.exists():
            make_shard(path, SEED * 1_000_000 + (fold + 1) * 10_000 + serial, folds[fold], fold >= 0, teacher)


if __name__ == "__main__":
    main()
