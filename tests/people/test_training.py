"""What trains and what is exported; needs PyTorch, which is not in this project's environment."""

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")  # the imports after it need it
# ruff: noqa: E402

from edge.vision.yolox import rows_of
from scripts.people import drawing, evaluate, export
from scripts.people import train as training
from scripts.people.augment import Store
from scripts.people.corpus import Image, Picture
from scripts.people.evaluate import finder_of_file
from scripts.people.losses import outputs_of
from scripts.people.network import People
from scripts.people.teachers import Yolox, grid_of

CHANNELS = ((32, 4), (64, 8), (128, 16), (256, 32), (64, 8), (128, 16), (256, 32))


class Teacher:
    """Sees a person in the middle of every picture."""

    def look(self, pictures: Any) -> tuple[list[Any], Any]:
        """Give features that depend on the picture, and rows."""
        number, side = len(pictures), pictures.shape[2]
        level = pictures.mean(dim=(1, 2, 3))[:, None, None, None] / 255
        junctions = [
            level.expand(number, width, side // stride, side // stride).contiguous()
            for width, stride in CHANNELS
        ]
        rows = torch.zeros(number, len(grid_of((side, side))[0]), 11)
        rows[:, rows.shape[1] // 2, 4:6] = 0.9
        return junctions, rows


def train(folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Train as a user would, on two synthetic pictures, with a teacher that needs no file."""
    torch.set_num_threads(1)
    monkeypatch.setattr(training, "Guide", lambda _folder, _device: Teacher())
    monkeypatch.setattr(training, "load_store", lambda _cache, _licences, _workers: store)
    monkeypatch.setattr(drawing, "_EARLY", (96,))
    monkeypatch.setattr(drawing, "_LATE", (64,))
    monkeypatch.setattr(drawing, "SIDE", 64)
    given = ["train", "--cache", str(folder), "--teachers", str(folder), "--batch", "2", *words]
    monkeypatch.setattr("sys.argv", given)
    training.main()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_learns_goes_on_and_ships(
    tmp_path: Path, store: Store, make_picture: Callable[[int], Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tmp_path, store, monkeypatch, "--pictures", "8")
    before = training.read_weights(tmp_path / "people_any.npz")
    assert torch.load(tmp_path / "people_any.pt", weights_only=True)["step"] == 4
    train(tmp_path, store, monkeypatch, "--pictures", "12")
    assert torch.load(tmp_path / "people_any.pt", weights_only=True)["step"] == 6
    after = training.read_weights(tmp_path / "people_any.npz")
    assert any(not torch.equal(before[name], value) for name, value in after.items())
    monkeypatch.setattr("sys.argv", ["export", "--cache", str(tmp_path)])
    export.main()
    assert (tmp_path / "people_any.onnx").stat().st_size < 4_000_000
    finder = finder_of_file(tmp_path / "people_any.onnx", lowest=0.0)
    assert len(finder.find(make_picture(1))) > 0


def test_minutes_are_a_plan_too_and_pass_over_an_interruption(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 12))
    monkeypatch.setattr("scripts.people.train.time.monotonic", lambda: next(clock))
    train(tmp_path, store, monkeypatch, "--minutes", "1")
    kept = torch.load(tmp_path / "people_any.pt", weights_only=True)
    assert kept["spent_s"] >= 60
    train(tmp_path, store, monkeypatch, "--minutes", "2")
    more = torch.load(tmp_path / "people_any.pt", weights_only=True)
    assert more["spent_s"] >= 120
    assert more["step"] > kept["step"]


def test_several_processes_draw_what_one_draws(store: Store) -> None:
    draws = drawing.Draws(store, 2, torch.tensor([0.9]).share_memory_())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cores, and of forks beside threads
        one, two = (drawing.batches(draws, workers, 3, pinned=False) for workers in (0, 2))
        for _ in range(3):
            ours, theirs = next(one), next(two)
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert ours.pictures.shape == (2, 416, 416, 3)
    assert ours.boxes.shape[::2] == (2, 6)


def test_some_pictures_are_spoilt_for_the_network_alone(store: Store) -> None:
    for done, side in ((0.0, (224, 288)), (0.5, (288, 352, 416)), (0.95, (416,))):
        made = drawing.draw(store, 12, np.random.default_rng(1), done)
        assert made.pictures.shape[1] in side
        assert 0 < len(made.which) < 12
        assert not torch.equal(made.pictures[made.which], made.spoilt)


def test_rows_are_those_of_its_input() -> None:
    network = People().eval()
    with torch.no_grad():
        rows = network(torch.zeros(1, 3, 96, 160))
    assert rows.shape == (1, rows_of(96, 160), 11)
    assert torch.isfinite(rows).all()


def test_it_goes_on_from_weights_that_were_kept(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tmp_path, store, monkeypatch, "--pictures", "4")
    (tmp_path / "people_any.npz").replace(tmp_path / "before.npz")
    start = ("--start", str(tmp_path / "before.npz"))
    with pytest.raises(SystemExit, match="delete it"):
        train(tmp_path, store, monkeypatch, "--pictures", "4", *start)
    (tmp_path / "people_any.pt").unlink()
    args = argparse.Namespace(
        cache=tmp_path, pictures=4, minutes=None, batch=2, workers=0, licences="any", start=Path(start[1])
    )
    more = training.Trainer(args, store, torch.device("cpu"))
    kept = training.read_weights(tmp_path / "before.npz")
    assert all(torch.equal(kept[name], value) for name, value in more.network.state_dict().items())
    assert more.step == 0


def test_what_went_on_from_weights_goes_on_after_an_interruption(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[bool] = []

    def watching(network: Any, batch: Any, alone: bool) -> Any:
        forced.append(alone)
        return outputs_of(network, batch, alone)

    monkeypatch.setattr(training, "outputs_of", watching)
    training.write_weights(People().state_dict(), tmp_path / "before.npz")
    start = ("--start", str(tmp_path / "before.npz"))
    train(tmp_path, store, monkeypatch, "--pictures", "2", *start)
    train(tmp_path, store, monkeypatch, "--pictures", "4", *start)
    (tmp_path / "before.npz").unlink()
    train(tmp_path, store, monkeypatch, "--pictures", "6")
    assert torch.load(tmp_path / "people_any.pt", weights_only=True)["step"] == 3
    # No stage learned alone, as those of a new network do first.
    monkeypatch.setattr(training, "_FORCED_UNTIL", 1.0)
    monkeypatch.setattr(training, "_FREE_FROM", 2.0)
    train(tmp_path, store, monkeypatch, "--pictures", "8")
    assert forced == [False] * 4
    (tmp_path / "before.npz").write_bytes(b"other weights")
    with pytest.raises(SystemExit, match="delete it"):
        train(tmp_path, store, monkeypatch, "--pictures", "4", *start)


def test_steps_of_another_size_are_not_gone_on_with(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tmp_path, store, monkeypatch, "--pictures", "2")
    with pytest.raises(SystemExit, match="begun with --batch 2"):
        train(tmp_path, store, monkeypatch, "--pictures", "4", "--batch", "1")


@pytest.mark.parametrize(
    "plan", [("--pictures", "0"), ("--minutes", "-1"), ("--minutes", "1", "--batch", "0")]
)
def test_a_plan_of_nothing_is_refused(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, plan: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit):
        train(tmp_path, store, monkeypatch, *plan)


def test_without_pictures_held_out_nothing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Picture("0.jpg", "a.jpg", "a source", "CC0", True, "people", "train")
    monkeypatch.setattr(evaluate, "pictures", lambda _cache: [one])
    monkeypatch.setattr(evaluate, "read_boxes", lambda _cache: {"0.jpg": np.zeros((0, 6))})
    with pytest.raises(SystemExit, match="no picture is held out"):
        evaluate.held_out(tmp_path)


TEACHERS = Path(__file__).resolve().parents[2].parent / "shared" / "models_reference"


@pytest.mark.skipif(not TEACHERS.exists(), reason="the public models are not here")
def test_the_guide_says_what_onnxruntime_says() -> None:
    pytest.importorskip("onnx2torch")
    from scripts.people.guide import Guide

    torch.set_num_threads(1)
    given = np.random.default_rng(3).uniform(0, 255, (2, 3, 64, 96)).astype(np.float32)
    junctions, rows = Guide(TEACHERS, torch.device("cpu")).look(torch.from_numpy(given))
    assert [one.shape[1] for one in junctions] == [width for width, _ in CHANNELS]
    assert rows.numpy() == pytest.approx(Yolox(TEACHERS).rows(given), abs=1e-3)
