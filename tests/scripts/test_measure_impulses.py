import csv
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from scripts import measure_impulses

RATE = 16000
COLUMNS = ["path", "label", "original_label", "group", "kind"]


def group(split: str, number: int) -> str:
    wanted = {"tune": 0, "report": 1}[split]
    return [name for name in map(str, range(100)) if zlib.crc32(name.encode()) % 2 == wanted][number]


def noise(seconds: float, seed: int) -> NDArray[np.float64]:
    return np.asarray(0.01 * np.random.default_rng(seed).standard_normal(round(seconds * RATE)))


def shot(seed: int) -> NDArray[np.float64]:
    sound = noise(1, seed)
    t = np.arange(RATE // 2) / RATE
    sound[RATE // 4 :][: len(t)] += 50 * noise(0.5, seed + 1) * np.exp(-t / 0.05)
    return sound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = []
    for number, (label, split, sound) in enumerate(
        [
            ("traffic", "report", noise(4, 0)),
            ("rain", "report", noise(4, 1)),
            ("traffic", "tune", noise(4, 2)),
            ("gunshot", "report", shot(3)),
            ("dog", "report", noise(2, 5)),
        ]
    ):
        path = f"{label}{number}.wav"
        soundfile.write(tmp_path / path, sound, RATE)
        rows.append([path, label, label, group(split, number), "real"])
    rows.append(["not_there.wav", "gunshot", "gunshot", group("report", 9), "game_effect"])
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return tmp_path


def test_it_counts_onsets_of_the_reported_half(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure_impulses.main([str(folder), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    by = {(row["what"], row.get("lafmax_above_street_db")): row for row in rows}
    assert by["all street", None]["clips"] == 2
    assert by["all street", None]["onsets"] == 0
    assert by["all street", None]["per_hour_95"][0] == 0
    assert by["all street", None]["per_hour_95"][1] == pytest.approx(3.689 * 3600 / 8, rel=0.01)
    assert by["gunshot", 30]["found"] == 1


def test_thresholds_can_be_tried(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure_impulses.main([str(folder), "--set", "above_floor_db=70", "--markdown"]) == 0
    out = capsys.readouterr().out
    assert "| gunshot | 30 | 1 | 0.0 |" in out
    assert measure_impulses.main([str(folder)]) == 0
    assert "Bangs found in a street" in capsys.readouterr().out


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        measure_impulses.main([str(tmp_path)])
    assert stop.value.code == 2
