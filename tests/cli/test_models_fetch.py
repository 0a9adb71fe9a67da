"""`lamppost models fetch`: a public model is installed when it is the one that its card names."""

import hashlib
import json
import urllib.error
import urllib.request
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from edge.cli.command import dispatch
from edge.domain.shipped import shipped

CARD = (shipped("models") / "people_yolox" / "card.toml").read_text(encoding="utf-8")
CONTENT = b"not a network, but the very file that the card names"
ADDRESS = "https://models.example/yolox.onnx"


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Give `--models` and `--fetched` with the card of a file that is easily made."""
    card = CARD.replace(line_of("sha256"), f'sha256 = "{hashlib.sha256(CONTENT).hexdigest()}"')
    card = card.replace(line_of("address"), f'address = "{ADDRESS}"')
    card = card.replace(line_of("size_bytes"), f"size_bytes = {len(CONTENT)}")
    (tmp_path / "models" / "people_yolox").mkdir(parents=True)
    (tmp_path / "models" / "people_yolox" / "card.toml").write_text(card, encoding="utf-8")
    return ["models", "--models", str(tmp_path / "models"), "--fetched", str(tmp_path / "fetched")]


def line_of(key: str) -> str:
    return next(line for line in CARD.splitlines() if line.startswith(f"{key} ="))


class Answers:
    """Stands for the network: answers every request with `content`, or with an error."""

    def __init__(self, content: bytes | Exception) -> None:
        self.content = content
        self.asked: list[str] = []

    def open(self, address: str, timeout: float) -> Any:
        self.asked.append(address)
        if isinstance(self.content, Exception):
            raise self.content
        return BytesIO(self.content)


def online(monkeypatch: pytest.MonkeyPatch, content: bytes | Exception) -> Answers:
    answers = Answers(content)
    monkeypatch.setattr(urllib.request, "build_opener", lambda *_: answers)
    return answers


def test_downloads_checks_and_installs(
    folders: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = online(monkeypatch, CONTENT)
    assert dispatch([*folders, "fetch", "people_yolox", "--json"]) == 0
    assert answers.asked == [ADDRESS]
    file = tmp_path / "fetched" / "people_yolox" / "yolox_nano.onnx"
    assert file.read_bytes() == CONTENT
    assert list(file.parent.iterdir()) == [file]
    assert json.loads(capsys.readouterr().out)["bytes"] == len(CONTENT)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (CONTENT + b"!", "checksum"),
        (CONTENT[:-1], "checksum"),
        (urllib.error.URLError("no route"), "--from DIR"),
    ],
)
def test_another_file_or_no_network_installs_nothing(
    folders: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes | Exception,
    says: str,
) -> None:
    online(monkeypatch, content)
    assert dispatch([*folders, "fetch", "people_yolox"]) == 3
    assert says in capsys.readouterr().err
    assert not (tmp_path / "fetched").exists()


def test_copies_from_a_folder(folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stick = tmp_path / "stick"
    assert dispatch([*folders, "fetch", "people_yolox", "--from", str(stick)]) == 2
    (stick / "models").mkdir(parents=True)
    assert dispatch([*folders, "fetch", "people_yolox", "--from", str(stick)]) == 2
    (stick / "models" / "yolox_nano.onnx").write_bytes(b"another")
    assert dispatch([*folders, "fetch", "people_yolox", "--from", str(stick)]) == 3
    (stick / "models" / "yolox_nano.onnx").write_bytes(CONTENT)
    assert dispatch([*folders, "fetch", "people_yolox", "--from", str(stick)]) == 0
    errors = capsys.readouterr().err
    assert "no such folder" in errors
    assert "holds no yolox_nano.onnx" in errors
    assert "checksum" in errors


def test_only_public_models_are_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["models", "fetch", "street_sound"]) == 2
    assert dispatch(["models", "fetch", "street_sounds"]) == 2
    errors = capsys.readouterr().err
    assert "nothing to fetch" in errors
    assert "did you mean 'street_sound'?" in errors


def test_a_model_that_nobody_fetched_is_listed_and_no_fault(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch([*folders, "list"]) == 0
    assert "not fetched: `lamppost models fetch people_yolox`" in capsys.readouterr().out
    assert dispatch([*folders, "verify", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["fetched"]) == (True, False)
    (tmp_path / "fetched" / "people_yolox").mkdir(parents=True)
    (tmp_path / "fetched" / "people_yolox" / "yolox_nano.onnx").write_bytes(b"damaged")
    assert dispatch([*folders, "verify"]) == 1


def test_the_public_model_is_as_its_card_says(fetched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["models", "--fetched", str(fetched), "verify"]) == 0
    assert "people_yolox: fine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("[public]", "[publick]"), "public"),
        (('address = "https:', 'address = "http:'), "address"),
        (("column = 0\n", ""), "column"),
    ],
)
def test_a_card_that_cannot_be_right_is_refused(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], says: str
) -> None:
    path = tmp_path / "models" / "people_yolox" / "card.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    assert dispatch([*folders, "verify"]) == 1
    assert says in capsys.readouterr().out
