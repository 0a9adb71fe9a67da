"""Particulate matter corrected for humidity, and the settings that are refused."""

import re
from pathlib import Path
from typing import Any

import pytest

from edge.cli.settings_file import EXAMPLES
from edge.domain.air_observations import CorrectedParticulates, Weather
from edge.domain.air_quality import Correction
from edge.domain.health import Absence, Component
from edge.domain.identity import SourceId
from edge.domain.observations import Observation, Particulates
from edge.domain.time import NS_PER_S, CaptureTime
from edge.fusion.particulates_correction import Config, build
from edge.runtime.settings import SettingsError, load_settings

approx: Any = pytest.approx

AIR = SourceId("air", 0, Component.SERIAL_BOARD)
MAST = SourceId("mast", 1, Component.SERIAL_BOARD)
START = CaptureTime(1_700_000_000 * NS_PER_S, 50 * NS_PER_S)


def particles(second: float = 0, **values: Any) -> Particulates:
    return Particulates(source=AIR, time=START.shifted(second), duration_s=60, **{"readings": 60, **values})


def weather(second: float, humidity: float | None, source: SourceId = MAST) -> Weather:
    return Weather(
        source=source, time=START.shifted(second), duration_s=600, readings=60, humidity_percent=humidity
    )


def corrected(*observations: Observation, **board: Any) -> CorrectedParticulates:
    rule = build(Config.model_validate({"boards": [{"source": "air", **board}]}))
    *_, last = [told for each in observations for told in rule.accept(each)]
    assert isinstance(last, CorrectedParticulates)
    return last


def test_raw_and_corrected_both_go_on_with_the_name_of_the_formula() -> None:
    told = corrected(particles(pm2_5_ugm3=20.0, pm10_ugm3=40.0, humidity_percent=50.0))
    assert (told.formula, told.humidity_percent) == (Correction.KAPPA_KOEHLER, 50.0)
    assert (told.pm2_5_ugm3, told.pm2_5_corrected_ugm3) == (20.0, approx(16.5))
    assert (told.pm10_ugm3, told.pm10_corrected_ugm3) == (40.0, approx(33.0))
    assert (told.absence, told.fog, told.clamped) == (None, False, False)


@pytest.mark.parametrize("humidity", [95.1, 100.0, 103.0])
def test_fog_is_not_corrected(humidity: float) -> None:
    told = corrected(particles(pm2_5_ugm3=80.0, humidity_percent=humidity))
    assert (told.pm2_5_ugm3, told.pm2_5_corrected_ugm3) == (80.0, None)
    assert (told.absence, told.fog) == (Absence.FOG, True)


def test_without_humidity_nothing_is_corrected_and_nothing_assumed() -> None:
    told = corrected(particles(pm2_5_ugm3=80.0))
    assert (told.pm2_5_ugm3, told.pm2_5_corrected_ugm3, told.absence) == (80.0, None, Absence.NO_READING)


def test_why_there_is_no_raw_value_is_why_there_is_no_corrected_one() -> None:
    told = corrected(particles(humidity_percent=40.0, absence=Absence.WARMING_UP))
    assert (told.pm2_5_corrected_ugm3, told.absence) == (None, Absence.WARMING_UP)


def test_less_than_nothing_is_not_corrected() -> None:
    told = corrected(particles(pm2_5_ugm3=-4.0, humidity_percent=40.0))
    assert (told.pm2_5_corrected_ugm3, told.absence) == (None, Absence.OUT_OF_RANGE)


def test_each_formula_of_the_epa_gets_its_column() -> None:
    given = particles(pm2_5_ugm3=40.0, pm2_5_cf1_ugm3=60.0, pm10_ugm3=90.0, humidity_percent=50.0)
    us_wide = corrected(given, formula="epa_us_wide")
    assert (us_wide.pm2_5_ugm3, us_wide.pm2_5_corrected_ugm3) == (60.0, approx(32.88))
    assert (us_wide.pm10_ugm3, us_wide.pm10_corrected_ugm3) == (None, None)
    airnow = corrected(given, formula="airnow_fire_and_smoke")
    assert (airnow.pm2_5_ugm3, airnow.pm2_5_corrected_ugm3) == (40.0, approx(27.64))


@pytest.mark.parametrize("formula", ["epa_us_wide", "epa_two_part", "airnow_fire_and_smoke"])
def test_a_board_without_the_column_of_a_plantower_is_never_given_to_the_epa(formula: str) -> None:
    told = corrected(particles(pm2_5_ugm3=40.0, humidity_percent=50.0), formula=formula)
    assert (told.pm2_5_corrected_ugm3, told.absence) == (None, Absence.NO_READING)


def test_clamping_at_zero_is_told() -> None:
    told = corrected(
        particles(pm2_5_ugm3=0.0, pm2_5_cf1_ugm3=0.0, humidity_percent=90.0), formula="epa_us_wide"
    )
    assert (told.pm2_5_corrected_ugm3, told.clamped) == (0.0, True)


def test_the_humidity_of_another_board_counts_while_it_is_fresh() -> None:
    rule = {"humidity_from": "mast", "humidity_age_s": 900.0}
    own = {"pm2_5_ugm3": 20.0, "humidity_percent": 10.0}
    assert corrected(weather(0, 50.0), particles(1400, **own), **rule).humidity_percent == 50.0
    assert corrected(weather(0, 50.0), particles(1501, **own), **rule).absence is Absence.NO_READING
    assert corrected(weather(0, 50.0, AIR), particles(700, **own), **rule).absence is Absence.NO_READING
    assert corrected(weather(0, 50.0), weather(600, None), particles(700, **own), **rule).absence is None


def test_other_boards_are_left_alone() -> None:
    rule = build(Config.model_validate({"boards": [{"source": "other"}]}))
    assert list(rule.accept(particles(pm2_5_ugm3=1.0, humidity_percent=50.0))) == []


SETTINGS = """
[node]
city = "c"
id = "n"
[[sources.serial_board]]
name = "air"
port = "/dev/null"
profile = "{profile}"
[[sources.serial_board]]
name = "mast"
port = "/dev/zero"
profile = "vaisala_wxt5xx"
[[sources.serial_board]]
name = "gas"
port = "/dev/full"
profile = "winsen_mhz19"
[detectors.particulates]
[detectors.weather]
[fusion.particulates_correction]
boards = [{board}]
"""


@pytest.mark.parametrize(
    ("profile", "board", "said"),
    [
        ("nova_sds011", '{ source = "air", formula = "epa_us_wide", humidity_from = "mast" }', "Plantower"),
        (
            "sensirion_sps30",
            '{ source = "air", formula = "epa_two_part", humidity_from = "mast" }',
            "Plantower",
        ),
        ("nova_sds011", '{ source = "air" }', "'air' measures no humidity"),
        ("nova_sds011", '{ source = "air", humidity_from = "gas" }', "'gas' measures no humidity"),
        ("nova_sds011", '{ source = "air", humidity_from = "roof" }', "'roof' measures no humidity"),
        ("nova_sds011", '{ source = "aire", humidity_from = "mast" }', "no board is called 'aire'"),
        ("nova_sds011", '{ source = "gas", humidity_from = "mast" }', "measures no pm2_5"),
        ("plantower_pms5003t", '{ source = "air" }, { source = "air" }', "corrected twice"),
        ("plantower_pms5003t", '{ source = "air", formula = "barkjohn" }', "epa_us_wide"),
        ("plantower_pms5003t", "", "at least 1"),
    ],
)
def test_settings_that_would_correct_wrongly_are_refused(
    tmp_path: Path, profile: str, board: str, said: str
) -> None:
    path = tmp_path / "lamppost.toml"
    path.write_text(SETTINGS.format(profile=profile, board=board))
    with pytest.raises(SettingsError, match=said):
        load_settings(path, environment={})


@pytest.mark.parametrize(
    ("profile", "board"),
    [
        ("plantower_pms5003t", '{ source = "air", formula = "epa_us_wide" }'),
        (
            "plantower_pms5003",
            '{ source = "air", formula = "airnow_fire_and_smoke", humidity_from = "mast" }',
        ),
        ("nova_sds011", '{ source = "air", humidity_from = "mast", kappa = 0.36 }'),
    ],
)
def test_settings_that_fit_are_taken(tmp_path: Path, profile: str, board: str) -> None:
    path = tmp_path / "lamppost.toml"
    path.write_text(SETTINGS.format(profile=profile, board=board))
    assert load_settings(path, environment={}).section("fusion", "particulates_correction") is not None


BESIDE = """
[node]
city = "c"
id = "n"
[sources.serial_board]
name = "air"
port = "/dev/null"
profile = "plantower_pms5003t"
"""


HUMIDITY_OF_ANOTHER = """
[[fusion.particulates_correction.boards]]
source = "air"
humidity_from = "air"
"""


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ("[fusion.air_index]\n", r"\[fusion.air_index\] hears nothing without \[fusion.air_means\]; add it"),
        ("[fusion.air_exceedance]\n", r"without \[fusion.air_means\]"),
        ('[fusion.air_twins]\none = "air"\nother = "b"\n', r"without \[fusion.air_means\]"),
        ("[fusion.air_means]\n", r"without \[detectors.particulates\] or \[detectors.gases\]"),
        (
            '[detectors.particulates]\n[fusion.air_means]\nparticulates = "corrected"\n',
            r"without \[fusion.particulates_correction\] or",
        ),
        (
            f"[detectors.particulates]\n{HUMIDITY_OF_ANOTHER}",
            r"without \[detectors.weather\]",
        ),
    ],
)
def test_a_rule_that_would_hear_nothing_is_refused(tmp_path: Path, sections: str, said: str) -> None:
    path = tmp_path / "lamppost.toml"
    path.write_text(BESIDE + sections)
    with pytest.raises(SettingsError, match=said):
        load_settings(path, environment={})


AIR_SECTIONS = (
    "detectors.weather",
    "detectors.heat_stress",
    "detectors.gas_indices",
    "detectors.position",
    "detectors.time_quality",
    "detectors.reading_health",
    "detectors.gases",
    "fusion.air_means",
    "[fusion.particulates_correction.boards",
    "fusion.air_index",
    "fusion.air_exceedance",
    "fusion.air_twins",
)


def test_the_air_sections_of_the_example_can_be_switched_on(tmp_path: Path) -> None:
    text = (EXAMPLES / "lamppost.toml").read_text()
    for name in AIR_SECTIONS:
        found = re.search(rf"^# \[{re.escape(name)}\](.*\n(?:# [a-z].*\n)*)", text, re.MULTILINE)
        assert found, name
        text = text.replace(found[0], re.sub(r"(?m)^# ", "", found[0]))
    for name, profile in (
        ("weather", "vaisala_wxt5xx"),
        ("air_2", "nova_sds011"),
        ("gnss", "nmea_gnss"),
        ("voc", "generic_environment"),
    ):
        text += f'\n[[sources.serial_board]]\nname = "{name}"\nport = "/dev/{name}"\nprofile = "{profile}"\n'
    text += '\n[[sources.serial_board]]\nname = "gas"\nport = "/dev/gas"\nprofile = "spec_dgs_no2"\n'
    for file in ("lamppost.toml", "policy.toml"):
        (tmp_path / file).write_text((EXAMPLES / file).read_text())
    (tmp_path / "lamppost.toml").write_text(text)
    settings = load_settings(tmp_path / "lamppost.toml", environment={})
    wanted = {(part[0], part[1]) for name in AIR_SECTIONS if (part := name.strip("[").split("."))}
    assert wanted <= {(entry.layer, entry.section) for entry in settings.entries}
