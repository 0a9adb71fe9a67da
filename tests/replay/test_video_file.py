import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from edge.domain.frames import Fault, Frame, Idle, VideoFrame
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.stages import SourceError
from edge.domain.time import NS_PER_S, CaptureTime
from edge.replay import video_file
from edge.replay.video_file import Config, build

SOURCE = SourceId("front", 0, Component.CAMERA)
SHARED = Path(__file__).parents[2] / "../shared/data/vision"


class SteppingClock:
    """Time passes in `sleep` only."""

    def __init__(self) -> None:
        self.ns = 0
        self.slept_s: list[float] = []

    def now(self) -> CaptureTime:
        return CaptureTime(1_700_000_000 * NS_PER_S + self.ns, 5 * NS_PER_S + self.ns, 1.5)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept_s.append(seconds)
        self.ns += round(seconds * NS_PER_S)


def film(path: Path, pictures: int = 20, rate_hz: float = 10.0, size: tuple[int, int] = (64, 48)) -> Path:
    """Write a film whose k-th picture has brightness 10 k."""
    fourcc = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), fourcc, rate_hz, size)
    for k in range(pictures):
        writer.write(np.full((size[1], size[0], 3), 10 * k % 250, np.uint8))
    writer.release()
    return path


def play(path: Path, clock: SteppingClock | None = None, **settings: object) -> list[Frame]:
    config = Config.model_validate({"path": path, "pace": "max", **settings})
    with build(config, SOURCE, clock or SteppingClock()) as source:
        return list(source)


def brightness(frames: list[Frame]) -> list[int]:
    return [10 * round(float(frame.image.mean()) / 10) for frame in frames if isinstance(frame, VideoFrame)]


def seconds(frames: list[Frame]) -> list[float]:
    return [frame.time.monotonic_ns / NS_PER_S - 5 for frame in frames]


@pytest.mark.parametrize("name", ["a.avi", "a.mp4"])
def test_pictures_come_with_their_own_times(tmp_path: Path, name: str) -> None:
    frames = play(film(tmp_path / name), rate_hz=30)
    assert brightness(frames) == [10 * k for k in range(20)]
    assert seconds(frames) == pytest.approx([0.1 * k for k in range(20)], abs=1e-3)
    first = frames[0]
    assert isinstance(first, VideoFrame)
    assert first.image.shape == (48, 64, 3)
    assert first.image.dtype == np.uint8
    assert first.time == CaptureTime(1_700_000_000 * NS_PER_S, 5 * NS_PER_S, 1.5)


def test_pictures_are_thinned_to_the_wanted_rate(tmp_path: Path) -> None:
    frames = play(film(tmp_path / "a.avi"), rate_hz=2.5)
    assert brightness(frames) == [0, 40, 80, 120, 160]
    assert seconds(frames) == pytest.approx([0, 0.4, 0.8, 1.2, 1.6])


def test_real_time_and_as_fast_as_it_goes_give_the_same_pictures(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", pictures=8, rate_hz=0.8)
    clock = SteppingClock()
    slow, fast = play(path, clock, pace="real_time"), play(path)
    assert clock.ns == pytest.approx(7 / 0.8 * NS_PER_S)
    # A slow film is waited for in short steps, so that its lane can be stopped.
    assert max(clock.slept_s) <= 0.5
    assert seconds(slow) == sorted(seconds(slow))
    assert sum(isinstance(frame, Idle) for frame in slow) == 14
    pictures = [frame for frame in slow if isinstance(frame, VideoFrame)]
    assert [picture.time for picture in pictures] == [frame.time for frame in fast]
    assert brightness(slow) == brightness(fast)


def test_a_loop_goes_on_one_period_after_the_end(tmp_path: Path) -> None:
    config = Config(path=film(tmp_path / "a.avi", 3), pace="max", loop=True, rate_hz=30)
    with build(config, SOURCE, SteppingClock()) as source:
        frames = [frame for frame, _ in zip(source, range(7), strict=False)]
    assert brightness(frames) == [0, 10, 20, 0, 10, 20, 0]
    assert seconds(frames) == pytest.approx([0.1 * k for k in range(7)])


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_film_that_ends_in_a_picture_gives_the_rest_and_says_so(tmp_path: Path, share: float) -> None:
    whole = film(tmp_path / "a.avi", 100).read_bytes()
    (tmp_path / "a.avi").write_bytes(whole[: round(len(whole) * share)])
    *pictures, last = play(tmp_path / "a.avi", rate_hz=30, loop=True)
    assert 40 < len(pictures) < 100
    assert isinstance(last, Fault)
    assert last.reason is Reason.TRUNCATED
    assert f"{100 - len(pictures)} fewer than its header promises" in last.detail
    assert last.time.monotonic_ns > pictures[-1].time.monotonic_ns


def test_noise_in_a_film_is_survived(tmp_path: Path) -> None:
    spoilt = bytearray(film(tmp_path / "a.mp4", 100, size=(320, 240)).read_bytes())
    rng = np.random.default_rng(3)
    for at in rng.integers(100, len(spoilt) * 3 // 4, 200):
        spoilt[at] = rng.integers(256)
    (tmp_path / "a.mp4").write_bytes(spoilt)
    frames = play(tmp_path / "a.mp4", rate_hz=30)
    assert len(frames) > 50
    assert seconds(frames) == sorted(seconds(frames))


def test_what_cannot_be_replayed_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "text.avi").write_text("frame,track\n" * 1000)
    (tmp_path / "text.txt").write_text("frame,track\n" * 1000)
    (tmp_path / "empty.avi").touch()
    (tmp_path / "noise.avi").write_bytes(np.random.default_rng(1).bytes(100_000))
    whole = film(tmp_path / "whole.mp4").read_bytes()
    # The index of an MP4 file is at its end: without it nothing can be read.
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "header.avi").write_bytes(film(tmp_path / "whole.avi").read_bytes()[:2048])
    for name, said in {
        "": "is a directory",
        "absent.avi": "no such file",
        "empty.avi": "is empty",
        "text.avi": "not a video",
        "text.txt": "not a video",
        "noise.avi": "not a video",
        "half.mp4": "not a video",
        "header.avi": "not a video|no readable picture",
    }.items():
        with pytest.raises(SourceError, match=said) as caught:
            play(tmp_path / name)
        assert caught.value.reason is Reason.UNREADABLE
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)
        check = build(Config(path=tmp_path / name), SOURCE, SteppingClock()).check()
        assert not check.ok
        assert check.advice


def test_the_decoder_keeps_quiet(tmp_path: Path) -> None:
    whole = film(tmp_path / "a.avi", 100).read_bytes()
    (tmp_path / "a.avi").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.avi").write_bytes(np.random.default_rng(1).bytes(100_000))
    # In a process of its own: libav reads how loud it may be once, and another test may have been first.
    script = f"""
import sys
from edge.domain.frames import Fault
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.stages import SourceError
from edge.replay.video_file import Config, build
from edge.runtime.clock import SystemClock
SOURCE = SourceId("front", 0, Component.CAMERA)
assert "cv2" not in sys.modules, "settings must not load OpenCV"
with build(Config(path={str(tmp_path / "a.avi")!r}, pace="max"), SOURCE, SystemClock()) as source:
    assert any(isinstance(frame, Fault) for frame in source)
try:
    build(Config(path={str(tmp_path / "b.avi")!r}), SOURCE, SystemClock()).__enter__()
except SourceError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.count("\n") == 1


def test_check_says_what_the_file_holds(tmp_path: Path) -> None:
    check = build(Config(path=film(tmp_path / "a.avi")), SOURCE, SteppingClock()).check()
    assert check.ok
    assert "64x48, 10 pictures per second, 20 of them" in check.detail


class Odd:
    """An OpenCV whose video has broken time stamps, a grey picture and one without a pixel."""

    CAP_PROP_POS_MSEC, CAP_PROP_FPS, CAP_PROP_FRAME_COUNT, CAP_FFMPEG, CAP_PROP_N_THREADS = range(5)
    TIMES_MS = (1000.0, 1100.0, 1050.0, 1e12, 1400.0)

    def __init__(self) -> None:
        self.at = -1

    def VideoCapture(self, *_: object) -> "Odd":  # noqa: N802 (OpenCV's name)
        return self

    def isOpened(self) -> bool:  # noqa: N802 (OpenCV's name)
        return True

    def grab(self) -> bool:
        self.at += 1
        return self.at < len(self.TIMES_MS)

    def get(self, prop: int) -> float:
        return {self.CAP_PROP_POS_MSEC: self.TIMES_MS[min(self.at, 4)], self.CAP_PROP_FPS: float("nan")}.get(
            prop, 0.0
        )

    def retrieve(self) -> tuple[bool, Any]:
        shapes: list[tuple[int, ...]] = [(4, 4, 3), (4, 4), (0, 0, 3), (4, 4, 4), (4, 4, 3)]
        return self.at != 4, np.zeros(shapes[self.at], np.uint8)

    def release(self) -> None: ...


def test_broken_times_are_mended_and_odd_pictures_made_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd.avi").write_bytes(b"\x00")
    odd = Odd()
    monkeypatch.setattr(video_file, "opencv", lambda: odd)
    frames = play(tmp_path / "odd.avi", rate_hz=120)
    assert seconds(frames) == pytest.approx([0, 0.1, 0.14, 0.18, 0.4])
    kinds = [type(frame) for frame in frames]
    assert kinds == [VideoFrame, VideoFrame, Fault, VideoFrame, Fault]
    assert all(frame.image.shape == (4, 4, 3) for frame in frames if isinstance(frame, VideoFrame))
    assert {frame.reason for frame in frames if isinstance(frame, Fault)} == {Reason.UNREADABLE}


def test_a_container_without_a_picture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd.avi").write_bytes(b"\x00")
    hollow = SimpleNamespace(**{name: number for number, name in enumerate(vars(Odd)) if name[:4] == "CAP_"})
    video = SimpleNamespace(
        isOpened=lambda: True,
        grab=lambda: False,
        read=lambda: (False, None),
        get=lambda _: 0.0,
        release=lambda: None,
    )
    hollow.VideoCapture = lambda *_: video
    monkeypatch.setattr(video_file, "opencv", lambda: hollow)
    with pytest.raises(SourceError, match="holds no readable picture"):
        play(tmp_path / "odd.avi")
    assert not build(Config(path=tmp_path / "odd.avi"), SOURCE, SteppingClock()).check().ok


def test_leaving_what_was_never_entered_is_harmless(tmp_path: Path) -> None:
    build(Config(path=tmp_path / "a.avi"), SOURCE, SteppingClock()).__exit__(None, None, None)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the sequences in ../shared/data/vision")
def test_recorded_sequences_replay() -> None:
    clips = [SHARED / "sequences/TUD-Campus.mp4", *sorted((SHARED / "fights").glob("*.mp4"))[::40]]
    for clip in clips:
        frames = play(clip)
        assert all(isinstance(frame, VideoFrame) for frame in frames), clip
        assert len(frames) >= 8, clip


def test_privacy_zones_are_black_and_outside_of_the_picture_they_are_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "film.avi", pictures=30)
    zone = [(0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5)]
    frames = play(path, privacy_zones=[zone])
    for frame in frames:
        assert isinstance(frame, VideoFrame)
        assert not frame.image[:24].any()
    assert any(frame.image[26:].any() for frame in frames if isinstance(frame, VideoFrame))
    with pytest.raises(ValueError, match="outside of the picture"):
        play(path, privacy_zones=[[(0, 0), (64, 0), (64, 48)]])
