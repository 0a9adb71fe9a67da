"""Further recordings without labels: every sound file below a folder, also inside zipped game archives."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from edge.dsp.log_mel import SAMPLE_RATE_HZ, to_model_rate

_SOUNDS = {".ogg", ".wav", ".flac", ".mp3", ".opus"}
_ARCHIVES = {".pk3", ".wz", ".zip"}
_LONGEST_S = 15
_SHORTEST_S = 0.15


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


def read_more(folder: Path, cache: Path) -> list[npt.NDArray[np.int16]]:
    """Return up to 15 s of every sound file below `folder`, decoded once into `cache`."""
    store, index = cache / "more.npy", cache / "more_index.npy"
    if not index.exists():
        cache.mkdir(parents=True, exist_ok=True)
        tracks = [t for _, file in _files(folder) if (t := _excerpt(file)) is not None]
        np.save(store, np.concatenate(tracks))
        np.save(index, np.cumsum([t.size for t in tracks]))
    ends = np.load(index)
    flat = np.load(store, mmap_mode="r")
    return [flat[a:b] for a, b in zip(np.r_[0, ends[:-1]], ends, strict=True)]
