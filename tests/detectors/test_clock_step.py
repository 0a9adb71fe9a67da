"""A stepped clock (an hour back, a day ahead) neither creates nor loses nor reorders observations."""

from collections.abc import Iterator
from dataclasses import fields, replace
from importlib import import_module
from typing import Any

import pytest

from edge.domain.frames import AudioFrame, Frame, ReadingFrame, VideoFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.observations import ImpulseOnset, Observation
from edge.domain.time import NS_PER_S, CaptureTime
from edge.fusion import impulse
from edge.runtime.recording_clock import RecordingClock
from edge.simulation import scene, sound

MIC = SourceId("microphone", 0, Component.MICROPHONE)
CAMERA = SourceId("camera", 0, Component.CAMERA)
BOARD = SourceId("air", 0, Component.SERIAL_BOARD)
CLOCK = RecordingClock(1_767_225_600_000_000_000, standing=True)
STEP_AFTER_S = 17.3
LENGTH_S = 40


def heard() -> Iterator[Frame]:
    config = sound.Config(channels=1, duration_s=LENGTH_S, first_bang_s=3, bang_every_s=5, pace="max")
    with sound.build(config, MIC, CLOCK) as source:
        yield from source


def seen() -> Iterator[Frame]:
    config = scene.Config(width=320, height=240, duration_s=LENGTH_S, pace="max")
    with scene.build(config, CAMERA, CLOCK) as source:
        yield from source


def read() -> Iterator[Frame]:
    for second in range(LENGTH_S):
        values = {
            "pm2_5_ugm3": 5.0 + second,
            "pm10_ugm3": 9.0,
            "no2_ppb": 4.0,
            "rain_total_mm": second / 10,
            "temperature_c": 20.0,
            "humidity_percent": 50.0,
            "voc_index": 100.0,
            "water_level_m": 1.0 + second / 100,
            "latitude_deg": 52.0,
            "longitude_deg": 4.0,
        }
        yield ReadingFrame(BOARD, CLOCK.now().shifted(second), "nova_sds011", values)


SOURCES = {AudioFrame: heard, VideoFrame: seen, ReadingFrame: read}


def stepped(frame: Any, step_s: int) -> Any:
    time: CaptureTime = frame.time
    if time.monotonic_ns < (1 + STEP_AFTER_S) * NS_PER_S:
        return frame
    return replace(frame, time=replace(time, utc_ns=time.utc_ns + step_s * NS_PER_S))


def observed(name: str, step_s: int) -> list[Observation]:
    module = import_module(f"edge.detectors.{name}")
    detector = module.build(
        module.Config(**({"interval_s": 11} if "interval_s" in module.Config.model_fields else {}))
    )
    frames = SOURCES[module.FRAME]()
    found = [o for frame in frames for o in detector.accept(stepped(frame, step_s))]
    return [*found, *detector.finish()]


def without_utc(observation: Any) -> dict[str, Any]:
    contents = {field.name: getattr(observation, field.name) for field in fields(observation)}
    return contents | {"time": observation.time.monotonic_ns}


@pytest.mark.parametrize("step_s", [-3600, 86_400])
@pytest.mark.parametrize(
    "name",
    [
        "sound_level",
        "impulse",
        "sound_health",
        "scene_motion",
        "particulates",
        "weather",
        "gases",
        "gas_indices",
        "heat_stress",
        "water_level",
        "position",
        "time_quality",
        "reading_health",
    ],
)
def test_a_step_changes_no_observation(name: str, step_s: int) -> None:
    steady, jumped = observed(name, 0), observed(name, step_s)
    assert [without_utc(o) for o in jumped] == [without_utc(o) for o in steady]
    assert steady or name in {"sound_health", "reading_health"}


@pytest.mark.parametrize("step_s", [-3600, 86_400])
def test_a_step_changes_no_event(step_s: int) -> None:
    def events(step_s: int) -> list[tuple[int, int]]:
        rule = impulse.build(impulse.Config(burst_gap_s=6))
        onsets = [o for o in observed("impulse", step_s) if isinstance(o, ImpulseOnset)]
        told = [event for onset in onsets for event in rule.accept(onset)]
        return [(event.time.monotonic_ns, getattr(event, "impulses", 0)) for event in told]

    assert events(step_s) == events(0)
    assert len(events(0)) >= 3
