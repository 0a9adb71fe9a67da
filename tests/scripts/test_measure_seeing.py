"""The measures of what cameras see are right where the answer is known."""

import numpy as np
import pytest

from edge.vision.boxes import Boxes
from scripts.seeing.truth import Labelled, average_precision

IMAGE = np.zeros((10, 10, 3), np.uint8)
ONE, OTHER = [0.0, 0.0, 10.0, 20.0], [50.0, 0.0, 60.0, 20.0]


def found(*rows: tuple[list[float], float]) -> Boxes:
    corners = np.array([corners for corners, _ in rows], np.float32).reshape(-1, 4)
    return Boxes(corners, np.array([score for _, score in rows], np.float32), np.zeros(len(rows), np.intp))


def test_average_precision() -> None:
    both = Labelled(IMAGE, [ONE, OTHER])
    assert average_precision([(found((ONE, 0.9), (OTHER, 0.8)), both)]) == 1
    assert average_precision([(found((ONE, 0.9)), both)]) == pytest.approx(0.5)
    # A second box on the same person is wrong, and so is one where nobody is.
    assert average_precision([(found((ONE, 0.9), (ONE, 0.8), (OTHER, 0.7)), both)]) == pytest.approx(5 / 6)
    assert average_precision(
        [(found(([80, 0, 90, 20], 0.9), (ONE, 0.8), (OTHER, 0.7)), both)]
    ) == pytest.approx(2 / 3)
    assert average_precision([(found(), both)]) == 0


def test_what_is_ignored_is_neither_right_nor_wrong() -> None:
    crowd = Labelled(IMAGE, [ONE], [OTHER])
    assert average_precision([(found((OTHER, 0.9), (ONE, 0.8)), crowd)]) == 1
