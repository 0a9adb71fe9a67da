from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from edge.detectors import sound_level
from edge.domain.frames import AudioFrame, Idle
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation, SoundBands, SoundLevel
from edge.domain.sound_reports import SoundBandsReport
from edge.domain.time import CaptureTime
from edge.dsp.bands import NAMES

SOURCE = SourceId("front", 0, Component.MICROPHONE)
START = CaptureTime(1_700_000_000_000_000_000, 5_000_000_000)
RATE = 8000


def tone(
    seconds: float, amplitude: float = 0.1, rate_hz: int = RATE, channels: int = 1
) -> NDArray[np.float32]:
    wave = amplitude * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate_hz)) / rate_hz)
    return np.repeat(wave[:, np.newaxis], channels, axis=1).astype(np.float32)


def frame(
    samples: NDArray[np.float32],
    at_s: float = 0.0,
    *,
    rate_hz: int = RATE,
    full_scale_db: float | None = None,
    lost_s: float = 0.0,
) -> AudioFrame:
    return AudioFrame(SOURCE, START.shifted(at_s), samples, rate_hz, full_scale_db, lost_s)


def feed(frames: Iterable[AudioFrame], **config: float) -> list[Observation]:
    detector = sound_level.build(sound_level.Config(**config))
    seen = [observation for one in frames for observation in detector.accept(one)]
    return [*seen, *detector.finish()]


def levels(observations: Iterable[Observation]) -> list[SoundLevel]:
    return [o for o in observations if isinstance(o, SoundLevel)]


def since_start(observation: Observation) -> float:
    return (observation.time.monotonic_ns - START.monotonic_ns) / 1e9


@settings(max_examples=20, deadline=None)
@given(block=st.integers(100, 20_000))
def test_intervals_are_cut_at_the_exact_sample_whatever_the_frames(block: int) -> None:
    samples = tone(5.5)
    frames = [frame(samples[i : i + block], i / RATE) for i in range(0, len(samples), block)]
    seen = levels(feed(frames, interval_s=2))
    assert [since_start(o) for o in seen] == pytest.approx([0, 2, 4], abs=1e-8)
    assert [o.duration_s for o in seen] == pytest.approx([2, 2, 1.5])
    assert [o.laeq_db for o in seen] == pytest.approx([-20, -20, -20], abs=0.02)
    assert seen[0].source == SOURCE


def test_one_frame_may_hold_several_intervals() -> None:
    assert len(levels(feed([frame(tone(10))], interval_s=1))) == 10


def test_calibrated_levels_are_sound_pressure_levels() -> None:
    (plain,) = levels(feed([frame(tone(2))], interval_s=2))
    (scaled,) = levels(feed([frame(tone(2), full_scale_db=120.0)], interval_s=2))
    assert (plain.calibrated, scaled.calibrated) == (False, True)
    for name in ("laeq_db", "lafmax_db", "lasmax_db", "lcpeak_db", "la10_db", "la50_db", "la90_db"):
        assert getattr(scaled, name) == pytest.approx(getattr(plain, name) + 120)


def test_the_chosen_channel_is_measured() -> None:
    samples = tone(2, channels=2) * np.array([1, 0.1], dtype=np.float32)
    assert levels(feed([frame(samples)], interval_s=2, channel=1))[0].laeq_db == pytest.approx(-40, abs=0.02)


def test_lost_sound_is_missing_from_the_duration_not_from_the_clock() -> None:
    frames = [frame(tone(0.5), 0), frame(tone(1), 1, lost_s=0.5), frame(tone(2), 2)]
    seen = levels(feed(frames, interval_s=2))
    assert [since_start(o) for o in seen] == [0, 2]
    assert [o.duration_s for o in seen] == [1.5, 2]


@pytest.mark.parametrize("lost_s", [100.0, 0.0])
def test_a_long_gap_ends_the_interval(lost_s: float) -> None:
    frames = [frame(tone(1.5), 0), frame(tone(2), 101.5, lost_s=lost_s)]
    seen = levels(feed(frames, interval_s=2))
    assert [since_start(o) for o in seen] == [0, 101.5]
    assert [o.duration_s for o in seen] == [1.5, 2]


def test_jitter_of_the_capture_clock_is_no_gap() -> None:
    frames = [frame(tone(0.5), 0.5 * n + 0.02 * (n % 2)) for n in range(8)]
    assert [o.duration_s for o in levels(feed(frames, interval_s=2))] == [2, 2]


def test_a_new_rate_or_channel_count_ends_the_interval_and_starts_afresh() -> None:
    frames = [
        frame(tone(1.5), 0),
        frame(tone(1.5, rate_hz=48000), 1.5, rate_hz=48000),
        frame(tone(1, rate_hz=48000, channels=3), 3, rate_hz=48000),
    ]
    seen = levels(feed(frames, interval_s=60))
    assert [o.duration_s for o in seen] == [1.5, 1.5, 1]
    assert [o.laeq_db for o in seen] == pytest.approx([-20, -20, -20], abs=0.05)


def test_a_new_calibration_ends_the_interval() -> None:
    seen = levels(feed([frame(tone(1)), frame(tone(1), 1, full_scale_db=120.0)], interval_s=60))
    assert [o.calibrated for o in seen] == [False, True]
    assert seen[1].lcpeak_db == pytest.approx(103, abs=0.2)


def test_a_channel_that_is_not_there_is_said_once_and_until_it_comes() -> None:
    frames = [frame(tone(1), n) for n in range(3)] + [frame(tone(2, channels=2), 3)]
    seen = feed(frames, interval_s=2, channel=1)
    health = [o for o in seen if isinstance(o, Health)]
    assert [(h.component, h.status, h.reason) for h in health] == [
        (Component.DETECTOR, Status.FAILED, Reason.NO_DEVICE)
    ]
    assert "no channel 1" in health[0].detail
    assert len(levels(seen)) == 1


def test_a_rate_too_low_is_said() -> None:
    (health,) = feed([frame(tone(1, rate_hz=3000), rate_hz=3000)])
    assert isinstance(health, Health)
    assert "3000 Hz" in health.detail


def test_digital_silence_is_no_level() -> None:
    assert feed([frame(np.zeros((3 * RATE, 1), dtype=np.float32))], interval_s=1) == []


def test_invalid_samples_are_left_out_of_the_duration() -> None:
    samples = tone(2)
    samples[100:900] = np.nan
    (seen,) = levels(feed([frame(samples)], interval_s=2))
    assert seen.duration_s == pytest.approx(1.9)
    assert seen.laeq_db == pytest.approx(-20, abs=0.1)
    assert feed([frame(np.full((RATE, 1), np.nan, dtype=np.float32))]) == []


def test_a_clipped_interval_says_so() -> None:
    frames = [frame(np.clip(tone(1, amplitude=2.0), -1, 1)), frame(tone(1), 1)]
    assert [o.clipped for o in levels(feed(frames, interval_s=1))] == [True, False]


def test_levels_are_finite_and_within_the_reports_range() -> None:
    samples = tone(2)
    samples[RATE:] = 0
    for seen in levels(feed([frame(samples)], interval_s=1)):
        values = [getattr(seen, name) for name in seen.__slots__ if name.endswith("_db")]
        assert all(-200 <= value <= 200 for value in values)


def test_empty_frames_other_frames_and_no_frames_give_nothing() -> None:
    assert feed([frame(np.empty((0, 1), dtype=np.float32))]) == []
    assert feed([]) == []
    detector = sound_level.build(sound_level.Config())
    assert list(detector.accept(Idle(SOURCE, START))) == []


@pytest.mark.parametrize("wrong", [{"interval_s": 0.5}, {"channel": -1}, {"channel": 8}, {"intervall_s": 3}])
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        sound_level.Config(**wrong)


def test_intervals_follow_each_other_without_a_gap_at_a_crooked_rate() -> None:
    rate_hz = 11025
    samples = tone(10, rate_hz=rate_hz)
    seen = levels(feed([frame(samples, rate_hz=rate_hz)], interval_s=1.7))
    for one, other in pairwise(seen):
        assert since_start(other) - since_start(one) == pytest.approx(one.duration_s, abs=1e-8)


def test_bands_come_with_the_levels_of_an_interval() -> None:
    frames = [frame(tone(130), full_scale_db=100.0)]
    seen = feed(frames, interval_s=60, bands=True)
    assert [type(o) for o in seen] == [SoundLevel, SoundBands, SoundLevel, SoundBands, SoundLevel]
    bands = seen[1]
    assert isinstance(bands, SoundBands)
    assert bands.l1000_db == pytest.approx(80, abs=0.1)
    assert (bands.duration_s, bands.calibrated, bands.clipped) == (60, True, False)
    # 8 kHz cannot hold it.
    assert bands.l4000_db is None


def test_bands_of_less_than_half_an_interval_are_left_out() -> None:
    frames = [frame(tone(28)), frame(tone(1), 59, lost_s=31)]
    assert not [o for o in feed(frames, interval_s=60, bands=True) if isinstance(o, SoundBands)]
    assert not [o for o in feed([frame(tone(70))], interval_s=60) if isinstance(o, SoundBands)]


def test_bands_faster_than_a_minute_are_refused() -> None:
    with pytest.raises(ValidationError, match="bands need an interval of at least 60 s, interval_s is 10"):
        sound_level.Config(interval_s=10, bands=True)


def test_the_names_of_the_bands_are_those_of_observation_and_report() -> None:
    assert tuple(n for n in SoundBands.__dataclass_fields__ if n.startswith("l")) == NAMES
    assert tuple(n for n in SoundBandsReport.model_fields if n.startswith("l") and n.endswith("_db")) == NAMES
