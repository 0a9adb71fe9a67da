"""The audit finds what the gate must not let through, whoever let it."""

import json
from typing import Any

import pytest

from edge.delivery.numbering import Numbering, Position
from edge.domain.report_base import LegalBasis, Purpose
from edge.domain.time import NS_PER_S
from edge.privacy.audit import Audit, canaries_of
from edge.privacy.gate import Gate
from edge.privacy.policy import Policy
from edge.privacy.policy_file import Ground
from tests.privacy.test_gate import EVERYTHING, LEVEL

SOUND = bytes(range(200)) * 5


def payload(**changes: Any) -> bytes:
    report = Gate(EVERYTHING).admit(LEVEL)
    assert report is not None
    event = json.loads(Numbering("utrecht", "pole-7", Position(41)).entry(report).payload)
    event["data"] |= changes
    return json.dumps(event).encode()


def audited(given: bytes, policy: Policy = EVERYTHING) -> list[str]:
    audit = Audit(policy, {"sound": canaries_of(SOUND), "the host": (b"host-of-this",)})
    audit.take(given, 0)
    audit.finish()
    return audit.breaches


def test_a_good_report_is_no_breach() -> None:
    assert audited(payload()) == []


OTHER = Policy(
    {"sound_level": Ground(purpose=Purpose.PARKING, legal_basis=LegalBasis.PUBLIC_TASK, retention_days=7)}
)
BREACHES: list[tuple[bytes, Policy, str]] = [
    (payload(laeq_db=61.23), EVERYTHING, "laeq_db is 61.23; at its resolution it would be 61.2"),
    (payload(phenomenon_time="2026-05-01T12:00:00.5Z"), EVERYTHING, "at its resolution it would be"),
    (payload(note="x"), EVERYTHING, "not of the contract"),
    (payload(kind="face"), EVERYTHING, "not of the contract"),
    (payload(sensor="front door"), EVERYTHING, "not of the contract"),
    (b"[]", EVERYTHING, "not of the contract"),
    (b"\xff", EVERYTHING, "not of the contract"),
    (payload(), Policy({}), "left without a purpose in the policy"),
    (payload(), OTHER, "purpose is maintenance, the policy says parking"),
    (payload() + SOUND[40:60], EVERYTHING, "sound is in a payload"),
    (payload() + SOUND[40:60].hex().encode(), EVERYTHING, "sound is in a payload"),
    (payload() + b"host-of-this", EVERYTHING, "the host is in a payload"),
]


@pytest.mark.parametrize(("given", "policy", "said"), BREACHES)
def test_each_breach_is_found(given: bytes, policy: Policy, said: str) -> None:
    assert any(said in breach for breach in audited(given, policy))


def test_a_flood_breaches_rates_and_the_budget() -> None:
    audit = Audit(EVERYTHING, {})
    given = payload()
    for second in range(2000):
        audit.take(given, second * NS_PER_S // 3)
    audit.finish()
    said = " ".join(audit.breaches)
    assert "bits in an hour; the budget is below 180000" in said
    assert "sound_level: 180 in a minute; the contract says 120" in said


def test_pieces_of_silence_are_no_canaries() -> None:
    assert canaries_of(bytes(10_000)) == ()
    assert canaries_of(b"") == ()
