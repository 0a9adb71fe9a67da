"""The table and the card that evaluation writes."""

from pathlib import Path

import numpy as np
import pytest

from edge.inference.card import read_card
from scripts.street_sound.corpus import Clip
from scripts.street_sound.figures import VARIANT, Row, Truth, markdown, table
from scripts.street_sound.labels import FROM_MANIFEST, OUTPUTS
from scripts.street_sound.measures import Share
from scripts.street_sound.scores import SEGMENT, Scores, Windows, segments
from scripts.street_sound.shipping import OFF, reached, write_card


def _clips() -> list[Clip]:
    labels = [*FROM_MANIFEST.values(), "other", "speech"]
    sources = {"gunshot": ("gunshot_video", "urbansound8k")}
    return [
        Clip(f"{label}{k}", label, label, source, f"{label}:{source}:{k // 3}", "real", "CC0", k % 4)
        for label in labels
        for source in sources.get(label, ("mine",))
        for k in range(12)
    ]


def _scores(clips: list[Clip], spread: float, seed: int) -> Scores:
    rng = np.random.default_rng(seed)
    count = len(clips)
    right = np.array([[FROM_MANIFEST[name] == c.label for name in OUTPUTS] for c in clips])
    logits = (6.0 * right - 3.0 + rng.normal(0, spread, right.shape)).astype(np.float32)
    return Scores(np.arange(count), np.zeros(count, int), np.zeros(count, np.float32), logits)


def _truth(clips: list[Clip]) -> Truth:
    return Truth(clips, _scores(clips, 0.0, 0), np.zeros(len(clips), bool))


def test_a_silent_segment_holds_nothing_whatever_its_clip_is_called() -> None:
    clips = _clips()
    scores = _scores(clips, 0.0, 0)
    first = np.flatnonzero([c.label == "fireworks" for c in clips])[0]
    seen = Windows(
        np.repeat(scores.clip, 2),
        np.repeat(scores.segment, 2),
        np.repeat(scores.start_s, 2),
        # One window of another clip is silent too: that is not the whole segment.
        np.isin(np.arange(2 * len(clips)), [2 * first, 2 * first + 1, 2 * first + 2]),
        np.zeros((2 * len(clips), 1, 1), np.float16),
    )
    truth = Truth(clips, scores, seen.silence(scores))
    assert truth.positive("firework").sum() == 11
    assert not truth.positive("firework")[first]
    assert all(truth.negative(name)[first] for name in OUTPUTS)


def test_a_perfect_model_is_bold_and_a_random_peer_is_not() -> None:
    clips = _clips()
    rows = table(_truth(clips), {"ours": _scores(clips, 0.1, 1), "peer": _scores(clips, 50.0, 2)})
    assert all(row.values["ours"].value == 1.0 for row in rows)
    assert np.mean([row.values["peer"].value for row in rows if "AUC" in row.what]) < 0.8
    lines = markdown(rows, ["ours", "peer"]).splitlines()
    assert len(lines) == len(rows) + 2
    assert all("**1.00" in line for line in lines[2:])
    assert {row.target for row in rows if row.what.startswith("gunshot: recall at 1 % false")} == {0.93, 0.88}


def test_below_a_peer_or_the_target_is_not_bold() -> None:
    def row(own: float, peer: float, target: float | None) -> Row:
        return Row("x", "y", target, {"ours": Share(own, 0, 1, 9), "peer": Share(peer, 0, 1, 9)})

    text = markdown([row(0.8, 0.9, None), row(0.8, 0.7, 0.9), row(0.9, 0.9, 0.9)], ["ours", "peer"])
    assert ["**" in line for line in text.splitlines()[2:]] == [False, False, True]


def test_the_card_says_what_is_not_reached() -> None:
    def row(what: str, own: float, peer: float, target: float | None) -> Row:
        return Row(what, "all", target, {"ours": Share(own, 0, 1, 9), "peer": Share(peer, 0, 1, 9)})

    text = reached([row("x", 0.8, 0.9, 0.9), row("y", 0.9, 0.9, 0.9), row("z", 0.1, 0.0, None)])
    assert text.startswith("1 of 2 targets are reached; not: x (all).")
    assert text.endswith("in 2 of 3 rows.")


def test_a_variant_of_ours_is_no_peer() -> None:
    values = {"ours": Share(0.8, 0, 1, 9), "peer": Share(0.7, 0, 1, 9), VARIANT: Share(0.9, 0, 1, 9)}
    row = Row("x", "y", None, values)
    assert set(row.peers("ours")) == {"peer"}
    assert "**0.80" in markdown([row], list(values))
    assert reached([row]).endswith("in 1 of 1 rows.")


def test_a_segment_scores_as_its_loudest_window() -> None:
    logits = np.arange(5 * len(OUTPUTS), dtype=np.float32).reshape(5, -1)
    windows = Scores(
        np.array([3, 3, 3, 4, 3]), np.array([0, 0, 1, 0, 0]), np.arange(5.0, dtype=np.float32), logits
    )
    found = windows.of_segments()
    assert list(zip(found.clip, found.segment, strict=True)) == [(3, 0), (3, 1), (4, 0)]
    np.testing.assert_array_equal(found.logits, logits[[4, 2, 3]])
    assert set(windows.only(np.array([4])).clip) == {4}
    whole = windows.of_clips()
    assert list(whole.clip) == [3, 4]
    np.testing.assert_array_equal(whole.logits, logits[[4, 3]])


@pytest.mark.parametrize(
    ("samples", "pieces"), [(100, 1), (SEGMENT, 1), (SEGMENT + 32_000, 1), (SEGMENT + 32_001, 2)]
)
def test_tracks_are_cut_into_five_seconds(samples: int, pieces: int) -> None:
    assert len(segments(np.zeros(samples, np.int16))) == pieces


def test_lasting_sounds_are_pooled_in_their_segment_or_their_clip() -> None:
    logits = np.full((4, len(OUTPUTS)), -5.0, np.float32)
    logits[0] = 5.0
    at_s = np.array([3.0, 4.0, 5.0, 0.0], np.float32)
    scores = Scores(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0]), at_s, logits)
    siren, gunshot = OUTPUTS.index("siren"), OUTPUTS.index("gunshot")
    by_segment, by_clip = scores.told(by_segment=True).logits, scores.told(by_segment=False).logits
    np.testing.assert_allclose(by_segment[:, siren], [5, 2.5, -5, -5])
    np.testing.assert_allclose(by_clip[:, siren], [5, 2.5, (5 - 5 / 3) / 2, -5], rtol=1e-6)
    np.testing.assert_array_equal(by_clip[:, gunshot], logits[:, gunshot])


def test_windows_know_their_place_in_their_segment() -> None:
    clip, segment = np.array([0, 0, 0, 0, 1]), np.array([0, 0, 1, 1, 0])
    nothing = np.zeros(5, np.float32)
    seen = Windows(clip, segment, nothing, nothing.astype(bool), np.zeros((5, 1, 1), np.float16))
    assert list(seen.place()) == [0, 1, 0, 1, 0]


def test_the_written_card_is_one_the_program_reads(tmp_path: Path) -> None:
    folder = tmp_path / "street_sound"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"weights")
    clips = _clips()
    further = tmp_path / "further.toml"
    further.write_text('[[materials]]\nsource = "more"\nlicence = "CC0"\ncount = 3\npermissive = true\n')
    rows = table(_truth(clips), {"ours": _scores(clips, 3.0, 1), "peer": _scores(clips, 3.0, 2)})
    write_card(
        folder,
        clips=clips,
        thresholds=dict.fromkeys(OUTPUTS, 0.25),
        why="a test",
        rates={"gunshot": (1.0, 0.5, 2.0)},
        rows=rows,
        seed=1,
        further=further,
    )
    card = read_card(folder)
    assert card.label_names() == OUTPUTS
    assert {label.name for label in card.labels if label.default == "off"} == set(OFF)
    assert card.figures[0].unit == "per hour of hard negatives"
    assert len(card.figures) == len(rows) + 1
    assert card.figures[1].peers["peer"] == pytest.approx(rows[0].values["peer"].value, abs=1e-3)
    assert sum(m.count for m in card.materials) == len(clips) + 3
