"""Further recordings, without labels."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge.dsp.log_mel import SAMPLE_RATE_HZ, SHAPE
from scripts.street_sound.labels import OUTPUTS, UNKNOWN
from scripts.street_sound.more import read_further, read_more


def _sound(path: Path, seconds: float, rate: int = 16_000, level: float = 0.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(1).uniform(-level, level, int(seconds * rate))
    soundfile.write(path, noise.astype(np.float32), rate)
    return path


def _folder(folder: Path) -> Path:
    """Two packages: one with a sound in an archive and two to leave out, one with a long sound."""
    _sound(folder / "game" / "quiet.wav", 1, level=0.001)
    (folder / "game" / "broken.wav").write_bytes(b"RIFF")
    inside = _sound(folder / "inside.wav", 1.5)
    with zipfile.ZipFile(folder / "game" / "sounds.pk3", "w") as archive:
        archive.write(inside, "fx/inside.wav")
    inside.unlink()
    _sound(folder / "music" / "long.flac", 20, 48_000)
    return folder


def test_sounds_are_found_in_archives_and_cut_to_fifteen_seconds(tmp_path: Path) -> None:
    folder, cache = _folder(tmp_path / "more"), tmp_path / "cache"
    found = read_more(folder, cache)
    assert [name for name, _ in found] == ["game", "music"]
    assert [track.size / SAMPLE_RATE_HZ for _, track in found] == [1.5, 15]
    again = read_more(tmp_path / "gone", cache)
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(found, again, strict=True))


def test_of_five_seconds_is_asked_what_is_not_in_them(tmp_path: Path) -> None:
    folder, cache = _folder(tmp_path / "more"), tmp_path / "cache"
    read_more(folder, cache)
    heard = np.zeros((2, len(OUTPUTS)), np.float32)
    heard[1, OUTPUTS.index("siren")] = 0.6
    np.save(cache / "more_heard.npy", heard)  # as YAMNet would have left it
    further = read_further(folder, tmp_path / "no peers needed", cache)
    assert list(further.package) == [0, 1]
    assert list(np.argwhere(further.wanted == UNKNOWN)[0]) == [1, OUTPUTS.index("siren")]
    assert (further.wanted == 0).sum() == 2 * len(OUTPUTS) - 1
    assert np.bincount(further.seen.clip).tolist() == [3, 17]
    assert further.seen.pictures.shape == (20, *SHAPE)
    np.save(cache / "more_heard.npy", heard[:1])
    with pytest.raises(ValueError, match=r"2 recordings, more_heard\.npy 1, .*delete all three"):
        read_further(folder, tmp_path, cache)
