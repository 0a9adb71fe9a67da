"""A network's output becomes boxes where they were, whatever the picture's shape."""

import numpy as np
import pytest

from edge.domain.frames import Image
from edge.vision.boxes import Boxes, joined, no_boxes, overlaps, standing_in, suppressed
from edge.vision.finder import Finder, tiles
from edge.vision.yolox import decoded, letterboxed, rows_of

SIZE = (64, 64)
CLASSES = np.array([0, 2])
LOWEST = np.full(2, 0.3, np.float32)


def output(*things: tuple[int, float, float, float, float, int, float]) -> np.ndarray:
    """Return what a network with three classes says: (stride, x, y, width, height, class, score)."""
    rows = np.zeros((rows_of(*SIZE), 8), np.float32)
    first = {8: 0, 16: 64, 32: 80}
    for stride, x, y, width, height, number, score in things:
        column, row = int(x // stride), int(y // stride)
        place = first[stride] + row * (64 // stride) + column
        rows[place, :4] = [
            x / stride - column,
            y / stride - row,
            np.log(width / stride),
            np.log(height / stride),
        ]
        rows[place, 4], rows[place, 5 + number] = 1, score
    return rows


def boxes(*rows: tuple[float, float, float, float, float, int]) -> Boxes:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Boxes(table[:, :4], table[:, 4], table[:, 5].astype(np.intp))


def test_letterbox_keeps_shape_and_pads_below_and_right() -> None:
    canvas, scale = letterboxed(np.full((30, 120, 3), 7, np.uint8), *SIZE)
    assert scale == pytest.approx(64 / 120)
    assert canvas.shape == (1, 3, 64, 64)
    assert canvas.dtype == np.float32
    assert (canvas[0, :, :16] == 7).all()
    assert (canvas[0, :, 16:] == 114).all()


def test_decoded_gives_boxes_in_the_pixels_of_the_picture() -> None:
    said = output((8, 20, 30, 10, 24, 0, 0.9), (32, 40, 40, 40, 20, 2, 0.5), (16, 8, 8, 8, 8, 1, 0.9))
    found = decoded(said, SIZE, 0.5, CLASSES, LOWEST)
    by_label = {int(label): corners for label, corners in zip(found.labels, found.corners, strict=True)}
    np.testing.assert_allclose(by_label[0], [30, 36, 50, 84], rtol=1e-5)
    np.testing.assert_allclose(by_label[1], [40, 60, 120, 100], rtol=1e-5)
    assert len(found) == 2  # class 1 is none of the card's


def test_decoded_survives_an_output_that_is_out_of_its_mind() -> None:
    said = np.full((rows_of(*SIZE), 8), 1e18, np.float32)
    found = decoded(said, SIZE, 1.0, CLASSES, LOWEST)
    assert not np.isinf(found.corners[:, 2] - found.corners[:, 0]).any()


def test_decoded_refuses_another_number_of_rows() -> None:
    with pytest.raises(ValueError, match="gives 84"):
        decoded(np.zeros((83, 8), np.float32), SIZE, 1.0, CLASSES, LOWEST)


def test_suppressed_leaves_the_best_of_doubles_and_other_labels() -> None:
    found = suppressed(
        boxes(
            (0, 0, 10, 20, 0.6, 0), (1, 0, 11, 20, 0.9, 0), (0, 0, 10, 20, 0.5, 1), (30, 0, 40, 20, 0.4, 0)
        ),
        0.5,
    )
    assert found.scores.tolist() == pytest.approx([0.9, 0.5, 0.4])


def test_suppressed_takes_a_half_for_its_whole_only_when_told_to() -> None:
    whole_and_half = boxes((0, 0, 10, 40, 0.9, 0), (0, 0, 10, 12, 0.8, 0))
    assert len(suppressed(whole_and_half, 0.5)) == 2
    assert len(suppressed(whole_and_half, 0.5, 0.75)) == 1


def test_boxes_without_an_area_overlap_nothing() -> None:
    flat = np.array([[5, 5, 5, 5]], np.float32)
    assert overlaps(flat, flat).tolist() == [[0]]
    assert len(suppressed(no_boxes(), 0.5)) == 0
    assert len(joined([])) == 0


def test_standing_in_asks_where_the_feet_are() -> None:
    mask = np.zeros((50, 50), np.uint8)
    mask[25:] = 255
    assert standing_in(
        boxes((0, 0, 10, 20, 1, 0), (0, 0, 10, 40, 1, 0), (40, 40, 70, 90, 1, 0)), mask
    ).tolist() == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("width", "height", "tiling"), [(640, 480, (3, 2)), (33, 17, (8, 8)), (1920, 1080, (1, 4))]
)
def test_tiles_cover_the_picture_and_overlap(width: int, height: int, tiling: tuple[int, int]) -> None:
    seen = np.zeros((height, width), int)
    for tile in tiles(width, height, tiling):
        assert 0 <= tile.left < tile.right <= width
        assert 0 <= tile.top < tile.bottom <= height
        seen[tile.top : tile.bottom, tile.left : tile.right] += 1
    assert seen.min() >= 1


def test_finder_finds_in_a_tile_what_the_whole_picture_hides() -> None:
    """The network sees one thing, 10 x 24 input pixels, where enough of its input is white."""

    def network(canvas: np.ndarray) -> list[np.ndarray]:
        rows, columns = np.nonzero(canvas[0, 0] == 255)
        if len(rows) < 150:
            return [output()[None]]
        x, y = float(columns.mean()), float(rows.mean())
        return [output((8, x, y, 10, 24, 0, 0.9))[None]]

    image: Image = np.zeros((128, 128, 3), np.uint8)
    image[70:94, 80:90] = 255
    finder = Finder(network, SIZE, ("person", "car"), CLASSES, LOWEST)
    assert len(finder.find(image)) == 0
    found = finder.find(image, (2, 2))
    assert len(found) == 1
    left, top, right, bottom = found.corners[0]
    assert (left + right) / 2 == pytest.approx(85, abs=3)
    assert (top + bottom) / 2 == pytest.approx(82, abs=3)
