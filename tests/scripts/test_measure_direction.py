import json

import pytest

from scripts import measure_direction
from scripts.measure_direction import Miss, Row, exact, markdown, street, summary, trials


def test_the_detector_hears_a_bang_in_a_simulated_street_and_from_where() -> None:
    array = exact(measure_direction.ARRAYS["square, diagonal 20 cm"])
    draw = street(array, (28, 28), from_facade_m=1.5, heard=True)
    misses = trials(array, draw, 2, 3, heard=True)
    row = summary(misses)
    assert row["azimuth_told"] == "2 of 2"
    assert all(miss is not None and (miss.azimuth_deg or 0.0) < 1 for miss in misses)


def test_what_is_not_heard_or_not_told_is_counted() -> None:
    row = summary([None, Miss(None, None, 3.0, 1.5), Miss(1.0, 0.5, 1.0, 0.5)])
    assert row["azimuth_told"] == "1 of 3"
    assert (row["azimuth_median_deg"], row["elevation_median_deg"]) == (1.0, 2.0)
    assert (row["elevation_within_1"], row["elevation_within_2"]) == (0.5, 1.0)
    assert summary([])["azimuth_median_deg"] is None


def test_tables_are_written_for_people_and_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[Row] = [
        {"table": "open", "array": "pair", "snr_db": 20, **summary([Miss(1.0, 0.5, None, None)])},
        {"table": "cost", "array": "pair", "cpu_ms": 1.5},
    ]
    assert "| pair | 20 | 1 of 1 | 1.0 / 1.0 | 1.0 / 1.0 | - | - |" in markdown(rows)
    monkeypatch.setattr(measure_direction, "measure", lambda _: iter(rows))
    assert measure_direction.main(["--json"]) == 0
    assert [json.loads(line)["table"] for line in capsys.readouterr().out.splitlines()] == ["open", "cost"]
    assert measure_direction.main([]) == 0
    assert "CPU, ms" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        measure_direction.main(["--trials", "0"])
