from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge.decoding.calibration import Calibration, calibrations_text
from edge.domain.frames import AudioFrame, Fault, Frame
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.stages import SourceError
from edge.domain.time import NS_PER_S, CaptureTime
from edge.replay.audio_file import Config, build

SOURCE = SourceId("front", 0, Component.MICROPHONE)
SHARED = Path(__file__).parents[2] / "../shared/data/audio"


class SteppingClock:
    """Time passes in `sleep` only, and each call is noted."""

    def __init__(self) -> None:
        self.ns = 0
        self.slept_s: list[float] = []

    def now(self) -> CaptureTime:
        return CaptureTime(1_700_000_000 * NS_PER_S + self.ns, 5 * NS_PER_S + self.ns, 1.5)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept_s.append(seconds)
        self.ns += round(seconds * NS_PER_S)


def noise(seconds: float, rate_hz: int = 48_000, channels: int = 1) -> np.ndarray:
    shape = (round(seconds * rate_hz), channels)
    return np.random.default_rng(7).uniform(-0.5, 0.5, shape).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate_hz: int = 48_000, subtype: str = "FLOAT") -> Path:
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def play(path: Path, clock: SteppingClock | None = None, **settings: object) -> list[Frame]:
    config = Config.model_validate({"path": path, "pace": "max", **settings})
    with build(config, SOURCE, clock or SteppingClock()) as source:
        return list(source)


def sound_of(frames: list[Frame]) -> np.ndarray:
    return np.concatenate([frame.samples for frame in frames if isinstance(frame, AudioFrame)])


@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "FLOAT"), ("a.flac", "PCM_24"), ("a.ogg", "VORBIS")])
def test_the_sound_comes_out_as_it_is_in_the_file(tmp_path: Path, name: str, subtype: str) -> None:
    samples = noise(0.25, channels=2)
    frames = play(write(tmp_path / name, samples, subtype=subtype), full_scale_db=120.0)
    heard = sound_of(frames)
    assert [len(frame.samples) for frame in frames if isinstance(frame, AudioFrame)] == [4800, 4800, 2400]
    assert heard.dtype == np.float32
    if subtype == "VORBIS":
        assert np.corrcoef(heard[:, 0], samples[:, 0])[0, 1] > 0.5
    else:
        np.testing.assert_allclose(heard, samples, atol=1e-6)
    assert {frame.full_scale_db for frame in frames if isinstance(frame, AudioFrame)} == {120.0}


def test_times_are_those_of_the_first_sample_and_do_not_drift(tmp_path: Path) -> None:
    frames = play(write(tmp_path / "a.wav", noise(30.0)), block_s=0.0701)
    sent = 0
    for frame in frames:
        assert isinstance(frame, AudioFrame)
        assert frame.time.monotonic_ns == 5 * NS_PER_S + round(sent * NS_PER_S / 48_000)
        assert frame.time.utc_ns - frame.time.monotonic_ns == (1_700_000_000 - 5) * NS_PER_S
        assert frame.time.uncertainty_ms == 1.5
        sent += len(frame.samples)
    assert sent == 30 * 48_000


def test_real_time_and_as_fast_as_it_goes_give_the_same_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(1.03, 44_100), 44_100)
    clock = SteppingClock()
    slow, fast = play(path, clock, pace="real_time"), play(path)
    assert clock.ns == pytest.approx(1.03 * NS_PER_S, rel=1e-4)
    assert max(clock.slept_s) <= 0.5
    assert len(slow) == len(fast) == 11
    for one, other in zip(slow, fast, strict=True):
        assert isinstance(one, AudioFrame)
        assert isinstance(other, AudioFrame)
        assert one.time == other.time
        np.testing.assert_array_equal(one.samples, other.samples)


def test_a_block_comes_when_its_last_sample_has_happened(tmp_path: Path) -> None:
    clock = SteppingClock()
    config = Config(path=write(tmp_path / "a.wav", noise(0.3)), pace="real_time")
    with build(config, SOURCE, clock) as source:
        for frame in source:
            assert isinstance(frame, AudioFrame)
            assert clock.now().monotonic_ns == frame.time.shifted(frame.duration_s).monotonic_ns


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 96_000])
def test_any_rate_becomes_48_khz_of_the_same_length(tmp_path: Path, rate_hz: int) -> None:
    t = np.arange(rate_hz) / rate_hz
    tone = 0.5 * np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    heard = sound_of(play(write(tmp_path / "a.wav", tone, rate_hz)))[:, 0]
    assert len(heard) == 48_000
    wanted = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000)
    np.testing.assert_allclose(heard[2_400:-2_400], wanted[2_400:-2_400], atol=2e-4)


def test_a_loop_goes_on_without_a_gap(tmp_path: Path) -> None:
    samples = noise(0.25)
    config = Config(path=write(tmp_path / "a.wav", samples), pace="max", loop=True)
    with build(config, SOURCE, SteppingClock()) as source:
        frames = [frame for frame, _ in zip(source, range(10), strict=False)]
    np.testing.assert_array_equal(sound_of(frames)[:, 0], np.tile(samples[:, 0], 4))


@pytest.mark.parametrize(
    ("name", "subtype"), [("a.wav", "PCM_16"), ("a.ogg", "VORBIS"), ("a.flac", "PCM_16")]
)
def test_a_cut_file_gives_what_is_there_then_says_so_and_ends(
    tmp_path: Path, name: str, subtype: str
) -> None:
    whole = write(tmp_path / name, noise(4.0), subtype=subtype).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    *sound, last = play(tmp_path / name, loop=True)
    assert all(isinstance(frame, AudioFrame) for frame in sound)
    assert 0.5 < len(sound_of(sound)) / 48_000 < 2.5
    assert isinstance(last, Fault)
    assert last.reason is Reason.TRUNCATED
    assert name in last.detail
    assert last.time.monotonic_ns == 5 * NS_PER_S + round(len(sound_of(sound)) * NS_PER_S / 48_000)


def test_samples_that_are_not_finite_are_handed_on(tmp_path: Path) -> None:
    samples = noise(0.2)
    samples[100], samples[200] = np.nan, np.inf
    np.testing.assert_array_equal(sound_of(play(write(tmp_path / "a.wav", samples))), samples)


def test_what_cannot_be_replayed_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("hello\n" * 100)
    (tmp_path / "empty.wav").touch()
    write(tmp_path / "silent.wav", noise(0))
    write(tmp_path / "nine.wav", noise(0.1, channels=9))
    write(tmp_path / "slow.wav", noise(10, 10), 10)
    for name, said in {
        "": "is a directory",
        "absent.wav": "no such file",
        "empty.wav": "is empty",
        "text.wav": "not a recording of sound",
        "silent.wav": "holds no sound",
        "nine.wav": "9 channels; at most 8",
        "slow.wav": "10 samples per second",
    }.items():
        with pytest.raises(SourceError, match=said) as caught:
            play(tmp_path / name)
        assert caught.value.reason is Reason.UNREADABLE
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)
        check = build(Config(path=tmp_path / name), SOURCE, SteppingClock()).check()
        assert not check.ok
        assert check.advice


def test_check_says_what_the_file_holds(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", noise(0.5, 44_100, 2), 44_100, "PCM_16")
    check = build(Config(path=path), SOURCE, SteppingClock()).check()
    assert check.ok
    assert "FLAC PCM_16, 2 channels, 44100 Hz, 0.5 s" in check.detail


def test_leaving_what_was_never_entered_is_harmless(tmp_path: Path) -> None:
    build(Config(path=tmp_path / "a.wav"), SOURCE, SteppingClock()).__exit__(None, None, None)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the recordings in ../shared/data/audio")
def test_one_clip_of_every_kind_replays() -> None:
    for folder in sorted(path for path in SHARED.iterdir() if path.is_dir()):
        clip = min(folder.glob("*.ogg"))
        frames = play(clip)
        with soundfile.SoundFile(clip) as file:
            wanted_s = file.frames / file.samplerate
        assert all(isinstance(frame, AudioFrame) for frame in frames), clip
        assert len(sound_of(frames)) / 48_000 == pytest.approx(wanted_s, abs=1e-3), clip


def test_a_calibration_record_is_used(tmp_path: Path) -> None:
    record = tmp_path / "front.toml"
    entry = Calibration(
        date=datetime(2026, 5, 1, tzinfo=UTC),
        microphone="another",
        channel=0,
        level_db=94,
        frequency_hz=1000,
        spread_db=0,
        full_scale_db=121.5,
    )
    record.write_text(calibrations_text([entry]))
    frames = play(write(tmp_path / "a.wav", noise(0.2)), calibration=record)
    assert {frame.full_scale_db for frame in frames if isinstance(frame, AudioFrame)} == {121.5}


def test_without_its_calibration_record_it_is_not_played(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(0.2))
    with pytest.raises(SourceError, match="no such calibration record"):
        play(path, calibration=tmp_path / "none.toml")
    config = Config(path=path, calibration=tmp_path / "none.toml")
    assert "no such calibration record" in build(config, SOURCE, SteppingClock()).check().detail


def test_an_array_has_to_fit_the_recording(tmp_path: Path) -> None:
    array = {"positions_m": ((-0.05, 0, 0), (0.05, 0, 0))}
    frames = play(write(tmp_path / "two.wav", noise(0.2, channels=2)), array=array)
    assert {frame.array is not None for frame in frames if isinstance(frame, AudioFrame)} == {True}
    with pytest.raises(SourceError, match="2 positions, but 4 channels"):
        play(write(tmp_path / "four.wav", noise(0.2, channels=4)), array=array)
