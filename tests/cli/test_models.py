"""`lamppost models`: list, verify, evaluate street_sound."""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from onnx import TensorProto, helper

from edge.cli.command import dispatch
from edge.domain.shipped import shipped
from edge.dsp.log_mel import SHAPE
from edge.dsp.pooling import log_odds, pooled

LABELS = ("gunshot", "siren")
CARD = """
name = "street_sound"
version = "1"
summary = "louder bands, higher answers"
file = "model.onnx"
sha256 = "{sha256}"
licence = "Apache-2.0"
limits = ["only a test"]
materials = []
figures = []
input = {{ name = "log_mel", shape = ["n", 128, 100], meaning = "edge.dsp.log_mel.log_mel" }}
outputs = [{{ name = "probabilities", shape = ["n", 2], meaning = "probability" }}]

[[labels]]
name = "gunshot"
threshold = 0.5
threshold_from = "a guess"

[[labels]]
name = "siren"
threshold = 0.5
threshold_from = "a guess"
default = "off"
why_off = "a test"

[training]
command = "true"
evaluation = "true"
seed = 1
date = 2026-01-01
method = "none"
"""
RATE_HZ = 48_000
NOISE = np.random.default_rng(3).normal(0, 0.1, 3 * RATE_HZ).astype(np.float32)


def brightness_onnx() -> bytes:
    """Return a model that answers the sigmoid of the mean of the lower and of the upper bands."""
    half = SHAPE[0] // 2 * SHAPE[1]
    weight = np.zeros((SHAPE[0] * SHAPE[1], 2), np.float32)
    weight[:half, 0] = weight[half:, 1] = 1 / half
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["log_mel"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["sum"]),
            helper.make_node("Sigmoid", ["sum"], ["probabilities"]),
        ],
        "brightness",
        [helper.make_tensor_value_info("log_mel", TensorProto.FLOAT, ["n", *SHAPE])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor("w", TensorProto.FLOAT, weight.shape, weight.ravel())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "street_sound"
    folder.mkdir(parents=True)
    content = brightness_onnx()
    (folder / "model.onnx").write_bytes(content)
    (folder / "card.toml").write_text(CARD.format(sha256=hashlib.sha256(content).hexdigest()))
    return tmp_path / "models"


@pytest.fixture
def evaluate(models: Path, tmp_path: Path) -> Callable[..., tuple[int, list[dict[str, str]]]]:
    """Return a function that evaluates (path, label) rows and gives the exit code and the table's rows."""

    def run(rows: list[tuple[str, str]], *more: str) -> tuple[int, list[dict[str, str]]]:
        manifest, out = tmp_path / "clips" / "manifest.csv", tmp_path / "out.csv"
        manifest.parent.mkdir(exist_ok=True)
        with manifest.open("w", newline="") as file:
            csv.writer(file).writerows([("path", "label"), *rows])
        asked = ["--manifest", str(manifest), "--out", str(out), *more]
        code = dispatch(["models", "--models", str(models), "evaluate", "street_sound", *asked])
        with out.open(newline="") as file:
            return code, list(csv.DictReader(file))

    return run


def write(
    folder: Path, name: str, samples: np.ndarray, rate_hz: int = RATE_HZ, subtype: str = "FLOAT"
) -> str:
    (folder / "clips").mkdir(exist_ok=True)
    soundfile.write(folder / "clips" / name, samples, rate_hz, subtype=subtype)
    return name


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"file,label\na.wav,x\n", "no column `path`"),
        (b"", "no column `path`"),
        (b"path,label\n", "lists no clips"),
        (b"path,label\n\xff\xfe.wav,x\n", "not a CSV file in UTF-8"),
    ],
)
def test_a_wrong_manifest_is_wrong_use(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, complaint: str
) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_bytes(content)
    asked = ["--manifest", str(manifest), "--out", str(tmp_path / "out.csv")]
    assert dispatch(["models", "--models", str(models), "evaluate", "street_sound", *asked]) == 2
    assert complaint in capsys.readouterr().err


def test_missing_and_broken_clips_keep_their_row_without_values(
    evaluate: Callable[..., tuple[int, list[dict[str, str]]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path, "fine.wav", NOISE)
    write(tmp_path, "nan.wav", np.full(RATE_HZ, np.nan, np.float32))
    write(tmp_path, "empty.wav", np.empty(0, np.float32))
    (tmp_path / "clips" / "text.wav").write_text("no sound")
    (tmp_path / "clips" / "folder.wav").mkdir()
    bad = ["gone.wav", "text.wav", "folder.wav", "nan.wav", "empty.wav"]
    code, rows = evaluate([("fine.wav", "other"), *((name, "x") for name in bad)])
    assert code == 1
    assert [row["path"] for row in rows] == ["fine.wav", *bad]
    assert all(row["gunshot"] == row["siren"] == "" for row in rows[1:])
    assert 0 < float(rows[0]["gunshot"]) < 1
    said = capsys.readouterr().err
    for line, words in enumerate(
        ["no such file", "cannot be read as sound", "is a directory", "finite", "finite"], 3
    ):
        assert any(f"line {line}:" in one and words in one for one in said.splitlines())


def test_the_largest_probability_of_the_windows_is_given(
    evaluate: Callable[..., tuple[int, list[dict[str, str]]]], tmp_path: Path
) -> None:
    write(tmp_path, "a.wav", NOISE * np.linspace(0, 1, NOISE.size, dtype=np.float32) ** 4)
    code, (clip,) = evaluate([("a.wav", "other")])
    assert code == 0
    assert list(clip) == ["path", "label", *LABELS]
    _, segments = evaluate([("a.wav", "other")], "--segments", "--hop", "0.5")
    assert list(segments[0]) == ["path", "label", "start_s", *LABELS]
    assert [row["start_s"] for row in segments] == ["0.000", "0.500", "1.000", "1.500", "2.000"]
    assert float(clip["gunshot"]) >= max(float(row["gunshot"]) for row in segments) - 1e-6


def test_what_the_card_pools_is_told_from_the_windows_up_to_each(
    evaluate: Callable[..., tuple[int, list[dict[str, str]]]], models: Path, tmp_path: Path
) -> None:
    write(tmp_path, "a.wav", NOISE * np.linspace(1, 0, NOISE.size, dtype=np.float32) ** 4)
    asked = [("a.wav", "other")], "--segments", "--hop", "0.5"
    _, alone = evaluate(*asked)
    card = models / "street_sound" / "card.toml"
    card.write_text(card.read_text().replace('default = "off"', 'pooled_s = 2.0\ndefault = "off"'))
    _, together = evaluate(*asked)
    assert [row["gunshot"] for row in alone] == [row["gunshot"] for row in together]
    odds = [log_odds(float(row["siren"])) for row in alone]
    expected = pooled(np.array(odds[2:5])[:, None])
    assert log_odds(float(together[4]["siren"])) == pytest.approx(expected[0], abs=0.01)


def test_a_long_recording_is_cut_without_gaps_or_repeats(
    evaluate: Callable[..., tuple[int, list[dict[str, str]]]], tmp_path: Path
) -> None:
    write(tmp_path, "long.wav", np.resize(NOISE[:8000], 8000 * 130), 8000, "PCM_16")
    _, rows = evaluate([("long.wav", "")], "--segments", "--hop", "0.5")
    assert [float(row["start_s"]) for row in rows] == [k / 2 for k in range(259)]


def test_windows_with_gaps_are_left_out(
    evaluate: Callable[..., tuple[int, list[dict[str, str]]]], tmp_path: Path
) -> None:
    gap = NOISE.copy()
    gap[10] = np.nan
    write(tmp_path, "gap.wav", gap)
    _, rows = evaluate([("gap.wav", "")], "--segments", "--hop", "0.5")
    assert [row["start_s"] for row in rows] == ["0.500", "1.000", "1.500", "2.000"]


@pytest.mark.parametrize(
    "other", [np.zeros_like(NOISE), np.full_like(NOISE, np.nan), np.full_like(NOISE, 0.5)]
)
def test_a_dead_channel_does_not_count(
    evaluate: Callable[..., tuple[int, list[dict[str, str]]]], tmp_path: Path, other: np.ndarray
) -> None:
    write(tmp_path, "one.wav", NOISE)
    write(tmp_path, "two.wav", np.stack([NOISE, other], axis=1))
    _, (one, two) = evaluate([("one.wav", ""), ("two.wav", "")])
    assert one["gunshot"] == two["gunshot"]


@pytest.mark.parametrize(("rate_hz", "subtype"), [(8_000, "PCM_U8"), (44_100, "PCM_24"), (192_000, "PCM_16")])
def test_any_rate_and_format(
    evaluate: Callable[..., tuple[int, list[dict[str, str]]]], tmp_path: Path, rate_hz: int, subtype: str
) -> None:
    write(tmp_path, "a.wav", np.resize(NOISE, 2 * rate_hz), rate_hz, subtype)
    code, (row,) = evaluate([("a.wav", "")])
    assert code == 0
    assert 0 < float(row["siren"]) < 1


def test_usage_of_evaluate(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text("path\na.wav\n")
    base = [
        "models",
        "--models",
        str(models),
        "evaluate",
        "street_sound",
        "--manifest",
        str(manifest),
        "--out",
    ]
    assert dispatch([*base, str(tmp_path / "nowhere" / "out.csv")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert dispatch([*base, str(tmp_path / "out.csv"), "--hop", "0"]) == 2
    assert "--hop" in capsys.readouterr().err
    assert dispatch([*base, str(tmp_path / "out.csv"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"clips": 1, "failed": 1, "out": str(tmp_path / "out.csv")}
    (models / "street_sound" / "model.onnx").write_bytes(b"damaged")
    assert dispatch([*base, str(tmp_path / "out.csv")]) == 3
    assert "checksum" in capsys.readouterr().err


def test_list_and_verify(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["models", "--models", str(models), "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["name"] == "street_sound"
    assert [label["default"] for label in listed["labels"]] == ["on", "off"]
    assert dispatch(["models", "--models", str(models), "list"]) == 0
    assert "off: a test" in capsys.readouterr().out
    assert dispatch(["models", "--models", str(models), "verify"]) == 0
    assert capsys.readouterr().out == "street_sound: fine\n"
    (models / "street_sound" / "model.onnx").write_bytes(b"damaged")
    assert dispatch(["models", "--models", str(models), "--json", "verify"]) == 1
    assert "checksum" in json.loads(capsys.readouterr().out)["fault"]
    (models / "street_sound" / "card.toml").write_text("name = 3")
    assert dispatch(["models", "--models", str(models), "list"]) == 1
    assert "card.toml" in capsys.readouterr().err


def test_no_models_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["models", "--models", str(tmp_path), "verify"]) == 1
    assert "holds no model card" in capsys.readouterr().err


def test_an_incomplete_installation_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(_: str) -> Path:
        raise FileNotFoundError("models: not found; reinstall lamppost-edge")

    monkeypatch.setattr("edge.cli.models.shipped", gone)
    assert dispatch(["models", "list"]) == 3
    assert "reinstall" in capsys.readouterr().err


@pytest.mark.skipif(
    not (shipped("models") / "street_sound" / "card.toml").exists(), reason="no model ships yet"
)
def test_the_shipped_models_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["models", "verify"]) == 0
    assert "street_sound: fine" in capsys.readouterr().out
