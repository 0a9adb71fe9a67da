"""Which pictures are learnt from, what is drawn from them, and what the network shall say of them."""

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.vision.boxes import Boxes
from scripts.people import corpus
from scripts.people.augment import Store, cutouts, drawing_weights, drawn, spoilt
from scripts.people.corpus import Image
from scripts.people.teachers import one_class_each, with_labels

SIDE = 128


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("CC BY 4.0 (README.dataset.txt)", True),
        ("MIT", True),
        ("none stated; KITTI frames (KITTI is CC BY-NC-SA 3.0, from memory)", False),
        ("none in repo; PKLot is CC BY 4.0", False),
        ("MIT (LICENSE, code); video origin not stated", False),
        ("no licence file in folder; Open Images, CC BY 2", False),
        ("MIT (README); file names are COCO ids, so COCO image terms", False),
        ("", False),
    ],
)
def test_a_licence_allows_any_use_or_it_does_not(licence: str, allowed: bool) -> None:
    assert corpus.permissive(licence) is allowed


def test_what_is_measured_on_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_picture: Callable[[int], Image]
) -> None:
    vision, photos = tmp_path / "vision", tmp_path / "photos"
    for folder in (vision / "street", vision / "detect", vision / "sequences", photos / "opencv-doc"):
        folder.mkdir(parents=True)
    cv2.imwrite(str(vision / "detect" / "measured.jpg"), make_picture(1))
    cv2.imwrite(str(vision / "street" / "twin.jpg"), cv2.resize(make_picture(1), (200, 150)))
    cv2.imwrite(str(vision / "street" / "other.jpg"), make_picture(2))
    cv2.imwrite(str(photos / "opencv-doc" / "photo.jpg"), make_picture(3))
    cv2.imwrite(str(photos / "opencv-doc" / "photo_small.jpg"), cv2.resize(make_picture(3), (300, 225)))
    cv2.imwrite(str(photos / "opencv-doc" / "opticalfb.jpg"), make_picture(4))
    (vision / "boxes.csv").write_text("image\ndetect/measured.jpg\n")
    (vision / "heads.csv").write_text("image\n")
    rows = "".join(f"street/{name}.jpg,person,none,somewhere,MIT\n" for name in ("twin", "other"))
    (vision / "street.csv").write_text("image,class,labels_complete_for,source,licence\n" + rows)
    (vision / "fights.csv").write_text("clip,label,source_video\n")
    command = ["corpus", "--vision", str(vision), "--photos", str(photos), "--cache", str(tmp_path)]
    for lacking in ("heads.csv", "vtest.avi"):
        monkeypatch.setattr("sys.argv", [*command, "--avoid", str(tmp_path / "vtest.avi")])
        kept = (vision / "heads.csv").read_text()
        if lacking == "heads.csv":
            (vision / "heads.csv").unlink()
        with pytest.raises(SystemExit, match=lacking):
            corpus.main()
        (vision / "heads.csv").write_text(kept)
    monkeypatch.setattr("sys.argv", command)
    corpus.main()
    found = corpus.pictures(tmp_path)
    assert [one.original for one in found] == ["street/other.jpg", "photo.jpg"]
    assert found[0].part == "train"
    with (tmp_path / corpus.INDEX).open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(list((tmp_path / corpus.PICTURES).iterdir()))


def test_only_people_who_stand_free_are_cut_out() -> None:
    table = np.array(
        [
            [0, 0, 40, 100, 0.9, 0],
            [20, 0, 60, 100, 0.9, 0],
            [200, 0, 240, 100, 0.9, 0],
            [300, 0, 340, 90, 0.4, 0],
        ],
        np.float32,
    )
    assert cutouts([table]) == [(0, 2)]


def test_drawn_pictures_differ_and_are_the_same_again(store: Store) -> None:
    made = [drawn(store, SIDE, np.random.default_rng(seed)) for seed in range(30)]
    again, _ = drawn(store, SIDE, np.random.default_rng(3))
    assert (again == made[3][0]).all()
    assert len({image.tobytes() for image, _ in made}) == 30
    for image, boxes in made:
        assert image.shape == (SIDE, SIDE, 3)
        assert (boxes[:, :4] >= 0).all()
        assert (boxes[:, :4] <= SIDE).all()
        assert (boxes[:, 2:4] > boxes[:, :2]).all()
        assert spoilt(image, np.random.default_rng(1)).shape == image.shape
    assert any(len(boxes) for _, boxes in made)


def test_a_bad_camera_changes_what_is_seen_and_not_the_original(
    make_picture: Callable[[int], Image],
) -> None:
    image = make_picture(5)
    kept = image.copy()
    seen = [spoilt(image, np.random.default_rng(seed)) for seed in range(20)]
    assert (image == kept).all()
    assert all(bool((one != image).any()) for one in seen)


def test_shares_go_to_sources() -> None:
    weights = drawing_weights(["fights_a", "fights_b", "photo"], {"fights": 0.6, "": 0.4})
    assert weights == pytest.approx([0.3, 0.3, 0.4])


def test_labels_confirm_add_and_doubt() -> None:
    found = Boxes(
        np.array([[0, 0, 50, 50], [200, 0, 250, 50], [100, 0, 120, 60]], np.float32),
        np.array([0.5, 0.5, 0.5], np.float32),
        np.array([2, 2, 0]),
    )
    labels = [("vehicle", [1.0, 1.0, 51.0, 50.0]), ("vehicle", [300.0, 0.0, 350.0, 50.0])]
    after = with_labels(found, labels, "vehicle")
    assert after.scores == pytest.approx([0.8, 0.15, 0.5, 0.7])
    assert after.corners[3].tolist() == [300, 0, 350, 50]
    assert with_labels(found, labels, "none").scores == pytest.approx([0.5, 0.5, 0.5])


def test_one_thing_is_of_one_class_but_a_rider_stays() -> None:
    table = np.array([[0, 0, 50, 50, 0.4, 5], [0, 0, 50, 52, 0.6, 2], [0, 0, 50, 51, 0.5, 0]], np.float32)
    assert sorted(one_class_each(table)[:, 5].tolist()) == [0, 2]
