"""Sessions: nothing runs that does not agree with its card."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edge.inference.card import ModelError
from edge.inference.session import open_model

Make = Callable[..., Path]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "x"', 'name = "z"', r"has no input 'z' \(it has x\)"),
        ('shape = ["n", 4]', 'shape = ["n", 5]', "input 'x' is .* the card says float32"),
        ('shape = ["n", 4]', "shape = [1, 4]", "input 'x' is .* the card says float32"),
        ('shape = ["n", 4]', 'shape = ["n", 4]\ndtype = "uint8"', "the card says uint8"),
        ('name = "y"', 'name = "z"', r"has no output 'z' \(it has y\)"),
        ('shape = ["n", 2]', 'shape = ["n", 3]', "output 'y' is"),
    ],
)
def test_a_card_of_another_model_is_refused(make_model: Make, old: str, new: str, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint):
        open_model(make_model(edit=lambda card: card.replace(old, new, 1)))


def test_labels_must_fit_the_output(make_model: Make) -> None:
    third = '[[labels]]\nname = "third"\nthreshold = 0.1\nthreshold_from = "a guess"\n[training]'
    with pytest.raises(ModelError, match="no output has one column for each of the card's 3 labels"):
        open_model(make_model(edit=lambda card: card.replace("[training]", third)))


def test_a_file_that_is_no_model_is_refused(make_model: Make) -> None:
    with pytest.raises(ModelError, match=r"model\.onnx: onnxruntime cannot load it"):
        open_model(make_model(content=b"not a model"))


def test_a_damaged_file_is_refused_before_it_is_loaded(make_model: Make) -> None:
    folder = make_model()
    (folder / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="checksum"):
        open_model(folder)


def test_runs(make_model: Make) -> None:
    (out,) = open_model(make_model()).run(np.array([[1, 3, 10, 30], [0, 0, 1, 1]], np.float32))
    np.testing.assert_allclose(out, [[2, 20], [0, 1]])


@pytest.mark.parametrize("batch", [np.zeros((1, 5), np.float32), np.zeros(4, np.float32), np.zeros((1, 4))])
def test_refuses_a_batch_that_does_not_fit(make_model: Make, batch: np.ndarray) -> None:
    with pytest.raises(ModelError, match=r"takes float32 \[n, 4\], got .* prepare it with numbers"):
        open_model(make_model()).run(batch)


def test_refuses_to_answer_with_nan(make_model: Make) -> None:
    with pytest.raises(ModelError, match="output 'y' holds NaN or infinity"):
        open_model(make_model()).run(np.full((1, 4), np.nan, np.float32))


def test_onnxruntime_is_loaded_only_when_a_model_is_opened() -> None:
    code = "import sys, edge.inference.session; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_model_with_two_inputs_is_refused(make_model: Make) -> None:
    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in ("x", "z")]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "z"], ["y"])],
        "two",
        sides,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    with pytest.raises(ModelError, match="has 2 inputs, expected one"):
        open_model(make_model(content=bytes(model.SerializeToString())))
