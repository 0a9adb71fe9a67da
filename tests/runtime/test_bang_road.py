"""From a recording of a street to the report that says what a bang was, under priors and levels."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.signal import resample_poly

from edge.cli.settings_file import EXAMPLES
from edge.domain.event_reports import BangReport
from edge.domain.events import Bang
from edge.domain.health import Absence
from edge.domain.scene_observations import Stage
from edge.dsp.log_mel import SAMPLE_RATE_HZ
from edge.runtime.recording_clock import RecordingClock
from edge.runtime.sense import Sense, gate_of
from edge.runtime.settings import load_settings
from scripts.street_sound.physics import fireworks

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
full_scale_db = 115

[detectors.impulse]

[detectors.street_sound]
false_alarms = "false_alarms.json"

[fusion.impulse]

[fusion.bang]
"""
POLICY = """
[policy]
timezone = "Europe/Amsterdam"

[reports.impulse]
purpose = "public_safety"
legal_basis = "public_task"
retention_days = 1

[reports.bang]
purpose = "public_safety"
legal_basis = "public_task"
retention_days = 1

[[permitted_levels]]
quantity = "lafmax_db"
level_db = 70
distance_m = 10

[[priors]]
sound = "firework"
odds = 20
first = 2000-12-31
last = 2000-12-31
every_year = true
start = 18:00:00
end = 02:00:00
"""
NEW_YEARS_EVE_NS = 1_798_747_200 * 10**9
"""2026-12-31 20:00 UTC."""

QUIET_S = (21.0, 29.5)
"""Nothing bangs there in the recording of the demonstration."""


def test_a_firework_on_new_years_eve(tmp_path: Path) -> None:
    sound, rate_hz = soundfile.read(EXAMPLES.parent / "street" / "sound.ogg")
    cut = sound[round(QUIET_S[0] * rate_hz) : round(QUIET_S[1] * rate_hz)].copy()
    burst = resample_poly(fireworks(np.random.default_rng(2)), rate_hz, SAMPLE_RATE_HZ)
    heard = (0.7 * burst / np.abs(burst).max()).reshape(-1, *[1] * (cut.ndim - 1))
    cut[5 * rate_hz : 5 * rate_hz + len(heard)] += heard
    soundfile.write(tmp_path / "street.wav", cut, rate_hz, subtype="FLOAT")
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "lamppost.toml").write_text(SETTINGS)
    settings = load_settings(tmp_path / "lamppost.toml", environment={})
    reports: list[Any] = []

    async def accept(report: Any) -> None:
        reports.append(report)

    async def main() -> None:
        clock = RecordingClock(NEW_YEARS_EVE_NS, standing=True)
        await Sense(settings, gate_of(settings), accept, clock, monitored=False).run()

    asyncio.run(main())
    bangs = [report for report in reports if isinstance(report, BangReport)]
    impulses = [report for report in reports if report.kind == "impulse"]
    assert bangs[0].stage is Stage.ONSET
    assert bangs[-1].stage is Stage.END
    assert {bang.phenomenon_time for bang in bangs} == {impulses[0].phenomenon_time}
    onset = bangs[0]
    assert (onset.outcome, onset.priors) == (Bang.FIREWORK, (0,))
    assert onset.firework is not None
    assert onset.firework > 0.5
    assert (onset.permitted, onset.permitted_db, onset.reference_distance_m) == (0, 70, 10)
    assert onset.reference_level_db is not None
    assert (onset.exceeded, onset.level_absence) == (None, Absence.NO_DISTANCE)
    assert onset.distance_absence is Absence.NO_READING
