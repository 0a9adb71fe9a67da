"""The script that measures signing measures something."""

import json

import pytest

from scripts.measure_signing import main


def test_it_measures_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--reports", "50", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == {"number_and_sign", "commit", "verify", "bytes"}
    assert all(value > 0 for value in figures.values())
