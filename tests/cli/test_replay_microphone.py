"""`lamppost replay --config`: a recording takes over calibration and array of a configured microphone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edge.cli.command import dispatch
from edge.cli.output import FINE, FOUND_PROBLEM, WRONG_USE
from edge.dsp.air import speed_of_sound_m_s
from scripts.array_sound import ONSET_S, RATE_HZ, diffuse, in_the_open, noisy, places, towards
from scripts.measure_direction import square

ARRAY = square(0.065)
SETTINGS = f"""
[node]
city = "test"
id = "lp-1"

[privacy]
policy = "policy.toml"
unsigned = "allowed"

[[sources.microphone]]
name = "front"
channels = 4
full_scale_db = 120.0

[sources.microphone.array]
positions_m = {[list(p) for p in ARRAY.positions_m]}
heading_deg = 90.0

[detectors.impulse]
sources = ["front"]

[detectors.sound_level]

[fusion.impulse]
"""
BACK = '[[sources.microphone]]\nname = "back"\ndevice = "other"\n'
POLICY = Path(__file__).resolve().parents[2] / "edge" / "examples" / "policy.toml"


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    (tmp_path / "policy.toml").write_text(POLICY.read_text())
    path = tmp_path / "lamppost.toml"
    path.write_text(SETTINGS)
    return path


@pytest.fixture
def bang(tmp_path: Path) -> Path:
    """A bang 40 degrees to the right of ahead, at the four microphones."""
    sound = in_the_open(places(ARRAY), towards(40, 5), speed_of_sound_m_s(12), 0.001)
    sound = np.pad(sound, ((RATE_HZ, RATE_HZ), (0, 0)))
    rng = np.random.default_rng(3)
    sound += diffuse(rng, sound.shape, 0.1, 1 + ONSET_S)
    path = tmp_path / "bang.wav"
    mixed = noisy(rng, sound, 25, 1 + ONSET_S)
    soundfile.write(path, mixed, RATE_HZ, subtype="PCM_16")
    return path


def replayed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[Any], str]:
    code = dispatch(["replay", "--speed", "max", *map(str, arguments)])
    told = capsys.readouterr()
    return code, [json.loads(line)["data"] for line in told.out.splitlines()], told.err


def test_the_only_microphone_gives_calibration_and_direction(
    settings_file: Path, bang: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, reports, _ = replayed(capsys, "--config", settings_file, "--audio", bang)
    assert code == FINE
    impulse = next(r for r in reports if r["kind"] == "impulse")
    assert impulse["azimuth_deg"] == pytest.approx(130, abs=1)
    assert impulse["calibrated"] is True
    assert next(r for r in reports if r["kind"] == "sound_level")["calibrated"] is True


def test_without_settings_there_is_no_direction(bang: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, reports, _ = replayed(capsys, "--audio", bang)
    assert code == FINE
    assert "azimuth_deg" not in next(r for r in reports if r["kind"] == "impulse")


def test_one_of_several_is_chosen_by_name(
    settings_file: Path, bang: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings_file.write_text(SETTINGS.replace("[detectors.impulse]", f"{BACK}\n[detectors.impulse]"))
    code, _, said = replayed(capsys, "--config", settings_file, "--audio", bang)
    assert code == WRONG_USE
    assert "has several microphones (front, back); choose one with --microphone" in said
    code, reports, _ = replayed(
        capsys, "--config", settings_file, "--microphone", "front", "--audio", bang, "--audio", bang
    )
    assert code == FINE
    # The second recording has a name of its own, which [detectors.impulse] does not listen to.
    assert [r["sensor"] for r in reports if r["kind"] == "sound_level"] == [0, 1]
    assert len([r for r in reports if r["kind"] == "impulse"]) == 1


def test_a_microphone_that_is_not_there(
    settings_file: Path, bang: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--config", settings_file, "--microphone", "frnt", "--audio", bang)
    code, _, said = replayed(capsys, *arguments)
    assert code == WRONG_USE
    assert "--microphone frnt: not in" in said
    code, _, said = replayed(capsys, "--microphone", "front", "--audio", bang)
    assert code == WRONG_USE
    assert "has no microphone; add [sources.microphone]" in said


def test_a_recording_with_other_channels_is_refused_with_both_numbers(
    settings_file: Path, bang: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mono = tmp_path / "mono.wav"
    soundfile.write(mono, soundfile.read(bang)[0][:, 0], RATE_HZ)
    code, reports, said = replayed(capsys, "--config", settings_file, "--audio", mono)
    assert code == FOUND_PROBLEM
    assert reports == []
    assert "4 positions, but 1 channels" in said
