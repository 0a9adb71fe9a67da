"""Training planned by time, from a pool that is still being made; needs the packages of the recipe."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")  # the imports after it need it
# ruff: noqa: E402

from edge.dsp.log_mel import SHAPE, WINDOW_SAMPLES, log_mel
from scripts.street_sound import by_time
from scripts.street_sound.held import Held
from scripts.street_sound.labels import OUTPUTS, UNKNOWN
from scripts.street_sound.teacher import Teacher, TorchTeacher
from scripts.street_sound.train import START, load_start, one_cycle, trained
from scripts.street_sound.vary import mixed, vary

CPU = torch.device("cpu")
PEERS = Path(__file__).parents[3] / "shared" / "models_reference"


def _shard(path: Path, mixtures: int = 40, level: float = 0.0) -> None:
    rng = np.random.default_rng(1)
    np.savez(
        path,
        pictures=rng.normal(level, 1, size=(mixtures, 2, *SHAPE)).astype(np.float16),
        targets=np.full((mixtures, len(OUTPUTS)), 0 if level else UNKNOWN, np.float16),
        yamnet=rng.normal(-5, 2, (mixtures, 521)).astype(np.float16),
    )


def test_shards_that_come_later_are_taken_in_and_unfinished_and_labelled_ones_are_not(tmp_path: Path) -> None:
    _shard(tmp_path / "fold-1-000.npz")
    _shard(tmp_path / "fold-1-001.part.npz")
    _shard(tmp_path / "fold2-000.npz")
    held = Held(tmp_path, CPU, 40)
    held.look(0.0)
    assert len(held) == 40
    _shard(tmp_path / "fold-1-002.npz", level=2)
    held.look(0.5)
    assert len(held) == 40  # it does not look all the time
    held.look(10.0)
    assert len(held) == 80
    batch = held.batch(3)
    assert batch["pictures"].shape == (40, *SHAPE)
    assert 5 < int((batch["targets"][:, 0] == 0).sum()) < 35
    # A row's targets are those of its picture.
    assert torch.equal(batch["pictures"].mean(dim=(1, 2)) > 1, batch["targets"][:, 0] == 0)
    assert torch.equal(held.batch(3)["pictures"], batch["pictures"])
    assert held.first(20).shape == (20, *SHAPE)


def test_it_waits_for_what_is_not_made_yet_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.street_sound.held._LOOK_EVERY_S", 0.0)
    monkeypatch.setattr("time.sleep", lambda _: _shard(tmp_path / "fold-1-000.npz"))
    Held(tmp_path, CPU, 1).wait(1)
    assert "waits for 1 mixtures" in capsys.readouterr().err


def test_powers_of_mixed_pictures_add_up_at_the_same_level() -> None:
    rng = np.random.default_rng(1)
    low = np.sin(np.arange(WINDOW_SAMPLES) * 2 * np.pi * 500 / 32_000) + rng.normal(0, 0.02, WINDOW_SAMPLES)
    noise = rng.normal(0, 1, WINDOW_SAMPLES)
    pictures = torch.from_numpy(log_mel(np.stack([low, noise]).astype(np.float32)))
    found = mixed(pictures, 1, torch.Generator().manual_seed(5))
    assert torch.equal(found[0], pictures[0])
    natural = 5 * found[1, :, 5:-5]
    # What is above both: a part of the noise, and the tone where it is stronger.
    gain = math.exp(float((natural - 5 * pictures[1, :, 5:-5])[100:].mean()))
    assert 0 < gain < 1
    other = (1 - gain) * torch.exp(5 * pictures[0, 20, 50])
    assert float(torch.exp(natural[20].median())) == pytest.approx(
        float(other + gain * torch.exp(5 * pictures[1, 20].median())), rel=0.3
    )


def test_no_picture_is_mixed_where_none_is_to_be_and_all_differ_each_time() -> None:
    pictures = torch.randn(4, *SHAPE)
    generator = torch.Generator().manual_seed(2)
    assert mixed(pictures, 0, generator) is pictures
    first, second = (vary(pictures, torch.Generator().manual_seed(k)) for k in (1, 2))
    assert first.shape == pictures.shape
    assert not torch.equal(first, second)
    assert torch.equal(first, vary(pictures, torch.Generator().manual_seed(1)))


def test_the_rate_rises_and_falls_to_almost_nothing() -> None:
    rates = [one_cycle(k / 100)[0] for k in range(101)]
    assert rates[0] == pytest.approx(0.04)
    assert max(rates) == rates[15] == pytest.approx(1.0)
    assert rates[-1] < 1e-5
    assert one_cycle(0.15)[1] == pytest.approx(0.85)


@pytest.fixture
def peers() -> Path:
    pytest.importorskip("onnx2torch")
    if not PEERS.exists():
        pytest.skip("needs ../shared/models_reference")
    return PEERS


def test_the_teacher_of_an_accelerator_hears_the_same(peers: Path) -> None:
    pictures = torch.randn(5, *SHAPE)
    ours, theirs = TorchTeacher(peers, CPU)(pictures), Teacher(peers)(pictures)
    for a, b in zip(ours.layers, theirs.layers, strict=True):
        assert torch.allclose(a, b, atol=1e-4)
    assert torch.allclose(ours.embedding, theirs.embedding, atol=1e-4)
    assert torch.allclose(ours.logits, theirs.logits, atol=1e-3)


def test_a_training_by_time_leaves_its_network(
    tmp_path: Path, peers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pool-any").mkdir()
    _shard(tmp_path / "pool-any" / "fold-1-000.npz", 256)
    assert trained(tmp_path) == START
    arguments = ["--cache", tmp_path, "--peers", peers, "--minutes", 0.05, "--batch", 16]
    monkeypatch.setattr(sys, "argv", ["by_time", *map(str, arguments)])
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    by_time.main()
    assert {p.name for p in (tmp_path / "network").iterdir()} == {"layers.pt", "base.pt", "start.npz"}
    found, kept = load_start(trained(tmp_path)), torch.load(tmp_path / "network" / "base.pt")
    assert torch.allclose(found.tags.weight, kept["tags.weight"], atol=1e-3)
