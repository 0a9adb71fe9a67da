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
from edge.detectors.street_sound import Config, StreetSoundDetector, build
from edge.domain.frames import AudioFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.observations import ImpulseOnset, Sound, StreetSound
from edge.domain.shipped import shipped
from edge.domain.stages import Attentive
from edge.domain.time import CaptureTime
from edge.dsp.log_mel import SHAPE
from edge.inference.session import Model

SOURCE = SourceId("microphone", 0, Component.MICROPHONE)
START = CaptureTime(1_767_225_600_000_000_000, 1_000_000_000, 1.0)
RATE_HZ = 48_000
LABELS = ("gunshot", "firework", "siren", "scream")
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "audio"


class ScriptedModel:
    """Says what it is told for windows louder than a whisper, else nothing; keeps what it was shown."""

    def __init__(self, **probabilities: float) -> None:
        labels = [SimpleNamespace(name=name, threshold=0.5, default="on") for name in LABELS]
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
    assert len(found) == 8


def test_samples_that_are_not_numbers_do_no_harm() -> None:
    model = ScriptedModel(gunshot=0.9)
    listener = detector(model)
    broken = frame(0)
    broken.samples[100:200] = np.nan
    list(listener.accept(broken))
    listen(listener, 3)
    assert all(np.isfinite(picture).all() for picture in model.shown)


def test_the_shipped_model_fits_the_reports() -> None:
    assert (shipped("models") / "street_sound").is_dir()
    listener = build(Config())
    assert not [o for t in range(30) for o in listener.accept(frame(t / 10, 0.001))]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recordings of ../shared are not here")
def test_recorded_sounds_are_named_through_the_whole_road(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "replay.toml"
    replay = (EXAMPLES / "replay.toml").read_text().replace('"policy.toml"', f'"{EXAMPLES / "policy.toml"}"')
    config.write_text(replay + "\n[detectors.street_sound]\n")
    clips = sorted((SHARED / "siren").glob("*.ogg"))[:6]
    arguments = [part for clip in clips for part in ("--audio", str(clip))]
    assert dispatch(["replay", "--speed", "max", "--config", str(config), *arguments]) == 0
    told = [json.loads(line)["data"] for line in capsys.readouterr().out.splitlines()]
    named_sounds = [report for report in told if report["kind"] == "street_sound"]
    assert "siren" in {report["outcome"] for report in named_sounds}
    assert all("raised_voice" not in report and "explosion" not in report for report in named_sounds)
