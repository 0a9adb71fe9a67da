"""Bad sound through the real pipeline, bad models and manifests through the commands: nothing invented."""

import csv
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import soundfile
from numpy.typing import NDArray

from edge.cli.command import dispatch
from edge.cli.output import BROKEN, FINE, FOUND_PROBLEM
from edge.cli.settings_file import EXAMPLES
from edge.domain.reports import REPORT
from edge.domain.shipped import shipped
from edge.dsp.air import speed_of_sound_m_s
from edge.dsp.weighting import weighting_goal_db
from scripts.array_sound import ONSET_S, RATE_HZ, diffuse, in_the_open, noisy, places, towards
from scripts.measure_direction import square

Float = NDArray[np.float64]

ARRAY = square(0.2)
SECONDS = 12
"""A fault of a microphone is told after ten seconds of it."""

SETTINGS = """
[node]
city = "test"
id = "lp-1"

[privacy]
policy = "{policy}"
unsigned = "allowed"

[[sources.microphone]]
name = "front"
channels = 4

[sources.microphone.array]
positions_m = {positions}

[[sources.microphone]]
name = "plain"

[detectors.sound_level]
interval_s = 12

[detectors.impulse]

[detectors.sound_health]

[detectors.street_sound]
false_alarms = "false_alarms.json"

[fusion.impulse]
"""


class Told:
    """What one replay gave: exit code, reports by kind, and what it said on stderr."""

    def __init__(self, code: int, out: str, said: str) -> None:
        self.code = code
        self.said = said
        self.reports = [json.loads(line)["data"] for line in out.splitlines()]
        for report in self.reports:
            REPORT.validate_python(report)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [report for report in self.reports if report["kind"] == kind]


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    path = tmp_path / "lamppost.toml"
    positions = [list(position) for position in ARRAY.positions_m]
    path.write_text(SETTINGS.format(policy=EXAMPLES / "policy.toml", positions=positions))
    return path


@pytest.fixture
def replay(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    def run(sound: Float, rate_hz: int = RATE_HZ, subtype: str = "FLOAT", microphone: str = "plain") -> Told:
        path = settings_file.parent / "sound.wav"
        soundfile.write(path, sound, rate_hz, subtype=subtype)
        arguments = ["--config", str(settings_file), "--microphone", microphone, "--audio", str(path)]
        code = dispatch(["replay", "--speed", "max", *arguments])
        told = capsys.readouterr()
        return Told(code, told.out, told.err)

    return run


def tone(rate_hz: int = RATE_HZ, amplitude: float = 0.1, seconds: float = 2) -> Float:
    return np.asarray(amplitude * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate_hz)) / rate_hz))


def with_gap(value: float) -> Float:
    sound = tone(seconds=6)
    sound[3 * RATE_HZ : 4 * RATE_HZ] = value
    return sound


@pytest.mark.parametrize("value", [np.nan, np.inf, 30_000.0], ids=str)
def test_samples_that_are_no_sound_are_left_out_and_said(value: float, replay: Callable[..., Told]) -> None:
    told = replay(with_gap(value))
    assert told.code == FINE
    (level,) = told.of("sound_level")
    assert level["laeq_db"] == pytest.approx(-20, abs=0.1)
    assert level["duration_s"] == pytest.approx(5, abs=0.2)
    assert level["lcpeak_db"] < -14
    assert not told.of("impulse")
    assert "invalid_samples: plain" in told.said


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (np.full(SECONDS * RATE_HZ, np.nan), "invalid_samples"),
        (np.zeros(SECONDS * RATE_HZ), "silent"),
        (np.full(SECONDS * RATE_HZ, 0.5), "constant"),
    ],
    ids=["NaN", "silence", "DC"],
)
def test_what_holds_no_sound_gives_no_level_and_no_bang(
    sound: Float, reason: str, replay: Callable[..., Told]
) -> None:
    told = replay(sound)
    assert told.reports == []
    assert f"{reason}: plain" in told.said


def test_sound_on_a_constant_offset_is_measured_without_it(replay: Callable[..., Told]) -> None:
    told = replay(tone(seconds=SECONDS) + 0.4)
    assert told.of("sound_level")[0]["laeq_db"] == pytest.approx(-20, abs=0.1)
    assert "offset: plain" in told.said


def test_mains_hum_is_a_level_and_no_bang(replay: Callable[..., Told]) -> None:
    time_s = np.arange(4 * RATE_HZ) / RATE_HZ
    hum = sum(0.3 / n * np.sin(2 * np.pi * 50 * n * time_s) for n in (1, 2, 3, 5))
    sound = np.asarray(hum) + 1e-4 * np.random.default_rng(0).standard_normal(len(time_s))
    sound[: 2 * RATE_HZ] *= 0.5  # a lamp's ballast gets louder
    told = replay(sound)
    (level,) = told.of("sound_level")
    weighted_db = weighting_goal_db("A", np.array([50.0, 100.0, 150.0, 250.0]))
    power = float(np.sum((0.3 / np.array([1, 2, 3, 5])) ** 2 * 10 ** (weighted_db / 10))) * (0.25 + 1) / 2
    assert level["laeq_db"] == pytest.approx(10 * np.log10(power), abs=0.2)
    assert not told.of("impulse")


def test_a_dead_channel_is_found_and_the_others_still_tell_from_where(replay: Callable[..., Told]) -> None:
    sound = in_the_open(places(ARRAY), towards(40, 5), speed_of_sound_m_s(12), 0.001)
    sound = np.pad(sound, ((RATE_HZ, (SECONDS - 2) * RATE_HZ), (0, 0)))
    rng = np.random.default_rng(3)
    sound += diffuse(rng, sound.shape, 0.1, 1 + ONSET_S)
    mixed = noisy(rng, sound, 25, 1 + ONSET_S)
    mixed[:, 2] = 0
    told = replay(mixed, microphone="front")
    (bang,) = told.of("impulse")
    assert bang["azimuth_deg"] == pytest.approx(40, abs=1.5)
    assert "silent: front: channel 2: nothing heard" in told.said


@pytest.mark.parametrize("rate_hz", [8000, 44_100, 192_000])
def test_any_rate(rate_hz: int, replay: Callable[..., Told]) -> None:
    told = replay(tone(rate_hz), rate_hz)
    assert told.code == FINE
    assert told.of("sound_level")[0]["laeq_db"] == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_integers_and_floats_read_alike(subtype: str, replay: Callable[..., Told]) -> None:
    (level,) = replay(tone(), subtype=subtype).of("sound_level")
    assert level["laeq_db"] == pytest.approx(-20, abs=0.1)
    assert level["clipped"] is False


def test_a_clipped_track_is_at_least_so_loud(replay: Callable[..., Told]) -> None:
    told = replay(np.clip(tone(amplitude=2.0, seconds=SECONDS), -1, 1), subtype="PCM_16")
    assert told.of("sound_level")[0]["clipped"] is True
    assert "clipped: plain" in told.said


def test_a_clipped_bang_is_at_least_so_loud(replay: Callable[..., Told]) -> None:
    rng = np.random.default_rng(0)
    sound = 0.001 * rng.standard_normal(4 * RATE_HZ)
    since_s = np.arange(RATE_HZ // 2) / RATE_HZ
    bang = 3.0 * np.exp(-since_s / 0.002) + 0.3 * np.exp(-since_s / 0.1) * rng.standard_normal(len(since_s))
    sound[2 * RATE_HZ : 2 * RATE_HZ + len(bang)] += bang
    (told,) = replay(np.clip(sound, -1, 1), subtype="PCM_16").of("impulse")
    assert told["clipped"] is True


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped models that the daemon takes for its own."""
    folder = tmp_path / "models"
    shutil.copytree(shipped("models"), folder)
    monkeypatch.setattr("edge.domain.shipped._PACKAGE", tmp_path / "edge")
    return folder


def spoilt(folder: Path) -> None:
    path = folder / "street_sound" / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def other_shape(folder: Path) -> None:
    path = folder / "street_sound" / "model.onnx"
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 40
    content = model.SerializeToString()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(content)
    card = path.with_name("card.toml")
    card.write_text(card.read_text().replace(before, hashlib.sha256(content).hexdigest()))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoilt, ("model.onnx", "checksum")),
        (other_shape, ("model.onnx",)),
        (lambda folder: (folder / "street_sound" / "model.onnx").unlink(), ("model.onnx",)),
        (lambda folder: (folder / "street_sound" / "card.toml").write_text("name = 3"), ("card.toml",)),
    ],
    ids=["checksum", "shape", "missing", "card"],
)
def test_a_model_that_does_not_fit_its_card_is_refused_at_the_start(
    spoil: Callable[[Path], object],
    words: tuple[str, ...],
    models: Path,
    replay: Callable[..., Told],
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil(models)
    told = replay(tone(seconds=1))
    assert told.code == BROKEN
    assert told.reports == []
    (line,) = [line for line in told.said.splitlines() if line.startswith("lamppost:")]
    assert all(word in line for word in words)
    assert dispatch(["models", "--models", str(models), "verify", "--json"]) == FOUND_PROBLEM
    verdicts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [verdict["ok"] for verdict in verdicts if verdict["name"] == "street_sound"] == [False]


def test_a_manifest_with_missing_and_broken_files_keeps_their_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "good.wav", tone(seconds=2), RATE_HZ)
    soundfile.write(tmp_path / "nan.wav", np.full(RATE_HZ, np.nan), RATE_HZ, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("no sound")
    names = ["good.wav", "missing.wav", "nan.wav", "text.wav", "."]
    manifest, out = tmp_path / "manifest.csv", tmp_path / "out.csv"
    manifest.write_text("path,label\n" + "".join(f"{name},x\n" for name in names))
    asked = ["--manifest", str(manifest), "--out", str(out)]
    assert dispatch(["models", "evaluate", "street_sound", *asked]) == FOUND_PROBLEM
    told = capsys.readouterr().err.splitlines()
    for number, name, line in zip((3, 4, 5, 6), names[1:], told, strict=True):
        assert f"line {number}: {name}: " in line
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == names
    assert [row["gunshot"] != "" for row in rows] == [True, False, False, False, False]
