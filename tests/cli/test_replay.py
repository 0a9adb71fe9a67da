"""`lamppost replay`: the same reports at any speed, one clear line for each broken recording."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edge.cli.command import dispatch
from edge.cli.output import FINE, FOUND_PROBLEM, WRONG_USE
from edge.domain.reports import REPORT

STREET = Path(__file__).resolve().parents[2] / "edge" / "street"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
SDS011 = f"nova_sds011={STREET / 'sds011.bin'}"


def replayed(
    capsys: pytest.CaptureFixture[str], *arguments: str, expected: int = FINE
) -> list[dict[str, Any]]:
    assert dispatch(["replay", "--speed", "max", *arguments]) == expected
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def kinds(events: list[dict[str, Any]]) -> set[str]:
    return {event["data"]["kind"] for event in events}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of soft noise with a bang at 1.5 s."""
    rate = 48_000
    sound = np.random.default_rng(0).standard_normal(2 * rate).astype(np.float32) * 0.001
    since = np.arange(960) / 48
    sound[72_000:72_960] += 0.5 * (1 - since) * np.exp(-since)
    path = tmp_path / "clip.wav"
    soundfile.write(path, sound, rate)
    return path


def test_the_shipped_street_gives_every_kind_of_report(capsys: pytest.CaptureFixture[str]) -> None:
    events = replayed(
        capsys,
        *("--audio", str(STREET / "sound.ogg"), "--video", str(STREET / "street.mp4"), "--serial", SDS011),
    )
    assert kinds(events) == {"sound_level", "impulse", "scene_motion", "particulates"}
    for event in events:
        REPORT.validate_python(event["data"])
    bangs = [e["data"] for e in events if e["data"]["kind"] == "impulse" and not e["data"]["confirmed"]]
    assert 5 <= len(bangs) <= 8


def test_real_time_gives_what_full_speed_gives(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--audio", str(clip), "--start", "2026-01-01T00:00:00+00:00")
    fast = replayed(capsys, *arguments)
    slow = replayed(capsys, "--speed", "1", *arguments)
    assert kinds(fast) == {"sound_level", "impulse"}
    assert [_without_times(e) for e in fast] == [_without_times(e) for e in slow]


def _without_times(event: dict[str, Any]) -> dict[str, Any]:
    times = {"time", "phenomenon_time", "result_time"}
    return {k: v for k, v in (event | event["data"]).items() if k not in {*times, "data"}}


def test_health_goes_to_stderr_only(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["replay", "--speed", "max", "--audio", str(clip)]) == FINE
    told = capsys.readouterr()
    assert "microphone: first frame" in told.err
    assert '"kind":"health"' not in told.out


def test_the_start_sets_the_times(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = replayed(capsys, "--audio", str(clip), "--start", "2026-01-01T00:00:00+01:00")
    bang = next(e for e in events if e["data"]["kind"] == "impulse")
    assert bang["time"].startswith("2025-12-31T23:00:01.5")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to replay; give --audio F, --video F, --serial PROFILE=F or --contact ROLE=F"),
        (("--audio", "nowhere.wav"), "nowhere.wav: no such file"),
        (("--audio", "."), ".: is a directory"),
        (("--serial", "capture.bin"), "--serial capture.bin: write PROFILE=F"),
        (("--audio", __file__, "--start", "noon"), "--start noon: not a time"),
        (("--audio", __file__, "--start", "2026-01-01T00:00:00"), "has no offset"),
    ],
)
def test_wrong_use_is_one_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["replay", *arguments]) == WRONG_USE
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


def test_an_unknown_profile_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    capture = STREET / "sds011.bin"
    assert dispatch(["replay", "--speed", "max", "--serial", f"nova_sds01={capture}"]) != FINE
    assert "nova_sds011" in capsys.readouterr().err


def test_a_truncated_recording_gives_what_is_there_and_says_so(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.wav"
    cut.write_bytes(clip.read_bytes()[:-50_000])
    assert dispatch(["replay", "--speed", "max", "--audio", str(cut)]) == FOUND_PROBLEM
    told = capsys.readouterr()
    assert '"kind":"sound_level"' in told.out
    assert f"{cut}: cut short" in told.err


def test_a_video_that_ends_mid_frame_gives_what_is_there_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import cv2

    whole = tmp_path / "whole.avi"
    writer = cv2.VideoWriter(str(whole), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (320, 240))
    rng = np.random.default_rng(0)
    for _ in range(60):
        writer.write(rng.integers(60, 190, (240, 320, 3), np.uint8))
    writer.release()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    assert dispatch(["replay", "--speed", "max", "--video", str(cut)]) == FOUND_PROBLEM
    told = capsys.readouterr()
    assert "scene_motion" in told.out
    assert str(cut) in told.err


def test_one_broken_recording_does_not_stop_the_others(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(np.random.default_rng(0).bytes(20_000))
    arguments = ["replay", "--speed", "max", "--audio", str(clip), "--video", str(noise)]
    assert dispatch(arguments) == FOUND_PROBLEM
    told = capsys.readouterr()
    assert '"kind":"sound_level"' in told.out
    assert str(noise) in told.err


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recordings of ../shared are not here")
@pytest.mark.parametrize("label", ["gunshot", "fireworks", "speech", "siren", "rain"])
def test_recorded_clips_give_valid_reports(label: str, capsys: pytest.CaptureFixture[str]) -> None:
    clips = sorted((SHARED / "audio").glob(f"{label}/*.ogg"))[:3]
    assert clips
    for path in clips:
        events = replayed(capsys, "--audio", str(path))
        assert "sound_level" in kinds(events)
        for event in events:
            REPORT.validate_python(event["data"])


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recordings of ../shared are not here")
def test_recorded_sequences_give_valid_reports(capsys: pytest.CaptureFixture[str]) -> None:
    videos = sorted((SHARED / "vision" / "sequences").glob("*.mp4"))
    assert videos
    for path in videos:
        events = replayed(capsys, "--video", str(path))
        assert "scene_motion" in kinds(events)
        for event in events:
            REPORT.validate_python(event["data"])
