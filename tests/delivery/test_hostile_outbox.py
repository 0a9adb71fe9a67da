"""Whoever owns the publisher can write anything into the outbox; `sense` goes on all the same."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.delivery.chain_head import HeadFile
from edge.delivery.outbox import Outbox
from edge.delivery.writer import Writer
from edge.signing.key_store import KeyRing
from edge.subscriber import What
from tests.delivery.test_numbering import OLD, findings, write

LIMIT = 150_000
"""Bytes of an outbox that a hundred reports fill."""
DEEP = b"[" * 100_000
INSERT = "INSERT INTO reports VALUES (?, ?, ?, ?)"


@pytest.fixture(autouse=True)
def _no_second_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail instead of trying for ever."""
    monkeypatch.setattr(Writer, "_write_batch", _only_well(Writer._write_batch))


def _only_well(write_batch: Callable[[Writer], Awaitable[bool]]) -> Callable[[Writer], Awaitable[bool]]:
    async def checked(writer: Writer) -> bool:
        assert await write_batch(writer), "the outbox is ill"
        return True

    return checked


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("DELETE FROM counters WHERE name = 'last_sequence'", ()),
        ("UPDATE counters SET count = 'many' WHERE name = 'last_sequence'", ()),
        ("UPDATE counters SET count = 1.5 WHERE name = 'last_sequence'", ()),
        ("UPDATE counters SET count = -1 WHERE name = 'last_sequence'", ()),
        ("UPDATE counters SET count = 9223372036854775807", ()),
        ("INSERT INTO counters VALUES (?, ?, ?)", ("delivered", b"x", b"y")),
        ("INSERT INTO counters VALUES (?, ?, ?)", ("delivered", "particulates", (1 << 63) - 1)),
        ("UPDATE chain SET fingerprint = ?", (b"\xff",)),
        ("UPDATE chain SET key_id = ?", (b"\xff",)),
        ("DROP TABLE chain", ()),
        ("DROP TABLE counters", ()),
        ("DROP TABLE reports", ()),
        (INSERT, (3 << 56, "x", "t", b"{}")),
        (INSERT, ((3 << 56) - 1, "x", "t", b"{}")),
        (INSERT, ((1 << 63) - 1, "x", "t", b"{}")),
        (INSERT, (-5, "x", "t", b"{}")),
        (INSERT, (1, "x", "t", 17)),
        (INSERT, (1, "x", "t", 1.5)),
        (INSERT, (1, "x", "t", "text")),
        (INSERT, (1, "x", b"\xff", b"{}")),
        (INSERT, (1, b"\xff", "t", b"{}")),
        (INSERT, (1, "x", "t", DEEP)),
        ("INSERT INTO reports VALUES (1, 'x', CAST(x'ff' AS TEXT), x'7b7d')", ()),
    ],
    ids=lambda value: str(value)[:50],
)
def test_sense_goes_on_whatever_is_in_the_outbox(
    tmp_path: Path, sql: str, values: tuple[object, ...]
) -> None:
    path, head = tmp_path / "outbox.sqlite", HeadFile(tmp_path / "sense")
    with Outbox(path, LIMIT, 100_000) as outbox:
        write(outbox, KeyRing(OLD), 5, head=head)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)
    with Outbox(path, LIMIT, 100_000) as outbox:
        write(outbox, KeyRing(OLD), 150, head=head)  # more than there is room for
        assert outbox.counts().pending > 30
        ours = [entry for entry in outbox.pending(1000) if entry.topic.startswith("lp/")]
    assert ours[-1].sequence > 100_150
    assert set(findings(ours)) <= {What.GAP, What.EVICTED, What.RESTARTED, What.DUPLICATE}
