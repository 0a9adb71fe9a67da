"""From the bytes of simulated boards to reports of the air: the whole road, over a restart."""

import asyncio
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edge.delivery.numbering import Numbering, Position
from edge.domain.report_base import LegalBasis, Purpose
from edge.domain.reports import REPORT_MODELS
from edge.privacy.gate import Gate
from edge.privacy.policy import parse_policy
from edge.runtime.recording_clock import RecordingClock
from edge.runtime.sense import Sense
from edge.runtime.settings import SettingsError, load_settings

MIDNIGHT_NS = 1_898_640_000_000_000_000  # 2030-03-02T00:00:00Z
GROUND = f'purpose = "{Purpose.AIR_QUALITY}"\nlegal_basis = "{LegalBasis.PUBLIC_TASK}"\nretention_days = 30\n'
LIMITS = "[air_limits.eu]\n[air_limits.city]\npm2_5_24h = 12\n"
POLICY = "".join(f"[reports.{kind}]\n{GROUND}" for kind in REPORT_MODELS) + LIMITS

SETTINGS = """
[node]
city = "city"
id = "pole"
[replay.byte_capture]
name = "air"
path = "{capture}"
profile = "{profile}"
pace = "max"
[detectors.particulates]
interval_s = {interval_s}
[detectors.weather]
interval_s = {interval_s}
[detectors.heat_stress]
interval_s = {interval_s}
[detectors.reading_health]
[fusion.particulates_correction]
boards = [{{ source = "air", formula = "{formula}" }}]
[fusion.air_means]
particulates = "{averaged}"
[fusion.air_index]
[fusion.air_exceedance]
"""


def run(folder: Path, *, start_ns: int, kept: Mapping[str, Any], **values: Any) -> tuple[list[Any], Any]:
    path = folder / "lamppost.toml"
    path.write_text(SETTINGS.format(**values))
    settings = load_settings(path, environment={})
    reports: list[dict[str, Any]] = []
    numbering = Numbering("city", "pole", Position(1))
    states: list[Mapping[str, Any]] = []

    async def accept(report: Any) -> None:
        reports.append(json.loads(numbering.entry(report).payload)["data"])

    async def keep(state: Mapping[str, Any]) -> None:
        states.append(json.loads(json.dumps(state)))

    async def main() -> None:
        gate = Gate(parse_policy(POLICY, where="policy.toml"))
        clock = RecordingClock(start_ns, standing=True)
        await Sense(settings, gate, accept, clock, monitored=False, kept=kept, keep=keep).run()
        assert not gate.refused

    asyncio.run(main())
    return reports, states[-1]


PERIOD_S = 145


def airrohr(first: int, last: int) -> str:
    """Lines of a Sensor.Community station whose PM2.5 is 10 in its first twelve hours and 25 after them."""
    lines = ["ets Jan  8 2013,rst cause:2, boot mode:(3,6)"]
    for number in range(first, last):
        hours = number * PERIOD_S / 3600
        values = {
            "SDS_P1": 35 + math.sin(number),
            "SDS_P2": (10 if hours < 12 else 25) + 0.1 * math.sin(number),
            "BME280_temperature": 12 + math.sin(hours / 4),
            "BME280_humidity": 98 if 2 < hours < 3 else 50,
            "BME280_pressure": 101_325 + number % 7,
        }
        told = [{"value_type": name, "value": f"{value:.2f}"} for name, value in values.items()]
        lines.append(json.dumps({"esp8266id": "1", "sensordatavalues": told}))
        if number % 100 == 7:
            lines.append('{"sensordatavalues":[{"value_type":"SDS_P1","val')
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Reports of 30 hours, with a restart after 17 hours that takes no time."""
    folder = tmp_path_factory.mktemp("air")
    whole, cut = 30 * 3600 // PERIOD_S, 17 * 3600 // PERIOD_S
    found: list[dict[str, Any]] = []
    kept: Mapping[str, Any] = {}
    for first, last in ((0, cut), (cut, whole)):
        capture = folder / f"{first}.txt"
        capture.write_text(airrohr(first, last))
        start_ns = MIDNIGHT_NS + first * PERIOD_S * 1_000_000_000
        more, kept = run(
            folder,
            start_ns=start_ns,
            kept=kept,
            capture=capture,
            profile="sensor_community_airrohr",
            interval_s=600,
            formula="kappa_koehler",
            averaged="raw",
        )
        found += more
    return found


def of(reports: list[dict[str, Any]], kind: str, **wanted: Any) -> list[dict[str, Any]]:
    return [
        r for r in reports if r["kind"] == kind and all(r[name] == value for name, value in wanted.items())
    ]


def test_intervals_are_told_raw_and_corrected(reports: list[dict[str, Any]]) -> None:
    assert 175 <= len(of(reports, "particulates")) <= 182
    first = of(reports, "corrected_particulates")[0]
    assert (first["formula"], first["humidity_percent"]) == ("kappa_koehler", 50)
    assert (first["pm2_5_ugm3"], first["pm2_5_corrected_ugm3"]) == (10.0, 8.3)
    fog = of(reports, "corrected_particulates", fog=True)
    assert 5 <= len(fog) <= 7
    assert {each["absence"] for each in fog} == {"fog"}
    assert all(each.get("pm2_5_corrected_ugm3") is None for each in fog)


def test_every_hour_has_its_mean_over_the_restart(reports: list[dict[str, Any]]) -> None:
    hours = of(reports, "air_mean", pollutant="pm2_5", averaging="1h")
    assert [hour["phenomenon_time"] for hour in hours] == [
        f"2030-03-{2 + number // 24:02d}T{number % 24:02d}:00:00Z" for number in range(29)
    ]
    assert [hour["mean_ugm3"] for hour in hours] == [
        pytest.approx(10 if n < 12 else 25, abs=0.2) for n in range(29)
    ]
    assert all(hour["capture_share"] >= 0.98 for hour in hours[:16])
    assert hours[17]["capture_share"] >= 0.9


def test_the_day_and_the_last_24_hours(reports: list[dict[str, Any]]) -> None:
    (day,) = of(reports, "air_mean", pollutant="pm2_5", averaging="day")
    assert (day["mean_ugm3"], day["capture_share"]) == (pytest.approx(17.5, abs=0.1), 1.0)
    running = of(reports, "air_mean", pollutant="pm10", averaging="24h")
    assert [mean.get("mean_ugm3") is None for mean in running] == [True] * 17 + [False] * 12
    assert running[0]["absence"] == "low_capture"


def test_both_indices_of_each_hour_say_what_was_missing(reports: list[dict[str, Any]]) -> None:
    dutch, european = (of(reports, "air_index", index=name) for name in ("lki", "eaqi_2024"))
    assert len(dutch) == len(european) == 29
    assert [each["value"] for each in dutch] == [4] * 29
    assert [each["value"] for each in european] == [2] * 12 + [3] * 17
    assert european[0]["used"] == ["pm2_5", "pm10"]
    assert european[0]["missing"] == ["no2", "o3", "so2"]


def test_the_limit_of_the_city_is_warned_of_once_the_last_day_is_above_it(
    reports: list[dict[str, Any]],
) -> None:
    warnings = of(reports, "air_exceedance")
    assert {(w["table"], w["pollutant"], w["averaging"], w["limit_ugm3"]) for w in warnings} == {
        ("city", "pm2_5", "24h", 12.0)
    }
    assert all(warning["over"] for warning in warnings)
    assert warnings[0]["exceedances"] == 0
    assert warnings[-1]["exceedances"] == 1


def test_weather_and_heat_come_from_the_same_board(reports: list[dict[str, Any]]) -> None:
    weather = of(reports, "weather")[0]
    assert (weather["temperature_c"], weather["humidity_percent"]) == (pytest.approx(12, abs=0.2), 50)
    assert weather["pressure_hpa"] == pytest.approx(1013.3, abs=0.1)
    assert of(reports, "heat_stress")[0]["grade"] == "none"


def test_a_plantower_board_is_corrected_by_the_epa(tmp_path: Path) -> None:
    def frame(fine: int, humidity: float) -> bytes:
        words = [fine, 2 * fine, 3 * fine, fine, 2 * fine, 3 * fine, 9, 8, 7, 6, 212, round(10 * humidity), 0]
        body = b"BM" + b"".join(word.to_bytes(2) for word in (28, *words))
        return body + sum(body).to_bytes(2)

    capture = tmp_path / "board.bin"
    capture.write_bytes(b"\x42\x4d\x00" + b"".join(frame(10 + i % 2, 60.0) for i in range(180)))
    reports, _ = run(
        tmp_path,
        start_ns=MIDNIGHT_NS,
        kept={},
        capture=capture,
        profile="plantower_pms5003t",
        interval_s=60,
        formula="epa_us_wide",
        averaged="corrected",
    )
    corrected = of(reports, "corrected_particulates")
    assert [each["pm2_5_ugm3"] for each in corrected] == [21.0] * 3
    assert {each["pm2_5_corrected_ugm3"] for each in corrected} == {11.6}  # 0.524 * 21 - 0.0862 * 60 + 5.75


def test_a_board_that_speaks_more_slowly_than_the_interval_is_refused(tmp_path: Path) -> None:
    capture = tmp_path / "air.txt"
    capture.write_text(airrohr(0, 3))
    with pytest.raises(SettingsError, match="'air' speaks every 145 s only; give at least 580"):
        run(
            tmp_path,
            start_ns=MIDNIGHT_NS,
            kept={},
            capture=capture,
            profile="sensor_community_airrohr",
            interval_s=60,
            formula="kappa_koehler",
            averaged="raw",
        )
