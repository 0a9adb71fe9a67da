"""The measurement of hearing: its street holds bangs, its table says what is reached."""

import json

import numpy as np
import pytest

from edge.dsp.impulses import ImpulseFinder
from scripts import measure_hearing
from scripts.array_sound import RATE_HZ
from scripts.measure_hearing import Figure, main, street


def test_the_street_has_a_bang_every_five_seconds_on_four_channels() -> None:
    sound = street(13)
    assert sound.shape == (13 * RATE_HZ, 4)
    assert np.abs(sound).max() < 1
    finder = ImpulseFinder(RATE_HZ, 4)
    onsets_s = [impulse.sample / RATE_HZ for impulse in [*finder.add(sound), *finder.finish()]]
    for at_s in (2.0, 7.0):
        assert min(abs(onset - at_s) for onset in onsets_s) < 0.01


def test_the_median_is_held_against_the_target(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = [
        Figure("speed", "x real time", 60, True, (59.0, 61.0, 80.0)),
        Figure("memory", "MB", 250, False, (180.0, 251.0, 300.0)),
    ]
    monkeypatch.setattr(measure_hearing, "measure", lambda *_: iter(figures))
    assert main(["--json"]) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(figure["median"], figure["reached"]) for figure in told] == [(61.0, True), (251.0, False)]
    assert main(["--markdown"]) == 1
    out = capsys.readouterr().out
    assert "| speed | ≥ 60 x real time | 61 | 59 | 80 | yes |" in out
    assert "| memory | ≤ 250 MB | 251 | 180 | 300 | no |" in out
    monkeypatch.setattr(measure_hearing, "measure", lambda *_: iter(figures[:1]))
    assert main([]) == 0
    with pytest.raises(SystemExit):
        main(["--repeats", "0"])
