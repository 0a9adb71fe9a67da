"""A damaged outbox: what can be read is kept, the rest moved aside, and numbering goes on."""

import multiprocessing
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.delivery.outbox import Entry, Outbox, OutboxUnavailable
from edge.delivery.outbox_repair import damaged_path
from edge.delivery.sequence_mark import AHEAD
from edge.domain.report_base import Priority

LIMIT = 16_000_000
PAGE = 4096
SPAWN = multiprocessing.get_context("spawn")


def entry(sequence: int) -> Entry:
    payload = b'{"n":%d,"pad":"%s"}' % (sequence, b"x" * 500)
    return Entry(sequence, "health", "lp/v1/utrecht/pole-7/measure/health", payload, Priority.HEALTH)


def filled(path: Path, count: int = 1000, delivered: int = 10) -> None:
    with Outbox(path, LIMIT, 1) as outbox:
        outbox.append([entry(n) for n in range(1, count + 1)])
        outbox.delivered(range(1, delivered + 1))


def numbers(outbox: Outbox) -> list[int]:
    return [e.sequence for e in outbox.pending(1_000_000)]


def overwrite(path: Path, first_page: int, pages: int = 1) -> None:
    with path.open("r+b") as file:
        file.seek(first_page * PAGE)
        file.write(b"\xa5" * PAGE * pages)


def noise(path: Path) -> None:
    path.write_bytes(b"noise" * 10_000)


def header(path: Path) -> None:
    overwrite(path, 0)


def middle(path: Path) -> None:
    overwrite(path, 60, pages=3)


def half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.mark.parametrize(
    ("damage", "saved_at_least"),
    [(noise, 0), (header, 0), (half, 300), (middle, 900)],
    ids=["noise", "header", "half", "middle"],
)
def test_damage_is_survived_at_the_next_start(
    path: Path, damage: Callable[[Path], None], saved_at_least: int, caplog: pytest.LogCaptureFixture
) -> None:
    filled(path)
    damage(path)
    broken = path.read_bytes()
    with Outbox(path, LIMIT, 1) as outbox:
        left = numbers(outbox)
        assert len(left) >= saved_at_least
        assert set(left) <= set(range(11, 1001))
        assert all(e == entry(e.sequence) for e in outbox.pending(2000))
        assert outbox.next_sequence() == 1000 + AHEAD + 1
        outbox.append([entry(1000 + AHEAD + 1)])
        assert outbox.counts().repaired == 1
        assert outbox.counts().pending == len(left) + 1
    assert damaged_path(path).read_bytes() == broken
    (said,) = caplog.messages
    assert said.startswith(f"outbox {path}: damaged (")
    assert f"{len(left)} reports were saved from it, the rest is in {damaged_path(path)}" in said


def test_damage_met_at_work_is_survived_by_both_sides(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Outbox(path, LIMIT, 1) as sense, Outbox(path, LIMIT, 1) as publish:
        for start in range(1, 1001, 100):
            sense.append([entry(n) for n in range(start, start + 100)])
        assert len(numbers(publish)) == 1000
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        middle(path)
        publish.close()
        assert 900 <= len(numbers(publish)) < 1000
        sense.append([entry(1001)])
        assert numbers(publish) == numbers(sense)
        assert numbers(publish)[-1] == 1001
    assert len(caplog.messages) == 1


def test_only_the_latest_damaged_one_is_kept(path: Path) -> None:
    for _ in range(3):
        filled(path, count=20, delivered=0)
        noise(path)
        with Outbox(path, LIMIT, 1) as outbox:
            assert numbers(outbox) == []
    assert sorted(f.name for f in path.parent.iterdir()) == [
        "outbox.sqlite",
        "outbox.sqlite.damaged",
        "outbox.sqlite.lock",
        "outbox.sqlite.sequence",
    ]


@pytest.mark.parametrize("moved_logs", [False, True])
def test_a_power_loss_between_the_moves_is_finished_at_the_next_start(path: Path, moved_logs: bool) -> None:
    # The log of the damaged database, which must not be played into the new one.
    with Outbox(path, LIMIT, 1) as old:
        old.append([entry(n) for n in range(500, 600)])
        shutil.copy(path.with_name("outbox.sqlite-wal"), path.with_name("log"))
    path.with_name("log").rename(
        path.with_name("outbox.sqlite.damaged-wal" if moved_logs else "outbox.sqlite-wal")
    )
    path.rename(damaged_path(path))
    new = path.with_name("outbox.sqlite.new")
    filled(new, count=30, delivered=0)
    for leftover in new.parent.glob("outbox.sqlite.new.*"):
        leftover.unlink()
    with Outbox(path, LIMIT, 1) as outbox:
        assert numbers(outbox) == list(range(1, 31))
        assert outbox.next_sequence() == 31
    assert not new.exists()
    assert path.with_name("outbox.sqlite.damaged-wal").exists()


def test_a_repair_that_was_cut_short_is_begun_again(path: Path) -> None:
    filled(path, count=200, delivered=0)
    middle_of_table = path.stat().st_size // PAGE // 2
    overwrite(path, middle_of_table)
    path.with_name("outbox.sqlite.new").write_bytes(b"half a database")
    with Outbox(path, LIMIT, 1) as outbox:
        assert len(numbers(outbox)) > 150


def _append(path: Path, first: int, count: int) -> None:
    with Outbox(path, LIMIT, 1) as outbox:
        for n in range(first, first + count):
            outbox.append([entry(n)])


def test_many_processes_meeting_the_damage_repair_it_once_and_lose_nothing_new(path: Path) -> None:
    filled(path)
    middle(path)
    processes = [SPAWN.Process(target=_append, args=(path, first, 40)) for first in (2000, 3000)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
        process.close()
    with Outbox(path, LIMIT, 1) as outbox:
        assert {*range(2000, 2040), *range(3000, 3040)} <= set(numbers(outbox))
        assert outbox.counts().repaired == 1


def test_a_repair_without_room_is_told_and_the_damaged_one_stays(path: Path) -> None:
    filled(path)
    middle(path)
    broken = path.read_bytes()
    path.with_name("outbox.sqlite.new").mkdir()
    with Outbox(path, LIMIT, 1) as outbox:
        with pytest.raises(OutboxUnavailable, match="check "):
            outbox.append([entry(2000)])
        assert path.read_bytes() == broken
        path.with_name("outbox.sqlite.new").rmdir()
        outbox.append([entry(2000)])
        assert len(numbers(outbox)) > 900


def test_a_saved_row_that_is_not_a_report_is_left_behind(path: Path) -> None:
    filled(path, count=300, delivered=0)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE reports SET payload = 'text' WHERE place % 1000 = 7")
        other.execute("UPDATE reports SET payload = x'00ff' WHERE place % 1000 = 8")
        other.execute("UPDATE reports SET topic = x'00' WHERE place % 1000 = 9")
        other.execute("INSERT INTO reports VALUES (-5, 'k', 't', x'7b7d')")
    overwrite(path, 20)
    with Outbox(path, LIMIT, 1) as outbox:
        kept = numbers(outbox)
    assert len(kept) > 250
    assert min(kept) > 0
    place = 1 << 56
    assert not {n for n in kept if (place + n) % 1000 in {7, 8, 9}}
