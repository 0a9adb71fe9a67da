from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from edge.detectors import impulse
from edge.domain.frames import AudioFrame, Idle
from edge.domain.health import Absence, Component, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, ImpulseOnset, Observation
from edge.domain.time import CaptureTime
from edge.dsp.air import speed_of_sound_m_s
from edge.dsp.impulses import Thresholds
from scripts.array_sound import ONSET_S, diffuse, in_the_open, noisy, places, towards
from scripts.measure_direction import square

SOURCE = SourceId("front", 0, Component.MICROPHONE)
START = CaptureTime(1_700_000_000_000_000_000, 5_000_000_000, 2.0)
RATE = 48000
ARRAY = square(0.2)


def street(
    seconds: float, bangs_s: Iterable[float], rate_hz: int = RATE, channels: int = 1
) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    samples = 0.004 * rng.standard_normal((round(seconds * rate_hz), channels))
    for at_s in bangs_s:
        first = round(at_s * rate_hz)
        t = np.arange(min(rate_hz // 4, len(samples) - first)) / rate_hz
        wave = (1 - t / 0.002) * np.exp(-t / 0.002) + 0.05 * rng.standard_normal(len(t)) * np.exp(-t / 0.05)
        samples[first : first + len(t)] += 0.7 * wave[:, np.newaxis]
    return samples.astype(np.float32)


def frames(
    samples: NDArray[np.float32], block: int = 4800, rate_hz: int = RATE, full_scale_db: float | None = None
) -> list[AudioFrame]:
    return [
        AudioFrame(SOURCE, START.after_samples(i, rate_hz), samples[i : i + block], rate_hz, full_scale_db)
        for i in range(0, len(samples), block)
    ]


def feed(sound: Iterable[AudioFrame]) -> list[Observation]:
    detector = impulse.build(impulse.Config())
    seen = [observation for frame in sound for observation in detector.accept(frame)]
    return [*seen, *detector.finish()]


def onsets(observations: Iterable[Observation]) -> list[ImpulseOnset]:
    return [o for o in observations if isinstance(o, ImpulseOnset)]


@pytest.mark.parametrize("block", [480, 4800, 24_000, 1_000_000])
def test_the_time_is_that_of_the_onsets_sample(block: int) -> None:
    seen = onsets(feed(frames(street(6, [1.05, 3.0123, 5.9]), block)))
    times = [(o.time.utc_ns - START.utc_ns) / 1e9 for o in seen]
    assert times == pytest.approx([1.05, 3.0123, 5.9], abs=3 / RATE)
    assert seen[0].time.uncertainty_ms == 2.0
    assert seen[0].source == SOURCE


def test_the_time_follows_the_frames_not_the_count_of_samples() -> None:
    sound = frames(street(6, [5.05]))
    slow = [
        AudioFrame(SOURCE, START.shifted(0.1001 * n), frame.samples, RATE) for n, frame in enumerate(sound)
    ]
    (seen,) = onsets(feed(slow))
    assert (seen.time.monotonic_ns - START.monotonic_ns) / 1e9 == pytest.approx(50 * 0.1001 + 0.05, abs=1e-4)


def test_levels_are_calibrated_when_the_microphone_is() -> None:
    samples = street(3, [2])
    (plain,) = onsets(feed(frames(samples)))
    (scaled,) = onsets(feed(frames(samples, full_scale_db=120.0)))
    assert (plain.calibrated, scaled.calibrated) == (False, True)
    assert scaled.lcpeak_db == pytest.approx(plain.lcpeak_db + 120)
    assert scaled.above_floor_db == pytest.approx(plain.above_floor_db)
    assert plain.prominence is not None
    assert plain.prominence > 8
    assert plain.crest_db is not None


def test_lost_sound_makes_no_onset() -> None:
    sound = frames(street(4, []))
    offset = [
        AudioFrame(SOURCE, f.time, f.samples + np.float32(0.5), RATE, lost_s=0.02 if n == 20 else 0.0)
        for n, f in enumerate(sound)
    ]
    assert feed(sound[:20] + offset[20:]) == []


def test_a_new_rate_or_channel_count_starts_afresh() -> None:
    seen = onsets(feed([*frames(street(3, [2.9])), *frames(street(3, [2], 16000, 2), 1600, 16000)]))
    assert len(seen) == 2


def test_a_rate_too_low_is_said_and_survived() -> None:
    seen = feed([*frames(street(1, [], 2000), 200, 2000), *frames(street(3, [2]))])
    assert isinstance(seen[0], Health)
    assert (seen[0].component, seen[0].status) == (Component.DETECTOR, Status.FAILED)
    assert "2000 Hz" in seen[0].detail
    assert len(onsets(seen)) == 1
    assert len(seen) == 2


def test_nothing_comes_of_nothing() -> None:
    assert feed([]) == []
    assert feed([AudioFrame(SOURCE, START, np.empty((0, 1), dtype=np.float32), RATE)]) == []
    detector = impulse.build(impulse.Config())
    assert list(detector.accept(Idle(SOURCE, START))) == []


def test_the_settings_defaults_are_the_measured_ones() -> None:
    assert Thresholds(**impulse.Config().model_dump(exclude={"sources"})) == Thresholds()


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="rise_db"):
        impulse.Config(rise_db=1)


def test_memory_of_frames_is_bounded() -> None:
    detector = impulse.build(impulse.Config())
    samples = np.zeros((480, 1), dtype=np.float32)
    for n in range(2000):
        list(detector.accept(AudioFrame(SOURCE, START.shifted(n / 100), samples, RATE)))
    assert len(detector._anchors) < 250  # type: ignore[attr-defined]  # looks inside


def at_an_array(azimuth_deg: float, **frame: Any) -> list[AudioFrame]:
    bang = in_the_open(places(ARRAY), towards(azimuth_deg, 10), speed_of_sound_m_s(12), 0.001)
    sound = np.pad(bang, ((RATE, RATE), (0, 0)))
    sound += diffuse(np.random.default_rng(1), sound.shape, 0.1, 1 + ONSET_S)
    mixed = noisy(np.random.default_rng(0), sound, 30, 1 + ONSET_S).astype(np.float32)
    return [replace(f, **frame) for f in frames(mixed)]


def test_an_array_also_gives_the_direction() -> None:
    (seen,) = onsets(feed(at_an_array(359.99, array=ARRAY)))
    assert seen.azimuth_deg is not None
    assert min(seen.azimuth_deg, 360 - seen.azimuth_deg) < 0.5
    assert 0 <= seen.azimuth_deg < 360
    assert seen.azimuth_deg == round(seen.azimuth_deg, 1)
    assert seen.azimuth_uncertainty_deg == pytest.approx(2, abs=0.1)
    assert seen.elevation_deg is not None
    assert seen.other_elevation_deg == pytest.approx(-seen.elevation_deg)
    assert (seen.direction_absence, seen.left_out) == (None, ())


def test_without_an_array_there_is_no_direction_and_no_excuse() -> None:
    (seen,) = onsets(feed(at_an_array(90)))
    assert (seen.azimuth_deg, seen.elevation_deg, seen.direction_absence) == (None, None, None)


def test_a_direction_is_never_stated_better_than_it_leaves() -> None:
    sure = ARRAY.model_copy(update={"heading_uncertainty_deg": 0.0, "position_uncertainty_m": 0.0})
    (seen,) = onsets(feed(at_an_array(90, array=sure)))
    assert seen.azimuth_uncertainty_deg is not None
    assert 0.1 <= seen.azimuth_uncertainty_deg < 0.15


def test_a_dead_channel_of_an_array_is_left_out() -> None:
    sound = at_an_array(90, array=ARRAY)
    for frame in sound:
        frame.samples[:, 1] = 0
    (seen,) = onsets(feed(sound))
    assert seen.left_out == (1,)
    assert seen.azimuth_deg == pytest.approx(90, abs=1)


def test_an_array_that_only_one_microphone_of_lives_says_why_there_is_no_direction() -> None:
    sound = at_an_array(90, array=ARRAY)
    for frame in sound:
        frame.samples[:, 1:] = 0
    (seen,) = onsets(feed(sound))
    assert (seen.azimuth_deg, seen.direction_absence) == (None, Absence.SENSOR_FAULT)


def test_an_array_that_was_turned_starts_afresh() -> None:
    turned = ARRAY.model_copy(update={"heading_deg": 90.0})
    seen = onsets(feed([*at_an_array(90, array=ARRAY), *at_an_array(90, array=turned)]))
    assert [o.azimuth_deg for o in seen] == pytest.approx([90, 180], abs=0.5)
