"""What trains and what is exported; needs the packages of scripts/street_sound/requirements.txt."""

import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")  # the imports after it need it
# ruff: noqa: E402

from torch import Tensor

from edge.dsp.log_mel import SHAPE
from scripts.street_sound.head import unfitted
from scripts.street_sound.labels import OUTPUTS
from scripts.street_sound.network import FEATURES, Judge, StreetNet
from scripts.street_sound.train import (
    BATCH,
    Feed,
    Loss,
    Stage,
    fit,
    furthest,
    load_start,
    read_shard,
    save_start,
    shards,
)

FAMILIES = ([[k, k + 20] for k in range(len(OUTPUTS))], [[k] for k in range(len(OUTPUTS))])
ROWS, VIEWS = 40, 2


def _pool(folder: Path, folds: list[int], count: int) -> None:
    for fold in folds:
        for serial in range(count):
            rng = np.random.default_rng([fold + 1, serial])
            np.savez(
                folder / f"fold{fold}-{serial:03d}.npz",
                pictures=rng.normal(size=(ROWS, VIEWS, *SHAPE)).astype(np.float16),
                targets=np.full((ROWS, len(OUTPUTS)), fold, np.float16),
                embeddings=rng.normal(size=(ROWS, 384)).astype(np.float16),
                logits=rng.normal(-5, 2, (ROWS, 527)).astype(np.float16),
                yamnet=rng.normal(-5, 2, (ROWS, 521)).astype(np.float16),
            )


def test_shards_of_the_folds_come_by_turns_and_a_missing_fold_is_told(tmp_path: Path) -> None:
    _pool(tmp_path, [0, 2], 2)
    names = [p.name for p in shards(tmp_path, [0, 2])]
    assert names == ["fold0-000.npz", "fold2-000.npz", "fold0-001.npz", "fold2-001.npz"]
    with pytest.raises(SystemExit, match=r"run scripts\.street_sound\.pool first"):
        shards(tmp_path, [0, 1])


def test_every_view_is_a_row_with_the_targets_of_its_mixture(tmp_path: Path) -> None:
    _pool(tmp_path, [1], 1)
    rows = read_shard(tmp_path / "fold1-000.npz")
    assert rows["pictures"].shape == (ROWS * VIEWS, *SHAPE)
    np.testing.assert_array_equal(rows["logits"][0], rows["logits"][1])


def test_a_feed_gives_the_same_batch_again_and_reaches_every_shard(tmp_path: Path) -> None:
    _pool(tmp_path, [0, 1, 2], 2)
    feed, again = (Feed(shards(tmp_path, [0, 1, 2]), 5 * BATCH) for _ in range(2))
    assert feed.steps == 5
    seen = set()
    for step in range(feed.steps):
        batch = feed.batch(step)
        assert batch["pictures"].shape == (BATCH, *SHAPE)
        assert batch["pictures"].dtype == torch.float32
        seen |= set(batch["targets"][:, 0].tolist())
    assert seen == {0.0, 1.0, 2.0}
    assert torch.equal(again.batch(4)["pictures"], feed.batch(4)["pictures"])


def test_the_cost_falls_when_the_network_says_what_the_teachers_say(tmp_path: Path) -> None:
    _pool(tmp_path, [1], 1)
    rows = read_shard(tmp_path / "fold1-000.npz")
    loss = Loss(rows, FAMILIES)
    batch = {k: torch.from_numpy(v.astype(np.float32)) for k, v in rows.items()}
    embeddings = batch["embeddings"]
    wanted = (embeddings - embeddings.mean(0)) / (embeddings.std(0, correction=0) + 1e-2)
    right = (torch.full((ROWS * VIEWS, len(OUTPUTS)), 4.0), wanted, batch["logits"], batch["yamnet"])
    wrong = tuple(-part for part in right)
    assert loss(right, batch) < 0.5 * loss(wrong, batch)


def test_a_further_stage_goes_on_with_other_batches_and_is_the_furthest(tmp_path: Path) -> None:
    _pool(tmp_path, [0, 1], 1)
    paths = shards(tmp_path, [0, 1])
    loss = Loss(read_shard(paths[0]), FAMILIES)
    assert furthest(tmp_path, "0") is None
    first = fit(Stage("0", BATCH, 1e-3), paths, loss, None, tmp_path)
    assert furthest(tmp_path, "0") == tmp_path / "0.pt"
    drawn: list[int] = []

    class Watched(Feed):
        def batch(self, step: int) -> dict[str, Tensor]:
            drawn.append(step)
            return super().batch(step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scripts.street_sound.train.Feed", Watched)
        more = fit(Stage("0.more", 4 * BATCH, 1e-3, before=BATCH), paths, loss, first, tmp_path)
    assert drawn == [1, 2, 3, 4]
    assert furthest(tmp_path, "0") == tmp_path / "0.more.pt"
    assert not torch.equal(more.answer.weight, first.answer.weight)
    again = fit(Stage("0.more", 4 * BATCH, 1e-3, before=BATCH), paths, loss, first, tmp_path)
    assert torch.equal(again.answer.weight, more.answer.weight)


def test_a_last_layer_is_fitted_again_after_further_training(tmp_path: Path) -> None:
    for name, made_s in (("0.pt", 1), ("0.head.pt", 2), ("1.pt", 1), ("all.pt", 1), ("all.head.pt", 3)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (made_s, made_s))
    assert unfitted(tmp_path) == [("1", tmp_path / "1.pt")]
    for name in ("0.more.pt", "all.more.pt"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (3, 3))
    assert unfitted(tmp_path) == [("0", tmp_path / "0.more.pt"), ("1", tmp_path / "1.pt")]


def test_a_judge_begins_with_the_answers_of_its_network_and_hears_its_tags() -> None:
    torch.manual_seed(1)
    net = StreetNet().eval()
    judge = Judge(net, FAMILIES)
    features = net.features(torch.randn(3, 1, *SHAPE))
    evidence = judge.evidence(features)
    assert evidence.shape == (3, FEATURES + 2 * len(OUTPUTS))
    expected = net.tags(features)[:, [0, 20]].amax(dim=1)
    assert torch.allclose(evidence[:, FEATURES], expected, atol=1e-5)
    assert torch.allclose(evidence[:, -1], net.yamnet(features)[:, len(OUTPUTS) - 1], atol=1e-5)


def test_a_start_is_kept_in_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(2)
    net = StreetNet().eval()
    save_start(net, tmp_path / "start.npz")
    assert (tmp_path / "start.npz").stat().st_size < 2_500_000
    again = load_start(tmp_path / "start.npz").eval()
    pictures = torch.randn(2, 1, *SHAPE)
    for a, b in zip(net(pictures), again(pictures), strict=True):
        assert torch.allclose(a, b, atol=2e-2)
