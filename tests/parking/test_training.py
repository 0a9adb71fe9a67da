"""What trains and what is exported; needs PyTorch, which is not in this project's environment."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")  # the imports after it need it
# ruff: noqa: E402

from scripts.onnx_files import one_thread_session
from scripts.parking import train
from scripts.parking.augment import augmented
from scripts.parking.corpus import UNKNOWN
from scripts.parking.network import CHANNELS, Bay, export, pooled, scaled
from scripts.parking.teacher import judge, scale_of
from scripts.parking.train import Corpus, Lessons, Plan

SIDES = (32, 16, 8, 8, 4)
SOURCES = ("one", "other", "street_a", "street_loose")


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "_BATCH", {"cpu": 8})


def eye(pictures: Any) -> Any:
    """See in every channel how bright each place is."""
    grey = pictures.mean(dim=1, keepdim=True)
    return [
        torch.nn.functional.adaptive_avg_pool2d(grey, side).expand(-1, channels, -1, -1)
        * torch.linspace(1, 2, channels).view(1, -1, 1, 1)
        for channels, side in zip(CHANNELS, SIDES, strict=True)
    ]


def corpus(brightness: dict[str, float] | None = None) -> Corpus:
    """Return ten crops of each source: free ones dark, occupied ones bright."""
    dice = torch.Generator().manual_seed(1)
    images, occupied, sources = [], [], []
    for source in SOURCES:
        for number in range(10):
            state = UNKNOWN if source == "street_loose" else number % 2
            level = (brightness or {}).get(source, 60.0 + 100 * (number % 2))
            images.append((level + 20 * torch.rand(3, 64, 64, generator=dice)).to(torch.uint8))
            occupied.append(state)
            sources.append(source)
    return Corpus(torch.stack(images), np.array(occupied), np.array(sources))


def scale_on(lessons: Corpus) -> Any:
    """Measure the scale on all crops."""
    return scale_of([eye(lessons.images.float())])


def test_changed_crops_are_pictures_and_the_same_for_the_same_dice() -> None:
    pictures = corpus().images.float()
    first, again, other = (augmented(pictures, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert first.shape == pictures.shape
    assert float(first.min()) >= 0
    assert float(first.max()) <= 255
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_what_is_left_out_is_never_shown() -> None:
    # What is left out alone is bright: in a strip of a neighbour it would show as well.
    lessons = corpus({"one": 0.0, "other": 0.0, "street_a": 0.0, "street_loose": 0.0})
    lessons.images[lessons.source == "one"] = 255
    shown: list[Any] = []

    def watching(pictures: Any) -> Any:
        shown.append(pictures)
        return eye(pictures)

    taught = lessons.source != "one"
    views = Lessons(lessons, taught, watching, scale_on(lessons)).views(torch.Generator().manual_seed(1))
    drawn = [next(views)[2] for _ in range(30)]
    alone = Lessons(lessons, lessons.source == "one", watching, scale_on(lessons))
    next(alone.views(torch.Generator().manual_seed(1)))
    # The brightest line or light that is painted on the dark is not a bright picture.
    assert max(float(each.mean(dim=(1, 2, 3)).max()) for each in shown[:30]) < 150
    assert float(shown[30].mean(dim=(1, 2, 3)).max()) > 150
    assert set(torch.cat(drawn).tolist()) == {UNKNOWN, 0, 1}


def test_features_of_a_source_do_not_depend_on_another_source(tmp_path: Path) -> None:
    plain, changed = corpus(), corpus()
    changed.images[changed.source == "other"] = 0
    scale = scale_on(plain)
    seen = [
        train._seen(tmp_path / f"{number}.pt", each, (eye, scale))
        for number, each in enumerate((plain, changed))
    ]
    known = plain.occupied != UNKNOWN
    one = torch.from_numpy(plain.source[known] == "one")
    other = torch.from_numpy(plain.source[known] == "other")
    assert torch.equal(seen[0][:, one], seen[1][:, one])
    assert not torch.equal(seen[0][:, other], seen[1][:, other])
    assert torch.equal(seen[0], train._seen(tmp_path / "0.pt", changed, (eye, scale)))


def test_the_linear_layer_parts_what_can_be_parted() -> None:
    lessons = corpus()
    known = torch.from_numpy(lessons.occupied != UNKNOWN)
    scale = scale_on(lessons)
    seen = pooled(scale.even(eye(lessons.images[known].float())))
    features = scaled(seen, scale.level, scale.spread)
    answers = torch.from_numpy(lessons.occupied)[known]
    found = judge(features, answers, torch.full((len(answers),), 1 / len(answers)))
    assert torch.equal(found.logits(features) > 0, answers == 1)


def test_a_part_alone_begins_from_the_map_before_it() -> None:
    network = Bay().eval()
    pictures = corpus().images[:2].float()
    own = network.maps(pictures)
    assert [tuple(each.shape[1:]) for each in own] == [
        (channels, side, side) for channels, side in zip(CHANNELS, SIDES, strict=True)
    ]
    for each, same in zip(network.maps(pictures, own), own, strict=True):
        assert torch.allclose(each, same, atol=1e-5)
    given = [torch.zeros_like(each) for each in own]
    given[1] = own[1]
    alone = network.maps(pictures, given)
    assert torch.allclose(alone[2], own[2], atol=1e-5)
    assert not torch.equal(alone[3], own[3])
    assert not alone[3].any()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_the_exported_network_scores_as_the_trained_one_does(tmp_path: Path) -> None:
    network = Bay().eval()
    pictures = corpus().images[:3].float()
    export(network, tmp_path / "bay.onnx")
    found = one_thread_session(tmp_path / "bay.onnx").run(None, {"bay": pictures.numpy()})[0]
    assert found.shape == (3, 1)
    # Weights of half precision move a score by a little.
    assert np.abs(found[:, 0] - torch.sigmoid(network(pictures)).detach().numpy()).max() < 0.01
    assert (tmp_path / "bay.onnx").stat().st_size < 4_000_000


@pytest.mark.parametrize(
    ("words", "says"),
    [(("--only", "onee"), "there are one, other, nothing"), (("--minutes", "0"), "above 0")],
)
def test_what_cannot_be_trained_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.setattr(train, "_read", lambda _path, _device: corpus())
    monkeypatch.setattr(train, "teacher", lambda _device: eye)
    monkeypatch.setattr("sys.argv", ["train", "--cache", str(tmp_path), *words])
    with pytest.raises(SystemExit):
        train.main()
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_training_ends_with_its_time_and_goes_on_from_what_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lessons = corpus()
    clock = itertools.count(0.0, 1.0)
    draws = Lessons(lessons, lessons.street, eye, scale_on(lessons))

    def losses() -> list[float]:
        return [float(word.strip(",")) for word in capsys.readouterr().out.splitlines()[-1].split()[-3:]]

    def trained(seconds: float) -> Any:
        plan = Plan("street", None, lessons.street, 1, seconds)
        network = train._trained(tmp_path, plan, draws, None, lambda: next(clock))
        return network, torch.load(tmp_path / "street.pt", weights_only=True)

    first, kept = trained(4.0)
    assert kept["steps"] == 3
    again, kept = trained(4.0)
    assert kept["steps"] == 3
    for one, same in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, same)
    before = losses()
    _, kept = trained(7.0)
    assert kept["steps"] == 4
    trained(16.0)
    assert losses()[0] > before[0] / 2  # those of the steps since, not a fraction of them
