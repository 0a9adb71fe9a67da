"""The recordings: manifest, licences, decoded tracks, and folds that never split a recording."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from edge.dsp.log_mel import SAMPLE_RATE_HZ, to_model_rate

FOLDS = 4
SEED = 20_26
PERMISSIVE = ("CC BY", "CC-BY", "CC0", "CC BY-SA", "MIT", "Apache", "BSD", "GPL", "public-domain", "MPL")
NOT_PERMISSIVE = ("BY-NC", "unclear", "unstated", "no licence")


@dataclass(frozen=True)
class Clip:
    """One row of the manifest."""

    path: str
    label: str
    original_label: str
    source: str
    group: str
    kind: str
    licence: str
    fold: int

    @property
    def permissive(self) -> bool:
        """Whether the licence allows any use: CC0, CC BY, CC BY-SA, MIT, Apache, BSD or GPL."""
        return not any(w in self.licence for w in NOT_PERMISSIVE) and any(
            w in self.licence for w in PERMISSIVE
        )


def _balanced_folds(rows: list[dict[str, str]], seed: int) -> dict[str, int]:
    """Put groups into folds: the largest first, into the fold that has least of that label and source."""
    sizes: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row["label"], row["source"], row["group"])
        sizes[key] = sizes.get(key, 0) + 1
    filled: dict[tuple[str, str], npt.NDArray[np.float64]] = {}
    folds: dict[str, int] = {}

    def order(key: tuple[str, str, str]) -> tuple[str, int, str]:
        return key[0], -sizes[key], hashlib.sha256(f"{seed}:{key[2]}".encode()).hexdigest()

    for label, source, group in sorted(sizes, key=order):
        of_source = filled.setdefault((label, source), np.zeros(FOLDS))
        of_label = filled.setdefault((label, ""), np.zeros(FOLDS))
        fold = folds.setdefault(group, int(np.argmin(of_source + 0.01 * of_label)))
        of_source[fold] += sizes[label, source, group]
        of_label[fold] += sizes[label, source, group]
    return folds


def read_manifest(folder: Path, seed: int) -> list[Clip]:
    """Read `manifest.csv` of `folder`; each group gets one fold, the same for the same seed."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    folds = _balanced_folds(rows, seed)
    names = ("path", "label", "original_label", "source", "group", "kind", "licence")
    return [Clip(**{n: row[n] for n in names}, fold=folds[row["group"]]) for row in rows]


def read_track(path: Path) -> npt.NDArray[np.float32]:
    """Return a recording as mono float32 at the model's rate."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return to_model_rate(sound.mean(axis=1), rate)


def read_tracks(folder: Path, clips: list[Clip], cache: Path) -> list[npt.NDArray[np.int16]]:
    """Return every clip as int16 at SAMPLE_RATE_HZ, decoded once into `cache`."""
    store, index = cache / "tracks.npy", cache / "tracks.csv"
    if not index.exists():
        cache.mkdir(parents=True, exist_ok=True)
        tracks = [np.clip(read_track(folder / c.path) * 32767, -32768, 32767).astype(np.int16) for c in clips]
        np.save(store, np.concatenate(tracks))
        index.write_text("\n".join(f"{t.size},{c.path}" for t, c in zip(tracks, clips, strict=True)))
    sizes = [int(line.split(",")[0]) for line in index.read_text().splitlines()]
    flat = np.load(store, mmap_mode="r")
    ends = np.cumsum(sizes)
    return [flat[e - s : e] for e, s in zip(ends, sizes, strict=True)]


def seconds(track: npt.NDArray[np.int16]) -> float:
    """Length of a track."""
    return track.size / SAMPLE_RATE_HZ
