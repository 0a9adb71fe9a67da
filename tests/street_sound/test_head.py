"""The fit of the last layer; needs the packages of scripts/street_sound/requirements.txt."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")  # the imports after it need it
# ruff: noqa: E402

from torch import Tensor, nn

from edge.dsp.log_mel import SHAPE
from scripts.street_sound.choose import chosen, inside, judged
from scripts.street_sound.corpus import FOLDS, Clip
from scripts.street_sound.figures import Truth
from scripts.street_sound.head import NOTHING_FURTHER, Heard, Terms, answers, fit, hear
from scripts.street_sound.labels import FROM_MANIFEST, OUTPUTS, POOLED, UNKNOWN
from scripts.street_sound.more import Further
from scripts.street_sound.network import FEATURES, Judge, StreetNet
from scripts.street_sound.scores import Windows

FAMILIES = ([[k, k + 20] for k in range(len(OUTPUTS))], [[k] for k in range(len(OUTPUTS))])
WIDTH, WINDOWS, FIREWORK = FEATURES + 2 * len(OUTPUTS), 4, OUTPUTS.index("firework")
SAME = dict.fromkeys(OUTPUTS, Terms())
HUSH = 20  # the feature that lights up in silence; that of each class has its number


def _clips(*, hush: bool = False) -> list[Clip]:
    """24 clips of each class and 48 others in each fold; the clips of group `hush` hold nothing.

    Fewer would drown in the noise of the thousand features.
    """
    sounding = [
        Clip(f"{label}{k}", label, label, "mine", f"{label}{k // 3}", "real", "CC0", fold)
        for fold in range(FOLDS)
        for label, count in (*((label, 24) for label in FROM_MANIFEST.values()), ("other", 48))
        for k in range(1000 * fold, 1000 * fold + count)
    ]
    quiet = Clip("quiet", "fireworks", "fireworks", "mine", "hush", "real", "CC0", 3)
    return [*sounding, *[quiet] * (6 if hush else 0)]


def _evidence(rng: np.random.Generator, rows: int) -> Tensor:
    return torch.from_numpy(rng.normal(0, 0.1, (rows, WIDTH)).astype(np.float32))


def _heard(clips: list[Clip]) -> Heard:
    """What is sudden is in one window of its clip, what is pooled in all; of hush every window is silent."""
    rng = np.random.default_rng(2)
    clip = np.repeat(np.arange(len(clips)), WINDOWS)
    evidence = _evidence(rng, clip.size)
    silent = np.array([clips[i].group == "hush" for i in clip])
    for feature, (name, label) in enumerate(FROM_MANIFEST.items()):
        holds = np.array([clips[i].label == label for i in clip])
        evidence[holds & ((np.arange(clip.size) % WINDOWS == 1) | (name in POOLED)), feature] += 4
    evidence[silent] = 0
    evidence[silent, HUSH] = 4
    mixed = {
        k: (_evidence(rng, 40), torch.full((40, len(OUTPUTS)), UNKNOWN).index_fill(0, torch.arange(20), 0))
        for k in range(FOLDS)
    }
    at_s = 0.25 * (np.arange(clip.size, dtype=np.float32) % WINDOWS)
    return Heard(clip, np.zeros_like(clip), at_s, silent, evidence, mixed, NOTHING_FURTHER)


def _says(layer: nn.Linear, *features: int) -> float:
    """Logit of a firework where these features light up."""
    evidence = torch.zeros(1, WIDTH)
    evidence[0, list(features)] = 4
    return float(layer(evidence)[0, FIREWORK].detach())


def test_what_is_in_one_window_is_learned_and_silence_is_no_firework() -> None:
    clips = _clips(hush=True)
    layer = fit(_heard(clips), clips, [1, 2, 3], SAME)
    nothing = _says(layer)
    assert _says(layer, FIREWORK) > nothing + 1.5
    assert _says(layer, HUSH) < nothing + 0.1
    assert _says(layer, OUTPUTS.index("siren")) < nothing


def test_the_fold_left_out_teaches_nothing() -> None:
    clips = _clips()
    heard = _heard(clips)
    before = fit(heard, clips, [1, 2, 3], SAME)
    outside = np.array([clips[i].fold == 0 for i in heard.clip])
    heard.evidence[outside] += 50
    heard.mixtures[0][0].add_(50)
    assert torch.equal(fit(heard, clips, [1, 2, 3], SAME).weight, before.weight)


def test_what_no_teacher_hears_in_a_further_recording_is_not_there() -> None:
    clips, odd, open_to = _clips(), 30, 31
    heard = _heard(clips)
    beside, absent = torch.zeros(40, WIDTH), torch.full((40, len(OUTPUTS)), UNKNOWN)
    beside[:20, [FIREWORK, odd]] = beside[20:, [FIREWORK, open_to]] = 4
    absent[:20] = 0
    layer = fit(replace(heard, further=(beside, absent, np.arange(40) // 4)), clips, [1, 2, 3], SAME)
    without = fit(heard, clips, [1, 2, 3], SAME)
    both = _says(layer, FIREWORK, odd) - _says(layer, FIREWORK)
    assert both < _says(without, FIREWORK, odd) - _says(without, FIREWORK) - 0.5
    assert _says(layer, open_to) - _says(layer) > _says(without, open_to) - _says(without) - 0.1


def test_further_recordings_put_the_layers_of_all_folds_on_one_scale() -> None:
    clips = _clips()
    beside = _evidence(np.random.default_rng(3), 200)
    heard = replace(
        _heard(clips), further=(beside, torch.full((200, len(OUTPUTS)), UNKNOWN), np.zeros(200, np.int64))
    )
    for folds in ([1, 2, 3], [0, 1]):
        said = fit(heard, clips, folds, SAME)(beside).detach().numpy()
        np.testing.assert_allclose(np.quantile(said, 0.95, axis=0), -3, atol=1e-3)


def test_a_class_that_is_held_fast_stays_at_what_the_tags_say() -> None:
    clips = _clips()
    terms = SAME | {"siren": Terms(keep=1e4, prior=0.7)}
    layer = fit(_heard(clips), clips, [0, 1, 2], terms)
    begun, siren = torch.zeros(len(OUTPUTS), WIDTH), OUTPUTS.index("siren")
    begun[:, FEATURES:] = 0.7 * torch.eye(len(OUTPUTS)).repeat(1, 2)
    assert torch.allclose(layer.weight[siren], begun[siren], atol=1e-3)
    assert float(layer.weight[FIREWORK, FIREWORK].detach()) > 0.1  # the others are not held


def test_terms_are_judged_inside_the_folds_they_learn_from() -> None:
    clips = _clips()
    heard = _heard(clips)
    scores = inside(heard, clips, Terms())[2]
    assert {clips[i].fold for i in scores.clip} == {0, 1, 3}
    early, _ = judged(scores, Truth(clips, scores, np.zeros(scores.clip.size, bool)))
    assert min(early) > 0.9
    one = answers(
        heard,
        fit(heard, clips, [0, 1], SAME),
        np.array([c.fold == 3 for c in clips]),
    )
    np.testing.assert_allclose(scores.only(one.clip).logits, one.logits, atol=1e-5)


def test_what_would_have_been_chosen_for_each_fold_is_told() -> None:
    early = {Terms(): np.full((FOLDS, 6), 0.5), Terms(mixed=1.0): np.full((FOLDS, 6), 0.4)}
    early[Terms(mixed=1.0)][:, 4] = 0.7, 0.7, 0.5, 0.6
    early[Terms()][1, 4] = 0.9
    lines = list(chosen(early))
    assert len(lines) == 6 * (1 + FOLDS)
    about = lines[4 * (1 + FOLDS) :][: 1 + FOLDS]
    assert "siren: Terms(keep=0.003, prior=0.6, mixed=1.0), early recall 0.6250" in about[0]
    assert "without fold 1 Terms(keep=0.003, prior=0.6, mixed=0.1), 0.9000" in about[2]


def test_a_network_hears_windows_and_the_labelled_mixtures_of_each_fold(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net, rng = StreetNet().eval(), np.random.default_rng(1)
    for fold in range(FOLDS):
        wanted = np.full((8, len(OUTPUTS)), UNKNOWN, np.float16)
        wanted[4:] = 0
        np.savez(
            tmp_path / f"fold{fold}-000.npz",
            pictures=rng.normal(size=(8, 2, *SHAPE)).astype(np.float16),
            targets=wanted,
            yamnet=np.zeros((8, 521), np.float16),
        )
    pictures = rng.normal(size=(3, *SHAPE)).astype(np.float16)
    at_s = np.array([0.0, 0.25, 0.0], np.float32)
    seen = Windows(np.array([0, 0, 2]), np.zeros(3, int), at_s, np.zeros(3, bool), pictures)
    judge = Judge(net, FAMILIES)
    heard = hear(net, judge, seen, tmp_path)
    assert list(heard.clip) == [0, 2]
    assert all(len(e) == len(w) == 2 and (w == 0).all() for e, w in heard.mixtures.values())
    alone = judge.evidence(net.features(torch.from_numpy(pictures[2:].astype(np.float32))[:, None]))
    assert torch.allclose(heard.evidence[1:], alone, atol=1e-4)
    assert not len(heard.further[0])

    unheard = np.zeros((3, len(OUTPUTS)), np.float32)
    unheard[2, FIREWORK] = UNKNOWN  # YAMNet hears one
    for layer in judge.tags:
        layer.bias.data.fill_(-100)
    judge.tags[1].bias.data[0] = 100  # so does the network, a shot
    further = Further(np.array([5, 6, 7]), unheard, seen)
    evidence, absent, package = hear(net, judge, seen, tmp_path, further).further
    assert list(package) == [5, 7]
    assert torch.allclose(evidence[1, :FEATURES], alone[0, :FEATURES], atol=1e-4)
    shot = torch.full((2,), UNKNOWN)
    assert torch.equal(absent[:, OUTPUTS.index("gunshot")], shot)
    assert absent[:, FIREWORK].tolist() == [0, UNKNOWN]
    assert (absent[:, FIREWORK + 1 :] == 0).all()
