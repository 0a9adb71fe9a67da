"""What trains and what is exported; needs the packages of scripts/street_sound/requirements.txt."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest

torch = pytest.importorskip("torch")  # the imports after it need it
# ruff: noqa: E402

from torch import Tensor

from edge.dsp.log_mel import SHAPE
from scripts.onnx_files import one_thread_session
from scripts.street_sound.head import digest, layers, load, refuse_others
from scripts.street_sound.labels import OUTPUTS, UNKNOWN
from scripts.street_sound.network import FEATURES, Judge, Shipped, StreetNet, export
from scripts.street_sound.teacher import Heard, Teacher
from scripts.street_sound.train import (
    BATCH,
    Feed,
    Loss,
    Stage,
    fit,
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
                yamnet=rng.normal(-5, 2, (ROWS, 521)).astype(np.float16),
            )


def test_the_shards_of_a_fold_come_in_order_and_a_missing_fold_is_told(tmp_path: Path) -> None:
    _pool(tmp_path, [0, 2], 2)
    assert [p.name for p in shards(tmp_path, 2)] == ["fold2-000.npz", "fold2-001.npz"]
    with pytest.raises(SystemExit, match=r"run scripts\.street_sound\.pool first"):
        shards(tmp_path, 1)


def test_every_view_is_a_row_with_the_targets_of_its_mixture(tmp_path: Path) -> None:
    _pool(tmp_path, [1], 1)
    rows = read_shard(tmp_path / "fold1-000.npz")
    assert rows["pictures"].shape == (ROWS * VIEWS, *SHAPE)
    np.testing.assert_array_equal(rows["yamnet"][0], rows["yamnet"][1])


def test_a_feed_gives_the_same_batch_again_and_reaches_every_shard(tmp_path: Path) -> None:
    _pool(tmp_path, [0, 1, 2], 2)
    paths = [path for fold in (0, 1, 2) for path in shards(tmp_path, fold)]
    feed, again = (Feed(paths, 5 * BATCH) for _ in range(2))
    assert feed.steps == 5
    seen = set()
    for step in range(feed.steps):
        batch = feed.batch(step)
        assert batch["pictures"].shape == (BATCH, *SHAPE)
        assert batch["pictures"].dtype == torch.float32
        seen |= set(batch["targets"][:, 0].tolist())
    assert seen == {0.0, 1.0, 2.0}
    assert torch.equal(again.batch(4)["pictures"], feed.batch(4)["pictures"])


class Taught(StreetNet):
    """A network as a teacher."""

    def __call__(self, pictures: Tensor) -> Heard:
        with torch.no_grad():
            layers = self.chain(pictures[:, None])
            return Heard(layers, layers[-1].mean(dim=(2, 3)), self.tags(self.gathered(layers)))


def _loss(path: Path) -> Loss:
    torch.manual_seed(3)
    sample = torch.from_numpy(read_shard(path)["pictures"].astype(np.float32))
    return Loss(cast("Teacher", Taught().eval()), sample, FAMILIES)


@pytest.mark.parametrize("forced", [True, False])
def test_a_network_that_is_its_teacher_costs_least(tmp_path: Path, forced: bool) -> None:
    _pool(tmp_path, [1], 1)
    loss = _loss(tmp_path / "fold1-000.npz")
    batch = {
        k: torch.from_numpy(v.astype(np.float32)) for k, v in read_shard(tmp_path / "fold1-000.npz").items()
    }
    batch["targets"][:] = UNKNOWN
    torch.manual_seed(3)
    same, other = Taught().eval(), StreetNet().eval()
    batch["yamnet"] = same.said(same.features(batch["pictures"][:, None]))[2].detach()
    with torch.no_grad():
        costs = [float(loss(net, batch["pictures"], batch, forced)) for net in (same, other)]
    assert costs[0] < costs[1]


def test_layers_learn_by_themselves_what_the_teachers_layers_do(tmp_path: Path) -> None:
    _pool(tmp_path, [1], 1)
    path = tmp_path / "fold1-000.npz"
    loss = _loss(path)
    batch = {k: torch.from_numpy(v.astype(np.float32)) for k, v in read_shard(path).items()}
    costs = []
    for name, steps in (("few", 1), ("more", 30)):
        stage = Stage(name, steps * BATCH, 4e-3, forced=True)
        net = fit(stage, Feed([path], stage.seen), loss, None, tmp_path).train()
        costs.append(float(loss(net, batch["pictures"], batch, forced=True).detach()))
    assert costs[1] < 0.95 * costs[0]


def test_a_further_stage_goes_on_with_other_batches(tmp_path: Path) -> None:
    _pool(tmp_path, [0], 2)
    paths = shards(tmp_path, 0)
    loss = _loss(paths[0])
    first = fit(Stage("layers", BATCH, 1e-3), Feed(paths, BATCH), loss, None, tmp_path)
    drawn: list[int] = []

    class Watched(Feed):
        def batch(self, step: int) -> dict[str, Tensor]:
            drawn.append(step)
            return super().batch(step)

    stage = Stage("base", 4 * BATCH, 1e-3, before=BATCH)
    more = fit(stage, Watched(paths, stage.seen), loss, first, tmp_path)
    assert drawn == [1, 2, 3, 4]
    assert not torch.equal(more.answer.weight, first.answer.weight)
    again = fit(stage, Watched(paths, stage.seen), loss, first, tmp_path)
    assert torch.equal(again.answer.weight, more.answer.weight)
    assert drawn == [1, 2, 3, 4]  # what is finished is not trained again


class Interrupted(Feed):
    """Ends at the third batch as if somebody had pressed Ctrl-C."""

    def batch(self, step: int) -> dict[str, Tensor]:
        if step == 2:
            raise KeyboardInterrupt
        return super().batch(step)


def test_a_training_that_was_interrupted_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.street_sound.train._SAVE_EVERY", 1)
    _pool(tmp_path, [0], 1)
    paths = shards(tmp_path, 0)
    loss, stage = _loss(paths[0]), Stage("0", 3 * BATCH, 1e-3)
    (tmp_path / "straight").mkdir()
    straight = fit(stage, Feed(paths, stage.seen), loss, None, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        fit(stage, Interrupted(paths, stage.seen), loss, None, tmp_path)
    capsys.readouterr()
    resumed = fit(stage, Feed(paths, stage.seen), loss, None, tmp_path)
    for a, b in zip(straight.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    told = capsys.readouterr().err
    assert "step 3" in told
    assert float(told.rsplit("cost ", 1)[1].split()[0]) > 10  # of one batch, not averaged with nothing
    assert not (tmp_path / "0.unfinished.pt").exists()


def test_a_last_layer_of_another_network_is_known_and_refused(tmp_path: Path) -> None:
    start = tmp_path / "start.npz"
    start.write_bytes(b"weights")
    for name, of in (("0", digest(start)), ("2", digest(start)), ("all", "other")):
        torch.save({"start": of}, tmp_path / f"{name}.head.pt")
    assert layers(tmp_path, start) == {"0": True, "2": True, "all": False}
    with pytest.raises(SystemExit, match="the last layers all were fitted on another network"):
        refuse_others(tmp_path, start)
    (tmp_path / "all.head.pt").unlink()
    refuse_others(tmp_path, start)


def test_a_last_layer_is_taken_with_its_network(tmp_path: Path) -> None:
    torch.manual_seed(5)
    net = StreetNet().eval()
    save_start(net, tmp_path / "start.npz")
    answer = Judge(net, FAMILIES).answer
    torch.save({"answer": answer.state_dict()}, tmp_path / "0.head.pt")
    again, judge = load(tmp_path / "start.npz", FAMILIES, tmp_path / "0.head.pt")
    assert torch.equal(judge.answer.weight, answer.weight)
    assert torch.allclose(judge.tags[1].weight, net.yamnet.weight[: len(OUTPUTS)], atol=1e-3)
    assert torch.allclose(again.tags.weight, net.tags.weight, atol=1e-3)


def test_the_last_layer_sees_each_height_of_the_middle_layer() -> None:
    torch.manual_seed(4)
    net = StreetNet().eval()
    pictures = torch.randn(2, 1, *SHAPE)
    evidence = Judge(net, FAMILIES).evidence(net.features(pictures))
    spectrum = net.chain(pictures)[12].mean(dim=3).flatten(1)
    assert torch.allclose(evidence[:, FEATURES - spectrum.shape[1] : FEATURES], spectrum, atol=1e-6)
    embedding = net.chain(pictures)[-1].mean(dim=(2, 3))
    assert torch.allclose(evidence[:, : embedding.shape[1]], embedding, atol=1e-6)


def test_a_judge_hears_the_tags_of_its_network() -> None:
    torch.manual_seed(1)
    net = StreetNet().eval()
    judge = Judge(net, FAMILIES)
    features = net.features(torch.randn(3, 1, *SHAPE))
    evidence = judge.evidence(features)
    assert evidence.shape == (3, FEATURES + 2 * len(OUTPUTS))
    _, mn04, yamnet = net.said(features)
    assert torch.allclose(evidence[:, FEATURES], mn04[:, [0, 20]].amax(dim=1), atol=1e-5)
    assert torch.allclose(evidence[:, -1], yamnet[:, len(OUTPUTS) - 1], atol=1e-5)


def test_a_start_is_kept_in_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(2)
    net = StreetNet().eval()
    save_start(net, tmp_path / "start.npz")
    assert (tmp_path / "start.npz").stat().st_size < 4_600_000
    again = load_start(tmp_path / "start.npz").eval()
    pictures = torch.randn(2, 1, *SHAPE)
    for a, b in zip(net.said(net.features(pictures)), again.said(again.features(pictures)), strict=True):
        assert torch.allclose(a, b, atol=2e-2)


def test_the_teacher_gives_its_layers_and_says_what_it_says_of_one_picture_alone() -> None:
    folder = Path(__file__).parents[3] / "shared" / "models_reference"
    if not folder.exists():
        pytest.skip("needs ../shared/models_reference")
    pictures = torch.randn(3, *SHAPE)
    heard = Teacher(folder)(pictures)
    path = folder / "efficientat_mn04" / "mn04_as_mel_in.onnx"
    probability, embedding = one_thread_session(path).run(None, {"mel": pictures[1:2, None].numpy()})
    np.testing.assert_allclose(torch.sigmoid(heard.logits[1]).numpy(), probability[0], atol=1e-5)
    np.testing.assert_allclose(heard.embedding[1].numpy(), embedding[0], atol=1e-4)
    ours = StreetNet().eval().chain(pictures[:, None])
    assert [a.shape for a in ours] == [b.shape for b in heard.layers]


# PyTorch warns of its older exporter; the newer one needs another package.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_network_is_exported_at_half_its_size_and_says_the_same(tmp_path: Path) -> None:
    torch.manual_seed(4)
    net = StreetNet().eval()
    judge = Judge(net, FAMILIES)
    export(net, judge, tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").stat().st_size < 4_000_000
    pictures = torch.randn(2, *SHAPE)
    (found,) = one_thread_session(tmp_path / "net.onnx").run(None, {"log_mel": pictures.numpy()})
    wanted = Shipped(net, judge, [1.0] * len(OUTPUTS), [0.0] * len(OUTPUTS)).eval()(pictures)
    np.testing.assert_allclose(found, wanted.detach().numpy(), atol=2e-3)
