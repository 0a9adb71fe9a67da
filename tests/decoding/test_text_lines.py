"""Boards that speak lines of text: cut lines, banners, envelopes, units told by letters."""

from pathlib import Path

import pytest

from edge.decoding.catalogue import load_known, parse
from edge.decoding.checksums import xor8
from edge.decoding.decoder import Decoder
from edge.decoding.examples import Result, decode
from edge.decoding.profile import Profile
from edge.decoding.results import Message, Rejected
from edge.domain.health import Absence

CSV = load_known("generic_csv")
JSON = load_known("generic_json")
GNSS = load_known("nmea_gnss")
WXT = load_known("vaisala_wxt5xx_plain")
WXT_CRC = load_known("vaisala_wxt5xx")
GMX = load_known("gill_gmx240")

ROW = b"12.5,20,-3.25,81\n"


def brief(results: list[Result]) -> list[tuple[str, int, int]]:
    return [(r.message if isinstance(r, Message) else r.reason.value, r.offset, r.size) for r in results]


def only(profile: Profile, line: bytes) -> Message:
    results = decode(profile, [line])
    assert len(results) == 1, results
    assert isinstance(results[0], Message)
    return results[0]


def reason(profile: Profile, line: bytes) -> str:
    results = decode(profile, [line])
    assert len(results) == 1, results
    assert isinstance(results[0], Rejected)
    return results[0].reason.value


def test_the_first_line_of_a_live_port_may_be_cut_and_is_not_trusted() -> None:
    live = Decoder(CSV, midstream=True)
    # Of 112.5 only 2.5 was heard.
    assert brief(live.feed(b"2.5,20,-3.25,81\r\n" + ROW)) == [("short", 0, 17), ("row", 17, 17)]


def test_a_line_with_a_checksum_proves_itself() -> None:
    live = Decoder(WXT_CRC, midstream=True)
    assert brief(live.feed(b"0r2,Ta=22.7C,Ua=55.5P,Pa=1004.7H@Fn\r\n")) == [("ptu", 0, 37)]


def test_the_rest_of_a_line_that_came_late_does_not_pass_for_a_whole_one() -> None:
    decoder = Decoder(CSV)
    assert decoder.feed(b"1") == []
    assert brief(decoder.finish()) == [("short", 0, 1)]
    assert brief(decoder.feed(b"2.5,20,-3.25,81\n" + ROW)) == [("short", 1, 16), ("row", 17, 17)]


def test_a_line_without_end_is_dropped_whole_and_memory_is_bounded() -> None:
    decoder = Decoder(CSV)
    found = decoder.feed(b"7" * 5000)
    assert brief(found) == [("overlong", 0, 4096)]
    assert decoder.pending <= 4096
    # What follows until the line's end is its rest, not a row.
    assert brief(decoder.feed(b"1,2,3,4\n" + ROW)) == [("overlong", 4096, 912), ("row", 5008, 17)]


def test_empty_lines_mean_nothing() -> None:
    assert brief(decode(CSV, [b"\r\n\n" + ROW + b"\r\n  \r\n"])) == [("row", 3, 17)]
    assert brief(decode(GNSS, [b"\r\n$GPGSV,1,1,00*79\r\n\r\n"])) == [("other", 2, 18)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"ets Jan  8 2013,rst cause:2, boot mode:(3,6)\n", "content"),
        (b"pm2_5,pm10,temperature,humidity\n", "content"),
        (b"1,2,3\n", "length"),
        (b"1,2,3,4,5\n", "length"),
        (b"\xff\xfe,2,3,4\n", "content"),
        (b"1,2,3,\x07\n", "content"),
        (b"1,2,3,4", "short"),
    ],
)
def test_banners_and_garbage_are_rejected(line: bytes, expected: str) -> None:
    assert reason(CSV, line) == expected


def test_one_column_of_nonsense_leaves_the_others() -> None:
    message = only(CSV, b"12.5,??,1_000,-\n")
    assert message.values == {"pm2_5_ugm3": 12.5}
    assert set(message.absent.values()) == {Absence.SENSOR_FAULT}


@pytest.mark.parametrize("text", [b"nan", b"NaN", b"inf", b"", b"null", b"--"])
def test_no_number_is_no_reading_and_no_zero(text: bytes) -> None:
    message = only(CSV, b"12.5," + text + b",1,2\n")
    assert message.absent == {"pm10_ugm3": Absence.NO_READING}


@pytest.mark.parametrize(("text", "value"), [(b"+1.5e1", 15.0), (b".5", 0.5), (b"007", 7.0), (b"3.", 3.0)])
def test_numbers_as_boards_write_them(text: bytes, value: float) -> None:
    assert only(CSV, text + b",1,2,3\n").values["pm2_5_ugm3"] == value


@pytest.mark.parametrize("text", ["１２", "٣", "1e9999", "0x10", "1 2"])
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    message = only(CSV, f"{text},1,2,3\n".encode())
    assert "pm2_5_ugm3" not in message.values


@pytest.mark.parametrize(
    "line",
    [b"{", b"[" * 4000, b"null", b"5", b'"text"', b'{"pm2_5": 1', b'{"pm2_5": {"a": 1}}', b"{}", b"[]"],
)
def test_json_that_says_nothing_is_rejected(line: bytes) -> None:
    assert reason(JSON, line + b"\n") == "content"


def test_json_needs_no_line_end_to_be_whole() -> None:
    assert only(JSON, b'{"pm2_5": 7}').values == {"pm2_5_ugm3": 7.0}


def test_json_with_nan_is_absent() -> None:
    message = only(JSON, b'{"pm2_5": NaN, "pm10": Infinity, "co2": 412.0, "o3": true}\n')
    assert message.values == {"co2_ppm": 412.0}
    assert message.absent["pm2_5_ugm3"] is Absence.NO_READING
    assert message.absent["o3_ppb"] is Absence.SENSOR_FAULT


PATHS = parse(
    """
schema = 1
id = "paths"
name = "Paths"
transport = { baud = 9600 }
timing = { mode = "stream", period_s = 1, stale_s = 5 }
[codec]
kind = "lines"
form = "json"
[[messages]]
id = "list"
fields = [
  { name = "first", path = [0, "v"], unit = "degC" },
  { name = "named", path = [{ n = "b", k = "1" }, "v"], unit = "degC" },
  { name = "last", path = [-1, "v"], unit = "degC" },
  { name = "far", path = [9, "v"], unit = "degC" },
  { name = "wrong", path = ["v"], unit = "degC" },
]
""",
    Path("paths.toml"),
)


def test_paths_into_lists() -> None:
    line = b'[{"v": 1}, {"n": "b", "k": 2, "v": 9}, {"n": "b", "k": 1, "v": 2}, {"v": 3}]\n'
    message = only(PATHS, line)
    assert message.values == {"first_c": 1, "named_c": 2, "last_c": 3}
    assert message.absent == {"far_c": Absence.NO_READING, "wrong_c": Absence.NO_READING}


@pytest.mark.parametrize(
    ("pair", "name", "value"),
    [
        (b"Ta=74.6F", "temperature_c", 23.666667),
        (b"Ta=-40.0F", "temperature_c", -40.0),
        (b"Pa=1.0058B", "pressure_hpa", 1005.8),
        (b"Pa=29.92I", "pressure_hpa", 1013.207589),
        (b"Pa=760.0M", "pressure_hpa", 1013.25024),
    ],
)
def test_a_letter_tells_the_unit(pair: bytes, name: str, value: float) -> None:
    assert only(WXT, b"0R2," + pair + b"\r\n").values == {name: pytest.approx(value, abs=1e-6)}


def test_a_letter_that_is_no_unit_marks_a_value_as_invalid() -> None:
    message = only(WXT, b"0R1,Dm=106#,Sm=4.0M,Sx=6.6\r\n")
    assert message.values == {"wind_speed_mps": 4.0}
    assert message.absent == {
        "wind_direction_deg": Absence.SENSOR_FAULT,
        "wind_gust_mps": Absence.SENSOR_FAULT,
    }


def test_a_pair_that_is_missing_is_no_reading() -> None:
    assert only(WXT, b"0R2,Ta=1.0C\r\n").absent == {
        "humidity_percent": Absence.NO_READING,
        "pressure_hpa": Absence.NO_READING,
    }


def test_noise_before_a_sentence_does_not_cost_it() -> None:
    good = b"$GPGSV,1,1,00*79\r\n"
    assert brief(decode(GNSS, [b"\x00\xff" + good])) == [("noise", 0, 2), ("other", 2, 18)]
    assert brief(decode(GNSS, [b"$GPG" + good])) == [("content", 0, 4), ("other", 4, 18)]
    assert brief(decode(GNSS, [b"no sentence\r\n" + good])) == [("noise", 0, 13), ("other", 13, 18)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"$GPGSV,1,1,00*78\r\n", "checksum"),
        (b"$GPGSV,1,1,00*zz\r\n", "checksum"),
        (b"$GPGSV,1,1,00*7\r\n", "tail"),
        (b"$GPGSV,1,1,00\r\n", "tail"),
    ],
)
def test_damaged_sentences(line: bytes, expected: str) -> None:
    assert reason(GNSS, line) == expected


@pytest.mark.parametrize(
    "angle", [b"1960.000,S", b"1929.045,X", b"1929.045,", b",S", b"abc,S", b"99929.045,S", b"9129.045,S"]
)
def test_an_angle_that_is_none(angle: bytes) -> None:
    body = b"GPGGA,184353.07," + angle + b",02410.506,E,1,04,2.6,100.00,M,-33.9,M,,0000"
    message = only(GNSS, b"$" + body + b"*" + xor8(body).hex().encode() + b"\r\n")
    assert "latitude_deg" in message.absent


def test_gill_needs_both_ends_of_its_envelope() -> None:
    assert reason(GMX, b"\x02Q,1,2\r\n") == "tail"
    assert reason(GMX, b"Q,180,000.06\r\n") == "noise"


def test_a_message_that_no_condition_fits_is_unknown() -> None:
    assert reason(WXT, b"0R9,Ta=1.0C\r\n") == "unknown"
