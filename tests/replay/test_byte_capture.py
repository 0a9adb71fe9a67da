"""A byte capture as a serial board."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge.domain.frames import Fault, Frame, Idle, ReadingFrame
from edge.domain.health import Absence, Component, Reason
from edge.domain.identity import SourceId
from edge.domain.sections import SETTINGS_FOLDER
from edge.domain.stages import SourceError
from edge.domain.time import NS_PER_S, CaptureTime
from edge.replay.byte_capture import COMPONENT, ByteCapture, Config, build

BOARD = SourceId("air", 0, Component.SERIAL_BOARD)
START = CaptureTime(1_700_000_000 * NS_PER_S, 50 * NS_PER_S, 2.0)
SDS = bytes.fromhex("aac0d4043a0aa1601dab")
ZERO = bytes.fromhex("aac000000000546fc3ab")
SDS_BAD = SDS[:8] + b"\x00\xab"


class StepClock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []
        self.time = START

    def now(self) -> CaptureTime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.time = self.time.shifted(seconds)


def capture(path: Path, clock: StepClock | None = None, **settings: Any) -> ByteCapture:
    config = Config(path=path, **{"profile": "nova_sds011", "pace": "max", **settings})
    return build(config, BOARD, clock or StepClock())


def play(source: ByteCapture) -> list[Frame]:
    with source:
        return list(source)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "capture.bin"
    path.write_bytes(content)
    return path


def seconds(frame: Frame) -> float:
    return (frame.time.monotonic_ns - START.monotonic_ns) / NS_PER_S


def test_it_is_a_serial_board_that_waits() -> None:
    assert COMPONENT is Component.SERIAL_BOARD
    assert not ByteCapture.live


def test_each_reading_comes_one_period_after_the_one_before(tmp_path: Path) -> None:
    frames = play(capture(written(tmp_path, SDS + ZERO + SDS)))
    assert [seconds(frame) for frame in frames] == [0, 1, 2]
    values = [frame.values["pm2_5_ugm3"] for frame in frames if isinstance(frame, ReadingFrame)]
    assert values == [123.6, 0.0, 123.6]
    assert frames[0].time == START


def test_the_start_may_be_later(tmp_path: Path) -> None:
    frames = play(capture(written(tmp_path, SDS * 2), start_s=20))
    assert [seconds(frame) for frame in frames] == [20, 21]


def test_acks_and_damage_take_no_time(tmp_path: Path) -> None:
    ack = bytes.fromhex("aac506010100546fcbab")
    frames = play(capture(written(tmp_path, SDS + ack + SDS_BAD + SDS)))
    assert [(type(frame), seconds(frame)) for frame in frames] == [
        (ReadingFrame, 0),
        (Fault, 1),
        (ReadingFrame, 1),
    ]


def test_in_real_time_it_sleeps_and_stays_stoppable(tmp_path: Path) -> None:
    clock = StepClock()
    frames = play(capture(written(tmp_path, SDS * 3), clock, pace="real_time"))
    assert [frame for frame in frames if isinstance(frame, ReadingFrame)][-1].time == START.shifted(2)
    assert max(clock.slept_s) <= 0.5
    assert sum(clock.slept_s) == pytest.approx(2.0)
    assert [type(frame) for frame in frames] == [ReadingFrame, Idle, ReadingFrame, Idle, ReadingFrame]
    assert [seconds(frame) for frame in frames] == [0, 0.5, 1, 1.5, 2]


def test_real_time_and_as_fast_as_it_goes_give_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, b"\x01" * 20 + SDS + SDS_BAD * 9 + ZERO * 8 + SDS[:5])
    slow = [f for f in play(capture(path, pace="real_time")) if not isinstance(f, Idle)]
    assert slow == play(capture(path))


def test_a_clock_that_does_not_move_is_no_trouble(tmp_path: Path) -> None:
    class Still(StepClock):
        def sleep(self, seconds: float) -> None:
            pass

    frames = play(capture(written(tmp_path, SDS * 3), Still(), pace="real_time"))
    assert sum(isinstance(frame, ReadingFrame) for frame in frames) == 3


def test_a_cut_end_is_told(tmp_path: Path) -> None:
    frames = play(capture(written(tmp_path, SDS + SDS[:7])))
    assert isinstance(frames[-1], Fault)
    assert frames[-1].reason is Reason.TRUNCATED
    assert "7 bytes at byte 10 rejected (short)" in frames[-1].detail


def test_noise_is_told_with_its_count(tmp_path: Path) -> None:
    frames = play(capture(written(tmp_path, bytes(1000))))
    faults = [frame for frame in frames if isinstance(frame, Fault)]
    assert {frame.reason for frame in faults} == {Reason.GARBAGE}
    assert sum(frame.count for frame in faults) == 4


def test_it_is_warm_unless_the_capture_begins_at_power_on(tmp_path: Path) -> None:
    path = written(tmp_path, SDS * 31)
    warm = [f for f in play(capture(path)) if isinstance(f, ReadingFrame)]
    cold = [f for f in play(capture(path, cold=True)) if isinstance(f, ReadingFrame)]
    assert all(frame.values for frame in warm)
    assert [bool(frame.values) for frame in cold] == [False] * 30 + [True]
    assert cold[0].absent["pm10_ugm3"] is Absence.WARMING_UP


def test_a_loop_goes_on_in_time(tmp_path: Path) -> None:
    with capture(written(tmp_path, SDS + ZERO), loop=True) as source:
        frames = iter(source)
        assert [seconds(next(frames)) for _ in range(5)] == [0, 1, 2, 3, 4]


def test_a_loop_over_nothing_ends(tmp_path: Path) -> None:
    assert all(isinstance(f, Fault) for f in play(capture(written(tmp_path, bytes(100)), loop=True)))


def test_a_polled_board_replays_its_answers(tmp_path: Path) -> None:
    answer = (
        "7e0003002840a78320411777bb414a5f8341548ddd41d2833e427d33fc85422617224229a4d9422a29bc3f55b7e79e7e"
    )
    path = tmp_path / "sps30.hex"
    path.write_text(f"# two answers\n{answer}\n7e00030000fc7e\n{answer}\n")
    frames = play(capture(path, profile="sensirion_sps30"))
    assert [seconds(frame) for frame in frames if isinstance(frame, ReadingFrame)] == [0, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [(Path.mkdir, "is a directory"), (Path.touch, "is empty"), (lambda _: None, "no such file")],
)
def test_what_is_no_capture_is_a_clear_error(make: Any, message: str, tmp_path: Path) -> None:
    make(tmp_path / "thing")
    with pytest.raises(SourceError, match=message):
        play(capture(tmp_path / "thing"))


def test_a_broken_line_ends_it_with_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "capture.hex"
    path.write_text(SDS.hex() + "\naac\n")
    with pytest.raises(SourceError, match="line 2"):
        play(capture(path))


def test_check_says_what_it_holds(tmp_path: Path) -> None:
    good = capture(written(tmp_path, SDS * 3 + SDS_BAD)).check()
    assert good.ok
    assert "3 messages, 1 rejections" in good.detail
    wrong = capture(written(tmp_path, bytes(50))).check()
    assert not wrong.ok
    assert "is it a capture of Nova Fitness SDS011" in wrong.advice
    assert not capture(tmp_path / "none").check().ok


def test_an_experimental_profile_may_be_replayed(tmp_path: Path) -> None:
    assert capture(written(tmp_path, SDS), profile="sensirion_scd30").check().ok is False


def test_paths_are_relative_to_the_settings(tmp_path: Path) -> None:
    written(tmp_path, SDS)
    token = SETTINGS_FOLDER.set(tmp_path)
    try:
        config = Config(path=Path("capture.bin"), profile="nova_sds011")
        with pytest.raises(ValidationError, match=r"mine\.toml: no such file"):
            Config(path=Path("capture.bin"), profile="mine.toml")
    finally:
        SETTINGS_FOLDER.reset(token)
    assert config.path == tmp_path / "capture.bin"
