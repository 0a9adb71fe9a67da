"""The simulated street tells its truth, and shows it."""

import numpy as np

from edge.domain.frames import AudioFrame, VideoFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.runtime.recording_clock import RecordingClock
from edge.simulation import scene, sound

MIC = SourceId("microphone", 0, Component.MICROPHONE)
CAMERA = SourceId("camera", 0, Component.CAMERA)


def clock() -> RecordingClock:
    return RecordingClock(1_767_225_600_000_000_000, standing=True)


def heard(config: sound.Config) -> tuple[list[AudioFrame], list[float]]:
    with sound.build(config, MIC, clock()) as source:
        assert source.check().ok
        frames = [frame for frame in source if isinstance(frame, AudioFrame)]
        return frames, source.bangs_s()


def test_bangs_are_where_the_truth_says() -> None:
    frames, truth = heard(sound.Config(channels=2, duration_s=7, first_bang_s=1.03, bang_every_s=2.5))
    samples = np.concatenate([frame.samples for frame in frames])
    assert samples.shape == (7 * 48_000, 2)
    loud = np.flatnonzero(np.abs(samples[:, 0]) > 0.3)
    begins = loud[np.concatenate([[True], np.diff(loud) > 4800])] / 48_000
    np.testing.assert_allclose(begins, truth, atol=2 / 48_000)


def test_block_length_does_not_change_the_sound() -> None:
    long, _ = heard(sound.Config(duration_s=1.5, first_bang_s=1, block_s=0.25))
    short, _ = heard(sound.Config(duration_s=1.5, first_bang_s=1, block_s=0.1))
    np.testing.assert_array_equal(
        np.concatenate([f.samples for f in long]), np.concatenate([f.samples for f in short])
    )


def test_frames_follow_each_other_without_gap() -> None:
    frames, _ = heard(sound.Config(duration_s=0.55))
    ends = [f.time.monotonic_ns + len(f.samples) * 10**9 // 48_000 for f in frames]
    assert [f.time.monotonic_ns for f in frames[1:]] == ends[:-1]
    assert [len(f.samples) for f in frames] == [4800] * 5 + [2400]


def test_the_street_is_empty_until_the_walkers_appear() -> None:
    config = scene.Config(width=192, height=144, duration_s=4, appear_s=2, walkers=3)
    with scene.build(config, CAMERA, clock()) as source:
        assert source.check().ok
        pictures = [frame.image for frame in source if isinstance(frame, VideoFrame)]
        truth = source.occupied_share()
    assert len(pictures) == 20
    shares = [float((picture != pictures[0]).any(axis=2).mean()) for picture in pictures]
    assert shares[:10] == [0] * 10
    np.testing.assert_allclose(shares[10:], truth, rtol=0.05)
