"""Onsets wake the model with the second around them; lasting sounds are told once, not window by window."""

import json
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from edge.cli.command import dispatch
from edge.cli.settings_file import EXAMPLES
from edge.detectors.street_sound import Config, StreetSoundDetector, _Looks, build
from edge.domain.frames import AudioFrame
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, ImpulseOnset, Observation, Sound, StreetSound
from edge.domain.shipped import shipped
from edge.domain.stages import Attentive, Punctual
from edge.domain.time import CaptureTime
from edge.dsp.log_mel import SHAPE
from edge.dsp.pooling import pooled_over, probability_of
from edge.inference.session import Model
from edge.inference.trust import report_false_alarm, reset

SOURCE = SourceId("microphone", 0, Component.MICROPHONE)
START = CaptureTime(1_767_225_600_000_000_000, 1_000_000_000, 1.0)
RATE_HZ = 48_000
LABELS = ("gunshot", "firework", "siren", "scream")
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "audio"


class ScriptedModel:
    """Says what it is told for windows louder than a whisper, else nothing; keeps what it was shown."""

    def __init__(self, pooled_s: float | None = None, **probabilities: float) -> None:
        spans = {"siren": pooled_s, "scream": pooled_s}
        labels = [
            SimpleNamespace(name=name, threshold=0.5, default="on", pooled_s=spans.get(name))
            for name in LABELS
        ]
        self.card = SimpleNamespace(labels=labels)
        self.probabilities = probabilities
        self.shown: list[npt.NDArray[Any]] = []

    def run(self, batch: npt.NDArray[Any]) -> list[npt.NDArray[np.float32]]:
        assert batch.shape == (1, *SHAPE)
        self.shown.append(batch)
        loud = float(np.ptp(batch)) > 0
        row = [self.probabilities.get(name, 0.0) if loud else 0.0 for name in LABELS]
        return [np.array([row], np.float32)]


def detector(model: ScriptedModel, **settings: Any) -> StreetSoundDetector:
    settings = {"false_alarms": Path("nowhere/false_alarms.json")} | settings
    return StreetSoundDetector(Config(**settings), cast("Model", model))


def frame(at_s: float, loud: float = 0.1, *, lost_s: float = 0.0) -> AudioFrame:
    samples = np.random.default_rng(round(at_s * 10)).standard_normal((4800, 1)).astype(np.float32) * loud
    return AudioFrame(SOURCE, START.shifted(at_s), samples, RATE_HZ, lost_s=lost_s)


def onset(at_s: float) -> ImpulseOnset:
    return ImpulseOnset(
        source=SOURCE, time=START.shifted(at_s), calibrated=False, clipped=False, lcpeak_db=0.0,
        above_floor_db=30.0, rise_s=0.001, duration_s=0.01,
    )  # fmt: skip


def listen(
    listener: StreetSoundDetector, length_s: float, onsets: Iterable[float] = (), loud: float = 0.1
) -> list[StreetSound]:
    waiting = sorted(onsets)
    found: list[StreetSound] = []
    for tenth in range(round(length_s * 10)):
        found += cast("list[StreetSound]", list(listener.accept(frame(tenth / 10, loud))))
        while waiting and waiting[0] <= tenth / 10 - 0.3:  # an impulse is told a little later
            listener.notice(onset(waiting.pop(0)))
    return found


def named(found: list[StreetSound]) -> list[tuple[Sound, bool]]:
    return [(observation.outcome, observation.after_impulse) for observation in found]


def test_it_is_told_what_the_others_observe() -> None:
    assert isinstance(detector(ScriptedModel()), Attentive)


def test_an_onset_is_named_with_its_own_time_and_probabilities() -> None:
    found = listen(detector(ScriptedModel(gunshot=0.9, firework=0.2)), 5, [2.037])
    (shot,) = found
    assert (shot.outcome, shot.after_impulse) == (Sound.GUNSHOT, True)
    assert shot.time == START.shifted(2.037)
    assert shot.gunshot == pytest.approx(0.9)
    assert shot.firework == pytest.approx(0.2)
    assert shot.explosion is None


@pytest.mark.parametrize(
    ("gunshot", "firework", "expected"),
    [
        (0.9, 0.2, Sound.GUNSHOT),
        (0.2, 0.9, Sound.FIREWORK),
        (0.7, 0.6, Sound.UNCLEAR),
        (0.45, 0.55, Sound.UNCLEAR),
        (0.4, 0.4, Sound.OTHER),
    ],
)
def test_the_outcome(gunshot: float, firework: float, expected: Sound) -> None:
    found = listen(detector(ScriptedModel(gunshot=gunshot, firework=firework)), 4, [1.5])
    assert named(found) == [(expected, True)]


def test_the_window_holds_the_second_around_the_onset() -> None:
    model = ScriptedModel()
    listener = detector(model, hop_s=10)
    listen(listener, 1.0)
    looked = len(model.shown)
    for tenth in range(10, 40):
        loud = 0.3 if tenth == 20 else 1e-3
        list(listener.accept(frame(tenth / 10, loud)))
        if tenth == 22:
            listener.notice(onset(2.0))
    picture = model.shown[looked][0]
    loudest = int(picture.mean(axis=0).argmax())
    assert loudest == pytest.approx(15 + 5, abs=6)  # 10 ms a column, 0.15 s before the onset


def test_a_lasting_sound_is_told_once_and_again_after_its_maximum() -> None:
    found = listen(detector(ScriptedModel(siren=0.8), maximum_s=10), 25)
    assert named(found) == [(Sound.SIREN, False)] * 3


def test_a_lasting_sound_that_comes_back_is_told_again() -> None:
    listener = detector(ScriptedModel(scream=0.8), release_s=1)
    found = [o for t in range(100) for o in listener.accept(frame(t / 10, 0.1 if t < 30 or t >= 70 else 0.0))]
    assert named(cast("list[StreetSound]", found)) == [(Sound.SCREAM, False)] * 2


def test_a_lasting_sound_is_told_from_the_last_seconds_together() -> None:
    """A second of what could be a siren is not yet one where five seconds are pooled; most of five are."""

    def after(loud_s: float, pooled_s: float | None) -> list[Observation]:
        listener = detector(ScriptedModel(pooled_s, siren=0.9))
        tenths = range(150)
        return [
            o
            for t in tenths
            for o in listener.accept(frame(t / 10, 0.1 if 70 <= t < 70 + 10 * loud_s else 0))
        ]

    assert after(1.0, None)
    assert not after(1.0, 5.0)
    assert named(cast("list[StreetSound]", after(4.5, 5.0))) == [(Sound.SIREN, False)]


def test_what_is_pooled_ends_at_a_gap() -> None:
    def after_quiet(lost_s: float) -> list[Observation]:
        listener = detector(ScriptedModel(5.0, siren=0.9))
        assert not [o for t in range(60) for o in listener.accept(frame(t / 10, 0.0))]
        rest = range(12)
        return [o for t in rest for o in listener.accept(frame(6 + t / 10, lost_s=lost_s if t == 0 else 0.0))]

    assert not after_quiet(0.0)
    assert named(cast("list[StreetSound]", after_quiet(0.2))) == [(Sound.SIREN, False)]


def test_each_label_is_pooled_over_its_own_seconds() -> None:
    looks, odds = _Looks([5.0, 2.0, 1.0]), np.random.default_rng(4).normal(0, 2, (20, 3))
    starts = 0.5 * np.arange(20)
    found = [
        looks.together(START.shifted(float(at_s)), probability_of(row))
        for at_s, row in zip(starts, odds, strict=True)
    ]
    for k, span_s in enumerate((5.0, 2.0, 1.0)):
        expected = probability_of(pooled_over(odds[:, [k]], starts, span_s))[:, 0]
        np.testing.assert_allclose([row[k] for row in found], expected, atol=1e-6)


def test_a_gap_is_never_inside_a_window() -> None:
    model = ScriptedModel(siren=0.9)
    listener = detector(model, hop_s=0.1)
    for tenth in range(9):
        assert not list(listener.accept(frame(tenth / 10)))
    for tenth in range(9):
        assert not list(listener.accept(frame(5 + tenth / 10, lost_s=4.1 if tenth == 0 else 0.0)))
    assert not model.shown


def test_an_onset_older_than_what_is_kept_is_not_named() -> None:
    listener = detector(ScriptedModel(gunshot=0.9))
    listen(listener, 8)
    listener.notice(onset(0.5))
    assert not list(listener.accept(frame(8.0)))


def test_a_burst_does_not_pile_up() -> None:
    model = ScriptedModel(gunshot=0.9)
    listener = detector(model, hop_s=10)
    listen(listener, 1)
    for shot in range(100):
        listener.notice(onset(1 + shot / 100))
    found = [o for tenth in range(10, 40) for o in listener.accept(frame(tenth / 10))]
    assert len([o for o in found if isinstance(o, StreetSound)]) == 8


def test_samples_that_are_not_numbers_do_no_harm() -> None:
    model = ScriptedModel(gunshot=0.9)
    listener = detector(model)
    broken = frame(0)
    broken.samples[100:200] = np.nan
    list(listener.accept(broken))
    listen(listener, 3)
    assert all(np.isfinite(picture).all() for picture in model.shown)


@pytest.mark.parametrize("loud", [0.001, 1e-5, 0.0], ids=["hiss", "dither", "silence"])
def test_the_shipped_model_fits_the_reports_and_hears_nothing_in_nothing(loud: float) -> None:
    assert (shipped("models") / "street_sound").is_dir()
    listener = build(Config(false_alarms=Path("nowhere/false_alarms.json")))
    assert not [o for t in range(30) for o in listener.accept(frame(t / 10, loud))]


def heard(
    listener: StreetSoundDetector, tenths: range, *, behind_s: float = 0.0, onsets: Iterable[float] = ()
) -> list[Observation]:
    for at_s in onsets:
        listener.notice(onset(at_s))
    found: list[Observation] = []
    for tenth in tenths:
        listener.late(behind_s)
        found += listener.accept(frame(tenth / 10))
    return found


def health(found: list[Observation]) -> list[tuple[Status, Reason, int]]:
    return [(o.status, o.reason, o.count) for o in found if isinstance(o, Health)]


def outcomes(found: list[Observation]) -> list[Sound]:
    return [o.outcome for o in found if isinstance(o, StreetSound)]


def test_a_lane_that_is_behind_sheds_lasting_sounds_first_and_says_how_many() -> None:
    listener = detector(ScriptedModel(gunshot=0.9, siren=0.9))
    assert isinstance(listener, Punctual)
    behind = heard(listener, range(100), behind_s=1.0, onsets=[1.5])
    assert outcomes(behind) == [Sound.GUNSHOT]
    assert health(behind) == [(Status.DEGRADED, Reason.SHED, 1)]
    later = heard(listener, range(100, 800), behind_s=1.0)
    # Once a minute with its count: two looks a second.
    ((status, reason, count),) = health(later)
    assert (status, reason) == (Status.DEGRADED, Reason.SHED)
    assert count == pytest.approx(120, abs=2)
    calm = heard(listener, range(800, 1000))
    assert outcomes(calm)[0] is Sound.SIREN
    assert health(calm)[0][:2] == (Status.OK, Reason.RECOVERED)


def test_a_lane_that_is_far_behind_sheds_onsets_too() -> None:
    model = ScriptedModel(gunshot=0.9)
    listener = detector(model, hop_s=10)
    far = heard(listener, range(40), behind_s=3.5, onsets=[1.5, 1.6])
    assert outcomes(far) == []
    assert model.shown == []
    assert (Status.DEGRADED, Reason.SHED) in {one[:2] for one in health(far)}


def test_onsets_that_a_burst_pushes_out_are_counted() -> None:
    found = heard(detector(ScriptedModel(), hop_s=10), range(30), onsets=[1 + n / 100 for n in range(100)])
    assert health(found) == [(Status.DEGRADED, Reason.SHED, 92)]
    assert outcomes(found) == [Sound.OTHER] * 8


def test_a_recording_is_never_behind() -> None:
    assert health(heard(detector(ScriptedModel(siren=0.9)), range(50))) == []


def test_too_many_false_alarms_demote_the_node_until_a_reset(tmp_path: Path) -> None:
    path = tmp_path / "state" / "false_alarms.json"
    model = ScriptedModel(gunshot=0.9)
    listener = detector(model, false_alarms=path, false_alarm_budget=2)
    assert outcomes(heard(listener, range(40), onsets=[1.5])) == [Sound.GUNSHOT]
    for _ in range(3):
        report_false_alarm(path, START.utc_ns)
    demoted = heard(listener, range(40, 80), onsets=[5.5])
    (shot,) = [o for o in demoted if isinstance(o, StreetSound)]
    assert (shot.outcome, shot.demoted) == (Sound.UNCLEAR, True)
    assert shot.gunshot == pytest.approx(0.9)
    assert health(demoted) == [(Status.DEGRADED, Reason.DEMOTED, 3)]
    # A restart changes nothing.
    again = heard(detector(model, false_alarms=path, false_alarm_budget=2), range(40), onsets=[1.5])
    assert outcomes(again) == [Sound.UNCLEAR]
    assert health(again) == [(Status.DEGRADED, Reason.DEMOTED, 3)]
    reset(path)
    believed = heard(listener, range(80, 120), onsets=[9.5])
    assert outcomes(believed) == [Sound.GUNSHOT]
    assert health(believed) == [(Status.OK, Reason.RECOVERED, 1)]


def test_a_demoted_node_still_names_what_is_no_bang(tmp_path: Path) -> None:
    path = tmp_path / "false_alarms.json"
    report_false_alarm(path, START.utc_ns)
    listener = detector(ScriptedModel(siren=0.9), false_alarms=path, false_alarm_budget=0)
    assert outcomes(heard(listener, range(40), onsets=[1.5])) == [Sound.SIREN, Sound.OTHER]


def test_a_file_that_cannot_be_read_demotes(tmp_path: Path) -> None:
    path = tmp_path / "false_alarms.json"
    path.write_text("{")
    found = heard(detector(ScriptedModel(gunshot=0.9), false_alarms=path), range(40), onsets=[1.5])
    assert outcomes(found) == [Sound.UNCLEAR]
    (told,) = [o for o in found if isinstance(o, Health)]
    assert told.reason is Reason.DEMOTED
    assert "`lamppost feedback reset` begins it anew" in told.detail


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recordings of ../shared are not here")
def test_recorded_sounds_are_named_through_the_whole_road(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "replay.toml"
    replay = (EXAMPLES / "replay.toml").read_text().replace('"policy.toml"', f'"{EXAMPLES / "policy.toml"}"')
    config.write_text(replay + f'\n[detectors.street_sound]\nfalse_alarms = "{tmp_path}/none.json"\n')
    clips = sorted((SHARED / "siren").glob("*.ogg"))[:6]
    arguments = [part for clip in clips for part in ("--audio", str(clip))]
    assert dispatch(["replay", "--speed", "max", "--config", str(config), *arguments]) == 0
    told = [json.loads(line)["data"] for line in capsys.readouterr().out.splitlines()]
    named_sounds = [report for report in told if report["kind"] == "street_sound"]
    assert "siren" in {report["outcome"] for report in named_sounds}
    assert all("raised_voice" not in report and "explosion" not in report for report in named_sounds)
