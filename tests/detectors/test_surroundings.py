"""Heat, water, odours, GNSS, and the health of boards that speak."""

import dataclasses
import math
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.detectors import position
from edge.domain.air_observations import (
    FixGrade,
    GasIndices,
    HeatFormula,
    HeatGrade,
    HeatStress,
    Position,
    TimeQuality,
    WaterLevel,
)
from edge.domain.frames import Frame, Idle, ReadingFrame
from edge.domain.health import Absence, Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health
from edge.domain.time import NS_PER_S, CaptureTime
from edge.runtime.settings import SettingsError, load_settings

BOARD = SourceId("board", 0, Component.SERIAL_BOARD)
START = CaptureTime(1_700_000_000 * NS_PER_S, 50 * NS_PER_S)
approx: Any = pytest.approx

NAMES = ("gas_indices", "heat_stress", "water_level", "position", "time_quality", "reading_health")


def frame(second: float, absent: dict[str, Absence] | None = None, **values: float) -> ReadingFrame:
    return ReadingFrame(BOARD, START.shifted(second), "board", values, absent or {})


def run(name: str, frames: list[ReadingFrame], **config: Any) -> list[Any]:
    module = import_module(f"edge.detectors.{name}")
    detector = module.build(module.Config(**config))
    told = [observation for each in frames for observation in detector.accept(each)]
    return [*told, *detector.finish()]


@pytest.mark.parametrize("name", NAMES)
def test_boards_that_measure_something_else_are_left_alone(name: str) -> None:
    assert run(name, [frame(i * 400, co2_ppm=400.0 + i) for i in range(4)]) == []
    idle: Frame = Idle(BOARD, START)
    assert (
        list(
            import_module(f"edge.detectors.{name}")
            .build(import_module(f"edge.detectors.{name}").Config())
            .accept(idle)
        )
        == []
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_board_that_never_had_a_value_is_not_said_to_lack_it(name: str) -> None:
    names = ("voc_index", "temperature_c", "humidity_percent", "water_level_m", "latitude_deg")
    frames = [frame(i * 400, dict.fromkeys(names, Absence.NO_READING), co2_ppm=4.0 + i) for i in range(4)]
    assert run(name, frames) == []


def test_indices_are_the_boards_own_and_name_no_substance() -> None:
    (only,) = run(
        "gas_indices", [frame(0, voc_grade=1.0, voc_index=90.0), frame(9, voc_grade=3.0, voc_index=110.0)]
    )
    assert isinstance(only, GasIndices)
    assert (only.voc_grade, only.voc_index, only.odour_grade) == (3.0, 100.0, None)
    assert not [field for field in GasIndices.__dataclass_fields__ if field.endswith(("_ppb", "_ugm3"))]


def test_heat_with_and_without_a_globe() -> None:
    (only,) = run("heat_stress", [frame(0, temperature_c=35.0, humidity_percent=50.0)])
    assert isinstance(only, HeatStress)
    assert (only.formula, only.grade, only.wbgt_estimate_c) == (HeatFormula.ROTHFUSZ, HeatGrade.DANGER, None)
    assert only.heat_index_c == approx(41.0, abs=0.5)
    (globe,) = run(
        "heat_stress", [frame(0, temperature_c=35.0, humidity_percent=50.0, globe_temperature_c=50.0)]
    )
    assert globe.wbgt_estimate_c == approx(0.7 * 26.2 + 0.2 * 50 + 0.1 * 35, abs=0.3)


def test_heat_needs_both_temperature_and_humidity() -> None:
    (only,) = run("heat_stress", [frame(0, {"humidity_percent": Absence.SENSOR_FAULT}, temperature_c=35.0)])
    assert (only.heat_index_c, only.grade, only.absence) == (None, None, Absence.NO_READING)
    (gone,) = run(
        "heat_stress", [frame(0, {"humidity_percent": Absence.STALE, "temperature_c": Absence.STALE})]
    )
    assert (gone.heat_index_c, gone.absence) == (None, Absence.STALE)


def test_water_below_a_sensor_that_looks_down() -> None:
    frames = [frame(i * 60, distance_m=3.0 - 0.01 * i) for i in range(5)]
    (only,) = run("water_level", frames, mounted_m=4.5)
    assert isinstance(only, WaterLevel)
    assert (only.level_m, only.lowest_m, only.highest_m) == (approx(1.52), approx(1.5), approx(1.54))
    assert only.rise_m_per_h == approx(0.6)


def test_a_wave_or_a_boat_does_not_move_the_median() -> None:
    levels = [1.0, 1.01, 1.2, 1.0, 0.99]
    (only,) = run("water_level", [frame(i, water_level_m=x) for i, x in enumerate(levels)], zero_m=-0.4)
    assert only.level_m == approx(0.6)


def test_water_absent_has_a_reason_and_two_readings_no_slope() -> None:
    (gone,) = run("water_level", [frame(0, {"distance_m": Absence.OUT_OF_RANGE})], mounted_m=3.0)
    assert (gone.level_m, gone.rise_m_per_h, gone.absence) == (None, None, Absence.OUT_OF_RANGE)
    (two,) = run("water_level", [frame(0, water_level_m=1.0), frame(1, water_level_m=1.1)])
    assert two.rise_m_per_h is None


def test_a_distance_without_a_height_is_refused_at_the_settings(tmp_path: Path) -> None:
    profile = tmp_path / "sonar.toml"
    text = (Path(__file__).parents[2] / "firmware_profiles" / "generic_json.toml").read_text()
    text = text.replace('id = "generic_json"', 'id = "sonar"').replace('"pm1"', '"distance"', 1)
    text = text.replace('path = ["pm1"], unit = "ug/m3"', 'path = ["distance"], unit = "m"')
    profile.write_text(text)
    settings = tmp_path / "lamppost.toml"
    settings.write_text(
        f'[node]\ncity = "c"\nid = "n"\n[sources.serial_board]\nname = "quay"\nport = "/dev/null"\n'
        f'profile = "{profile}"\n[detectors.water_level]\n'
    )
    with pytest.raises(SettingsError, match="'quay' measures the distance to the water"):
        load_settings(settings, environment={})


def fixes(first: int, last: int, latitude: float = 52.37, longitude: float = 4.9) -> list[ReadingFrame]:
    return [frame(10.0 * i, latitude_deg=latitude, longitude_deg=longitude) for i in range(first, last)]


def test_a_position_is_told_once_a_day() -> None:
    told = run("position", fixes(0, 2 * 8640 + 40))
    assert [type(each) for each in told] == [Position] * 3
    assert not any(each.moved for each in told)


def test_a_lamppost_that_moves_is_told_within_two_intervals_and_when_it_is_back() -> None:
    frames = [*fixes(0, 90), *fixes(90, 200, latitude=52.3712), *fixes(200, 400)]
    told = run("position", frames)
    assert [each.moved for each in told] == [False, True, False]
    assert (told[1].time.monotonic_ns - START.monotonic_ns) / NS_PER_S <= 900 + 600


def test_one_interval_elsewhere_is_an_echo() -> None:
    assert len(run("position", [*fixes(0, 90), *fixes(90, 120, latitude=52.3712), *fixes(120, 300)])) == 1


def test_a_lamppost_that_is_not_where_the_settings_say_has_moved() -> None:
    told = run("position", fixes(0, 95), latitude_deg=52.38, longitude_deg=4.9)
    assert [each.moved for each in told] == [False, True]
    with pytest.raises(ValidationError, match="go together"):
        position.Config(latitude_deg=52.0)


def test_the_date_line_is_no_distance() -> None:
    frames = [
        frame(10.0 * i, latitude_deg=0.0, longitude_deg=179.99999 * (-1) ** (i // 30)) for i in range(200)
    ]
    assert [each.moved for each in run("position", frames)] == [False]


def test_without_a_fix_there_is_no_position_and_the_quality_says_so() -> None:
    lost = [
        frame(i * 10.0, {"latitude_deg": Absence.STALE, "longitude_deg": Absence.STALE}) for i in range(100)
    ]
    assert run("position", lost) == []
    told = run("time_quality", lost)
    assert {(each.grade, each.fix_share) for each in told} == {(FixGrade.NONE, 0.0)}


@pytest.mark.parametrize(
    ("satellites", "hdop", "grade"),
    [(9, 0.9, FixGrade.GOOD), (4, 0.9, FixGrade.POOR), (9, 6.0, FixGrade.POOR)],
)
def test_the_quality_of_fixes(satellites: float, hdop: float, grade: FixGrade) -> None:
    frames = [
        frame(i, latitude_deg=52.0, longitude_deg=4.0, satellites=satellites, hdop=hdop) for i in range(30)
    ]
    (only,) = run("time_quality", frames)
    assert isinstance(only, TimeQuality)
    assert (only.grade, only.fix_share, only.satellites, only.hdop) == (grade, 1.0, satellites, hdop)
    half = [*frames, *(frame(30 + i, {"latitude_deg": Absence.STALE}) for i in range(30))]
    assert run("time_quality", half)[0].grade is FixGrade.POOR


def told_health(frames: list[ReadingFrame], **config: Any) -> list[tuple[Status, Reason, int]]:
    found = run("reading_health", frames, **config)
    assert all(isinstance(each, Health) and each.component is Component.SERIAL_BOARD for each in found)
    return [(each.status, each.reason, each.count) for each in found]


def test_a_board_that_stands_still_is_degraded_told_hourly_and_recovers() -> None:
    still = [frame(i * 60, pm2_5_ugm3=7.0, temperature_c=3.0) for i in range(240)]
    stirs = [frame(240 * 60 + i, pm2_5_ugm3=7.0, temperature_c=3.1) for i in range(3)]
    assert told_health([*still, *stirs]) == [
        (Status.DEGRADED, Reason.STALE, 1),
        (Status.DEGRADED, Reason.STALE, 1),
        (Status.OK, Reason.RECOVERED, 1),
    ]


def test_a_few_jumps_are_weather_many_are_a_fault_until_an_hour_is_calm() -> None:
    def readings(spikes: int) -> list[ReadingFrame]:
        return [
            frame(i * 10, temperature_c=80.0 - i if i < 2 * spikes and i % 2 else 12.0 + i % 3)
            for i in range(600)
        ]

    assert told_health(readings(9)) == []
    told = told_health(readings(12))
    assert told[0] == (Status.DEGRADED, Reason.IMPLAUSIBLE, 10)
    assert told[-1] == (Status.OK, Reason.RECOVERED, 1)
    assert len(told) <= 3  # once more after an hour


MEASURED = (
    *(
        "pm1_ugm3",
        "pm2_5_ugm3",
        "pm2_5_b_ugm3",
        "pm2_5_cf1_ugm3",
        "pm10_ugm3",
        "no2_ppb",
        "co_ppm",
        "o3_ugm3",
    ),
    *("temperature_c", "globe_temperature_c", "humidity_percent", "pressure_hpa", "wind_speed_mps"),
    *("wind_direction_deg", "wind_gust_mps", "rain_total_mm", "rain_intensity_mmh", "water_level_m"),
    *("distance_m", "voc_index", "odour_grade", "latitude_deg", "longitude_deg", "satellites", "hdop"),
)
CONFIGS: dict[str, dict[str, Any]] = {"gases": {"conversion": "ambient"}, "water_level": {"mounted_m": 3.0}}
WILD = st.one_of(st.floats(-100, 1500), st.floats(width=32))


@settings(max_examples=60)
@given(
    st.sampled_from([*NAMES, "particulates", "gases", "weather"]),
    st.lists(
        st.tuples(
            st.floats(0, 400),
            st.dictionaries(st.sampled_from(MEASURED), WILD),
            st.dictionaries(st.sampled_from(MEASURED), st.sampled_from(Absence)),
        ),
        max_size=30,
    ),
)
def test_whatever_a_board_says_a_detector_goes_on_and_tells_numbers(
    name: str, given: list[tuple[float, dict[str, float], dict[str, Absence]]]
) -> None:
    second, frames = 0.0, []
    for step, values, absent in given:
        second += step
        frames.append(frame(second, {k: v for k, v in absent.items() if k not in values}, **values))
    for observation in run(name, frames, **CONFIGS.get(name, {})):
        for field in dataclasses.fields(observation):
            value = getattr(observation, field.name)
            assert not isinstance(value, float) or math.isfinite(value), field.name
