"""The script that measures rules: what it hears, what it makes of chance, and the page."""

import json
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from scripts.measure_rules import RULES, Heard, hear, main, rates, stream, told

QUIET = Heard(
    hours=1.0,
    impulses=40,
    names={"other": 30},
    lasting=[("scream", 0.9), ("siren", 0.6)],
    events={"bang": 2, "glass_break": 0, "disturbance_cue": 1},
    confirmed={"bang": 0, "glass_break": 0, "disturbance_cue": 0},
)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """One recording of traffic with a bang, of the half that is reported."""
    group = next(f"g{i}" for i in range(9) if zlib.crc32(f"g{i}".encode()) % 2 == 1)
    sound = 0.003 * np.random.default_rng(0).standard_normal(3 * 48_000)
    t = np.arange(4800) / 48_000
    sound[72_000:76_800] += 0.8 * (1 - t / 0.002) * np.exp(-t / 0.002) + 0.1 * np.exp(-t / 0.05)
    soundfile.write(tmp_path / "street.wav", sound, 48_000)
    rows = f"path,label,original_label,group,kind\nstreet.wav,traffic,traffic,{group},real\n"
    (tmp_path / "manifest.csv").write_text(rows)
    return tmp_path


def test_a_bang_in_a_street_is_heard_once_and_named(recordings: Path) -> None:
    heard = hear(recordings)
    assert heard.hours == pytest.approx(3 / 3600)
    assert heard.impulses == 1
    assert sum(heard.names.values()) == 1


def test_chance_is_seeded_and_grows_with_the_days() -> None:
    base = rates(QUIET, None)
    week = stream(base, 2, seed=1)
    assert week == stream(base, 2, seed=1)
    assert len(stream(base, 4, seed=1)) > 1.5 * len(week)
    assert told("gathering", week)[0] > 0
    assert told("help_request", week)[0] <= 2


def test_the_page_names_every_rule_and_says_what_is_assumed(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(asdict(QUIET)))
    assert main([str(recordings), "--kept", str(kept), "--days", "0.5", "--markdown"]) == 0
    page = capsys.readouterr().out
    assert all(f"| `{name}` |" in page for name in RULES)
    assert "| siren | 24 | measured |" in page
    assert "| running cue | 60 | assumed |" in page
    assert "2.0 (0.2 to 7.2)" in page


def test_a_folder_without_recordings_is_wrong_use(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 2
