import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from rich.console import Console

from edge.cli import listen, meter_view
from edge.cli.command import dispatch
from edge.cli.microphone_choice import Choice
from edge.domain.frames import AudioFrame, Fault, Frame, Idle
from edge.domain.health import Absence, Component, Reason
from edge.domain.identity import SourceId
from edge.domain.observations import ImpulseOnset
from edge.domain.time import CaptureTime
from edge.dsp.air import speed_of_sound_m_s
from scripts.array_sound import ONSET_S, RATE_HZ, diffuse, in_the_open, noisy, places, towards
from scripts.measure_direction import square

SOURCE = SourceId("front", 0, Component.MICROPHONE)
START = CaptureTime(1_700_000_000_000_000_000, 5_000_000_000)
ARRAY = square(0.2)
SETTINGS = """
[node]
city = "test"
id = "lp-1"

[replay.audio_file]
name = "front"
path = "array.wav"
pace = "max"
full_scale_db = 120.0

[replay.audio_file.array]
positions_m = [[0.1, 0.1, 0.0], [0.1, -0.1, 0.0], [-0.1, -0.1, 0.0], [-0.1, 0.1, 0.0]]
heading_deg = 20

[detectors.impulse]
above_floor_db = 12

[detectors.sound_health]
"""


def at_the_array(azimuth_deg: float) -> NDArray[np.float64]:
    bang = in_the_open(places(ARRAY), towards(azimuth_deg, 30), speed_of_sound_m_s(12), 0.001)
    sound = np.pad(bang, ((2 * RATE_HZ, RATE_HZ), (0, 0)))
    sound += diffuse(np.random.default_rng(1), sound.shape, 0.1, 2 + ONSET_S)
    return noisy(np.random.default_rng(0), sound, 30, 2 + ONSET_S)


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    one = 0.1 * np.sin(2 * np.pi * 1000 * seconds)
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.stack([one, np.zeros_like(one), np.clip(20 * one, -1, 1)], axis=1), RATE_HZ)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "array.wav", at_the_array(100), RATE_HZ, subtype="FLOAT")
    path = tmp_path / "lamppost.toml"
    path.write_text(SETTINGS)
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict[str, Any]], str]:
    code = dispatch(["listen", *map(str, arguments), "--json"])
    out, said = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], said


def test_one_object_a_second_with_each_channel(tone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, seconds, _ = told(capsys, "--audio", tone, "--speed", "max")
    assert code == 0
    assert len(seconds) == 2
    first, silent, clipped = seconds[1]["channels"]
    assert first["laeq_db"] == pytest.approx(-20, abs=0.1)
    assert first["lafmax_db"] == pytest.approx(-20, abs=0.1)
    assert first["lcpeak_db"] == pytest.approx(-17, abs=0.2)
    assert (first["clipped"], first["health"]) == (False, "ok")
    assert (silent["laeq_db"], silent["floor_db"], silent["health"]) == (None, None, "silent")
    assert (clipped["clipped"], clipped["health"]) == (True, "clipped")
    assert (seconds[0]["calibrated"], seconds[0]["last_impulse"]) == (False, None)
    between = np.diff([np.datetime64(second["time"][:23]) for second in seconds])
    assert between == np.timedelta64(1000, "ms")


def test_an_array_of_the_settings_gives_the_direction(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, seconds, said = told(capsys, "--config", config)
    assert (code, said) == (0, "")
    assert [second["impulses"] for second in seconds] == [0, 0, 1, 0]
    assert [second["last_impulse"] is None for second in seconds] == [True, True, False, False]
    bang = seconds[-1]["last_impulse"]
    assert bang["azimuth_deg"] == pytest.approx(120, abs=0.5)
    assert bang["elevation_deg"] == pytest.approx(30, abs=1)
    assert bang["other_elevation_deg"] == pytest.approx(-bang["elevation_deg"])
    assert bang["channels_left_out"] == []
    assert seconds[0]["calibrated"] is True
    assert seconds[0]["channels"][0]["laeq_db"] > 40


def test_a_recording_of_the_microphone_of_the_settings(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.wav"
    soundfile.write(other, at_the_array(250), RATE_HZ, subtype="FLOAT")
    code, seconds, _ = told(capsys, "--config", config, "--audio", other, "--speed", "max")
    assert code == 0
    assert seconds[-1]["microphone"] == "front"
    assert seconds[-1]["calibrated"] is True
    assert seconds[-1]["last_impulse"]["azimuth_deg"] == pytest.approx(270, abs=0.5)


def test_lines_without_a_terminal(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["listen", "--config", str(config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert "dB  0: LAF" in lines[0]
    assert "impulse" not in lines[0]
    assert "from 120." in lines[2]
    assert " high" in lines[2]


def test_a_screen_on_a_terminal(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    assert dispatch(["listen", "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert "front, dB re 20 µPa" in out
    assert "array flat: above and below are alike to it" in out
    assert "last impulse: none yet" in out
    assert "from 120." in out


def test_it_stops_after_seconds(tone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, seconds, _ = told(capsys, "--audio", tone, "--speed", "max", "--seconds", "1")
    assert len(seconds) == 1


def test_a_recording_that_is_cut_short_is_a_problem(tone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tone.write_bytes(tone.read_bytes()[:300_000])
    code, seconds, said = told(capsys, "--audio", tone, "--speed", "max")
    assert code == 1
    assert len(seconds) == 2
    assert "cut short" in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--audio", "/nonexistent.wav"], 2, "no such file"),
        (["--config", "/nonexistent.toml"], 2, "no such file"),
        (["--audio", __file__], 3, "not a recording"),
    ],
)
def test_bad_input(arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["listen", *arguments]) == code
    assert said in capsys.readouterr().err


def test_wrong_geometry_is_said_with_its_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(config.read_text().replace("[0.1, 0.1, 0.0], ", "[65, 65, 0], "))
    assert dispatch(["listen", "--config", str(config)]) == 2
    said = capsys.readouterr().err
    assert "lamppost.toml:13: [replay.audio_file.array" in said
    assert "less than or equal to 1.4" in said
    config.write_text(SETTINGS.replace("[0.1, 0.1, 0.0], ", ""))
    assert dispatch(["listen", "--config", str(config)]) == 3
    assert "3 positions, but 4 channels" in capsys.readouterr().err


class Source:
    """A device whose frames are given."""

    live = True

    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    def check(self) -> Any:
        raise NotImplementedError


def frame(second: float, level: float = 0.01, full_scale_db: float | None = None) -> AudioFrame:
    rng = np.random.default_rng(round(second * 10))
    samples = level * rng.standard_normal((4800, 1))
    return AudioFrame(SOURCE, START.shifted(second), samples.astype(np.float32), 48_000, full_scale_db)


def listen_to(frames: list[Frame], view: meter_view.View, monkeypatch: pytest.MonkeyPatch) -> int:
    choice = Choice("front", Source(frames), None, None)
    monkeypatch.setattr(listen, "chosen", lambda *_, **__: choice)
    monkeypatch.setattr(listen, "_view", lambda **_: view)
    return dispatch(["listen"])


def test_a_microphone_that_falls_silent_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120)
    sound = [frame(0.1 * k) for k in range(12)]
    quiet: list[Frame] = [Idle(SOURCE, START.shifted(1.2 + 0.5 * k)) for k in range(3)]
    fault = Fault(SOURCE, START.shifted(3), Reason.OVERRUN, "front: 0.5 s of sound lost")
    again = [frame(3 + 0.1 * k, full_scale_db=120.0) for k in range(3)]
    code = listen_to([*sound, *quiet, fault, *again], meter_view.Screen(console), monkeypatch)
    assert code == 1
    text = out.getvalue()
    assert "no sound comes" in text
    assert "0.5 s of sound lost" in text
    assert "not calibrated" in text
    assert "dB re 20 µPa" in text
    assert "no sound comes" not in text.rsplit("front, ", maxsplit=1)[-1]


def test_health_of_the_daemons_own_detector_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = [frame(0.1 * k, level=0.0) for k in range(125)]
    well = [frame(12.5 + 0.1 * k) for k in range(100)]
    assert listen_to([*dead, *well], meter_view.Json(), monkeypatch) == 1
    out, said = capsys.readouterr()
    assert said.count("nothing heard") == 1
    health = [json.loads(line)["channels"][0]["health"] for line in out.splitlines()]
    assert health[0] == "silent"
    assert health[-1] == "ok"


def test_ctrl_c_ends_it_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(Source):
        def __iter__(self) -> Iterator[Frame]:
            yield frame(0)
            raise KeyboardInterrupt

    choice = Choice("front", Interrupted([]), None, None)
    monkeypatch.setattr(listen, "chosen", lambda *_, **__: choice)
    assert dispatch(["listen"]) == 0


def onset(**changes: Any) -> ImpulseOnset:
    basis: dict[str, Any] = {"calibrated": True, "clipped": False, "lcpeak_db": 110.0, "above_floor_db": 40.0}
    basis |= {"rise_s": 0.001, "duration_s": 0.1, "source": SOURCE, "time": START}
    return ImpulseOnset(**(basis | changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"direction_absence": Absence.FAINT}, "direction unknown (faint)"),
        (
            {"azimuth_deg": 12.0, "azimuth_uncertainty_deg": 2.0, "elevation_deg": 30.0}
            | {"elevation_uncertainty_deg": 1.0, "other_azimuth_deg": 12.0, "other_elevation_deg": -30.0},
            "from 12.0° ±2.0°, +30.0° or -30.0° ±1.0° high",
        ),
        (
            {"azimuth_deg": 12.0, "azimuth_uncertainty_deg": 2.0, "other_azimuth_deg": 168.0},
            "from 12.0° or 168.0° ±2.0°",
        ),
        (
            {"elevation_deg": -5.0, "elevation_uncertainty_deg": 1.0, "left_out": (1, 3)},
            "-5.0° ±1.0° high, without channel 1, 3",
        ),
    ],
)
def test_a_direction_says_what_it_does_not_know(changes: dict[str, Any], said: str) -> None:
    assert meter_view.direction_text(onset(**changes)) == said
    text = meter_view.impulse_text(onset(clipped=True, **changes))
    assert ">= 110.0 dB" in text
    assert text.endswith(said)
