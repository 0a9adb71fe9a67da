import ctypes.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from edge.decoding.calibration import Calibration, calibrations_text
from edge.domain.frames import AudioFrame, Fault, Frame, Idle
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.stages import SourceError
from edge.domain.time import NS_PER_S, CaptureTime
from edge.sources import microphone, sound_devices
from edge.sources.microphone import Config, Microphone, build

SOURCE = SourceId("front", 0, Component.MICROPHONE)
RATE_HZ = 48_000
START_S = 50.0
STREAM_AHEAD_S = 1000.0


class Clock:
    """Time passes in `sleep`, during which the driver delivers."""

    def __init__(self) -> None:
        self.ns = round(START_S * NS_PER_S)
        self.passing: Callable[[], None] = lambda: None

    def now(self) -> CaptureTime:
        return CaptureTime(1_700_000_000 * NS_PER_S + self.ns, self.ns, 2.0)

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 0.5
        self.ns += round(seconds * NS_PER_S)
        self.passing()


class PortAudioError(Exception):
    pass


class Driver:
    """A library shaped like `sounddevice`, whose driver delivers 20 ms blocks of a ramp as the clock passes.

    The capture time of sample k is START_S + k / RATE_HZ on the clock, STREAM_AHEAD_S more on the driver's.
    """

    PortAudioError = PortAudioError

    def __init__(self, clock: Clock, devices: list[dict[str, Any]] | None = None) -> None:
        self.clock = clock
        self.devices = devices if devices is not None else [device("UMA8: USB Audio (hw:1,0)", 8)]
        self.refusal = self.start_refusal = ""
        self.blocks = 0
        self.active = True
        self.mute = False
        self.broken_time = False
        self.lose: set[int] = set()
        self.skip_s = 0.0
        self.calls: list[str] = []

    def query_devices(self, kind: str = "") -> Any:
        listed = [{**entry, "index": index} for index, entry in enumerate(self.devices)]
        if kind:
            found = [entry for entry in listed if entry["max_input_channels"]]
            if not found:
                raise PortAudioError("Error querying device -1")
            return found[-1]
        return listed

    def InputStream(self, **asked: Any) -> "Driver":  # noqa: N802 (the library's name)
        if self.refusal:
            raise PortAudioError(self.refusal)
        self.asked = asked
        self.calls.append("open")
        self.clock.passing = self.deliver
        return self

    def start(self) -> None:
        if self.start_refusal:
            raise PortAudioError(self.start_refusal)

    def abort(self, ignore_errors: bool) -> None:
        self.calls.append("abort")

    def close(self, ignore_errors: bool) -> None:
        self.calls.append("close")

    def _terminate(self) -> None:
        self.calls.append("terminate")

    def _initialize(self) -> None:
        self.calls.append("initialize")

    @property
    def time(self) -> float:
        if self.broken_time:
            raise PortAudioError("Error getting stream time")
        return self.clock.ns / NS_PER_S + STREAM_AHEAD_S

    def deliver(self) -> None:
        block = self.asked["blocksize"]
        while (
            not self.mute
            and START_S + (self.blocks + 1) * block / RATE_HZ + self.skip_s <= self.clock.ns / 1e9
        ):
            first = self.blocks * block
            overflow = self.blocks in self.lose
            if overflow:
                self.skip_s += 0.25
                self.lose.discard(self.blocks)
                continue
            self.blocks += 1
            samples = (np.arange(first, first + block, dtype=np.float32) / 2**20)[:, None]
            captured_s = START_S + STREAM_AHEAD_S + first / RATE_HZ + self.skip_s
            flagged = self.skip_s > 0 and first / block in getattr(self, "flag", ())
            self.asked["callback"](
                np.repeat(samples, self.asked["channels"], axis=1),
                block,
                SimpleNamespace(currentTime=self.time, inputBufferAdcTime=captured_s),
                SimpleNamespace(input_overflow=flagged),
            )


def device(name: str, inputs: int, rate_hz: float = 44_100.0) -> dict[str, Any]:
    return {"name": name, "max_input_channels": inputs, "default_samplerate": rate_hz}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def driver(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Driver:
    monkeypatch.setattr(microphone, "DRIVERS", sound_devices.Drivers())
    return Driver(clock)


def open_on(driver: Driver, **settings: Any) -> Microphone:
    return Microphone(Config(**settings), SOURCE, driver.clock, lambda: driver)


def first(source: Microphone, count: int) -> list[Frame]:
    return [frame for frame, _ in zip(source, range(count), strict=False)]


def test_frames_are_whole_continuous_and_timed_by_their_first_sample(driver: Driver) -> None:
    with open_on(driver, channels=4, full_scale_db=120.0) as source:
        frames = first(source, 30)
    for k, frame in enumerate(frames):
        assert isinstance(frame, AudioFrame)
        assert frame.samples.shape == (4_800, 4)
        assert frame.samples.dtype == np.float32
        np.testing.assert_array_equal(frame.samples[:, 3] * 2**20, np.arange(4_800 * k, 4_800 * (k + 1)))
        assert frame.time.monotonic_ns == pytest.approx((START_S + k / 10) * NS_PER_S, abs=1_000)
        assert frame.time.utc_ns - frame.time.monotonic_ns == 1_700_000_000 * NS_PER_S
        assert frame.time.uncertainty_ms == 2.0
        assert (frame.rate_hz, frame.full_scale_db, frame.lost_s) == (RATE_HZ, 120.0, 0.0)
    assert driver.asked["samplerate"] == RATE_HZ
    assert driver.calls == ["open", "abort", "close"]


def test_a_driver_that_tells_no_capture_time_is_timed_by_its_blocks(driver: Driver, clock: Clock) -> None:
    with open_on(driver) as source:
        deliver = driver.asked["callback"]

        def untold(samples: Any, count: int, time: Any, status: Any) -> None:
            deliver(
                samples, count, SimpleNamespace(currentTime=time.currentTime, inputBufferAdcTime=0.0), status
            )

        driver.asked["callback"] = untold
        frames = first(source, 10)
    # The clock passes in steps of a frame, so a block may be told up to a frame late.
    for k, frame in enumerate(frames):
        assert frame.time.monotonic_ns / NS_PER_S == pytest.approx(START_S + k / 10, abs=0.1)


def test_what_the_driver_lost_is_measured_told_and_counted(driver: Driver) -> None:
    driver.lose, driver.flag = {12}, {12}  # type: ignore[attr-defined]  # only this test lets the driver tell
    with open_on(driver) as source:
        frames = first(source, 8)
    # 12 blocks of 20 ms came before: two frames of 100 ms and a short one of 40 ms.
    assert [len(f.samples) for f in frames if isinstance(f, AudioFrame)][:3] == [4_800, 4_800, 1_920]
    fault, after = frames[3], frames[4]
    assert isinstance(fault, Fault)
    assert fault.reason is Reason.OVERRUN
    assert "0.250 s" in fault.detail
    assert isinstance(after, AudioFrame)
    assert after.lost_s == pytest.approx(0.25, abs=1e-6)
    assert after.time.monotonic_ns / NS_PER_S == pytest.approx(START_S + 0.24 + 0.25, abs=1e-6)
    assert [f.lost_s for f in frames[5:] if isinstance(f, AudioFrame)] == [0.0] * 3


def test_what_the_driver_lost_without_a_word_is_found(driver: Driver) -> None:
    driver.lose = {20}
    with open_on(driver) as source:
        frames = first(source, 12)
    assert [f.reason for f in frames if isinstance(f, Fault)] == [Reason.OVERRUN]
    assert sum(f.lost_s for f in frames if isinstance(f, AudioFrame)) == pytest.approx(0.25, abs=1e-6)


def test_a_reader_that_is_late_loses_and_says_how_much(driver: Driver, clock: Clock) -> None:
    with open_on(driver) as source:
        frames = iter(source)
        next(frames)
        for _ in range(60):
            clock.sleep(0.1)
        told = [next(frames) for _ in range(60)]
    at = next(k for k, frame in enumerate(told) if isinstance(frame, Fault))
    after = told[at + 1]
    assert isinstance(after, AudioFrame)
    # The ring holds 4 s of the 6 s that passed.
    assert after.lost_s == pytest.approx(2.0, abs=0.2)
    sound = [f for f in told if isinstance(f, AudioFrame)]
    heard_s = sum(f.duration_s + f.lost_s for f in sound)
    last_s = sound[-1].time.monotonic_ns / NS_PER_S + sound[-1].duration_s
    assert START_S + 0.1 + heard_s == pytest.approx(last_s, abs=1e-6)
    times = [f.time.monotonic_ns for f in sound]
    assert times == sorted(times)


def test_nothing_for_two_seconds_is_an_error_and_the_lane_is_not_kept_waiting(
    driver: Driver, clock: Clock
) -> None:
    driver.mute = True
    frames: list[Frame] = []
    source = open_on(driver, device="UMA8")
    with source, pytest.raises(SourceError, match="no sound for 2 s") as caught:
        frames.extend(source)
    assert len(frames) >= 3
    for k, frame in enumerate(frames, 1):
        assert isinstance(frame, Idle)
        assert frame.time.monotonic_ns / NS_PER_S <= START_S + 0.5 * k + 0.26
    assert caught.value.reason is Reason.NO_FRAMES
    assert 52.0 <= clock.ns / NS_PER_S < 52.6


def test_an_unplugged_microphone_is_found_again_on_a_fresh_list(driver: Driver) -> None:
    source = open_on(driver, device="uma8")
    with source:
        frames = iter(source)
        assert isinstance(next(frames), AudioFrame)
        driver.active = False
        with pytest.raises(SourceError, match="'uma8': unplugged") as caught:
            next(frames)
    assert caught.value.reason is Reason.NO_DEVICE
    driver.devices, driver.active = [device("UMA8: USB Audio (hw:3,0)", 8)], True
    driver.calls.clear()
    with source:
        assert isinstance(first(source, 1)[0], AudioFrame)
    assert driver.calls[:3] == ["terminate", "initialize", "open"]


def test_the_list_is_not_renewed_under_another_open_microphone(driver: Driver) -> None:
    with open_on(driver), open_on(driver):
        pass
    assert "terminate" not in driver.calls
    with open_on(driver):
        assert driver.calls[-3:] == ["terminate", "initialize", "open"]


def test_a_driver_that_breaks_is_an_error_that_the_lane_survives(driver: Driver) -> None:
    driver.broken_time = True
    with open_on(driver) as source, pytest.raises(SourceError, match="getting stream time; plug it in again"):
        first(source, 1)


CARDS = [
    device("HDMI: 0 (hw:0,0)", 0),
    device("UMA8: USB Audio (hw:1,0)", 8),
    device("UMA8: USB Audio (hw:1,1)", 2),
    device("snd_rpi_i2s (hw:2,0)", 2, 48_000.0),
]


@pytest.fixture
def cards(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Driver:
    for number, name in ((0, "vc4hdmi"), (1, "UMA8"), (2, "sndrpii2s")):
        (tmp_path / f"card{number}").mkdir()
        (tmp_path / f"card{number}" / "id").write_text(f"{name}\n")
    (tmp_path / "controlC2").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "controlC2")
    monkeypatch.setattr(sound_devices, "CARDS", tmp_path)
    driver.devices = CARDS
    return driver


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("", 3),
        ("i2s", 3),
        ("hw:1,1", 2),
        ("hw:CARD=UMA8", 1),
        ("hw:CARD=UMA8,DEV=1", 2),
        ("hw:CARD=sndrpii2s", 3),
    ],
)
def test_a_microphone_is_found_by_what_stays(cards: Driver, wanted: str, index: int) -> None:
    with open_on(cards, device=wanted, channels=2):
        assert cards.asked["device"] == index


def test_a_microphone_is_found_by_its_link(cards: Driver, tmp_path: Path) -> None:
    with open_on(cards, device=str(tmp_path / "by-id")):
        assert cards.asked["device"] == 3


@pytest.mark.parametrize(
    ("wanted", "channels", "said"),
    [
        ("uma9", 1, "'uma9': not found; plug it in or change `device`. Found: 'UMA8: USB Audio"),
        ("hw:CARD=UMA9", 1, "'hw:CARD=UMA9': not found"),
        ("/dev/snd/by-id/absent", 1, "not found"),
        ("hdmi", 1, "not found"),
        ("UMA8", 1, r"fits more than one: 'UMA8: USB Audio \(hw:1,0\)', 'UMA8.*; say more"),
        ("i2s", 4, "has 2 channels, 4 are asked for; change `channels`"),
    ],
)
def test_a_microphone_that_is_not_there_is_one_clear_line(
    cards: Driver, wanted: str, channels: int, said: str
) -> None:
    source = open_on(cards, device=wanted, channels=channels)
    with pytest.raises(SourceError, match=said) as caught:
        source.__enter__()
    assert caught.value.reason is Reason.NO_DEVICE
    assert "\n" not in str(caught.value)
    check = source.check()
    assert not check.ok
    assert check.advice


def test_without_any_microphone_it_says_so(driver: Driver) -> None:
    driver.devices = [device("HDMI", 0)]
    with pytest.raises(SourceError, match=r"default microphone: not found.*Found: none"):
        open_on(driver).__enter__()


@pytest.mark.parametrize(
    ("refusal", "reason", "said"),
    [
        (
            "Invalid sample rate [PaErrorCode -9997]",
            Reason.NO_DEVICE,
            "does not record at 48000 Hz; try rate_hz = 44100",
        ),
        ("Permission denied", Reason.NO_PERMISSION, "group audio"),
        ("Device unavailable [PaErrorCode -9985]", Reason.NO_DEVICE, "fuser"),
        ("Unanticipated host error", Reason.NO_DEVICE, r"cannot be opened \(Unanticipated host error\)"),
    ],
)
@pytest.mark.parametrize("at", ["refusal", "start_refusal"])
def test_a_refusal_says_what_to_do(driver: Driver, refusal: str, reason: Reason, said: str, at: str) -> None:
    setattr(driver, at, refusal)
    source = open_on(driver)
    with pytest.raises(SourceError, match=said) as caught:
        source.__enter__()
    assert caught.value.reason is reason
    source.__exit__(None, None, None)
    # It does not count as open: the next try gets a fresh list.
    setattr(driver, at, "")
    with source:
        assert driver.calls[-3:] == ["terminate", "initialize", "open"]


def test_check_listens(driver: Driver) -> None:
    check = open_on(driver, device="UMA8", channels=2).check()
    assert check.ok
    assert check.detail == "microphone 'UMA8': 2 channels, 48000 Hz, peak -47 dB re full scale"


def test_check_finds_a_microphone_that_delivers_zeros(driver: Driver) -> None:
    source = open_on(driver)
    heard = source._heard
    source._heard = lambda samples, *rest: heard(np.zeros_like(samples), *rest)  # type: ignore[method-assign]  # a dead capsule
    check = source.check()
    assert not check.ok
    assert "zeros" in check.detail


def test_without_portaudio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr("builtins.__import__", _failing_import(fail))
    with pytest.raises(SourceError, match="sudo apt install libportaudio2") as caught:
        build(Config(), SOURCE, clock).__enter__()
    assert caught.value.reason is Reason.NO_DEVICE


def _failing_import(fail: Callable[..., None]) -> Callable[..., Any]:
    real = __import__

    def importing(name: str, *rest: Any) -> Any:
        return fail() if name == "sounddevice" else real(name, *rest)

    return importing


needs_portaudio = pytest.mark.skipif(
    ctypes.util.find_library("portaudio") is None, reason="needs PortAudio: apt install libportaudio2"
)

# A pipe played as a microphone by ALSA's own file plug-in, through the real PortAudio. The pipe gives as many
# samples at once as PortAudio asks for, because that plug-in takes a shorter read for a whole one.
ALSA = """
pcm.lamppost_test {{ type file slave.pcm {{ type null }} file "/dev/null" infile "{pipe}" format "raw" }}
pcm.!default {{ type null }}
"""
SCRIPT = """
import json, os, sys, threading, time
from contextlib import suppress
import numpy as np
from edge.domain.frames import AudioFrame, Fault
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.stages import SourceError
from edge.runtime.clock import SystemClock
from edge.sources.microphone import Config, build

pipe = os.open(sys.argv[1], os.O_RDWR)
playing, ended = threading.Event(), threading.Event()

def play():
    at, began = 0, time.monotonic()
    while not ended.is_set():
        if not playing.wait(0.05):
            began = time.monotonic() - at / 48000
            continue
        os.write(pipe, (np.arange(at, at + 2880, dtype=np.float32) / 2**24).tobytes())
        at += 2880
        time.sleep(max(0, began + at / 48000 - time.monotonic()))

player = threading.Thread(target=play)
player.start()
result = {}
try:
    source = build(Config(device="lamppost_test"), SourceId("m", 0, Component.MICROPHONE), SystemClock())
    for name in ("first", "again"):
        with source:
            playing.set()
            entered = time.monotonic()
            frames = []
            for frame in source:
                if isinstance(frame, AudioFrame):
                    frames.append(frame)
                if len(frames) == 10:
                    break
        playing.clear()
        time.sleep(0.1)
        os.set_blocking(pipe, False)
        with suppress(BlockingIOError):
            while os.read(pipe, 65536):
                pass
        os.set_blocking(pipe, True)
        sound = np.concatenate([frame.samples[:, 0] for frame in frames]) * 2**24
        result[name] = {
            "steps": sorted(set(np.diff(sound).tolist())),
            "times_s": [frame.time.monotonic_ns / 1e9 - entered for frame in frames],
        }
    playing.set()
    result["check"] = source.check().detail
    with source:
        began = time.monotonic()
        try:
            for frame in source:
                playing.clear()
        except SourceError as error:
            result["error"] = [error.reason, time.monotonic() - began]
        # A read from a pipe, unlike one from a sound card, cannot be broken off.
        playing.set()
finally:
    ended.set()
    player.join()
print(json.dumps(result))
os._exit(0)
"""


@needs_portaudio
def test_a_pipe_is_heard_through_the_real_portaudio(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "asound.conf").write_text(ALSA.format(pipe=tmp_path / "pipe"))
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "pipe")],
        env={**os.environ, "ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    for name in ("first", "again"):
        assert result[name]["steps"] == [1.0]
        times_s = result[name]["times_s"]
        assert np.diff(times_s) == pytest.approx(0.1, abs=0.05)
        assert -0.5 < times_s[0] < 1.0
    assert "1 channels, 48000 Hz, peak" in result["check"]
    reason, after_s = result["error"]
    assert reason == "no_frames"
    assert 2.0 <= after_s < 5.0


@needs_portaudio
def test_a_machine_without_a_microphone_says_so(tmp_path: Path) -> None:
    (tmp_path / "asound.conf").write_text("pcm.!default { type hw card 7 }\n")
    script = """
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.runtime.clock import SystemClock
from edge.sources.microphone import Config, build
check = build(Config(device="UMA8"), SourceId("m", 0, Component.MICROPHONE), SystemClock()).check()
print(check.ok, check.detail)
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout == "False microphone 'UMA8': not found; plug it in or change `device`. Found: none\n", (
        run.stderr
    )


FRONT = Calibration(
    date=datetime(2026, 5, 1, tzinfo=UTC),
    microphone="front",
    channel=0,
    level_db=94,
    frequency_hz=1000,
    spread_db=0,
    full_scale_db=121.5,
)
PAIR = {"positions_m": ((-0.05, 0, 0), (0.05, 0, 0))}


def test_a_calibration_record_is_used(driver: Driver, tmp_path: Path) -> None:
    record = tmp_path / "front.toml"
    record.write_text(calibrations_text([FRONT]))
    with open_on(driver, calibration=record) as source:
        (frame,) = first(source, 1)
    assert isinstance(frame, AudioFrame)
    assert frame.full_scale_db == 121.5


def test_without_its_record_it_hears_on_uncalibrated_and_keeps_saying_so(
    driver: Driver, tmp_path: Path
) -> None:
    source = open_on(driver, calibration=tmp_path / "none.toml")
    with source:
        frames = first(source, 105)
    faults = [frame for frame in frames if isinstance(frame, Fault)]
    assert isinstance(frames[0], Fault)
    assert [fault.reason for fault in faults] == [Reason.UNCALIBRATED] * 3
    assert "no such calibration record" in faults[0].detail
    assert all(frame.full_scale_db is None for frame in frames if isinstance(frame, AudioFrame))
    check = source.check()
    assert not check.ok
    assert "calibrate" in check.advice


def test_the_record_of_another_microphone_is_not_used(driver: Driver, tmp_path: Path) -> None:
    record = tmp_path / "back.toml"
    record.write_text(calibrations_text([FRONT.model_copy(update={"microphone": "back"})]))
    with open_on(driver, calibration=record) as source:
        fault, frame = first(source, 2)
    assert isinstance(fault, Fault)
    assert "of the microphone 'back'" in fault.detail
    assert isinstance(frame, AudioFrame)
    assert frame.full_scale_db is None


def test_frames_carry_the_array(driver: Driver) -> None:
    with open_on(driver, channels=2, array=PAIR) as source:
        (frame,) = first(source, 1)
    assert isinstance(frame, AudioFrame)
    assert frame.array is not None
    assert frame.array.positions_m == PAIR["positions_m"]


@pytest.mark.parametrize(
    ("channels", "said"), [(1, "2 positions, but 1 channels"), (4, "2 positions, but 4")]
)
def test_an_array_of_another_microphone_is_refused(channels: int, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Config.model_validate({"channels": channels, "array": PAIR})


def test_check_says_what_an_array_cannot_tell_apart(driver: Driver) -> None:
    assert (
        open_on(driver, channels=2, array=PAIR)
        .check()
        .detail.endswith("array a line: its two sides are alike to it, and it does not know elevation")
    )
    body = {"positions_m": ((0, 0, 0), (0.1, 0, 0), (0, 0.1, 0), (0, 0, 0.1))}
    assert open_on(driver, channels=4, array=body).check().detail.endswith("that tells all directions apart")
