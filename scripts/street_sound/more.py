"""Further recordings without labels: every sound file below a folder, also inside zipped game archives.

Nothing is known of them but what the teachers hear.
"""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from edge.dsp.log_mel import SAMPLE_RATE_HZ, to_model_rate
from scripts.street_sound.labels import OUTPUTS, UNKNOWN
from scripts.street_sound.peers import Yamnet
from scripts.street_sound.progress import progress
from scripts.street_sound.scores import SEGMENT, Windows, windows

_SOUNDS = {".ogg", ".wav", ".flac", ".mp3", ".opus"}
_ARCHIVES = {".pk3", ".wz", ".zip"}
_LONGEST_S = 15
_SHORTEST_S = 0.15
_NOT_HEARD = 0.2  # what YAMNet says of a class that is not there


def _files(folder: Path) -> Iterator[tuple[str, io.BytesIO]]:
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        if path.suffix.lower() in _SOUNDS:
            yield str(path), io.BytesIO(path.read_bytes())
        elif path.suffix.lower() in _ARCHIVES and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if Path(name).suffix.lower() in _SOUNDS:
                        yield f"{path}:{name}", io.BytesIO(archive.read(name))


def _excerpt(file: io.BytesIO) -> npt.NDArray[np.int16] | None:
    try:
        with soundfile.SoundFile(file) as opened:
            frames = min(opened.frames, _LONGEST_S * opened.samplerate)
            opened.seek(max(0, (opened.frames - frames) // 2))
            sound = opened.read(frames, dtype="float32", always_2d=True).mean(axis=1)
            track = to_model_rate(sound, opened.samplerate)
    except (soundfile.LibsndfileError, ValueError):
        return None
    if track.size < _SHORTEST_S * SAMPLE_RATE_HZ or np.max(np.abs(track)) < 0.01:
        return None
    return np.clip(track * 32767, -32768, 32767).astype(np.int16)


def read_more(folder: Path, cache: Path) -> list[tuple[str, npt.NDArray[np.int16]]]:
    """Return up to 15 s of every sound file, and the part of `folder` it is of; decoded once into `cache`."""
    store, index = cache / "more.npy", cache / "more.csv"
    if not index.exists():
        cache.mkdir(parents=True, exist_ok=True)
        found = [(n, t) for n, file in _files(folder) if (t := _excerpt(file)) is not None]
        np.save(store, np.concatenate([t for _, t in found]))
        names = [Path(n).relative_to(folder).parts[0] for n, _ in found]
        index.write_text("\n".join(f"{t.size},{name}" for name, (_, t) in zip(names, found, strict=True)))
    rows = [line.split(",", 1) for line in index.read_text().splitlines()]
    ends = np.cumsum([int(size) for size, _ in rows])
    flat = np.load(store, mmap_mode="r")
    return [(name, flat[e - int(size) : e]) for e, (size, name) in zip(ends, rows, strict=True)]


def heard_in(tracks: list[npt.NDArray[np.int16]], folder: Path, cache: Path) -> npt.NDArray[np.float32]:
    """Return what YAMNet hears of each of OUTPUTS in each track, 0..1, (n, len(OUTPUTS)); kept in `cache`."""
    store = cache / "more_heard.npy"
    if not store.exists():
        hear, rows = Yamnet(folder), []
        for track in progress(tracks, "further sounds", every=500):
            tags = hear(np.asarray(track, np.float32) / np.float32(32768), hop_s=0.975).max(axis=0)
            rows.append([max(tags[hear.columns[name]], default=0.0) for name in OUTPUTS])
        np.save(store, np.array(rows, np.float32))
    return np.asarray(np.load(store))


@dataclass(frozen=True)
class Further:
    """Windows of the further recordings, of the first five seconds of the excerpt of each.

    Attributes:
        package: (recordings,) number of the part of the folder that each is of.
        wanted: (recordings, len(OUTPUTS)) 0 where YAMNet hears nothing of the class in the excerpt, else
            UNKNOWN.
        seen: windows; `clip` is the recording.
    """

    package: npt.NDArray[np.int64]
    wanted: npt.NDArray[np.float32]
    seen: Windows


def read_further(folder: Path, peers: Path, cache: Path) -> Further:
    """Return the further recordings below `folder`; decoded, heard and cut once into `cache`.

    Raises:
        ValueError: what `cache` holds was made of other recordings.
    """
    packages, tracks = zip(*read_more(folder, cache), strict=True)
    heard = heard_in(list(tracks), peers, cache)
    (cache / "further").mkdir(exist_ok=True)
    seen = windows(cache / "further", [track[:SEGMENT] for track in tracks])
    if not len(tracks) == len(heard) == seen.clip[-1] + 1:
        raise ValueError(
            f"{cache}: more.csv has {len(tracks)} recordings, more_heard.npy {len(heard)}, "
            f"further/places.npz {seen.clip[-1] + 1}: made of different folders; delete all three"
        )
    return Further(
        np.unique(packages, return_inverse=True)[1].astype(np.int64),
        np.where(heard < _NOT_HEARD, 0, UNKNOWN).astype(np.float32),
        seen,
    )
