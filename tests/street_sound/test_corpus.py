"""Folds never split a recording; licences are read strictly."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from scripts.street_sound.corpus import FOLDS, Clip, read_manifest, read_tracks
from scripts.street_sound.labels import OUTPUTS, UNKNOWN, targets

COLUMNS = ("path", "label", "original_label", "source", "group", "kind", "licence")


def _manifest(folder: Path) -> None:
    rng = np.random.default_rng(1)
    rows = []
    for label in ("gunshot", "other"):
        for group in range(12):
            for clip in range(int(rng.integers(1, 6))):
                path = f"{label}{group}_{clip}.wav"
                rows.append((path, label, label, "source", f"{label}:{group}", "real", "CC0"))
                soundfile.write(folder / path, rng.normal(0, 0.1, 4000), 8000)
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def test_a_group_is_in_one_fold_and_folds_are_even(tmp_path: Path) -> None:
    _manifest(tmp_path)
    clips = read_manifest(tmp_path, 3)
    assert clips == read_manifest(tmp_path, 3)
    fold = {c.group: {d.fold for d in clips if d.group == c.group} for c in clips}
    assert all(len(folds) == 1 for folds in fold.values())
    for label in ("gunshot", "other"):
        sizes = np.bincount([c.fold for c in clips if c.label == label], minlength=FOLDS)
        assert sizes.min() > 0
        assert sizes.max() - sizes.min() <= 5


def test_tracks_are_decoded_once_to_the_models_rate(tmp_path: Path) -> None:
    _manifest(tmp_path)
    clips = read_manifest(tmp_path, 3)
    first = read_tracks(tmp_path, clips, tmp_path / "cache")
    assert {t.size for t in first} == {16_000}
    (tmp_path / clips[0].path).unlink()
    again = read_tracks(tmp_path, clips, tmp_path / "cache")
    np.testing.assert_array_equal(again[0], first[0])


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [
        ("LICENSE: MIT", True),
        ("copyright: GPL-2+ (sound effects dual CC BY-SA 2.0)", True),
        ("UrbanSound8K: CC BY-NC 3.0", False),
        ("repo LICENSE: MIT; audio cut from videos, original rights unclear", False),
        ("LICENSE: BSD-3-Clause (code); clips unstated", False),
        ("no licence file", False),
        ("all rights reserved", False),
    ],
)
def test_licences(licence: str, permissive: bool) -> None:
    assert Clip("p", "l", "o", "s", "g", "real", licence, 0).permissive == permissive


def test_what_a_recording_may_also_hold_teaches_nothing_about_it() -> None:
    shot = dict(zip(OUTPUTS, targets("gunshot", "gun_shot"), strict=True))
    assert shot["gunshot"] == 1.0
    assert shot["explosion"] == UNKNOWN
    assert shot["firework"] == 0.0
    children = dict(zip(OUTPUTS, targets("other", "children_playing"), strict=True))
    assert children["scream"] == UNKNOWN
    assert children["gunshot"] == 0.0
