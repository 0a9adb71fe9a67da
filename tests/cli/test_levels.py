import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from edge.cli.command import dispatch

KEYS = [
    *("laeq_db", "lafmax_db", "lasmax_db", "lcpeak_db", "lae_db", "la10_db", "la50_db", "la90_db"),
    *("duration_s", "calibrated", "clipped"),
]


def tone(seconds: float = 3, amplitude: float = 0.1, rate_hz: int = 48000) -> NDArray[np.float64]:
    number = np.arange(round(seconds * rate_hz))
    return np.asarray(amplitude * np.sin(2 * np.pi * 1000 * number / rate_hz))


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(), 48000)
    return path


class Run:
    """One run of the command: its exit code, its record and what it said on stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> None:
        self.code = dispatch(["levels", *map(str, arguments), "--json"])
        out, self.said = capsys.readouterr()
        self.record: Mapping[str, Any] = json.loads(out) if out else {}


def test_the_keys_are_those_promised_and_in_order(wav: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, wav)
    assert run.code == 0
    assert list(run.record)[: len(KEYS)] == KEYS
    assert run.said == ""
    assert run.record["laeq_db"] == pytest.approx(-20, abs=0.02)
    assert run.record["lae_db"] == pytest.approx(-20 + 4.77, abs=0.02)
    assert run.record["duration_s"] == 3
    assert (run.record["calibrated"], run.record["clipped"]) == (False, False)


def test_a_calibration_is_added(wav: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, wav, "--full-scale-db", "114")
    assert run.record["laeq_db"] == pytest.approx(94, abs=0.02)
    assert run.record["calibrated"] is True


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 32000, 44100, 96000, 192000])
def test_every_rate(rate_hz: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate_hz=rate_hz), rate_hz, subtype="PCM_24")
    run = Run(capsys, path)
    assert run.record["laeq_db"] == pytest.approx(-20, abs=0.02)
    assert run.record["rate_hz"] == rate_hz


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        *(("x.wav", subtype, 0.03) for subtype in ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
        ("x.wav", "PCM_U8", 0.2),
        ("x.flac", "PCM_16", 0.03),
        ("x.flac", "PCM_24", 0.03),
        ("x.ogg", "VORBIS", 0.3),
    ],
)
def test_every_format(
    name: str, subtype: str, tolerance: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    soundfile.write(path, tone(), 48000, subtype=subtype)
    run = Run(capsys, path)
    assert run.code == 0
    assert run.record["laeq_db"] == pytest.approx(-20, abs=tolerance)


def test_the_chosen_channel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "two.wav"
    soundfile.write(path, np.stack([tone(), tone(amplitude=0.01)], axis=1), 48000, subtype="FLOAT")
    run = Run(capsys, path, "--channel", "1")
    assert run.record["laeq_db"] == pytest.approx(-40, abs=0.02)
    assert (run.record["channels"], run.record["channel"]) == (2, 1)
    assert Run(capsys, path, "--channel", "2").code == 2
    assert Run(capsys, path, "--channel", "-1").code == 2


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "FLOAT"])
def test_a_clipped_recording_says_so(
    subtype: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.clip(tone(amplitude=1.5), -1, 1), 48000, subtype=subtype)
    assert Run(capsys, path).record["clipped"] is True


def test_a_truncated_recording_is_measured_as_far_as_it_goes(
    wav: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wav.write_bytes(wav.read_bytes()[: 44 + 2 * 48000])
    run = Run(capsys, wav)
    assert run.code == 1
    assert run.record["duration_s"] == pytest.approx(1, abs=0.001)
    assert run.record["laeq_db"] == pytest.approx(-20, abs=0.02)
    assert "cut short" in run.said
    assert run.said.count("\n") == 1


@pytest.mark.parametrize("name", ["x.flac", "x.ogg"])
def test_a_truncated_compressed_recording(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).standard_normal(20 * 48000) * 0.1
    soundfile.write(path, noise, 48000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    run = Run(capsys, path)
    assert run.code == 1
    assert 5 < run.record["duration_s"] < 15
    assert "cut short" in run.said


def test_invalid_samples_are_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = tone()
    sound[1000:1480] = np.nan
    sound[2000] = np.inf
    path = tmp_path / "nan.wav"
    soundfile.write(path, sound, 48000, subtype="FLOAT")
    run = Run(capsys, path)
    assert run.code == 1
    assert run.record["invalid_samples"] == 481
    assert run.record["laeq_db"] == pytest.approx(-20, abs=0.1)
    assert "481 samples" in run.said


@pytest.mark.parametrize("value", [0.0, 0.3, np.nan])
def test_what_is_no_sound_has_no_level(
    value: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.full(48000, value), 48000, subtype="FLOAT")
    run = Run(capsys, path, "--full-scale-db", "120")
    assert run.code == 1
    assert [run.record[key] for key in KEYS[:8]] == [None] * 8
    assert "digital silence" in run.said


def test_silence_for_a_part_of_the_time_is_absent_not_a_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "half.wav"
    soundfile.write(path, np.concatenate([tone(2), np.zeros(20 * 48000)]), 48000, subtype="FLOAT")
    run = Run(capsys, path)
    assert run.code == 0
    assert run.record["la90_db"] is None
    assert run.record["laeq_db"] == pytest.approx(-20 - 10.4, abs=0.1)


def _nothing(path: Path) -> None:
    del path


def _folder(path: Path) -> None:
    path.mkdir()


def _empty(path: Path) -> None:
    path.touch()


def _text(path: Path) -> None:
    path.write_text("this is no sound\n" * 100)


def _header_only(path: Path) -> None:
    soundfile.write(path, np.empty(0), 48000, format="WAV")


def _too_slow(path: Path) -> None:
    soundfile.write(path, np.ones(100), 2000, format="WAV")


@pytest.mark.parametrize("name", ["x.wav", "x.raw", "x"])
@pytest.mark.parametrize("make", [_nothing, _folder, _empty, _text, _header_only, _too_slow])
def test_what_cannot_be_measured_is_one_clear_line(
    make: Any, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    make(path)
    run = Run(capsys, path)
    assert run.code == 2
    assert run.record == {}
    assert run.said.count("\n") == 1
    assert str(path) in run.said


@pytest.mark.parametrize("value", ["nan", "inf", "1000", "-100"])
def test_an_absurd_calibration_is_refused(value: str, wav: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, wav, f"--full-scale-db={value}")
    assert run.code == 2
    assert "--full-scale-db" in run.said


def test_people_get_a_table(wav: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["levels", str(wav)]) == 0
    out, said = capsys.readouterr()
    for text in ("LAeq", "-20.0", "LA90", "dB re full scale", "not calibrated", "3.0 s at 48000 Hz"):
        assert text in out
    assert said == ""


def test_the_table_says_at_least_when_clipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.clip(tone(amplitude=1.5), -1, 1), 48000)
    assert dispatch(["levels", str(path), "--full-scale-db", "120"]) == 0
    out = capsys.readouterr().out
    assert "≥ 12" in out
    assert "clipped" in out
    assert "dB re 20 µPa" in out


def test_memory_is_bounded_and_numbers_are_json(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    noise = np.random.default_rng(0).standard_normal(60 * 8000) * 0.1
    with soundfile.SoundFile(path, "w", 8000, 1) as file:
        for _ in range(10):
            file.write(noise)
    program = (
        "import sys, resource\n"
        "from edge.cli.command import dispatch\n"
        "import soundfile, scipy.signal, edge.dsp.levels\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"code = dispatch(['levels', {str(path)!r}, '--json'])\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "sys.stderr.write(str(grown))\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["duration_s"] == 600
    assert int(done.stderr) < 20_000  # KiB; the sound alone would be 38 MB


def test_bands(wav: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, wav, "--bands", "--full-scale-db", "114")
    assert run.code == 0
    assert run.record["l1000_db"] == pytest.approx(94, abs=0.1)
    assert run.record["l16000_db"] < 30
    assert "l1000_db" not in Run(capsys, wav).record
    assert dispatch(["levels", str(wav), "--bands"]) == 0
    out = capsys.readouterr().out
    assert "31.5 Hz" in out
    assert "16000 Hz" in out


def test_bands_that_a_rate_cannot_hold_are_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "slow.wav"
    soundfile.write(path, tone(rate_hz=8000), 8000)
    record = Run(capsys, path, "--bands").record
    assert record["l1000_db"] == pytest.approx(-20, abs=0.1)
    assert record["l4000_db"] is None
