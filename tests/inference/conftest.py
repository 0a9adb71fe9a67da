"""A tiny model with its card, as the inference tests need it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

CARD = """
name = "{name}"
version = "1"
summary = "mean of each of two halves"
file = "model.onnx"
sha256 = "{sha256}"
licence = "Apache-2.0"
limits = ["only a test"]
materials = [{{ source = "nothing", licence = "CC0", count = 1, permissive = true }}]
figures = [{{ what = "recall", value = 0.5, target = 0.4, on = "nothing", peers = {{ coin = 0.5 }} }}]

[input]
name = "x"
shape = ["n", 4]
meaning = "numbers"

[[outputs]]
name = "y"
shape = ["n", 2]
meaning = "means"

[[labels]]
name = "left"
threshold = 0.5
threshold_from = "a guess"

[[labels]]
name = "right"
threshold = 0.5
threshold_from = "a guess"
default = "off"
why_off = "too few recordings"

[training]
command = "true"
evaluation = "true"
seed = 1
date = 2026-01-01
method = "none"
"""


def tiny_onnx(weight: float = 0.5) -> bytes:
    """Return a model: y = x @ W, (n, 4) to (n, 2)."""
    values = [weight, 0.0, weight, 0.0, 0.0, weight, 0.0, weight]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor("w", TensorProto.FLOAT, [4, 2], values)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of a model folder: `make_model(name, content, edit)`; `edit` changes the card's text."""

    def make(
        name: str = "tiny",
        content: bytes | None = None,
        edit: Callable[[str], str] = lambda card: card,
    ) -> Path:
        content = tiny_onnx() if content is None else content
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(content)
        card = CARD.format(name=name, sha256=hashlib.sha256(content).hexdigest())
        (folder / "card.toml").write_text(edit(card), encoding="utf-8")
        return folder

    return make
