"""Tampering with what was published shows, whatever is flipped, dropped, repeated or put in another order."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.signing.events import EVICTION, ROTATION, SealedEvent, seal
from edge.signing.key_list import KeyListError, TrustedKey, key_list_entry, parse_key_list
from edge.signing.keys import PrivateKey
from edge.subscriber import Finding, Verifier, What

SOURCE, OTHER_SOURCE = "/lp/v1/utrecht/pole-7", "/lp/v1/utrecht/pole-8"
OLD, NEW, OTHER, STRANGER = (PrivateKey.generate() for _ in range(4))
KEYS = parse_key_list(
    key_list_entry(SOURCE, OLD.public)
    + key_list_entry(SOURCE, NEW.public)
    + key_list_entry(OTHER_SOURCE, OTHER.public),
    "keys.toml",
)


class Lamppost:
    """Makes signed reports as `edge.delivery.numbering` does."""

    def __init__(self, key: PrivateKey = OLD, source: str = SOURCE, first: int = 1) -> None:
        self.key, self.source, self.sequence = key, source, first
        self.previous: str | None = None

    def event(self, kind: str = "sound_level", **content: Any) -> dict[str, Any]:
        return {
            "id": f"pole-7-{self.sequence}",
            "source": self.source,
            "type": f"org.lamppost-edge.{kind}.v1",
            "time": "2026-05-01T12:00:00Z",
            "sequence": f"{self.sequence:016d}",
            "data": {"kind": kind, "laeq_db": 50.5, **content},
        }

    def report(self, kind: str = "sound_level", **content: Any) -> bytes:
        sealed: SealedEvent = seal(self.event(kind, **content), self.key, self.previous)
        self.previous = sealed.fingerprint
        self.sequence += 1
        return sealed.payload

    def reports(self, count: int) -> list[bytes]:
        return [self.report(n=n) for n in range(count)]

    def rotate(self, key: PrivateKey) -> bytes:
        record = self.report(ROTATION, keyid=key.key_id, public=str(key.public))
        self.key = key
        return record

    def evicted(self, *ranges: tuple[int, int]) -> bytes:
        return self.report(EVICTION, evicted=ranges)


REPORTS = Lamppost().reports(20)


def check(received: Sequence[bytes | str], verifier: Verifier | None = None) -> list[Finding]:
    verifier = verifier or Verifier(KEYS)
    return [finding for payload in received for finding in verifier.accept(payload)]


def kinds(received: Sequence[bytes | str]) -> list[What]:
    return [finding.what for finding in check(received)]


def shows(received: Sequence[bytes]) -> bool:
    """Whether a check of the whole would end in exit code 1."""
    verifier = Verifier(KEYS)
    found = check(received, verifier)
    return any(f.what.is_problem and f.what is not What.GAP for f in found) or bool(verifier.missing())


def test_what_was_not_touched_is_fine() -> None:
    assert kinds(REPORTS) == []
    assert not shows(REPORTS)


def test_another_programs_json_is_still_authentic() -> None:
    spelled = [json.dumps(json.loads(report), indent=1, sort_keys=False) for report in REPORTS]
    assert kinds(spelled) == []


@settings(deadline=None)
@given(st.integers(0, len(REPORTS) - 1), st.data())
def test_any_flipped_bit_shows(number: int, data: st.DataObject) -> None:
    report = bytearray(REPORTS[number])
    place = data.draw(st.integers(0, len(report) - 1))
    report[place] ^= 1 << data.draw(st.integers(0, 7))
    found = check([*REPORTS[:number], bytes(report), *REPORTS[number + 1 :]])
    assert any(finding.what.is_problem for finding in found)
    assert not any(finding.accepted for finding in found if finding.what is not What.GAP)


@settings(deadline=None)
@given(st.sets(st.integers(1, len(REPORTS) - 2), min_size=1, max_size=10))
def test_any_dropped_reports_show_by_number(dropped: set[int]) -> None:
    verifier = Verifier(KEYS)
    check([report for n, report in enumerate(REPORTS) if n not in dropped], verifier)
    missing = [n for first, last in verifier.missing()[SOURCE] for n in range(first, last + 1)]
    assert missing == [n + 1 for n in sorted(dropped)]


@settings(deadline=None)
@given(st.permutations(range(8)))
def test_any_other_order_shows_and_loses_nothing(order: list[int]) -> None:
    verifier = Verifier(KEYS)
    found = check([REPORTS[0], *(REPORTS[n + 1] for n in order)], verifier)
    assert verifier.missing() == {}
    assert {f.what for f in found} <= {What.GAP, What.LATE}
    assert (What.LATE in {f.what for f in found}) == (order != sorted(order))


def test_a_second_copy_of_mqtt_is_a_note_and_a_later_one_a_replay() -> None:
    assert kinds([*REPORTS, REPORTS[-1], REPORTS[0]]) == [What.DUPLICATE, What.DUPLICATE]
    lamppost = Lamppost()
    reports = lamppost.reports(200)
    assert kinds([*reports, reports[3]]) == [What.REPLAY]
    many = [*reports, *lamppost.reports(1500)]
    assert kinds([*many, many[3]]) == [What.REPLAY]  # beyond what is remembered report by report


def test_a_replay_after_a_rotation_shows() -> None:
    lamppost = Lamppost()
    before = lamppost.reports(3)
    record = lamppost.rotate(NEW)
    after = lamppost.reports(3)
    assert kinds([*before, record, *after]) == [What.ROTATED]
    assert kinds([*before, record, *after, before[2]]) == [What.ROTATED, What.REPLAY]


def test_the_old_key_signs_nothing_after_a_rotation() -> None:
    lamppost = Lamppost()
    before, record = lamppost.reports(3), lamppost.rotate(NEW)
    after = lamppost.reports(2)
    thief = Lamppost(OLD, first=lamppost.sequence)
    thief.previous = lamppost.previous
    assert kinds([*before, record, *after, thief.report()]) == [What.ROTATED, What.RETIRED_KEY]
    thief.sequence = 5
    assert kinds([*before, record, thief.report(), *after]) == [What.ROTATED, What.RETIRED_KEY]


def test_a_key_that_the_old_one_did_not_announce_shows() -> None:
    lamppost = Lamppost()
    before = lamppost.reports(3)
    lamppost.key = NEW
    after = lamppost.reports(3)
    assert kinds([*before, *after]) == [What.KEY_CHANGED]
    lamppost.key = OLD
    assert kinds([*before, *after, lamppost.report()]) == [What.KEY_CHANGED, What.RETIRED_KEY]


def test_a_dropped_rotation_record_shows() -> None:
    lamppost = Lamppost()
    before, record, after = lamppost.reports(3), lamppost.rotate(NEW), lamppost.reports(3)
    assert kinds([*before, *after]) == [What.GAP, What.KEY_CHANGED]
    found = kinds([*before, *after, record])
    assert found == [What.GAP, What.KEY_CHANGED, What.LATE, What.ROTATED]


def test_two_reports_of_one_number_show() -> None:
    twin = Lamppost()
    twin.reports(10)
    forked = [*REPORTS[:11], twin.report(n=99), *REPORTS[11:]]
    assert kinds(forked) == [What.CONFLICT]
    fork = Lamppost(first=21)
    fork.previous = "A" * 43
    assert kinds([*REPORTS, fork.report()]) == [What.BROKEN_CHAIN]


def test_a_late_report_that_does_not_fit_shows() -> None:
    twin = Lamppost()
    twin.reports(9)
    twin.previous = "A" * 43
    assert kinds([*REPORTS[:9], *REPORTS[10:], twin.report()]) == [What.GAP, What.BROKEN_CHAIN, What.LATE]


def test_what_the_lamppost_evicted_is_explained_and_no_more() -> None:
    lamppost = Lamppost()
    reports = lamppost.reports(10)
    record = lamppost.evicted((3, 5), (8, 8))
    verifier = Verifier(KEYS)
    found = check([*reports[:2], reports[5], reports[8], record], verifier)
    assert [f.what for f in found] == [What.GAP, What.GAP, What.GAP, What.EVICTED, What.EVICTED]
    assert verifier.missing() == {SOURCE: [(7, 7), (10, 10)]}
    assert [(f.first, f.last) for f in found[-2:]] == [(3, 5), (8, 8)]


def test_numbers_may_jump_when_the_link_shows_that_nothing_is_missing() -> None:
    lamppost = Lamppost()
    reports = lamppost.reports(3)
    lamppost.sequence += 10_000
    later = lamppost.reports(3)
    assert kinds([*reports, *later]) == []
    verifier = Verifier(KEYS)
    check([*reports, *later[1:], later[0]], verifier)
    assert verifier.missing() == {}


def test_a_chain_that_begins_anew_shows() -> None:
    lamppost = Lamppost()
    reports = lamppost.reports(3)
    lamppost.previous = None
    assert kinds([*reports, *lamppost.reports(2)]) == [What.RESTARTED]


def test_who_is_not_listed_is_not_believed() -> None:
    assert kinds([Lamppost(STRANGER).report()]) == [What.UNKNOWN_KEY]
    assert kinds([Lamppost(OTHER).report()]) == [What.WRONG_SOURCE]
    unsigned = json.dumps(Lamppost().event())
    assert kinds([unsigned]) == [What.UNSIGNED]
    forged = json.loads(REPORTS[0]) | {"keyid": NEW.key_id}
    assert kinds([json.dumps(forged)]) == [What.BAD_SIGNATURE]


def test_nothing_forged_changes_what_is_known() -> None:
    forged = [Lamppost(STRANGER, first=n).report() for n in (5, 500)]
    altered = [report.replace(b"50.5", b"90.5") for report in REPORTS]
    verifier = Verifier(KEYS)
    check(REPORTS[:10], verifier)
    before = verifier.state()
    assert not any(f.accepted for f in check([*forged, *altered, b"rubbish"], verifier))
    assert verifier.state() == before
    assert check(REPORTS[10:], verifier) == []


@pytest.mark.parametrize(
    ("change", "time", "found"),
    [
        ({}, "2026-05-01T12:00:00Z", []),
        ({"revoked": True}, "2026-05-01T12:00:00Z", [What.KEY_NOT_VALID]),
        ({"valid_from": "2026-05-01T12:00:00Z"}, "2026-05-01T12:00:00Z", []),
        ({"valid_from": "2026-05-01T12:00:01Z"}, "2026-05-01T12:00:00Z", [What.KEY_NOT_VALID]),
        ({"valid_until": "2026-05-01T12:00:00Z"}, "2026-05-01T12:00:00Z", [What.KEY_NOT_VALID]),
        ({"valid_until": "2026-05-02T12:00:00Z"}, "noon", [What.MALFORMED]),
    ],
)
def test_a_key_is_believed_while_it_is_valid(change: dict[str, Any], time: str, found: list[What]) -> None:
    lines = [f"{k} = {str(v).lower() if isinstance(v, bool) else v}\n" for k, v in change.items()]
    keys = parse_key_list(key_list_entry(SOURCE, OLD.public) + "".join(lines), "keys.toml")
    sealed = seal(Lamppost().event() | {"time": time}, OLD)
    assert [f.what for f in Verifier(keys).accept(sealed.payload)] == found


@pytest.mark.parametrize(
    ("result_time", "found"),
    [
        ("2026-05-02T00:05:00Z", []),
        ("2026-05-01T23:59:59Z", [What.KEY_NOT_VALID]),
        ("soon", [What.MALFORMED]),
        (7, [What.MALFORMED]),
    ],
)
def test_what_began_before_the_key_is_valid_if_it_was_signed_after(
    result_time: Any, found: list[What]
) -> None:
    """The mean of a day begins a day before it is known, and before the key changed."""
    text = key_list_entry(SOURCE, OLD.public) + "valid_from = 2026-05-02T00:00:00Z"
    event = Lamppost().event()
    event = {**event, "time": "2026-05-01T00:00:00Z", "data": {**event["data"], "result_time": result_time}}
    verifier = Verifier(parse_key_list(text, "keys.toml"))
    assert [f.what for f in verifier.accept(seal(event, OLD).payload)] == found


def test_a_report_on_another_topic_shows() -> None:
    verifier = Verifier(KEYS)
    assert verifier.accept(REPORTS[0], "lp/v1/utrecht/pole-7/measure/sound_level") == []
    for topic in ("lp/v1/utrecht/pole-8/measure/sound_level", "lp/v1/utrecht/pole-7/event/impulse", "x", ""):
        (finding,) = verifier.accept(REPORTS[1], topic)
        assert finding.what is What.WRONG_TOPIC


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"type":"x"}',
        b'{"type":"org.lamppost-edge.health.v1","sequence":"-1"}',
        b'{"type":"org.lamppost-edge.health.v1","sequence":7}',
        b'{"type":"org.lamppost-edge.health.v1","signature":"?"}',
        b'{"type":"org.lamppost-edge.health.v1","type":"org.lamppost-edge.health.v1"}',
        b'{"type":"org.lamppost-edge.health.v1","data":NaN}',
        b'{"type":"org.lamppost-edge.health.v1","data":1e999}',
        b'{"type":"org.lamppost-edge.health.v1","data":"\\ud800"}',
        b'{"type":"org.lamppost-edge.health.v1","data":' + b"[" * 100_000,
        b'{"type":"org.lamppost-edge.health.v1","data":' + b"[" * 50 + b"]" * 50 + b"}",
        b'{"type":"org.lamppost-edge.health.v1","data":99999999999999999999}',
    ],
)
def test_rubbish_is_named_and_changes_nothing(payload: bytes) -> None:
    assert kinds([payload]) == [What.MALFORMED]


@settings(deadline=None)
@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_no_input_breaks_it(payload: bytes | str) -> None:
    assert kinds([payload]) == [What.MALFORMED]


@pytest.mark.parametrize(
    ("kind", "content"),
    [(EVICTION, {}), (EVICTION, {"evicted": [1]}), (EVICTION, {"evicted": "x"}), (ROTATION, {})],
)
def test_a_signed_record_without_its_content_is_named(kind: str, content: dict[str, Any]) -> None:
    assert kinds([*REPORTS, Lamppost(first=21).report(kind, **content)])[-1] is What.MALFORMED


def test_a_check_goes_on_after_a_restart() -> None:
    first = Verifier(KEYS)
    check([*REPORTS[:5], *REPORTS[7:10]], first)
    second = Verifier(KEYS)
    second.restore(json.loads(json.dumps(first.state())))
    assert second.missing() == {SOURCE: [(6, 7)]}
    assert check([REPORTS[5], REPORTS[6], *REPORTS[10:]], second)[0].what is What.LATE
    assert second.missing() == {}
    assert second.newest() == {SOURCE: 20}
    wrong: tuple[Any, ...] = ({"x": 1}, {"x": {}}, {"x": {"newest": "y"}}, [1])
    for state in wrong:
        with pytest.raises(ValueError, match="not a verifier's state"):
            second.restore(state)


def test_lampposts_do_not_disturb_each_other() -> None:
    other = Lamppost(OTHER, OTHER_SOURCE, first=1000).reports(20)
    mixed = [report for pair in zip(REPORTS, other, strict=True) for report in pair]
    assert kinds(mixed) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no list of keys"),
        ("[keys]", "is no list of keys"),
        ("x = 1", "is no list of keys"),
        ("[[keys", "not valid TOML"),
        ('[[keys]]\nsource = "s"', "keys[1]: public is missing"),
        ('[[keys]]\nsource = "s"\npublic = "AAAA"', "keys[1]: an Ed25519 public key has 32 bytes"),
        ('[[keys]]\nsource = "s"\npublik = "AAAA"', "did you mean 'public'?"),
        (key_list_entry("s", OLD.public) + "revoked = 1", "revoked is neither"),
        (key_list_entry("s", OLD.public) + "valid_from = 1", "valid_from is no date and time"),
        (key_list_entry("s", OLD.public) * 2, "stands there twice"),
    ],
)
def test_a_list_of_keys_that_cannot_be_used_says_why(text: str, said: str) -> None:
    with pytest.raises(KeyListError, match=r"^keys\.toml: ") as refusal:
        parse_key_list(text, "keys.toml")
    assert said in str(refusal.value)


def test_a_time_without_an_offset_is_utc() -> None:
    text = key_list_entry("s", OLD.public) + "valid_from = 2026-01-01T00:00:00"
    (key,) = parse_key_list(text, "keys.toml").values()
    assert isinstance(key, TrustedKey)
    assert str(key.valid_from) == "2026-01-01 00:00:00+00:00"


def test_it_needs_cryptography_and_nothing_else_of_what_the_daemon_needs() -> None:
    program = (
        "import sys, edge.subscriber\n"
        "heavy = ('pydantic', 'numpy', 'scipy', 'cv2', 'paho', 'amqtt', 'rich', 'onnxruntime', 'sqlite3',"
        " 'asyncio')\nprint([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
