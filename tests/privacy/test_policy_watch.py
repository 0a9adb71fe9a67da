"""A policy that is missing, expired, forged or contradictory: the one before stays, or only health leaves."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.domain.health import Reason
from edge.privacy.policy import Narrowing, Policy, PolicyError, narrowed, parse_policy, widening
from edge.privacy.policy_watch import SILENCE, Demands, PolicyWatch, Standing
from edge.privacy.seal import MEANT_FOR, seal
from edge.signing.keys import PrivateKey, base64_of

CITY = PrivateKey.generate()
OTHER = PrivateKey.generate()
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def text(number: int = 1, **changes: str) -> bytes:
    heading = {
        "city": '"utrecht"',
        "number": str(number),
        "not_before": "2026-01-01",
        "expires": "2026-12-31",
        "timezone": '"Europe/Amsterdam"',
    }
    lines = "\n".join(f"{name} = {value}" for name, value in (heading | changes).items() if value)
    ground = 'purpose = "noise_monitoring"\nlegal_basis = "public_task"\nretention_days = 30\n'
    return f"[policy]\n{lines}\n[reports.sound_level]\n{ground}[counts]\nk = {number + 4}\n".encode()


class Node:
    """A lamppost's policy files."""

    def __init__(self, folder: Path, **demands: Any) -> None:
        self.file = folder / "policy.toml"
        self.state = folder / "state"
        given: dict[str, Any] = {"keys": (CITY.public,), "state": self.state}
        self.demands = Demands(self.file, "utrecht", **(given | demands))
        self.watch = PolicyWatch(self.demands)

    def write(self, content: bytes, sealed: str | None = None) -> None:
        self.file.write_bytes(content)
        sig = self.file.with_name("policy.toml.sig")
        sig.write_text(seal(content, CITY) if sealed is None else sealed)

    def look(self, now: datetime = NOW) -> Standing:
        return self.watch.look(now)

    def restart(self) -> None:
        self.watch = PolicyWatch(self.demands)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_good_policy_is_in_force_and_its_copy_kept(node: Node) -> None:
    node.write(text())
    standing = node.look()
    assert (standing.silent, standing.trouble, standing.policy.number) == (False, "", 1)
    assert (node.state / "policy.sealed").read_bytes().endswith(text())


SPOILT: list[tuple[str, bytes, str | None, Reason, str]] = [
    ("not TOML", b"[", seal(b"[", CITY), Reason.UNREADABLE, "not valid TOML"),
    ("not UTF-8", b"\xff", seal(b"\xff", CITY), Reason.UNREADABLE, "not UTF-8"),
    ("changed", text().replace(b"30", b"90"), seal(text(), CITY), Reason.BAD_SIGNATURE, "was changed since"),
    ("a stranger's", text(), seal(text(), OTHER), Reason.BAD_SIGNATURE, "is not the city's"),
    (
        "a stranger's in the city's name",
        text(),
        seal(text(), OTHER).replace(OTHER.key_id, CITY.key_id),
        Reason.BAD_SIGNATURE,
        "does not fit the policy",
    ),
    (
        "signed for something else",
        text(),
        f"ed25519 {CITY.key_id} {base64_of(CITY.sign(text()))}",
        Reason.BAD_SIGNATURE,
        "does not fit",
    ),
    ("no seal", text(), "", Reason.BAD_SIGNATURE, "is not a seal; `lamppost privacy sign` writes one"),
    ("rubbish", text(), "ed25519 x y z", Reason.BAD_SIGNATURE, "is not a seal"),
    ("expired", text(expires="2026-05-31"), None, Reason.EXPIRED, "held until 2026-05-31"),
    ("too early", text(not_before="2026-06-02"), None, Reason.NOT_YET_VALID, "is the clock right?"),
    ("another city's", text(city='"delft"'), None, Reason.CONTRADICTORY, "is the policy of 'delft'"),
    (
        "without days",
        text(0, expires=""),
        None,
        Reason.CONTRADICTORY,
        "says in [policy] number, expires",
    ),
    ("without a heading", text().split(b"[reports")[1], None, Reason.UNREADABLE, ""),
]


@pytest.mark.parametrize(
    ("content", "sealed", "reason", "said"), [case[1:] for case in SPOILT], ids=[c[0] for c in SPOILT]
)
def test_a_spoilt_policy_silences_a_new_lamppost_and_leaves_another_its_previous_one(
    node: Node, content: bytes, sealed: str | None, reason: Reason, said: str
) -> None:
    node.write(content, sealed)
    standing = node.look()
    assert standing.silent
    assert set(standing.policy.grounds) == {"health"}
    assert standing.reason is reason
    assert said in standing.trouble
    assert "nothing but health leaves" in standing.trouble
    assert not node.state.exists()

    node.write(text(2))
    assert node.look().policy.number == 2
    node.write(content, sealed)
    for _ in range(2):
        standing = node.look()
        assert not standing.silent
        assert (standing.policy.number, standing.policy.k) == (2, 6)
        assert said in standing.trouble
        assert "the previous policy (number 2) stays in force" in standing.trouble
        node.restart()


def test_a_missing_policy_and_a_missing_seal_are_told_apart(node: Node) -> None:
    assert node.look().reason is Reason.MISSING
    node.file.write_bytes(text())
    standing = node.look()
    assert standing.reason is Reason.UNSIGNED
    assert (
        "policy.toml.sig: no such seal; the city signs with `lamppost privacy sign policy.toml`"
        in standing.trouble
    )


def test_an_old_policy_with_a_good_seal_cannot_be_put_back(node: Node) -> None:
    node.write(text(3))
    node.look()
    node.write(text(2))
    node.restart()
    assert node.look().policy.number == 3


def test_an_older_wider_policy_does_not_come_back_when_the_newer_one_expires(node: Node) -> None:
    node.write(text(3, expires="2026-06-30"))
    node.look()
    wide = text(2)  # k = 6 instead of 7, and good for half a year more
    node.write(wide)
    july = datetime(2026, 7, 1, 12, tzinfo=UTC)
    for _ in range(3):
        standing = node.look(july)
        assert standing.silent
        assert standing.reason is Reason.CONTRADICTORY
        assert "number 2 is lower than 3, which was in force; the city signs one with a higher number" in (
            standing.trouble
        )
        with pytest.raises(PolicyError, match="number 2 is no newer than 3"):
            node.watch.offer(wide, seal(wide, CITY), july)
        node.restart()
    node.write(text(4))
    assert node.look(july).policy.number == 4


def test_the_number_in_force_is_remembered_apart_from_the_copy(node: Node) -> None:
    node.write(text(3))
    node.look()
    (node.state / "policy.sealed").unlink()
    node.restart()
    node.write(text(2))
    assert node.look().silent


def test_without_the_file_of_the_number_its_copy_still_counts(node: Node) -> None:
    node.write(text(3, expires="2026-06-30"))
    node.look()
    (node.state / "policy.number").unlink()
    node.restart()
    node.write(text(2))
    july = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert node.look(july).silent
    with pytest.raises(PolicyError, match="no newer than 3"):
        node.watch.offer(text(2), seal(text(2), CITY), july)


def test_a_number_that_cannot_be_read_leaves_the_copy_s(node: Node) -> None:
    node.write(text(3))
    node.look()
    for spoilt in (b"", b"{", b"3", b'{"city": "utrecht"}', b'{"city": "utrecht", "number": "9"}', b"\xff"):
        (node.state / "policy.number").write_bytes(spoilt)
        node.restart()
        node.write(text(2))
        assert node.look().policy.number == 3
        node.write(text(3))
        assert node.look().policy.number == 3


def test_the_number_of_another_city_binds_nobody(node: Node) -> None:
    node.write(text(3))
    node.look()
    moved = Node(node.file.parent, keys=(OTHER.public,))
    moved.demands = replace(moved.demands, city="delft")
    moved.restart()
    content = text(1, city='"delft"')
    moved.write(content, seal(content, OTHER))
    assert moved.look().policy.number == 1


def test_a_policy_is_parsed_when_its_bytes_change_and_not_at_every_look(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []

    def counting(content: str, where: str) -> Policy:
        parsed.append(content)
        return parse_policy(content, where)

    monkeypatch.setattr("edge.privacy.policy_watch.parse_policy", counting)
    node.write(text(1))
    for _ in range(4):
        node.look()
    assert len(parsed) == 1
    node.write(text(2))
    for _ in range(4):
        assert node.look().policy.number == 2
    assert len(parsed) == 2
    assert node.look(datetime(2027, 1, 1, tzinfo=UTC)).silent  # a new day is looked at all the same
    for number in range(3, 30):
        node.write(text(number))
        node.look()
    assert len(node.watch._known) < 10


def test_the_previous_policy_expires_too(node: Node) -> None:
    node.write(text(1))
    node.look()
    node.file.unlink()
    assert not node.look(datetime(2026, 12, 31, 22, 59, tzinfo=UTC)).silent
    standing = node.look(datetime(2026, 12, 31, 23, 1, tzinfo=UTC))  # after midnight in Amsterdam
    assert standing.silent
    node.restart()
    assert node.look(datetime(2027, 1, 1, tzinfo=UTC)).policy is SILENCE


def test_a_spoilt_copy_counts_for_nothing(node: Node) -> None:
    node.write(text(5))
    node.look()
    copy = node.state / "policy.sealed"
    copy.write_bytes(copy.read_bytes().replace(b"retention_days = 30", b"retention_days = 99"))
    node.restart()
    node.file.unlink()
    assert node.look().silent


def test_a_copy_that_cannot_be_kept_is_told_and_the_policy_is_in_force(node: Node) -> None:
    node.write(text())
    node.state.write_text("a file, not a folder")
    standing = node.look()
    assert (standing.silent, standing.policy.number, standing.reason) == (False, 1, Reason.NO_PERMISSION)
    assert "no copy of the policy can be kept" in standing.trouble


def test_a_look_without_keeping_writes_nothing(node: Node) -> None:
    node.write(text())
    assert PolicyWatch(node.demands, keeps=False).look(NOW).policy.number == 1
    assert not node.state.exists()


def test_a_second_key_of_the_city_may_sign_while_one_follows_the_other(tmp_path: Path) -> None:
    node = Node(tmp_path, keys=(CITY.public, OTHER.public))
    node.write(text(), seal(text(), OTHER))
    assert not node.look().silent


def test_on_a_bench_no_seal_is_asked_for_and_no_copy_kept(tmp_path: Path) -> None:
    node = Node(tmp_path, keys=())
    node.file.write_bytes(text(5))
    assert node.look().policy.number == 5
    node.file.write_bytes(text(4))
    assert node.look().policy.number == 4
    node.file.write_bytes(b"[")
    standing = node.look()
    assert (standing.silent, standing.policy.number) == (False, 4)
    assert not node.state.exists()


def test_a_policy_that_came_another_way_is_in_force_at_the_next_look(node: Node) -> None:
    node.write(text(1))
    node.look()
    node.watch.offer(text(2), seal(text(2), CITY), NOW)
    assert node.look().policy.number == 2
    node.restart()
    assert node.look().policy.number == 2
    for content, sealed, said in (
        (text(2), seal(text(2), CITY), "number 2 is no newer than 2"),
        (text(3), seal(text(3), OTHER), "is not the city's"),
        (text(3, expires="2026-05-01"), seal(text(3, expires="2026-05-01"), CITY), "held until"),
    ):
        with pytest.raises(PolicyError, match=said):
            node.watch.offer(content, sealed, NOW)
    assert node.look().policy.number == 2


def test_a_policy_that_came_another_way_and_cannot_be_kept_changes_nothing(node: Node) -> None:
    node.state.write_text("a file, not a folder")
    node.write(text(1))
    node.look()
    with pytest.raises(PolicyError, match="no copy of the policy can be kept"):
        node.watch.offer(text(2), seal(text(2), CITY), NOW)
    assert node.look().policy.number == 1


def test_a_lamppost_can_only_narrow(tmp_path: Path) -> None:
    grounds = text() + (
        b'[reports.impulse]\npurpose = "public_safety"\nlegal_basis = "public_task"\nretention_days = 28\n'
    )
    policy = parse_policy(grounds.decode(), "policy.toml")
    wide = Narrowing(frozenset({"health"}), 2, {"impulse": 99, "sound_level": 7, "particulates": 9})
    less = narrowed(policy, wide)
    assert {kind: ground.retention_days for kind, ground in less.grounds.items()} == {
        "sound_level": 7,
        "impulse": 28,
    }
    assert less.k == 5
    assert widening(policy, wide) == [
        "retention_days of impulse: 99 is longer than the policy's 28",
        "k: 2 is lower than the policy's 5",
    ]
    strict = narrowed(policy, Narrowing(frozenset({"impulse"}), 10))
    assert (set(strict.grounds), strict.k) == ({"sound_level"}, 10)
    node = Node(tmp_path, narrowing=Narrowing(frozenset({"sound_level"})))
    node.write(text())
    assert not node.look().policy.grounds


def test_a_seal_says_what_it_is_for() -> None:
    assert CITY.public.verify(MEANT_FOR + text(), CITY.sign(MEANT_FOR + text()))
    assert seal(text(), CITY) == seal(text(), CITY)
