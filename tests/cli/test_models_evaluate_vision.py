"""`models evaluate people | rapid_motion | parking` and `count`: tables, and what is no picture."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from edge.cli.command import dispatch
from edge.vision.opencv import opencv

VISION = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "vision"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a picture, a grey one, one with an alpha channel, and one that is none."""
    cv2 = opencv()
    grey = np.random.default_rng(3).integers(80, 120, (64, 80), np.uint8)
    cv2.imwrite(str(tmp_path / "colour.png"), np.repeat(grey[:, :, None], 3, 2))
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    cv2.imwrite(str(tmp_path / "alpha.png"), np.repeat(grey[:, :, None], 4, 2))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG but no more")
    return tmp_path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_people_of_a_folder_and_of_a_table(
    folder: Path, fetched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "out.csv"
    base = ["models", "--fetched", str(fetched), "evaluate", "people", "--out", str(out)]
    assert dispatch([*base, "--images", str(folder), "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "images": 4,
        "failed": 1,
        "out": str(out),
        "detector": "people",
    }
    assert "broken.png: cannot be read" in told.err
    assert out.read_text(encoding="utf-8").splitlines()[0] == "image,class,score,x1,y1,x2,y2"
    if not VISION.is_dir():
        pytest.skip(f"{VISION} is not there")
    picture = next(VISION.glob("heads/*.jpg"))
    (folder / "list.csv").write_text(f"image,x\n{picture},1\n{picture},2\n")
    assert (
        dispatch([*base, "--images", str(folder / "list.csv"), "--threshold", "0.3", "--tiles", "2x2"]) == 0
    )
    rows = table(out)
    assert {row["class"] for row in rows} >= {"person"}
    assert all(0.3 <= float(row["score"]) <= 1 for row in rows)
    assert all(float(row["x1"]) < float(row["x2"]) for row in rows)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["evaluate", "people", "--images", "nothing.csv"], "No such file"),
        (["evaluate", "people", "--images", "empty"], "holds no picture"),
        (["evaluate", "people", "--images", "other.csv"], "no column `image`"),
        (["evaluate", "rapid_motion", "--clips", "other.csv"], "no column `clip`"),
        (["evaluate", "parking", "--images", "binary.csv"], "not a CSV file"),
        (["evaluate", "parking", "--images", "header.csv"], "lists nothing"),
    ],
)
def test_wrong_tables_are_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.csv").write_text("path\na.png\n")
    (tmp_path / "header.csv").write_text("image\n")
    (tmp_path / "binary.csv").write_bytes(bytes(range(128, 256)))
    assert dispatch(["models", *arguments, "--out", "out.csv"]) == 2
    assert says in capsys.readouterr().err


def test_ours_needs_no_fetching_and_the_public_one_says_how(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["models", "--fetched", str(tmp_path / "none"), "evaluate", "people", "--images", str(folder)]
    command += ["--out", str(tmp_path / "out.csv")]
    assert dispatch([*command, "--detector", "people_yolox"]) == 3
    assert not (tmp_path / "out.csv").exists()
    assert dispatch(command) == 1  # some of those pictures cannot be read
    assert (tmp_path / "out.csv").read_text().startswith("image,class,score")
    assert dispatch(["count", str(folder / "grey.png"), "--fetched", str(tmp_path / "none")]) == 0
    assert capsys.readouterr().err.count("lamppost models fetch people_yolox") == 1


def test_parking_of_pictures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bays.csv").write_text("image\ncolour.png\ngrey.png\nbroken.png\nmissing.png\n")
    out = folder / "out.csv"
    assert (
        dispatch(["models", "evaluate", "parking", "--images", str(folder / "bays.csv"), "--out", str(out)])
        == 1
    )
    rows = table(out)
    assert [row["image"] for row in rows] == ["colour.png", "grey.png", "broken.png", "missing.png"]
    assert rows[0]["state"] == "free"  # plain grey asphalt
    assert [row["state"] for row in rows[2:]] == ["", ""]
    assert "missing.png: no such file" in capsys.readouterr().err


def test_rapid_motion_of_clips(folder: Path, fetched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not VISION.is_dir():
        pytest.skip(f"{VISION} is not there")
    clip = VISION / "fights" / "fi001.mp4"
    (folder / "clips.csv").write_text(f"clip,label\n{clip},fight\nbroken.png,no_fight\n")
    out = folder / "out.csv"
    command = [
        "models",
        "--fetched",
        str(fetched),
        "evaluate",
        "rapid_motion",
        "--clips",
        str(folder / "clips.csv"),
    ]
    assert dispatch([*command, "--out", str(out)]) == 1
    rows = table(out)
    assert [row["clip"] for row in rows] == [str(clip), "broken.png"]
    assert 0 < float(rows[0]["score"]) < 1
    assert rows[1]["score"] == ""
    assert "broken.png: is no video" in capsys.readouterr().err


def test_count_of_a_picture_and_a_video(
    folder: Path, fetched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2 = opencv()
    video = cv2.VideoWriter(str(folder / "film.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (80, 64))
    for _ in range(6):
        video.write(cv2.imread(str(folder / "colour.png")))
    video.release()
    assert (
        dispatch(["count", str(folder / "alpha.png"), "--fetched", str(fetched), "--tiles", "1x1", "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out) == {
        "frame": 0,
        "seconds": 0.0,
        "people": 0,
        "two_wheelers": 0,
        "vehicles": 0,
    }
    film = ["count", str(folder / "film.avi"), "--fetched", str(fetched), "--tiles", "1x1", "--json"]
    assert dispatch([*film, "--rate", "5"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(t["frame"], t["seconds"]) for t in told] == [(0, 0.0), (2, 0.2), (4, 0.4)]


def test_count_of_what_is_no_picture(folder: Path, fetched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["count", str(folder / "broken.png"), "--fetched", str(fetched)]) == 1
    assert dispatch(["count", str(folder / "grey.png"), "--fetched", str(fetched), "--rate", "0"]) == 2
    (folder / "film.avi").write_bytes(b"RIFF no more")
    assert dispatch(["count", str(folder / "film.avi"), "--fetched", str(fetched)]) == 3
    settings = folder / "lamppost.toml"
    settings.write_text('[node]\ncity = "a"\nid = "b"\n')
    assert dispatch(["count", str(folder / "grey.png"), "--config", str(settings)]) == 2
    errors = capsys.readouterr().err
    assert "broken.png: cannot be read" in errors
    assert "has no [detectors.people]" in errors
