"""What leaves has no room for hidden bits: nothing random, no free order, nothing below the resolution."""

import dataclasses
import json
import re
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.delivery.numbering import Numbering, Position
from edge.domain.events import GlassBreak
from edge.domain.scene_observations import Stage
from edge.domain.time import CaptureTime
from edge.domain.trigger import Strength, Trigger
from edge.privacy.gate import Gate
from edge.signing.key_store import KeyRing
from edge.signing.keys import PrivateKey
from tests.privacy.test_gate import BANG, EVERYTHING, LEVEL, NOON_NS

KEY = PrivateKey.generate()


def payload(finding: Any, sequence: int = 41) -> bytes:
    report = Gate(EVERYTHING).admit(finding)
    assert report is not None
    return Numbering("utrecht", "pole-7", Position(sequence), KeyRing(KEY)).entry(report).payload


def test_the_same_finding_gives_the_same_bytes_signature_and_all() -> None:
    assert payload(LEVEL) == payload(dataclasses.replace(LEVEL))
    assert payload(BANG) == payload(dataclasses.replace(BANG))


def test_an_identifier_is_the_node_and_the_number() -> None:
    event = json.loads(payload(LEVEL, 1234))
    assert event["id"] == "pole-7-1234"
    assert event["sequence"] == "0000000000001234"
    rest = json.dumps({name: value for name, value in event.items() if name != "signature"})
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", rest), "no random identifier"


def test_fields_have_one_order_and_no_spaces() -> None:
    def names(part: Any) -> None:
        if isinstance(part, dict):
            assert list(part) == sorted(part)
            for value in part.values():
                names(value)

    written = payload(BANG)
    names(json.loads(written))
    assert written == json.dumps(json.loads(written), separators=(",", ":"), ensure_ascii=False).encode()


def test_triggers_have_one_order_and_come_once() -> None:
    triggers = tuple(Trigger)[:3]
    broken = GlassBreak(
        time=BANG.time,
        result_time_ns=BANG.result_time_ns,
        confirmed=True,
        because=(),
        stage=Stage.ONSET,
        lasted_s=0,
        strength=Strength.STRONG,
    )
    told = [dataclasses.replace(broken, because=(*order, order[0])) for order in permutations(triggers)]
    assert len({payload(event) for event in told}) == 1


@given(
    st.floats(-0.049, 0.049), st.integers(0, 99_999), st.integers(0, 999_999_999), st.floats(0.2001, 0.2999)
)
def test_what_is_below_the_resolution_changes_nothing(
    level_db: float, exact_ns: int, coarse_ns: int, uncertainty_ms: float
) -> None:
    bang = dataclasses.replace(
        BANG,
        time=CaptureTime(NOON_NS + exact_ns, 7, uncertainty_ms),
        result_time_ns=NOON_NS + coarse_ns,
        lcpeak_db=101.3 + level_db,
    )
    still = dataclasses.replace(
        BANG, time=CaptureTime(NOON_NS, 0, 0.25), result_time_ns=NOON_NS, lcpeak_db=101.3
    )
    assert payload(bang) == payload(still)
