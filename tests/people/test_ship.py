"""The card that is written with the weights says what a card must say."""

from pathlib import Path

from edge.inference.card import read_card
from scripts.people.corpus import CLASSES, Picture
from scripts.people.ship import card

PUBLIC = {"coco": 0.3, "pets": 0.8, "campus": 0.7, "coco_vehicles": 0.1}
FIGURES = {
    "held_out": {"ours": {"person": 0.6, "vehicle": 0.4}},
    "thresholds": {"person": 0.425, "vehicle": 0.4},
    "public": dict.fromkeys(("ours", "yolox_nano", "picodet_s", "fastestdet"), PUBLIC),
    "ms": {"ours": 13.0, "yolox_nano": 21.0, "picodet_s": 39.0, "fastestdet": 5.0},
}


def test_the_card_is_whole(tmp_path: Path) -> None:
    corpus = [
        Picture("0.jpg", "street/a.webp", "somewhere", 'CC BY 4.0 ("README")', True, "none", "train"),
        Picture("1.jpg", "fights/a.mp4", "fights_1a", "MIT", True, "none", "train"),
        Picture("2.jpg", "fights/b.mp4", "fights_2b", "MIT", True, "none", "train"),
        Picture("3.jpg", "street/b.webp", "elsewhere", "", False, "none", "train"),
    ]
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "card.toml").write_text(card(b"x", FIGURES, corpus, 100), encoding="utf-8")
    made = read_card(tmp_path / "people")
    assert made.label_names() == CLASSES
    assert [label.threshold for label in made.labels] == [0.425, 0.425, 0.4, 0.425, 0.4, 0.4]
    assert [(one.count, one.permissive) for one in made.materials] == [(1, True), (2, True), (1, False)]
    assert made.figures[0].peers["fastestdet"] == 0.3
    assert made.training is not None
    assert "on 100 pictures drawn" in made.training.method
