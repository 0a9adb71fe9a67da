"""Weather per interval."""

import pytest

from edge.decoding.catalogue import load_known
from edge.decoding.decoder import Decoder
from edge.decoding.readings import Readings
from edge.detectors.weather import FRAME, Config, build
from edge.domain.air_observations import Weather
from edge.domain.frames import Frame, Idle, ReadingFrame
from edge.domain.health import Absence, Component
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime

BOARD = SourceId("weather", 0, Component.SERIAL_BOARD)
START = CaptureTime(1_700_000_000 * NS_PER_S, 50 * NS_PER_S)


def frame(second: float, absent: dict[str, Absence] | None = None, **values: float) -> ReadingFrame:
    return ReadingFrame(BOARD, START.shifted(second), "board", values, absent or {})


def run(frames: list[Frame], **config: float) -> list[Weather]:
    detector = build(Config(**{"interval_s": 10, **config}))
    told = [observation for each in frames for observation in detector.accept(each)]
    return [*told, *detector.finish()]


def test_it_reads_readings_over_ten_minutes() -> None:
    assert FRAME is ReadingFrame
    assert Config().interval_s == 600


def test_without_a_valid_reading_there_is_a_reason_and_no_value() -> None:
    (only,) = run(
        [frame(0, {"temperature_c": Absence.OUT_OF_RANGE, "humidity_percent": Absence.OUT_OF_RANGE})]
    )
    assert (only.temperature_c, only.humidity_percent, only.rain_mm) == (None, None, None)
    assert (only.absence, only.readings) == (Absence.OUT_OF_RANGE, 0)


def test_boards_without_weather_are_not_observed() -> None:
    assert run([frame(0, pm2_5_ugm3=4.0), Idle(BOARD, START)]) == []


def test_means_of_temperature_humidity_and_pressure() -> None:
    frames: list[Frame] = [
        frame(i, temperature_c=10.0 + i, humidity_percent=50.0, pressure_hpa=1013.0) for i in range(3)
    ]
    (only,) = run(frames)
    assert (only.temperature_c, only.humidity_percent, only.pressure_hpa) == (11.0, 50.0, 1013.0)
    assert only.wind_speed_ms is None
    assert only.rain_mm is None


def test_zero_is_a_temperature_and_a_calm_is_a_wind() -> None:
    (only,) = run([frame(0, temperature_c=0.0, wind_speed_mps=0.0, wind_direction_deg=0.0)])
    assert (only.temperature_c, only.wind_speed_ms, only.wind_from_deg) == (0.0, 0.0, None)


def test_wind_is_a_vector_turned_to_true_north() -> None:
    frames: list[Frame] = [
        frame(i, wind_speed_mps=4.0, wind_direction_deg=d) for i, d in enumerate((350.0, 10.0))
    ]
    (only,) = run(frames, north_deg=30)
    assert only.wind_speed_ms == 4.0
    assert only.wind_from_deg == pytest.approx(30.0)


def test_a_gust_of_the_board_itself_is_taken() -> None:
    (only,) = run(
        [frame(0, wind_speed_mps=4.0, wind_gust_mps=7.5), frame(5, wind_speed_mps=4.5, wind_gust_mps=6.0)]
    )
    assert only.wind_gust_ms == 7.5


def test_a_gust_from_readings_each_second() -> None:
    frames: list[Frame] = [
        frame(i, wind_speed_mps=s) for i, s in enumerate((2.0, 2.0, 2.0, 9.0, 9.0, 9.0, 2.0))
    ]
    (only,) = run(frames)
    assert only.wind_gust_ms == pytest.approx(9.0)


def test_rain_is_what_the_total_grew_also_between_intervals_and_over_a_reset() -> None:
    totals = [(0, 100.0), (5, 100.2), (11, 100.6), (15, 0.4), (22, 0.4)]
    told = run([frame(second, rain_total_mm=total) for second, total in totals])
    assert [each.rain_mm for each in told] == [pytest.approx(0.2), pytest.approx(0.8), pytest.approx(0.0)]


def test_rain_of_an_outage_is_not_that_of_the_interval_after_it() -> None:
    totals = [(0, 100.0), (5, 100.2), (3600, 130.0), (3605, 130.1)]
    told = run([frame(second, rain_total_mm=total) for second, total in totals])
    assert [each.rain_mm for each in told] == [pytest.approx(0.2), pytest.approx(0.1)]


def test_rain_while_only_the_gauge_was_silent_is_not_that_of_the_interval_after_it() -> None:
    dry = [frame(second, temperature_c=9.0) for second in (11, 21)]
    wet = [frame(second, rain_total_mm=total) for second, total in ((31, 9.0), (35, 9.2))]
    told = run([frame(0, rain_total_mm=1.0), *dry, *wet])
    assert [each.rain_mm for each in told] == [0.0, None, None, pytest.approx(0.2)]


def test_rain_from_its_intensity_where_there_is_no_total() -> None:
    told = run([frame(i, rain_intensity_mmh=36.0) for i in range(11)])
    assert told[0].rain_mm == pytest.approx(0.1)


def test_the_bytes_of_a_weather_station_give_weather() -> None:
    profile = load_known("vaisala_wxt5xx")
    texts = [e.text or "" for e in profile.examples if e.message]
    decoder, readings = Decoder(profile), Readings(BOARD, profile, START, cold=False)
    frames = [
        each
        for number, text in enumerate(texts * 3)
        for result in decoder.feed(text.encode())
        for each in readings.take(result, START.shifted(float(number)))
    ]
    (only,) = run(frames, interval_s=60)
    assert (only.temperature_c, only.humidity_percent) == (22.7, 55.5)
    assert only.pressure_hpa == pytest.approx(1004.7)
    assert only.wind_speed_ms == pytest.approx(0.1)
    assert (only.wind_gust_ms, only.rain_mm) == (0.1, 0.0)
