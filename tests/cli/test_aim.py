"""`lamppost aim`: outlines and nothing else, and pairs that fit or do not."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from edge.cli.command import dispatch
from edge.detectors.people import GroundPlane
from edge.vision.opencv import opencv
from edge.vision.outline import braille, outlines

PAIRS = ["0.2,0.9=0,0", "0.8,0.9=6,0", "0.7,0.3=6,12", "0.3,0.3=0,12"]


def given(pairs: list[str]) -> list[str]:
    return [part for pair in pairs for part in ("--pair", pair)]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Give a picture of a dark gate before a bright wall, with colours and texture that must not show."""
    image = np.random.default_rng(4).integers(190, 215, (240, 320, 3), np.uint8)
    image[60:200, 100:220] = (40, 20, 60)
    path = tmp_path / "gate.png"
    opencv().imwrite(str(path), image)
    return path


def test_outlines_are_drawn_with_a_ruler_and_written_as_a_silhouette(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "outline.png"
    assert dispatch(["aim", "--file", str(picture), "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("0.0 ")
    assert lines[-1].split() == [f"{tenth / 10:.1f}" for tenth in range(11)]
    assert {ord(sign) >> 8 for line in lines[:-1] for sign in line[4:]} == {0x28}
    written = opencv().imread(str(out), opencv().IMREAD_UNCHANGED)
    assert written.ndim == 2
    assert set(np.unique(written)) == {0, 255}
    assert 0.9 < (written == 255).mean() < 0.999


def test_who_passes_is_not_drawn() -> None:
    street = np.full((240, 320, 3), 200, np.uint8)
    street[180:184] = 40
    pictures = []
    for step in range(9):
        pictures.append(street.copy())
        pictures[-1][60:160, 30 * step : 30 * step + 25] = 30
    edges = outlines(pictures)
    assert edges[150:200].any()
    assert not edges[:140].any()
    assert len(braille(edges, 40)[0]) == 40


def test_pairs_that_fit_give_a_snippet_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["aim", *given(PAIRS)]) == 0
    told = capsys.readouterr()
    ground = GroundPlane.model_validate(tomllib.loads(told.out)["detectors"]["people"]["ground"])
    assert len(ground.points) == 4
    assert "a fifth tells" in told.err


def test_a_wrong_measurement_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["aim", "--json", *given([*PAIRS, "0.5,0.6=3,12", "0.5,0.9=3,0"])]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["fits"] is False
    assert "measure again" in told.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (given(PAIRS[:3]), 1, "at least four"),
        (given(["0.1,0.1=0,0", "0.2,0.2=1,1", "0.3,0.3=2,2", "0.4,0.4=3,3"]), 1, "one line"),
        (["--file", "nothing.png"], 2, "no such file"),
        (["--config", "nothing.toml"], 2, "no such file"),
    ],
)
def test_what_is_missing_is_said(
    arguments: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["aim", *arguments]) == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["0.2,0.9", "200,90=0,0", "a,b=c,d", "0.1,0.1,0.1=0,0"])
def test_a_pair_that_is_none_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        dispatch(["aim", "--pair", wrong])
    assert stopped.value.code == 2
    assert wrong in capsys.readouterr().err


def test_a_camera_that_the_settings_do_not_have_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "lamppost.toml"
    settings.write_text('[node]\ncity = "a"\nid = "b"\n[sources.camera]\nname = "front"\n')
    assert dispatch(["aim", "--config", str(settings), "--camera", "back"]) == 2
    assert "known: front" in capsys.readouterr().err
