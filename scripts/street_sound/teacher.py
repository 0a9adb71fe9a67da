"""EfficientAT mn04_as as a teacher: what each of its layers makes of log-mel pictures."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from edge.dsp.log_mel import SHAPE
from scripts.onnx_files import one_thread_session
from scripts.street_sound.network import layout

LAYERS = 17
_POOLED = "/m/GlobalAveragePool_output_0"
_LOGITS = "/m/classifier/classifier.5/Gemm_output_0"


def _opened_up(path: Path) -> tuple[bytes, list[str]]:
    """Return the model for any number of pictures, giving every layer, and the names of its outputs."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    constants = {n.output[0]: n for n in graph.node if n.op_type == "Constant"}
    last: dict[str, str] = {}
    for node in graph.node:
        layer = next(
            (p for p in node.name.split("/") if p.startswith("features.") and p.count(".") == 1), None
        )
        if layer and node.op_type != "Constant":
            last[layer] = node.output[0]
        if node.op_type == "Reshape":  # its first dimension was exported as one picture
            tensor = constants[node.input[1]].attribute[0].t
            shape = numpy_helper.to_array(tensor)
            if shape.size == 4:
                tensor.CopyFrom(numpy_helper.from_array(np.array([-1, *shape[1:]])))
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    # What follows the pooling was exported for one picture only; nobody asks for it.
    del graph.output[:]
    names = [*(last[f"features.{k}"] for k in range(LAYERS)), _POOLED, _LOGITS]
    graph.output.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in names)
    return model.SerializeToString(), names


@dataclass(frozen=True)
class Heard:
    """What the teacher makes of n pictures.

    Attributes:
        layers: LAYERS maps (n, channels, bands, frames), in memory as `network.layout` says.
        embedding: (n, 384) mean of the last map.
        logits: (n, 527) tags.
    """

    layers: list[Tensor]
    embedding: Tensor
    logits: Tensor


_MODEL = Path("efficientat_mn04", "mn04_as_mel_in.onnx")


class Teacher:
    """Hears the pictures that the network sees."""

    def __init__(self, folder: Path) -> None:
        model, self._names = _opened_up(folder / _MODEL)
        self._session = one_thread_session(model)

    def __call__(self, pictures: Tensor) -> Heard:
        """Args: pictures: (n, BANDS, FRAMES)."""
        found: list[npt.NDArray[np.float32]] = self._session.run(
            self._names, {"mel": pictures[:, None].numpy()}
        )
        *maps, pooled, logits = (torch.from_numpy(f) for f in found)
        maps = [m.contiguous(memory_format=torch.channels_last) for m in maps]
        return Heard(maps, pooled.flatten(1), logits)


class TorchTeacher(Teacher):
    """The same in torch, for an accelerator."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        import onnx
        import onnx2torch

        model, _ = _opened_up(folder / _MODEL)
        net = onnx2torch.convert(onnx.load_from_string(model)).eval().to(device)
        # Traced, its shapes are constants; as converted, it waits for the device at each of them.
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            self._net = torch.jit.trace(net, torch.zeros(2, 1, *SHAPE, device=device), check_trace=False)

    def __call__(self, pictures: Tensor) -> Heard:
        """Args: pictures: (n, BANDS, FRAMES), on the device."""
        with torch.no_grad():
            shape = layout(pictures.device)
            *maps, pooled, logits = self._net(pictures[:, None].contiguous(memory_format=shape))
            maps = [m.contiguous(memory_format=shape) for m in maps]
        return Heard(maps, pooled.flatten(1), logits)
