import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from edge.cli.command import dispatch
from edge.decoding.calibration import Calibration, calibrations_text, read_calibrations

RATE = 48_000
SETTINGS = """
[node]
city = "test"
id = "lp-1"

[[sources.microphone]]
name = "front"
channels = 2
calibration = "front.toml"

[[sources.microphone]]
name = "back"
"""


def tone(seconds: float = 6.0, level_db: float = -26.0, hz: float = 1000.0) -> NDArray[np.float64]:
    at_s = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).standard_normal(len(at_s)) * 1e-4
    return np.asarray(10 ** (level_db / 20) * np.sin(2 * np.pi * hz * at_s) + noise)


def written(path: Path, *channels: NDArray[np.float64]) -> Path:
    soundfile.write(path, np.stack(channels, axis=1), RATE, subtype="FLOAT")
    return path


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return written(tmp_path / "tone.wav", tone())


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "lamppost.toml"
    path.write_text(SETTINGS)
    return path


class Run:
    """One run of the command: its exit code, its record and what it said on stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        self.code = dispatch(["calibrate", "microphone", *map(str, arguments), "--json"])
        out, self.said = capsys.readouterr()
        self.record: Mapping[str, Any] = json.loads(out) if out else {}


def earlier(full_scale_db: float, **changes: Any) -> Calibration:
    return Calibration(
        date=datetime.now(UTC) - timedelta(days=365),
        microphone="front",
        channel=0,
        level_db=94,
        frequency_hz=1000,
        spread_db=0.01,
        full_scale_db=full_scale_db,
    ).model_copy(update=changes)


def test_the_record_is_written_where_the_settings_say(
    wav: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(capsys, "--config", config, "--microphone", "front", "--audio", wav, "--serial-number", "A 1")
    assert run.code == 0, run.said
    assert run.record["ok"] is True
    assert run.record["full_scale_db"] == pytest.approx(120, abs=0.02)
    assert (run.record["drift_db"], run.record["serial_number"]) == (None, "A 1")
    (entry,) = read_calibrations(config.parent / "front.toml")
    assert (entry.microphone, entry.level_db, entry.channel) == ("front", 94, 0)
    assert entry.full_scale_db == run.record["full_scale_db"]
    assert entry.frequency_hz == pytest.approx(1000, abs=0.1)
    assert [path.name for path in config.parent.glob("*.new")] == []


def test_history_is_kept_and_drift_is_told(
    wav: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = config.parent / "front.toml"
    record.write_text(calibrations_text([earlier(120.2)]))
    arguments = ("--config", config, "--microphone", "front", "--audio", wav)
    run = Run(capsys, *arguments)
    assert run.code == 0
    assert run.record["drift_db"] == pytest.approx(0.2, abs=0.02)
    assert "since" in run.said
    assert len(read_calibrations(record)) == 2

    record.write_text(calibrations_text([earlier(119.2)]))
    run = Run(capsys, *arguments)
    assert run.code == 1
    assert run.record["drift_db"] == pytest.approx(-0.8, abs=0.02)
    assert "in doubt" in run.said
    assert len(read_calibrations(record)) == 2


def test_a_drift_of_20_db_is_a_mistake(wav: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = config.parent / "front.toml"
    record.write_text(calibrations_text([earlier(120.2)]))
    run = Run(capsys, "--config", config, "--microphone", "front", "--audio", wav, "--level", "114")
    assert run.code == 1
    assert run.record["ok"] is False
    assert "is --level right?" in run.said
    assert len(read_calibrations(record)) == 1


def test_without_settings_it_measures_and_writes_only_what_it_is_told_to(
    wav: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(capsys, "--audio", wav, "--level", "93.9")
    assert run.record["full_scale_db"] == pytest.approx(119.9, abs=0.02)
    assert run.record["file"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tone.wav"]
    run = Run(capsys, "--audio", wav, "--out", tmp_path / "my.toml")
    assert tomllib.loads((tmp_path / "my.toml").read_text())["calibration"][0]["microphone"] == "microphone"


def test_without_a_calibration_in_the_settings_it_goes_beside_them(
    wav: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Run(capsys, "--config", config, "--microphone", "back", "--audio", wav).code == 0
    assert len(read_calibrations(config.parent / "back.calibration.toml")) == 1
    code = dispatch(
        ["calibrate", "microphone", "--config", str(config), "--microphone", "back", "--audio", str(wav)]
    )
    out, _ = capsys.readouterr()
    assert code == 0
    assert "full scale is 120.00 dB SPL" in out
    assert 'calibration = "' in out


def test_the_loudest_channel_is_the_one_with_the_calibrator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "two.wav", tone(level_db=-60), tone(level_db=-20))
    run = Run(capsys, "--audio", path)
    assert (run.record["channel"], run.record["full_scale_db"]) == (1, pytest.approx(114, abs=0.02))
    assert Run(capsys, "--audio", path, "--channel", "0").record["channel"] == 0
    run = Run(capsys, "--audio", path, "--channel", "2")
    assert run.code == 2
    assert "give 0 to 1" in run.said


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (tone(hz=250), "250.0 Hz"),
        (tone(level_db=-100), "no steady tone"),
        (np.zeros(6 * RATE), "no steady tone"),
        (np.clip(tone(level_db=6), -1, 1), "clipped"),
    ],
)
def test_what_is_no_calibrator_is_refused_and_nothing_is_written(
    sound: NDArray[np.float64],
    said: str,
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = written(tmp_path / "other.wav", sound)
    run = Run(capsys, "--config", config, "--microphone", "front", "--audio", path)
    assert run.code == 1
    assert run.record["ok"] is False
    assert said in run.record["reason"]
    assert said in run.said
    assert not (tmp_path / "front.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--level", "100"], "94 or 114"),
        (["--level", "loud"], "94 or 114"),
        (["--seconds", "0"], "not a number above 0"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], said: str, wav: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        dispatch(["calibrate", "microphone", "--audio", str(wav), *arguments])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seconds", "2"], "at least 3"),
        (["--serial-number", "a\nb"], "use letters"),
        (["--microphone", "front"], "give --config too"),
        (["--out", "/nonexistent/x.toml"], "cannot be written"),
    ],
)
def test_wrong_use(arguments: list[str], said: str, wav: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--audio", wav, *arguments)
    assert run.code == 2
    assert said in run.said


def test_which_microphone(config: Path, wav: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--config", config, "--audio", wav)
    assert run.code == 2
    assert "several microphones (front, back)" in run.said
    run = Run(capsys, "--config", config, "--audio", wav, "--microphone", "side")
    assert "there is front, back" in run.said
    config.write_text(SETTINGS[: SETTINGS.index("[[")])
    assert "has no microphone" in Run(capsys, "--config", config).said


def test_a_recording_that_is_too_short_or_broken(
    tmp_path: Path, wav: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = written(tmp_path / "short.wav", tone(seconds=3.5))
    run = Run(capsys, "--audio", short)
    assert run.code == 2
    assert "gave 2.5 s of sound after the first; 3 s are needed" in run.said
    wav.write_bytes(wav.read_bytes()[:200_000])
    run = Run(capsys, "--audio", wav)
    assert run.code == 2
    assert "cut short" in run.said


def test_a_damaged_record_is_not_overwritten(
    wav: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = config.parent / "front.toml"
    record.write_text("[[calibration]]\nfull_scale_db = 1\n")
    run = Run(capsys, "--config", config, "--microphone", "front", "--audio", wav)
    assert run.code == 3
    assert "front.toml:1: date" in run.said
    assert record.read_text() == "[[calibration]]\nfull_scale_db = 1\n"


def test_a_clock_that_stands_before_the_last_calibration(
    wav: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    future = earlier(120, date=datetime.now(UTC) + timedelta(days=3))
    (config.parent / "front.toml").write_text(calibrations_text([future]))
    run = Run(capsys, "--config", config, "--microphone", "front", "--audio", wav)
    assert run.code == 2
    assert "set the clock" in run.said


def test_a_source_without_a_calibrator_on_it(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulated = '[simulation.sound]\npace = "max"\nduration_s = 5\n'
    config.write_text(SETTINGS[: SETTINGS.index("[[")] + simulated)
    run = Run(capsys, "--config", config, "--seconds", "3")
    assert run.code == 1
    assert "sound, channel" in run.said
    assert "no steady tone" in run.said
