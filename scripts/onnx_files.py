"""Networks as ONNX files: opened for one thread, stored with half-size weights."""

from pathlib import Path
from typing import Any

import numpy as np


def one_thread_session(model: Path | bytes) -> Any:
    """Open a network for one thread; it says nothing of what it would only warn of."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def write_network(network: Any, example: Any, path: Path, names: tuple[str, str], any_number: bool) -> None:
    """Write a PyTorch network as ONNX.

    Args:
        network: in evaluation, with one input and one output.
        example: an input.
        path: of the file.
        names: of the input and the output.
        any_number: the first dimension of both may be of any size.
    """
    import torch

    torch.onnx.export(
        network,
        (example,),
        str(path),
        input_names=[names[0]],
        output_names=[names[1]],
        dynamic_axes={name: {0: "n"} for name in names} if any_number else None,
        opset_version=17,
        dynamo=False,
    )


def halve_weights(path: Path, at_least: int) -> None:
    """Store tensors of at least so many weights as float16; onnxruntime widens them when it loads."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    casts = []
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.dtype == np.float32 and weights.size >= at_least:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(weights.astype(np.float16), f"{name}_half"))
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)
