"""Commands: only the centre's, only for this lamppost, only while they are valid; the rest is counted."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

from edge.delivery import intake as intaking
from edge.delivery.commands import Bound, Config, Judge, RefusedError, sealed_command
from edge.delivery.inbox import Inbox
from edge.delivery.intake import Intake
from edge.delivery.mqtt_access import Message
from edge.delivery.outbox import Outbox
from edge.domain.commands import ORDER, Order, Refusal
from edge.signing.events import seal
from edge.signing.keys import PrivateKey

T = TypeVar("T")

CITY, STRANGER = PrivateKey.generate(), PrivateKey.generate()
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
JUDGE = Judge((CITY.public,), "utrecht", "pole-7", longest_s=3600)


def order(**content: Any) -> Order:
    usual = {
        "city": "utrecht",
        "node": "pole-7",
        "number": 1,
        "expires": NOON + timedelta(minutes=5),
        "action": "scene",
        "scene": "bright",
        "duration_s": 60,
    }
    return ORDER.validate_python(usual | content)


def refused(payload: bytes, now: datetime = NOON) -> Refusal:
    with pytest.raises(RefusedError) as refusal:
        JUDGE.check(payload, now)
    return refusal.value.reason


async def at_once(call: Callable[[], T]) -> T:
    return call()


def test_the_centres_command_is_taken() -> None:
    assert JUDGE.check(sealed_command(order(), CITY, NOON), NOON) == order()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"node": "pole-8"}, Refusal.ANOTHER_LAMPPOST),
        ({"city": "delft"}, Refusal.ANOTHER_LAMPPOST),
        ({"expires": NOON}, Refusal.EXPIRED),
        ({"expires": NOON + timedelta(hours=2)}, Refusal.VALID_TOO_LONG),
    ],
)
def test_a_command_for_another_place_or_time_is_refused(content: dict[str, Any], reason: Refusal) -> None:
    assert refused(sealed_command(order(**content), CITY, NOON)) is reason


def test_what_the_centre_did_not_sign_is_refused() -> None:
    good = sealed_command(order(), CITY, NOON)
    assert refused(sealed_command(order(), STRANGER, NOON)) is Refusal.UNKNOWN_KEY
    assert refused(good.replace(b'"bright"', b'"normal"')) is Refusal.BAD_SIGNATURE
    assert refused(good.replace(b'"signature"', b'"signaturx"')) is Refusal.UNSIGNED
    for rubbish in (b"", b"{", b"[]", b"\xff", good + b"x", b"x" * 200_000):
        assert refused(rubbish) is Refusal.MALFORMED


@pytest.mark.parametrize(
    "content",
    [
        {"action": "record_sound"},
        {"action": "scene", "scene": "strobe"},
        {"duration_s": 1e9},
        {"number": 0},
        {"number": 1.5},
        {"expires": "soon"},
        {"more": 1},
    ],
)
def test_a_signed_command_outside_the_closed_list_is_refused(content: dict[str, Any]) -> None:
    data = order().model_dump(mode="json") | content
    event = {"source": "/lp/v1/utrecht", "type": "org.lamppost-edge.command.v1", "data": data}
    assert refused(seal(event, CITY).payload) is Refusal.MALFORMED


def test_a_report_is_no_command_though_the_same_key_signed_it() -> None:
    event = {"type": "org.lamppost-edge.health.v1", "data": order().model_dump(mode="json")}
    assert refused(seal(event, CITY).payload) is Refusal.MALFORMED


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValidationError, match="is no public key"):
        Config.model_validate({"city_key": "AAAA"})
    with pytest.raises(ValidationError, match="min is above max"):
        Bound(detector="impulse", setting="above_floor_db", min=2, max=1)
    with pytest.raises(ValidationError, match="go together"):
        Config.model_validate({"city_key": str(CITY.public), "allow": ["threshold"]})
    config = Config.model_validate({"city_key": str(CITY.public)})
    assert config.keys == (CITY.public,)
    assert config.allow == ()


def heard(outbox: Outbox, payloads: list[bytes], *, retained: bool = False) -> None:
    async def main() -> None:
        intake = Intake(JUDGE, "t", outbox, at_once, lambda: NOON)
        for payload in payloads:
            intake.hear(Message("t", payload, retained))
        working = asyncio.create_task(intake.run())
        while not intake.idle:
            await asyncio.sleep(0)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asyncio.run(main())


def test_the_publisher_passes_on_what_is_the_centres_and_counts_the_rest(tmp_path: Path) -> None:
    good, other = (sealed_command(order(number=n), CITY, NOON) for n in (1, 2))
    with Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
        heard(outbox, [good, b"rubbish", good, sealed_command(order(), STRANGER, NOON), b"more", other])
        inbox = Inbox(outbox)
        assert inbox.waiting() == [good, other]
        assert inbox.refused() == {Refusal.MALFORMED: 2, Refusal.UNKNOWN_KEY: 1}
        inbox.forget(good)
        assert inbox.waiting() == [other]


def test_a_flood_is_bounded_and_counted(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
        heard(outbox, [sealed_command(order(number=n), CITY, NOON) for n in range(1, 131)])
        assert len(Inbox(outbox).waiting()) == 50
        assert sum(Inbox(outbox).refused().values()) == 80


def test_a_flood_costs_the_disk_one_count_and_rings_no_bell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[Path] = []
    monkeypatch.setattr(intaking, "notify", rung.append)
    used = 0

    class Counted(Outbox):
        def use(self, action: Callable[[sqlite3.Connection], T]) -> T:
            nonlocal used
            used += 1
            return super().use(action)

    with Counted(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
        heard(outbox, [b"x" * 100_001] * 500 + [b"rubbish"] * 90)
        assert (used, rung) == (1, [])
        assert Inbox(outbox).refused() == {Refusal.MALFORMED: 590}
        heard(outbox, [sealed_command(order(), CITY, NOON)])
        assert len(rung) == 1


def test_what_somebody_else_wrote_into_the_inbox_does_no_harm(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:

        def write(connection: sqlite3.Connection) -> None:
            rows = [("text",), (7,), (b"x" * 200_000,), *((b"%d" % n,) for n in range(80))]
            connection.executemany("INSERT INTO inbox (payload) VALUES (?)", rows)
            connection.execute("INSERT INTO counters VALUES ('refused_command', 'expired', 'many')")
            connection.execute("INSERT INTO counters VALUES ('refused_command', 'unheard of', 1)")

        outbox.use(write)
        assert Inbox(outbox).waiting() == [b"%d" % n for n in range(50)]
        assert Inbox(outbox).refused() == {}


def test_a_retained_command_is_left_alone(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", 10_000_000) as outbox:
        heard(outbox, [sealed_command(order(), CITY, NOON)], retained=True)
        assert Inbox(outbox).waiting() == []
