"""What doctor says of the air."""

from datetime import date

from edge.diagnostics.air import check_air

TODAY = date(2030, 2, 1)


def test_boards_without_pollutants_are_a_problem_of_air_rules() -> None:
    check = check_air({"mast": ["temperature_c", "co2_ppm"]}, {}, TODAY)
    assert not check.ok
    assert check.advice


def test_what_is_measured_what_lacks_and_which_limits_hold() -> None:
    check = check_air({"air": ["pm2_5_ugm3", "pm2_5_cf1_ugm3"], "gas": ["no2_ppb"]}, {}, TODAY)
    assert check.ok
    assert "measures pm2_5, no2; the European index lacks pm10, o3, so2" in check.detail
    assert "pm2_5 day 25 (eu_2030), no2 1h 200 (eu_2030)" in check.detail


def test_the_tables_of_the_city() -> None:
    check = check_air({"air": ["pm10_ugm3"]}, {"city": {"pm10_day": 30.0}}, TODAY)
    assert check.detail.endswith("limits, ug/m3: pm10 day 30 (city)")
    assert check_air({"air": ["pm10_ugm3"]}, {"city": {}}, TODAY).detail.endswith("none")
