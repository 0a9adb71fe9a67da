"""The streaming decoder: resynchronisation and the edge cases that other decoders get wrong."""

import random
import struct
from pathlib import Path

import pytest

from edge.decoding.catalogue import load_known, parse
from edge.decoding.checksums import crc16_modbus
from edge.decoding.decoder import NOISE_RUN_BYTES, Decoder
from edge.decoding.examples import Result, decode
from edge.decoding.profile import Profile
from edge.decoding.results import Message, Outcome, Rejected, Rejection
from edge.decoding.shdlc import encode_shdlc, unstuff
from edge.domain.health import Absence

SDS011 = load_known("nova_sds011")
PMS5003 = load_known("plantower_pms5003")
SPS30 = load_known("sensirion_sps30")

GOOD = bytes.fromhex("aac0d4043a0aa1601dab")
PMS_GOOD = bytes.fromhex("424d001c0005000d00160005000d001602fd00fc001d000f00060006970003c5")


def brief(results: list[Result]) -> list[tuple[str, int, int]]:
    return [(r.message if isinstance(r, Message) else r.reason.value, r.offset, r.size) for r in results]


def only(results: list[Result]) -> Message:
    assert len(results) == 1
    assert isinstance(results[0], Message)
    return results[0]


def read(profile: Profile, *pieces: bytes) -> list[tuple[str, int, int]]:
    return brief(decode(profile, pieces))


def test_values_come_with_units_and_without_binary_noise() -> None:
    message = only(decode(SDS011, [GOOD]))
    assert message.values == {"pm2_5_ugm3": 123.6, "pm10_ugm3": 261.8}
    assert message.meta == {"device_id": "A160"}
    assert message.outcome is Outcome.OK


def test_zero_is_data() -> None:
    message = only(decode(SDS011, [bytes.fromhex("aac000000000546fc3ab")]))
    assert message.values == {"pm2_5_ugm3": 0.0, "pm10_ugm3": 0.0}
    assert message.absent == {}


def test_a_value_out_of_range_is_absent_and_the_others_stay() -> None:
    raw = bytes.fromhex("0f27") + bytes.fromhex("1027") + bytes.fromhex("a160")  # 999.9 and 1000.0
    frame = b"\xaa\xc0" + raw + bytes((sum(raw) & 0xFF, 0xAB))
    message = only(decode(SDS011, [frame]))
    assert message.values == {"pm2_5_ugm3": 999.9}
    assert message.absent == {"pm10_ugm3": Absence.OUT_OF_RANGE}


def test_an_ack_in_between_is_a_message_without_values() -> None:
    ack = bytes.fromhex("aac506010100546fcbab")
    assert read(SDS011, GOOD + ack + GOOD) == [("data", 0, 10), ("ack", 10, 10), ("data", 20, 10)]


def test_a_false_start_costs_one_byte() -> None:
    assert read(PMS5003, b"\x42\x4d" + PMS_GOOD) == [("length", 0, 2), ("data", 2, 32)]
    assert read(SDS011, b"\xaa" + GOOD) == [("tail", 0, 1), ("data", 1, 10)]


def test_a_start_byte_inside_the_values_is_no_start() -> None:
    raw = bytes.fromhex("aa00aac0a160")
    frame = b"\xaa\xc0" + raw + bytes((sum(raw) & 0xFF, 0xAB))
    assert read(SDS011, frame + frame) == [("data", 0, 10), ("data", 10, 10)]
    # Also when the frame is entered in its middle.
    assert read(SDS011, frame[2:] + frame)[-1] == ("data", 8, 10)


def test_the_tail_is_kept_for_the_next_read() -> None:
    decoder = Decoder(SDS011)
    assert decoder.feed(GOOD[:7]) == []
    assert decoder.pending == 7
    assert brief(decoder.feed(GOOD[7:])) == [("data", 0, 10)]
    assert decoder.pending == 0


def test_each_kind_of_damage_has_its_reason() -> None:
    assert read(SDS011, GOOD[:8] + b"\x00\xab") == [("checksum", 0, 10)]
    assert read(SDS011, GOOD[:9] + b"\x00") == [("tail", 0, 10)]
    assert read(SDS011, GOOD[:6]) == [("short", 0, 6)]
    assert read(SDS011, b"\x01\x02\x03") == [("noise", 0, 3)]
    assert read(PMS5003, b"\x42\x4d\x7f\xff\x00\x00") == [("length", 0, 4), ("noise", 4, 2)]
    unknown = bytes.fromhex("aac7000000000000") + b"\x00\xab"
    assert read(SDS011, unknown) == [("unknown", 0, 10)]


def test_one_damaged_frame_is_one_rejection_though_it_holds_start_bytes() -> None:
    damaged = bytes.fromhex("aac0aaaaaaaaaaaa00ab")
    assert read(SDS011, damaged + GOOD) == [("checksum", 0, 10), ("data", 10, 10)]


def test_a_length_above_the_maximum_skips_one_byte_not_a_frame() -> None:
    found = read(PMS5003, b"\x42\x4d\xff\xff" + PMS_GOOD)
    assert found == [("length", 0, 4), ("data", 4, 32)]


def test_noise_is_told_in_runs() -> None:
    decoder = Decoder(SDS011)
    found = decoder.feed(b"\x00" * (2 * NOISE_RUN_BYTES + 5))
    assert brief(found) == [("noise", 0, NOISE_RUN_BYTES), ("noise", NOISE_RUN_BYTES, NOISE_RUN_BYTES)]
    assert brief(decoder.feed(GOOD)) == [
        ("noise", 2 * NOISE_RUN_BYTES, 5),
        ("data", 2 * NOISE_RUN_BYTES + 5, 10),
    ]
    assert decoder.counts == {"noise": 3, "accepted": 1}


def test_finish_finds_a_frame_behind_a_false_start_that_waits_for_more() -> None:
    decoder = Decoder(PMS5003)
    # The false start promises 32 bytes that will not come.
    assert brief(decoder.feed(b"\x42\x4d\x00\x1c" + PMS_GOOD[:8])) == []
    ack = bytes.fromhex("424d0004e1000174")
    decoder = Decoder(PMS5003)
    assert decoder.feed(b"\x42\x4d\x00\x1c\x00" + ack) == []
    assert brief(decoder.finish()) == [("short", 0, 5), ("ack", 5, 8)]


def test_a_decoder_goes_on_after_finish() -> None:
    decoder = Decoder(SDS011)
    decoder.feed(GOOD[:4])
    assert brief(decoder.finish()) == [("short", 0, 4)]
    assert brief(decoder.feed(GOOD)) == [("data", 4, 10)]


class TestShdlc:
    data = encode_shdlc(bytes.fromhex("000300") + b"\x28" + b"\x00" * 40)

    def test_two_frames_may_share_a_flag(self) -> None:
        empty = bytes.fromhex("7e00030000fc7e")
        shared = empty[:-1] + empty
        assert read(SPS30, shared) == [("no_new_data", 0, 7), ("no_new_data", 6, 7)]
        assert read(SPS30, empty + empty) == [("no_new_data", 0, 7), ("no_new_data", 7, 7)]

    def test_noise_between_frames_does_not_take_the_flag(self) -> None:
        empty = bytes.fromhex("7e00030000fc7e")
        found = read(SPS30, empty + b"\x01\x02" + empty)
        assert found == [("no_new_data", 0, 7), ("length", 7, 2), ("no_new_data", 9, 7)]

    def test_no_byte_of_the_silence_after_a_frame_is_rejected(self) -> None:
        assert read(SPS30, bytes.fromhex("7e00030000fc7e")) == [("no_new_data", 0, 7)]

    @pytest.mark.parametrize("pm1", [15.8245, 0.0, -0.0, 1000.0])
    def test_stuffing_is_undone_in_one_pass(self, pm1: float) -> None:
        # 15.8245 is 41 7D 31 27 as a float: the payload itself holds the sequence 7D 31.
        payload = struct.pack(">10f", pm1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
        frame = encode_shdlc(b"\x00\x03\x00\x28" + payload)
        assert only(decode(SPS30, [frame])).values["pm1_ugm3"] == pytest.approx(pm1, rel=1e-6)

    def test_stuffing_that_never_was_is_refused(self) -> None:
        assert unstuff(b"\x7d\x00") is None
        assert unstuff(b"\x01\x7d") is None
        assert unstuff(b"\x7d\x5e\x7d\x5d\x7d\x31\x7d\x33") == b"\x7e\x7d\x11\x13"

    def test_no_new_data_is_no_reading_and_no_zero(self) -> None:
        message = only(decode(SPS30, [bytes.fromhex("7e00030000fc7e")]))
        assert message.outcome is Outcome.NO_DATA
        assert not message.values
        assert not message.absent

    @pytest.mark.parametrize(
        ("state", "flags"),
        [
            (0x43, ("not_allowed_now",)),
            (0x01, ("wrong_length",)),
            (0x80, ("device_status",)),
            (0xC3, ("not_allowed_now", "device_status")),
            (0x7F, ("error_7f",)),
        ],
    )
    def test_an_error_state_is_a_fault_with_a_name(self, state: int, flags: tuple[str, ...]) -> None:
        content = b"\x00\x03" + bytes((state,)) + b"\x28" + b"\x00" * 40
        message = only(decode(SPS30, [encode_shdlc(content)]))
        assert message.outcome is Outcome.FAULT
        assert message.flags == flags
        assert not message.values
        assert set(message.absent.values()) == {Absence.SENSOR_FAULT}

    def test_a_value_that_is_no_number_is_a_sensor_fault(self) -> None:
        content = b"\x00\x03\x00\x28" + bytes.fromhex("7fc00000") + bytes.fromhex("7f800000") + b"\x00" * 32
        message = only(decode(SPS30, [encode_shdlc(content)]))
        assert message.absent == {"pm1_ugm3": Absence.SENSOR_FAULT, "pm2_5_ugm3": Absence.SENSOR_FAULT}
        assert message.values["pm10_ugm3"] == 0.0

    def test_another_address_is_unknown(self) -> None:
        assert read(SPS30, encode_shdlc(b"\x01\x03\x00\x00")) == [("unknown", 0, 6)]

    def test_a_frame_without_end_costs_one_byte(self) -> None:
        found = read(SPS30, b"\x7e" + b"\x01" * 600 + self.data)
        assert found[-1][0] == "data"
        assert found[0] == ("length", 0, 522)


def test_status_bits_have_names() -> None:
    register = (1 << 21 | 1 << 5).to_bytes(4) + b"\x00"
    message = only(decode(SPS30, [encode_shdlc(b"\x00\xd2\x00\x05" + register)]))
    assert set(message.flags) == {"fan_speed", "laser"}


BITS = parse(
    """
schema = 1
id = "bits"
name = "Fields of all kinds"
transport = { baud = 9600 }
timing = { mode = "stream", period_s = 1, stale_s = 5 }
[codec]
kind = "frame"
start = "55"
length = { at = 1, sizes = { "01" = 22, "02" = 6 } }
checksum = { algorithm = "crc16_modbus", over = [0, -2], at = -2 }
[[messages]]
id = "warm"
match = [{ at = 1, hex = "02" }, { at = 2, hex = "80", mask = "c0" }]
outcome = "warming_up"
fields = [{ name = "t", at = 3, type = "i8", unit = "degC" }]
[[messages]]
id = "broken"
match = [{ at = 1, hex = "02" }, { at = 2, hex = "40", mask = "40" }]
outcome = "fault"
fields = [{ name = "t", at = 3, type = "i8", unit = "degC" }]
[[messages]]
id = "all"
match = [{ at = 1, hex = "01" }]
fields = [
  { name = "level", at = 2, type = "bcd", size = 2, scale = 0.1, unit = "dB", range = [20, 140] },
  { name = "deep", at = 4, type = "i24le", unit = "index" },
  { name = "state", at = 7, type = "u8", mask = 0x0f, unit = "index", role = "meta" },
  { name = "marks", at = 7, type = "u8", unit = "bits", role = "meta", flags = { 7 = "high", 6 = "low" } },
  { name = "label", at = 8, type = "str", size = 4, unit = "text", role = "identity" },
  { name = "heat", at = 12, type = "u16be", scale = 0.1, offset = -50, unit = "degC", invalid = [65535] },
  { name = "pressure", at = 14, type = "u24be", unit = "Pa" },
  { name = "gain", at = 17, type = "i16le", mask = 0x7ff0, unit = "index" },
  { name = "tick", at = 19, type = "u8", unit = "count", role = "counter" },
]
""",
    Path("bits.toml"),
)


def bits(body: str) -> Message:
    raw = bytes.fromhex(body)
    return only(decode(BITS, [raw + crc16_modbus(raw)]))


def test_fields_of_all_kinds() -> None:
    message = bits("5501 0436 feffff 8a 41420120 0304 018917 4010 07")
    assert message.values == {
        "level_db": 43.6,
        "deep": -2.0,
        "heat_c": 27.2,
        "pressure_hpa": 1006.31,
        "gain": 0x104,
    }
    assert message.flags == ("high",)
    assert message.meta == {"state": 10, "marks": 0x8A, "label": "AB?", "tick": 7}


def test_what_is_no_decimal_digit_is_a_sensor_fault() -> None:
    message = bits("5501 0a36 feffff 8a 41424344 ffff 018917 4010 07")
    assert message.absent == {"level_db": Absence.SENSOR_FAULT, "heat_c": Absence.NO_READING}


def test_an_outcome_voids_the_values() -> None:
    assert bits("5502 8019").absent == {"t_c": Absence.WARMING_UP}
    assert bits("5502 4019").absent == {"t_c": Absence.SENSOR_FAULT}
    assert bits("5502 4019").outcome is Outcome.FAULT


def test_a_length_told_by_a_type_byte() -> None:
    assert read(BITS, b"\x55\x03\x55") == [("length", 0, 2), ("short", 2, 1)]


@pytest.mark.parametrize("profile", [SDS011, PMS5003, SPS30, BITS], ids=lambda p: p.id)
def test_random_bytes_give_no_reading(profile: Profile) -> None:
    decoder = Decoder(profile)
    source = random.Random(5)
    accepted = 0
    for _ in range(50):
        found = decoder.feed(source.randbytes(4096))
        accepted += sum(isinstance(result, Message) and bool(result.values) for result in found)
        assert decoder.pending <= 522
    assert accepted == 0
    assert decoder.counts[Rejection.NOISE] > 0


def test_a_rejection_says_how_many_bytes() -> None:
    found = decode(SDS011, [b"\x01" * 7 + GOOD])
    assert found[0] == Rejected(Rejection.NOISE, 0, 7)
