"""What the training of models/rapid_motion keeps of clips belongs to the detector that found the people."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.rapid_motion import train


def test_features_are_kept_for_each_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"one": 1.0, "other": 2.0}
    asked: list[Any] = []

    def features(found: str, clip: Path) -> tuple[np.ndarray]:
        asked.append((found, clip.name))
        return (np.full(3, numbers[found]),)

    monkeypatch.setattr(train, "open_model", lambda folder, _fetched: folder.name)
    monkeypatch.setattr(train, "finder_of", lambda model, _score, faint: model)
    monkeypatch.setattr(train, "clip_features", features)
    for name in ("one", "other", "one"):
        args = argparse.Namespace(
            cache=tmp_path, clips=tmp_path / "clips.csv", fetched=tmp_path, detector=name
        )
        assert train._features(args, "fight.mp4").tolist() == [numbers[name]] * 3
    assert asked == [("one", "fight.mp4"), ("other", "fight.mp4")]
