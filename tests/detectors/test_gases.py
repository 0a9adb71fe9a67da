"""Means of gases per interval, and who may call them more than indicative."""

from pathlib import Path
from typing import Any

import pytest

from edge.detectors.gases import FRAME, Config, build
from edge.domain.air_observations import Conversion, Gases
from edge.domain.frames import ReadingFrame
from edge.domain.health import Absence, Component
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime
from edge.runtime.settings import SettingsError, load_settings

BOARD = SourceId("gas", 0, Component.SERIAL_BOARD)
START = CaptureTime(1_700_000_000 * NS_PER_S, 50 * NS_PER_S)


def frame(second: float, absent: dict[str, Absence] | None = None, **values: float) -> ReadingFrame:
    return ReadingFrame(BOARD, START.shifted(second), "board", values, absent or {})


def run(frames: list[ReadingFrame], **config: Any) -> list[Gases]:
    detector = build(Config(**{"interval_s": 10, **config}))
    told = [observation for each in frames for observation in detector.accept(each)]
    return [*told, *detector.finish()]


def test_it_reads_readings() -> None:
    assert FRAME is ReadingFrame


def test_without_a_valid_reading_there_is_a_reason_and_no_value() -> None:
    (only,) = run([frame(0, {"no2_ppb": Absence.WARMING_UP})])
    assert (only.no2_ppb, only.no2_ugm3, only.absence) == (None, None, Absence.WARMING_UP)


def test_boards_without_gas_are_not_observed() -> None:
    assert run([frame(0, pm2_5_ugm3=4.0, temperature_c=20.0)]) == []


def test_parts_per_billion_become_mass_at_293_kelvin() -> None:
    (only,) = run([frame(0, no2_ppb=10.0), frame(1, no2_ppb=20.0)])
    assert only.no2_ppb == 15.0
    assert only.no2_ugm3 == pytest.approx(15 * 1.9130, abs=0.01)
    assert only.conversion is Conversion.EU_293K
    assert only.o3_ugm3 is None


def test_below_zero_stays_below_zero() -> None:
    (only,) = run([frame(0, no2_ppb=-12.0)])
    assert only.no2_ppb == -12.0
    assert only.no2_ugm3 is not None
    assert only.no2_ugm3 < 0


def test_parts_per_million_are_parts_per_billion() -> None:
    (only,) = run([frame(0, co_ppm=0.5, no2_ppm=0.02)])
    assert (only.co_ppb, only.no2_ppb) == (500.0, 20.0)
    (gone,) = run([frame(0, {"co_ppm": Absence.STALE})])
    assert gone.absence is Absence.STALE


def test_ambient_mass_needs_temperature_and_pressure() -> None:
    (without,) = run([frame(0, no2_ppb=10.0, temperature_c=25.0)], conversion="ambient")
    assert (without.no2_ppb, without.no2_ugm3) == (10.0, None)
    (known,) = run([frame(0, no2_ppb=10.0, temperature_c=25.0, pressure_hpa=1013.25)], conversion="ambient")
    assert known.no2_ugm3 == pytest.approx(18.8, abs=0.02)


def test_mass_that_the_board_says_is_left_as_it_is() -> None:
    (only,) = run([frame(0, no2_ugm3=40.0)])
    assert (only.no2_ppb, only.no2_ugm3) == (None, 40.0)


def test_all_but_analysers_are_indicative() -> None:
    assert run([frame(0, no2_ppb=1.0)])[0].indicative
    assert not run([frame(0, no2_ppb=1.0)], analysers=("gas",))[0].indicative


SETTINGS = """
[node]
city = "c"
id = "n"
[sources.serial_board]
name = "gas"
port = "/dev/null"
profile = "{profile}"
[detectors.gases]
analysers = ["{analyser}"]
"""


@pytest.mark.parametrize(
    ("profile", "analyser", "said"),
    [
        ("spec_dgs_no2", "gas", "cells cross-respond"),
        ("generic_json", "mast", "no board is called 'mast'"),
    ],
)
def test_a_cell_cannot_be_declared_an_analyser(
    tmp_path: Path, profile: str, analyser: str, said: str
) -> None:
    path = tmp_path / "lamppost.toml"
    path.write_text(SETTINGS.format(profile=profile, analyser=analyser))
    with pytest.raises(SettingsError, match=said) as caught:
        load_settings(path, environment={})
    assert "lamppost.toml:9: [detectors.gases]" in str(caught.value)


def test_an_analyser_may_be_declared(tmp_path: Path) -> None:
    path = tmp_path / "lamppost.toml"
    path.write_text(SETTINGS.format(profile="generic_json", analyser="gas"))
    assert load_settings(path, environment={}).section("detectors", "gases") is not None
