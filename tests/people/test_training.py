"""What trains and what is exported; needs PyTorch, which is not in this project's environment."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")  # the imports after it need it
# ruff: noqa: E402

from edge.vision.yolox import rows_of
from scripts.people.augment import Store
from scripts.people.corpus import Image
from scripts.people.evaluate import finder_of_file
from scripts.people.export import export, main
from scripts.people.network import People
from scripts.people.teachers import grid_of
from scripts.people.train import Scale, Trainer, measure_scale

CHANNELS = ((32, 4), (64, 8), (128, 16), (256, 32), (64, 8), (128, 16), (256, 32))


class Teacher:
    """Sees a person in the middle of every picture."""

    def look(self, batch: Any) -> tuple[list[Any], Any]:
        """Give features that depend on the picture, and rows."""
        number, side = len(batch), batch.shape[2]
        level = batch.mean(axis=(1, 2, 3))[:, None, None, None] / 255
        junctions = [
            np.broadcast_to(level, (number, width, side // stride, side // stride)).astype(np.float32)
            for width, stride in CHANNELS
        ]
        rows = np.zeros((number, len(grid_of((side, side))[0]), 11), np.float32)
        rows[:, len(rows[0]) // 2, 4:6] = 0.9
        return junctions, rows


def trainer(folder: Path, store: Store, pictures: int, start: Path | None = None) -> Trainer:
    """Give a trainer of few steps on two synthetic pictures."""
    teacher: Any = Teacher()
    measure_scale(folder / "scale.npz", store, teacher)
    args = argparse.Namespace(cache=folder, pictures=pictures, batch=2, licences="any", start=start)
    return Trainer(args, store, teacher, Scale(folder / "scale.npz"), "cpu")


def test_it_learns_goes_on_and_ships(
    tmp_path: Path, store: Store, make_picture: Callable[[int], Image]
) -> None:
    torch.set_num_threads(1)
    first = trainer(tmp_path, store, 8)
    first.run()
    assert first.step == 4
    more = trainer(tmp_path, store, 12)
    assert more.step == 4
    before = {name: value.clone() for name, value in more.network.state_dict().items()}
    more.run()
    assert more.step == 6
    assert any(not torch.equal(before[name], value) for name, value in more.network.state_dict().items())
    network = People()
    network.load_state_dict(more.smooth)
    export(network, tmp_path / "people.onnx")
    assert (tmp_path / "people.onnx").stat().st_size < 4_000_000
    finder = finder_of_file(tmp_path / "people.onnx", lowest=0.0)
    assert len(finder.find(make_picture(1))) > 0


def test_rows_are_those_of_its_input() -> None:
    network = People().eval()
    with torch.no_grad():
        rows = network(torch.zeros(1, 3, 96, 160))
    assert rows.shape == (1, rows_of(96, 160), 11)
    assert torch.isfinite(rows).all()


def test_it_goes_on_from_weights_that_were_kept(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    trainer(tmp_path, store, 4).run()
    monkeypatch.setattr("sys.argv", ["export", "--cache", str(tmp_path)])
    main()
    (tmp_path / "people_any.pt").unlink()
    more = trainer(tmp_path, store, 4, tmp_path / "people_any.npz")
    kept = np.load(tmp_path / "people_any.npz")
    for name, value in more.network.state_dict().items():
        assert np.allclose(value.numpy(), kept[name])
    assert more.step == 0
