"""Runs a model whose card, checksum and shapes agree. The only user of onnxruntime."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edge.inference.card import FETCHED, Card, ModelError, Tensor, checked_bytes, model_file, read_card

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int64)": "int64"}


class Model:
    """A loaded model. Made by `open_model`; used by one lane, on one thread."""

    def __init__(self, card: Card, session: Any) -> None:
        self.card = card
        self._session = session
        self._outputs = [tensor.name for tensor in card.outputs]

    def run(self, batch: npt.NDArray[Any]) -> list[npt.NDArray[np.float32]]:
        """Return the outputs for one batch, in the card's order.

        Args:
            batch: an array of the shape and dtype of the card's input.

        Raises:
            ModelError: the batch does not fit the card, or an output is NaN or infinite.
        """
        wanted = self.card.input
        if not wanted.fits(batch.shape) or batch.dtype != wanted.dtype:
            raise ModelError(
                f"{self.card.name}: takes {_in_words(wanted)}, got {batch.dtype} {list(batch.shape)}; "
                f"prepare it with {wanted.meaning}"
            )
        outputs = self._session.run(self._outputs, {wanted.name: batch})
        for tensor, output in zip(self.card.outputs, outputs, strict=True):
            if not np.isfinite(output).all():
                raise ModelError(
                    f"{self.card.name}: output '{tensor.name}' holds NaN or infinity; leave it out"
                )
        return list(outputs)


def _in_words(tensor: Tensor) -> str:
    return f"{tensor.dtype} [{', '.join(str(size) for size in tensor.shape)}]"


def _same(tensor: Tensor, found: Any) -> bool:
    shape = [size if isinstance(size, int) else "n" for size in found.shape]
    return shape == list(tensor.shape) and _TYPES.get(found.type) == tensor.dtype


def _compare(path: Path, kind: str, declared: "Sequence[Tensor]", present: "Sequence[Any]") -> None:
    by_name = {one.name: one for one in present}
    for tensor in declared:
        found = by_name.get(tensor.name)
        if found is None:
            raise ModelError(
                f"{path}: has no {kind} '{tensor.name}' (it has {', '.join(by_name)}); "
                "the card is for another model"
            )
        if not _same(tensor, found):
            raise ModelError(
                f"{path}: {kind} '{tensor.name}' is {found.type} {found.shape}, the card says "
                f"{_in_words(tensor)}; the card is for another model"
            )


_BOX_COLUMNS = 5
"""Of `yolox`: centre, size and objectness stand before the classes."""


def _labels_fit(path: Path, card: Card) -> None:
    if card.decoding == "yolox":
        last = card.outputs[0].shape[-1]
        for label in card.labels:
            if last == "n" or _BOX_COLUMNS + (label.column or 0) >= last:
                raise ModelError(f"{path}: the output has no class {label.column}; correct '{label.name}'")
        return
    if all(tensor.shape[-1] != len(card.labels) for tensor in card.outputs):
        raise ModelError(f"{path}: no output has one column for each of the card's {len(card.labels)} labels")


def open_model(folder: Path, fetched: Path = FETCHED) -> Model:
    """Load the model in `folder` for one thread, after checking card, checksum, inputs and outputs.

    Args:
        folder: holds the card, and the file if it is ours.
        fetched: holds the files of public models.

    Raises:
        NotFetchedError: the file of a public model has not been installed.
        ModelError: anything does not agree, or onnxruntime refuses the file.
    """
    card = read_card(folder)
    content = checked_bytes(folder, card, fetched)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    path = model_file(folder, card, fetched)
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own, undocumented types
        reason = str(error).splitlines()[0]
        raise ModelError(f"{path}: onnxruntime cannot load it: {reason}; install the model again") from error
    present = session.get_inputs()
    if len(present) != 1:
        raise ModelError(f"{path}: has {len(present)} inputs, expected one; the card is for another model")
    _compare(path, "input", [card.input], present)
    _compare(path, "output", card.outputs, session.get_outputs())
    _labels_fit(path, card)
    return Model(card, session)
