"""The public models that are teachers in training and peers in evaluation: EfficientAT mn04_as and YAMNet."""

import csv
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft
from scipy.signal import firwin, resample_poly

from scripts.onnx_files import one_thread_session

Floats = npt.NDArray[np.float32]
YAMNET_HOP_S = 0.4875  # half of its window

# Display names in the AudioSet ontology; the score of a class is the largest of its members.
AUDIOSET = {
    "gunshot": ("Gunshot, gunfire", "Machine gun", "Fusillade", "Artillery fire", "Cap gun"),
    "firework": ("Fireworks", "Firecracker"),
    "explosion": ("Explosion", "Boom", "Eruption"),
    "glass_break": ("Shatter", "Glass"),
    "scream": ("Screaming",),
    "raised_voice": ("Shout", "Yell", "Bellow", "Children shouting", "Battle cry"),
    "siren": (
        "Siren",
        "Police car (siren)",
        "Ambulance (siren)",
        "Fire engine, fire truck (siren)",
        "Civil defense siren",
        "Emergency vehicle",
    ),
    "horn": ("Vehicle horn, car horn, honking", "Air horn, truck horn", "Toot", "Train horn", "Foghorn"),
}


def _columns(names: list[str]) -> dict[str, list[int]]:
    return {label: [names.index(n) for n in members if n in names] for label, members in AUDIOSET.items()}


Families = tuple[list[list[int]], list[list[int]]]


def _names(file: Path) -> list[str]:
    with file.open(newline="") as opened:
        return [row["display_name"] for row in csv.DictReader(opened)]


def _mn04_names(folder: Path) -> list[str]:
    return _names(folder / "efficientat_mn04" / "class_labels_indices.csv")


def _yamnet_names(folder: Path) -> list[str]:
    return _names(folder / "yamnet" / "yamnet_class_map.csv")


def tag_families(folder: Path) -> Families:
    """Return the columns of mn04's tags and of YAMNet's that belong to each of OUTPUTS."""
    mn04, yamnet = (list(_columns(n).values()) for n in (_mn04_names(folder), _yamnet_names(folder)))
    return mn04, yamnet


@lru_cache(maxsize=1)
def _mel128() -> tuple[Floats, Floats]:
    window = np.hanning(800).astype(np.float32)

    def mel(f: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        return np.asarray(1127.0 * np.log1p(f / 700.0))

    edges = np.linspace(0.0, float(mel(np.array(15000.0))), 130)
    bins = mel(np.arange(513) * 31.25)[:, None]
    up = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return window, np.maximum(np.minimum(up, down), 0.0).astype(np.float32)


@lru_cache(maxsize=1)
def _half_band() -> Any:  # scipy's types know only the names of filters
    """Return the filter that `resample_poly` would design anew at each call, float32."""
    return firwin(41, 0.5, window=("kaiser", 5.0)).astype(np.float32)


class Mn04:
    """EfficientAT mn04_as: 527 logits and a 384-d embedding for a track of 2 s or more at 32 kHz."""

    def __init__(self, folder: Path) -> None:
        self._session = one_thread_session(folder / "efficientat_mn04" / "mn04_as_mel_in.onnx")
        self.names = _mn04_names(folder)
        self.columns = _columns(self.names)

    def __call__(self, sound: Floats) -> tuple[Floats, Floats]:
        """Return (527 logits, 384-d embedding)."""
        if sound.size < 64000:
            sound = np.pad(sound, ((64000 - sound.size) // 2, (64001 - sound.size) // 2))
        window, triangles = _mel128()
        emphasised = np.pad(sound[1:] - np.float32(0.97) * sound[:-1], 512, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(emphasised, 1024)[::320, 112:912]
        spectrum = rfft(np.pad(frames * window, ((0, 0), (112, 112))), axis=1)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) @ triangles
        mel = ((np.log(power + 1e-5) + 4.5) / 5.0).T[None, None]
        logits, embedding = self._session.run(None, {"mel": np.ascontiguousarray(mel, dtype=np.float32)})
        return logits[0], embedding[0]


class Yamnet:
    """YAMNet: 521 scores per 0.975 s; `hop_s` between windows."""

    def __init__(self, folder: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._net = Interpreter(str(folder / "yamnet" / "yamnet.tflite"), num_threads=1)
        self._net.allocate_tensors()
        self._in = self._net.get_input_details()[0]
        self._out = self._net.get_output_details()[0]["index"]
        self.names = _yamnet_names(folder)
        self.columns = _columns(self.names)

    def __call__(self, sound: Floats, hop_s: float = YAMNET_HOP_S) -> Floats:
        """Return (windows, 521) scores of a track at 32 kHz."""
        low = resample_poly(sound, 1, 2, window=_half_band()).astype(np.float32)
        if low.size < 15600:
            low = np.pad(low, ((15600 - low.size) // 2, (15601 - low.size) // 2))
        starts = list(range(0, low.size - 15599, round(hop_s * 16000)))
        if starts[-1] + 15600 < low.size:
            starts.append(low.size - 15600)
        rows = []
        for start in starts:
            self._net.set_tensor(self._in["index"], low[start : start + 15600].reshape(self._in["shape"]))
            self._net.invoke()
            rows.append(self._net.get_tensor(self._out).reshape(-1).copy())
        return np.stack(rows)
