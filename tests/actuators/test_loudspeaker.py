"""The loudspeaker: never too loud, never in quiet hours, and the microphones know."""

from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from edge.actuators import loudspeaker
from edge.actuators.loudspeaker import Config, Loudspeaker
from edge.domain.actuator import ActuatorError, Announcement, OwnSound, Playback
from edge.domain.city import City, Span
from edge.domain.events import HelpRequest
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.scene_observations import Stage
from edge.domain.time import CaptureTime
from edge.domain.trigger import Strength
from edge.dsp.chime import chime, limited
from edge.privacy.policy_watch import SILENCE

SPEAKER = SourceId("speaker", 0, Component.LOUDSPEAKER)
NOON_NS = int(datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()) * 10**9
QUIET = City(timezone="Europe/Amsterdam", quiet_hours=(Span(start=time(22), end=time(7)),))


class Stream:
    """What `sounddevice.OutputStream` is to the loudspeaker; keeps what was played."""

    def __init__(self, owner: "Device") -> None:
        self.device = owner

    def start(self) -> None:
        self.device.streams += 1

    def write(self, block: Any) -> None:
        if self.device.broken:
            raise RuntimeError("unanticipated host error")
        self.device.played.append(np.array(block))

    def stop(self) -> None:
        self.device.stopped += 1

    def close(self) -> None:
        return None


class Device:
    """A module shaped like `sounddevice`."""

    def __init__(self) -> None:
        self.played: list[Any] = []
        self.streams = self.stopped = 0
        self.broken = self.missing = False

    def OutputStream(self, **settings: Any) -> Stream:  # noqa: N802 - the library's name
        if self.missing:
            raise ValueError("No output device matching 'horn'")
        self.settings = settings
        return Stream(self)


def speaker(owner: Device, **config: Any) -> Loudspeaker:
    config = {"sounds": {"help_request": "chime"}} | config
    made = loudspeaker.build(Config(**config), SPEAKER)
    made._load = lambda: owner
    return made


def now(after_s: float = 0.0, *, hour: int = 12, uncertainty_ms: float | None = 1.0) -> CaptureTime:
    shift_ns = round(((hour - 12) * 3600 + after_s) * 1e9)
    return CaptureTime(NOON_NS + shift_ns, 10**12 + shift_ns, uncertainty_ms)


def pressed(*, confirmed: bool = True, stage: Stage = Stage.ONSET) -> HelpRequest:
    return HelpRequest(
        time=now(), result_time_ns=NOON_NS, confirmed=confirmed, because=("help_button",), stage=stage,
        lasted_s=0, strength=Strength.STRONG,
    )  # fmt: skip


def play(made: Loudspeaker, start: CaptureTime, steps: int = 40) -> list[Observation]:
    observed: list[Observation] = []
    for i in range(steps):
        moment = start.shifted(0.1 * i)
        observed += made.step(moment, moment.monotonic_ns)
    return observed


def test_a_chime_is_announced_to_the_microphones_before_it_sounds_and_reported() -> None:
    device = Device()
    made = speaker(device, tail_s=1.0)
    made.notice(pressed(), now())
    first = made.step(now(), now().monotonic_ns)
    own = next(iter(first))
    assert isinstance(own, OwnSound)
    assert device.played == []
    assert own.duration_s == pytest.approx(2.1 + 1.0)
    observed = [*first, *play(made, now(0.1))]
    (told,) = [o for o in observed if isinstance(o, Playback)]
    assert (told.announcement, told.peak_db) == (Announcement.CHIME, -12)
    assert told.duration_s == pytest.approx(2.1)
    assert made.at_rest
    sound = np.concatenate(device.played)
    assert len(sound) == 2.1 * 48_000
    assert np.abs(sound).max() <= 10 ** (-12 / 20) + 1e-6
    assert (device.streams, device.stopped) == (1, 1)


def test_quiet_hours_hold_and_an_unknown_clock_is_quiet() -> None:
    for moment, sounds in (
        (now(), True),
        (now(hour=23), False),
        (now(hour=4), False),
        (now(uncertainty_ms=None), False),
    ):
        device = Device()
        made = speaker(device)
        made.obey(QUIET)
        made.notice(pressed(), moment)
        assert bool(play(made, moment)) == sounds
        assert bool(device.played) == sounds
    made = speaker(device)
    made.notice(pressed(), now(uncertainty_ms=None))
    assert play(made, now())


def test_without_a_policy_every_hour_is_quiet() -> None:
    for hour in (4, 12, 23):
        made = speaker(device := Device())
        made.obey(SILENCE.city)
        made.notice(pressed(), now(hour=hour))
        assert play(made, now(hour=hour)) == []
        assert device.played == []


def test_it_does_not_sound_again_so_soon_nor_on_ends_nor_unconfirmed() -> None:
    made = speaker(Device(), again_s=60)
    played = []
    for second in range(0, 130, 10):
        made.notice(pressed(), now(second))
        played += [second for o in play(made, now(second)) if isinstance(o, Playback)]
    assert played == [0, 60, 120]
    quiet = speaker(Device())
    quiet.notice(pressed(confirmed=False), now())
    quiet.notice(pressed(stage=Stage.END), now())
    assert play(quiet, now()) == []


def test_a_recording_is_limited_cut_and_played_at_its_own_rate(tmp_path: Path) -> None:
    loud = np.sin(np.arange(16_000 * 5) / 10)[:, None] * np.ones((1, 2))
    soundfile.write(tmp_path / "words.wav", loud, 16_000, subtype="FLOAT")
    device = Device()
    made = speaker(device, sounds={"help_request": tmp_path / "words.wav"}, longest_s=2, peak_db=-20)
    made.notice(pressed(), now())
    (told,) = [o for o in play(made, now()) if isinstance(o, Playback)]
    sound = np.concatenate(device.played)
    assert (told.announcement, len(sound)) == (Announcement.RECORDING, 32_000)
    assert np.abs(sound).max() == pytest.approx(0.1, abs=1e-3)
    assert device.settings["samplerate"] == 16_000


def test_files_that_cannot_be_played_are_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "silent.wav", np.zeros(100), 8000)
    for name, why in (
        ("text.wav", "cannot be read"),
        ("silent.wav", "no sound"),
        ("none.wav", "cannot be read"),
    ):
        with pytest.raises(ActuatorError, match=why):
            speaker(Device(), sounds={"bang": tmp_path / name})


def test_a_sound_for_an_event_that_no_rule_tells_is_refused() -> None:
    with pytest.raises(ValidationError, match="did you mean 'help_request'"):
        Config(sounds={"help_requests": "chime"})


def test_a_device_that_is_gone_or_breaks_is_told_once_and_its_return_too() -> None:
    device = Device()
    device.missing = True
    made = speaker(device, device="horn", again_s=5)
    health: list[tuple[Status, Reason]] = []
    for second, state in ((0, "missing"), (10, "missing"), (20, ""), (30, "broken"), (40, "")):
        device.missing, device.broken = state == "missing", state == "broken"
        made.notice(pressed(), now(second))
        observed = play(made, now(second))
        health += [(o.status, o.reason) for o in observed if isinstance(o, Health)]
    assert health == [
        (Status.FAILED, Reason.NO_DEVICE),
        (Status.OK, Reason.RECOVERED),
        (Status.FAILED, Reason.DEVICE_FAULT),
        (Status.OK, Reason.RECOVERED),
    ]


def test_the_microphones_are_told_when_a_device_stalls() -> None:
    made = speaker(Device(), tail_s=1.0)
    made.notice(pressed(), now())
    list(made.step(now(), 0))
    late = [o for o in made.step(now(60), 0) if isinstance(o, OwnSound)]
    assert [(o.time, o.duration_s) for o in late] == [(now(60), 1.0)]


def test_released_it_fades_out_and_begins_nothing() -> None:
    device = Device()
    made: Any = speaker(device, again_s=5)
    made.notice(pressed(), now())
    list(made.step(now(), 0))
    made._next = next(iter(made._sounds.values()))
    list(made.release(now(0.1)))
    assert made.at_rest
    assert made._next is None
    sound = np.concatenate(device.played)
    assert len(sound) == 3 * 4800
    assert abs(sound[-1, 0]) < 0.001


def test_check_opens_and_says_what_to_do() -> None:
    device = Device()
    assert speaker(device).check().ok
    device.missing = True
    check = speaker(device, device="horn").check()
    assert (check.ok, "plug it in or set `device`" in check.advice) == (False, True)


def test_limited_sound_has_soft_ends_and_no_invalid_sample() -> None:
    sound = np.ones(4800)
    sound[100] = np.nan
    safe = limited(sound, 48_000, -6.0)
    assert np.isfinite(safe).all()
    assert np.abs(safe).max() <= 10 ** (-6 / 20) + 1e-6
    assert abs(safe[0]) < 0.001
    assert abs(safe[-1]) < 0.001
    assert not limited(np.zeros(10), 48_000, -6.0).any()
    assert np.abs(chime(48_000)).max() == 1
