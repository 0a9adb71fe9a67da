"""Every profile that ships: its examples, and properties of the decoder that hold for whatever board."""

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.decoding.catalogue import load, shipped_paths
from edge.decoding.decoder import Decoder
from edge.decoding.examples import Result, contents, decode, flip_failures, has_checksum
from edge.decoding.profile import Profile
from edge.decoding.readings import longest_frame
from edge.decoding.results import Message, Rejected
from edge.decoding.shapes import LinesCodec

PATHS = shipped_paths()
PROFILES = {path.stem: load(path) for path in PATHS}
STREAMS = {
    name: b"".join(e.received or b"" for e in profile.examples if e.message or e.error)
    for name, profile in PROFILES.items()
}
QUICK = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)

each_profile = pytest.mark.parametrize("name", PROFILES)


def accepted(profile: Profile) -> list[bytes]:
    return [e.received or b"" for e in profile.examples if e.message]


def messages(results: list[Result]) -> list[tuple[object, ...]]:
    return [contents(result) for result in results if isinstance(result, Message)]


def covered(results: list[Result]) -> int:
    return sum(result.size for result in results)


def test_there_are_profiles() -> None:
    assert {"nova_sds011", "plantower_pms5003", "sensirion_sps30"} <= set(PROFILES)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_file_is_named_after_its_id(path: Path) -> None:
    assert PROFILES[path.stem].id == path.stem


@each_profile
def test_it_says_where_its_facts_come_from(name: str) -> None:
    assert PROFILES[name].sources


@each_profile
def test_no_single_bit_flips_unseen(name: str) -> None:
    assert list(flip_failures(PROFILES[name])) == []


@each_profile
def test_results_do_not_depend_on_how_the_stream_is_split(name: str) -> None:
    profile, stream = PROFILES[name], STREAMS[name]
    whole = decode(profile, [stream])

    @QUICK
    @given(st.lists(st.integers(0, len(stream)), max_size=12))
    def split(cuts: list[int]) -> None:
        edges = [0, *sorted(cuts), len(stream)]
        assert decode(profile, [stream[a:b] for a, b in pairwise(edges)]) == whole

    split()


@each_profile
def test_a_message_is_found_behind_any_noise(name: str) -> None:
    profile = PROFILES[name]
    is_text = isinstance(profile.codec, LinesCodec)

    @QUICK
    @given(st.binary(max_size=80), st.sampled_from(accepted(profile)))
    def after(noise: bytes, frame: bytes) -> None:
        if is_text:
            # Without a checksum nothing tells where noise ends and a line begins.
            noise += b"\xff\n"
        found = decode(profile, [noise, frame])
        if covered(decode(profile, [noise])) == len(noise) and not messages(decode(profile, [noise])):
            assert messages(found)[-1:] == messages(decode(profile, [frame]))

    after()


@each_profile
def test_a_cut_tail_gives_no_message(name: str) -> None:
    profile = PROFILES[name]
    for frame in accepted(profile):
        whole = messages(decode(profile, [frame]))
        for cut in range(1, len(frame)):
            found = messages(decode(profile, [frame[:cut]]))
            # A line whose checksum is there is whole without its line end.
            assert found in ([], whole), f"{frame[:cut]!r}"
            assert not found or frame[cut:].strip() == b"" or frame[cut:] == b"\n"


@each_profile
def test_every_byte_is_accounted_for(name: str) -> None:
    profile = PROFILES[name]

    @QUICK
    @given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from(accepted(profile))), max_size=6))
    def count(parts: list[bytes]) -> None:
        stream = b"".join(parts)
        found = decode(profile, [stream])
        ends = [(result.offset, result.offset + result.size) for result in found]
        for (_, end), (begin, _) in pairwise(ends):
            # Two SHDLC frames may share one flag.
            assert begin >= end - 1
        assert all(0 <= begin < end <= len(stream) for begin, end in ends)

    count()


@each_profile
def test_noise_never_grows_the_memory(name: str) -> None:
    profile = PROFILES[name]
    limit = longest_frame(profile)

    @QUICK
    @given(st.binary(min_size=1, max_size=64))
    def feed(pattern: bytes) -> None:
        decoder = Decoder(profile)
        for _ in range(40):
            for result in decoder.feed(pattern * 8):
                assert isinstance(result, Rejected) or result.size <= limit
            assert decoder.pending <= limit

    feed()


@each_profile
def test_random_bytes_are_no_reading(name: str) -> None:
    # The short form of scripts/fuzz_decoders.py.
    profile, source = PROFILES[name], random.Random(7)
    decoder = Decoder(profile)
    found = [result for _ in range(15) for result in decoder.feed(source.randbytes(2048))]
    assert not any(isinstance(result, Message) and result.values for result in found)
    assert decoder.pending <= longest_frame(profile)


def test_what_has_no_checksum_or_no_capture_is_experimental_or_counted_by_its_form() -> None:
    bare = {name for name, profile in PROFILES.items() if not has_checksum(profile)}
    for name in bare:
        assert PROFILES[name].experimental or isinstance(PROFILES[name].codec, LinesCodec), name
