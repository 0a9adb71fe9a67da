"""Model cards: strict, and errors say what and where."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.inference.card import ModelError, checked_bytes, model_folders, read_card

Make = Callable[..., Path]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('licence = "Apache-2.0"', 'license = "Apache-2.0"', r"licence: Field required \(and 1 more\)"),
        ("threshold = 0.5", "threshold = 1.5", r"labels\.0\.threshold: .*less than or equal to 1"),
        ('shape = ["n", 4]', 'shape = ["m", 4]', r"input\.shape\.0"),
        ('shape = ["n", 4]', 'shape = ["n", 0]', r"input\.shape\.1"),
        ('name = "right"', 'name = "left"', "two labels have the same name"),
        ('why_off = "too few recordings"', "", r"labels\.1: .*`why_off` goes with"),
        ('default = "off"', 'default = "on"', "`why_off` goes with"),
        ('file = "model.onnx"', 'file = "../model.onnx"', "file: "),
        ('version = "1"', "version = ", "not valid TOML"),
        ('limits = ["only a test"]', "limits = []", "limits: "),
        ('name = "tiny"', 'name = "other"', "says it is 'other' but stands in 'tiny'"),
    ],
)
def test_a_wrong_card_is_named_with_its_place(make_model: Make, old: str, new: str, complaint: str) -> None:
    folder = make_model(edit=lambda card: card.replace(old, new, 1))
    with pytest.raises(ModelError, match=complaint) as caught:
        read_card(folder)
    assert str(folder / "card.toml") in str(caught.value)


def test_no_card_or_not_text(make_model: Make) -> None:
    folder = make_model()
    (folder / "card.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="cannot be read"):
        read_card(folder)
    (folder / "card.toml").unlink()
    with pytest.raises(ModelError, match="no model card; install the model again"):
        read_card(folder)


def test_reads_what_the_card_says(make_model: Make) -> None:
    card = read_card(make_model())
    assert card.label_names() == ("left", "right")
    assert [label.default for label in card.labels] == ["on", "off"]
    assert card.figures[0].peers == {"coin": 0.5}
    assert card.input.fits((7, 4))
    assert not card.input.fits((7, 5))
    assert not card.input.fits((4,))


def test_a_changed_or_missing_file_is_found(make_model: Make) -> None:
    folder = make_model()
    card = read_card(folder)
    assert checked_bytes(folder, card)
    (folder / "model.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"model\.onnx: checksum .* differs from the card's"):
        checked_bytes(folder, card)
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        checked_bytes(folder, card)


def test_lists_the_folders_with_a_card(make_model: Make, tmp_path: Path) -> None:
    make_model("b_second")
    make_model("a_first")
    (tmp_path / "models" / "empty").mkdir()
    assert [f.name for f in model_folders(tmp_path / "models")] == ["a_first", "b_second"]
    assert model_folders(tmp_path / "nowhere") == []
