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
from scripts.people.teachers import one_class_each, photographed, with_labels

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
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make_picture: Callable[[int], Image],
) -> None:
    vision, photos = tmp_path / "vision", tmp_path / "photos"
    album = photos / "debian" / "opencv-doc"
    for folder in (vision / "street", vision / "detect", vision / "sequences", album):
        folder.mkdir(parents=True)
    cv2.imwrite(str(vision / "detect" / "measured.jpg"), make_picture(1))
    cv2.imwrite(str(vision / "street" / "twin.jpg"), cv2.resize(make_picture(1), (200, 150)))
    cv2.imwrite(str(vision / "street" / "other.jpg"), make_picture(2))
    cv2.imwrite(str(album / "photo.jpg"), make_picture(3))
    cv2.imwrite(str(album / "photo_small.jpg"), cv2.resize(make_picture(3), (300, 225)))
    cv2.imwrite(str(album / "opticalfb.jpg"), make_picture(4))
    (album / "cut_short.jpg").write_bytes(b"\xff\xd8" + bytes(20_000))
    scoped = photos / "npm" / "@vladmandic" / "human"
    scoped.mkdir(parents=True)
    cv2.imwrite(str(scoped / "face.jpg"), make_picture(6))
    cv2.imwrite(str(scoped / "screenshot-menu.jpg"), make_picture(8))
    cv2.imwrite(str(scoped / "icon.png"), make_picture(7)[:230, :230])
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
    assert [one.original for one in found] == ["street/other.jpg", "photo.jpg", "face.jpg"]
    assert [one.permissive for one in found] == [True, True, False]
    assert found[0].part == "train"
    said = capsys.readouterr().out
    assert "cut_short.jpg: left out, as it cannot be read" in said
    assert "mate-backgrounds: no such folder" in said
    with (tmp_path / corpus.INDEX).open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(list((tmp_path / corpus.PICTURES).iterdir()))


def test_drawings_and_small_pictures_are_no_photographs(make_picture: Callable[[int], Image]) -> None:
    photograph, drawing = make_picture(1), make_picture(1)
    drawing[:, 100:] = (40, 90, 200)
    few_colours = np.asarray(make_picture(1) // 128 * 128 + np.arange(320, dtype=np.uint8)[None, :, None] % 2)
    assert corpus.photographic(photograph)
    for other in (drawing, few_colours, photograph[:200]):
        assert not corpus.photographic(other)


class _Sure:
    """A teacher that sees one person on the left, as sure as told."""

    def __init__(self, score: float) -> None:
        self._score = score

    def find(self, image: Image) -> Boxes:
        left = 10.0 if image[0, 0, 0] < image[0, -1, 0] else image.shape[1] - 50.0
        corners = np.array([[left, 10, left + 40, 110]], np.float32)
        return Boxes(corners, np.array([self._score], np.float32), np.zeros(1, np.intp))


def test_a_photograph_gets_boxes_where_a_teacher_is_sure() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    image[:, 160:] = 255
    unsure = photographed(image, [_Sure(0.25), _Sure(0.9)])
    sure = photographed(image, [_Sure(0.5), _Sure(0.9)])
    assert len(unsure) == 0
    assert sure.corners.tolist() == [[10, 10, 50, 110]]
    assert sure.scores == pytest.approx([0.7])


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
