"""What unknown bytes look like."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoding.catalogue import load, shipped_paths
from edge.decoding.checksums import crc16_modbus
from edge.decoding.hints import Chunk, bursts, hints
from edge.decoding.shdlc import encode_shdlc

KNOWN = [load(path) for path in shipped_paths()]
SDS = ["aac0d4043a0aa1601dab", "aac0d5043b0aa1601fab", "aac0d6043c0aa16021ab"]


def chunks(*contents: bytes, period_s: float = 1.0) -> list[Chunk]:
    return [(period_s * number, content) for number, content in enumerate(contents, 1)]


def test_a_frame_is_taken_apart() -> None:
    found = hints(chunks(*map(bytes.fromhex, SDS)), 3.0, KNOWN)
    assert (found.size, found.bursts, found.period_s, found.sizes) == (30, 3, 1.0, ((10, 3),))
    assert not found.is_text
    assert "length = { fixed = 10 }: 3 different bursts of 10 bytes" in found.framing
    assert 'start = "aac0"' in found.framing
    assert 'end = "ab"' in found.framing
    assert 'checksum = { algorithm = "sum8", over = [2, 8], at = 8 }' in found.framing
    assert found.profiles[0] == ("nova_sds011", 3, 0)


def test_bytes_that_trickle_in_are_one_burst() -> None:
    frame = bytes.fromhex(SDS[0])
    trickle = [(1 + i * 0.001, frame[i : i + 1]) for i in range(10)] + [(2.0, frame)]
    assert [burst.content for burst in bursts(trickle)] == [frame, frame]


@pytest.mark.parametrize(
    ("lines", "hint", "profile"),
    [
        (['{"pm2_5":1}', '{"pm2_5":2}', '{"pm2_5":3}'], 'form = "json"', "generic_json"),
        (["$GPGSV,1,1,00*79"] * 3, 'form = "nmea"', None),
        (["1;2;3", "1;2;3", "1;2;3"], 'form = "csv", separator = ";", columns = [3]', None),
        (["a=1,b=2"] * 3, 'form = "kv", separator = ","', None),
        (["12.5,20,-3,81"] * 3, "columns = [4]", "generic_csv"),
    ],
)
def test_lines_of_text(lines: list[str], hint: str, profile: str | None) -> None:
    found = hints(chunks(*(f"{line}\r\n".encode() for line in lines)), 3.0, KNOWN)
    assert found.is_text
    assert lines[1] in found.framing[0]
    assert hint in found.framing[1]
    assert profile is None or profile in [fit[0] for fit in found.profiles]


def test_shdlc_and_modbus() -> None:
    frames = [encode_shdlc(bytes((0, 3, 0, 1, n))) for n in range(5)]
    assert "shdlc" in hints(chunks(*frames), 5.0, []).framing[0]
    answers = [body + crc16_modbus(body) for body in (bytes((1, 4, 2, 1, n)) for n in range(5))]
    assert (
        'checksum = { algorithm = "crc16_modbus", over = [0, 5], at = 5 }'
        in hints(chunks(*answers), 5.0, []).framing
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.one_of(st.binary(max_size=12), st.sampled_from([b"\n", b"a,b\n", b"\x7e\x7e"])), max_size=12)
)
def test_whatever_comes_there_is_an_answer(contents: list[bytes]) -> None:
    found = hints(chunks(*contents), 5.0, [])
    assert found.size == sum(map(len, contents))
    assert all(isinstance(hint, str) for hint in found.framing)


def test_nothing_and_little_are_said_to_be_so() -> None:
    assert hints([], 5.0, KNOWN).size == 0
    assert "listen longer" in hints(chunks(b"\x01\x02\x03"), 1.0, KNOWN).framing[0]
