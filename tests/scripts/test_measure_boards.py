from pathlib import Path

import pytest

from edge.decoding.catalogue import load_known, shipped_paths
from scripts import fuzz_decoders, measure_boards


def test_a_page_without_a_place_for_figures_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Boards\n")
    monkeypatch.setattr("sys.argv", ["measure_boards", "--page", str(page)])
    assert measure_boards.main() == 2
    assert "has no line '<!-- figures -->'" in capsys.readouterr().err
    assert page.read_text() == "# Boards\n"


def test_figures_replace_those_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [path for path in shipped_paths() if path.stem in {"nova_sds011", "winsen_ze07_co"}]
    monkeypatch.setattr(measure_boards, "shipped_paths", lambda: paths)
    monkeypatch.setattr(measure_boards, "_REPLUGS", 1)
    monkeypatch.setattr(measure_boards, "_UNPLUGGED_S", (0.1, 0.2))
    page = tmp_path / "page.md"
    page.write_text("# Boards\n<!-- figures -->\nold\n")
    words = ["measure_boards", "--page", str(page), "--fuzz-bytes", "20000", "--seconds", "0.2"]
    monkeypatch.setattr("sys.argv", words)
    assert measure_boards.main() == 0
    text = page.read_text()
    assert text.startswith("# Boards\n<!-- figures -->\n\nOn ")
    assert "old" not in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == ["| `nova_sds011`", "| `winsen_ze07_co`"]
    assert rows[1][3] == "experimental indicative"
    assert float(rows[0][4].replace(",", "")) > 1000


def test_fuzzing_counts_what_it_fed() -> None:
    profile = load_known("nova_sds011")
    found = fuzz_decoders.fuzz(profile, 20_000, seed=1)
    assert found.noise + found.damage >= 20_000
    assert found.of_noise == 0
    again = fuzz_decoders.fuzz(profile, 20_000, seed=1)
    assert (again.noise, again.of_damage) == (found.noise, found.of_damage), "the same seed, the same bytes"
