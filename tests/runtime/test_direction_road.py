"""From a recording of an array to the report that leaves: the direction of a bang in a street."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edge.domain.events import Impulse
from edge.domain.health import Absence
from edge.domain.sound_reports import ImpulseReport
from edge.domain.time import CaptureTime
from edge.dsp.air import speed_of_sound_m_s
from edge.runtime.recording_clock import RecordingClock
from edge.runtime.sense import Sense, gate_of
from edge.runtime.settings import SettingsError, load_settings
from scripts.array_sound import ONSET_S, RATE_HZ, angles_deg, diffuse, in_a_street, noisy, places
from scripts.measure_direction import square

ARRAY = square(0.065)
SETTINGS = """
[node]
city = "test"
id = "lp-1"

[privacy]
policy = "policy.toml"
unsigned = "allowed"

[replay.audio_file]
path = "street.wav"
pace = "max"

[replay.audio_file.array]
positions_m = {positions}
heading_deg = 90
temperature_c = 12

[detectors.impulse]

[fusion.impulse]
"""
POLICY = """
[reports.impulse]
purpose = "public_safety"
legal_basis = "public_task"
retention_days = 1
"""


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    (tmp_path / "policy.toml").write_text(POLICY)
    path = tmp_path / "lamppost.toml"
    path.write_text(SETTINGS.replace("{positions}", str([list(p) for p in ARRAY.positions_m])))
    return path


def test_the_report_of_a_bang_says_from_where(settings_file: Path) -> None:
    pole, bang = np.array([2.0, 0.0, 5.0]), np.array([9.0, 30.0, 1.5])
    sound = in_a_street(pole + places(ARRAY), bang, speed_of_sound_m_s(12), 0.001)
    sound = np.pad(sound, ((RATE_HZ, RATE_HZ), (0, 0)))
    sound += diffuse(np.random.default_rng(1), sound.shape, 0.1, 1 + ONSET_S)
    mixed = noisy(np.random.default_rng(0), sound, 25, 1 + ONSET_S)
    soundfile.write(settings_file.parent / "street.wav", mixed, RATE_HZ, subtype="PCM_16")
    reports: list[Any] = []

    async def accept(report: Any) -> None:
        reports.append(report)

    async def main() -> None:
        settings = load_settings(settings_file, environment={})
        clock = RecordingClock(0, standing=True)
        await Sense(settings, gate_of(settings), accept, clock, monitored=False).run()

    asyncio.run(main())
    (report,) = reports
    assert isinstance(report, ImpulseReport)
    azimuth_deg, elevation_deg = angles_deg(bang - pole)
    assert report.azimuth_deg == pytest.approx(azimuth_deg + 90, abs=1)
    assert report.azimuth_uncertainty_deg == pytest.approx(2, abs=0.3)
    assert report.elevation_deg is not None
    # A flat array: the bang may be as far above the horizon as it is below it.
    assert report.other_elevation_deg == pytest.approx(elevation_deg, abs=4)
    assert report.other_elevation_deg == pytest.approx(-report.elevation_deg)
    assert report.direction_absence is None


def test_what_leaves_is_rounded_to_a_tenth_of_a_degree(settings_file: Path) -> None:
    event = Impulse(
        time=CaptureTime(0, 0),
        result_time_ns=0,
        confirmed=False,
        because=("impulse_onset",),
        calibrated=False,
        clipped=False,
        lcpeak_db=-3,
        above_floor_db=30,
        rise_s=0.001,
        duration_s=0.1,
        impulses=1,
        azimuth_deg=123.456,
        azimuth_uncertainty_deg=2.04,
        elevation_deg=-12.34,
        other_elevation_deg=12.34,
        direction_absence=Absence.AMBIGUOUS,
    )
    report = gate_of(load_settings(settings_file, environment={})).admit(event)
    assert isinstance(report, ImpulseReport)
    assert (report.azimuth_deg, report.azimuth_uncertainty_deg) == (123.5, 2.0)
    assert (report.elevation_deg, report.other_elevation_deg) == (-12.3, 12.3)
    assert (report.other_azimuth_deg, report.direction_absence) == (None, Absence.AMBIGUOUS)


@pytest.mark.parametrize(
    ("positions", "said"),
    [
        ("[[0.0, 0.0, 0.0]]", ":15: [replay.audio_file.array] positions_m"),
        ("[[0, 0, 0], [0.001, 0, 0]]", "microphones 0 and 1 are 1.0 mm apart"),
        ("[[0, 0], [0.1, 0]]", ":15:"),
        ("[[-32, 0, 0], [32, 0, 0]]", "less than or equal to 1.4"),
    ],
)
def test_wrong_geometry_is_said_with_its_place(settings_file: Path, positions: str, said: str) -> None:
    settings_file.write_text(SETTINGS.replace("{positions}", positions))
    with pytest.raises(SettingsError) as caught:
        load_settings(settings_file, environment={})
    assert said in str(caught.value)


def test_geometry_that_does_not_fit_the_channels(settings_file: Path) -> None:
    text = settings_file.read_text().replace("[replay.audio_file", "[sources.microphone")
    text = text.replace('path = "street.wav"\npace = "max"', "channels = 2")
    settings_file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(settings_file, environment={})
    assert "4 positions, but 2 channels; give one position for each channel" in str(caught.value)
    assert "[sources] microphone" in str(caught.value) or "[sources.microphone" in str(caught.value)
