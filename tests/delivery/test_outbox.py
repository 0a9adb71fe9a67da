"""The outbox: nothing accepted is lost, no number is used twice, the disk is bounded."""

import multiprocessing
import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge.delivery.outbox import Config, Entry, Outbox, OutboxUnavailable
from edge.delivery.sequence_mark import AHEAD, fresh_sequence, mark_path
from edge.domain.health import Reason
from edge.domain.report_base import Priority

MB = 1_000_000
SPAWN = multiprocessing.get_context("spawn")


def entry(sequence: int, kind: str = "health", priority: Priority = Priority.HEALTH, size: int = 20) -> Entry:
    payload = b'{"n":%d,"pad":"%s"}' % (sequence, b"x" * size)
    return Entry(sequence, kind, f"lp/v1/utrecht/pole-7/measure/{kind}", payload, priority)


def numbers(outbox: Outbox, limit: int = 1_000_000) -> list[int]:
    return [e.sequence for e in outbox.pending(limit)]


def size_of(path: Path) -> int:
    return sum(f.stat().st_size for f in path.parent.iterdir() if f.name.startswith(path.name))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox.sqlite"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., Outbox]]:
    """Give an opener of outboxes that are closed after the test."""
    made: list[Outbox] = []

    def opener(max_bytes: int = 10 * MB, first_sequence: int | None = 1) -> Outbox:
        made.append(Outbox(path, max_bytes, first_sequence))
        return made[-1]

    yield opener
    for outbox in made:
        outbox.close()


def test_what_goes_in_comes_out_oldest_first_until_delivered(opened: Callable[..., Outbox]) -> None:
    outbox = opened()
    entries = [entry(2), entry(1, "impulse", Priority.EVENT), entry(3)]
    outbox.append(entries)
    assert outbox.pending(10) == sorted(entries, key=lambda e: e.sequence)
    assert numbers(outbox, limit=2) == [1, 2]
    assert [e.sequence for e in outbox.pending(10, after=1)] == [2, 3]
    assert [e.sequence for e in outbox.pending(10, without=["health"])] == [1]
    outbox.delivered([1, 3])
    assert numbers(outbox) == [2]
    counts = outbox.counts()
    assert (counts.accepted, counts.delivered) == ({"health": 2, "impulse": 1}, {"health": 1, "impulse": 1})
    assert (counts.evicted, counts.repaired, counts.pending) == ({}, 0, 1)


def test_nothing_to_append_is_nothing(opened: Callable[..., Outbox], path: Path) -> None:
    opened().append([])
    assert not path.exists()


def test_repeating_an_append_or_a_delivery_changes_nothing(opened: Callable[..., Outbox]) -> None:
    outbox = opened()
    for _ in range(2):
        outbox.append([entry(1), entry(2)])
    for _ in range(2):
        outbox.delivered([1, 99])
    assert numbers(outbox) == [2]
    assert (outbox.counts().accepted, outbox.counts().delivered) == ({"health": 2}, {"health": 1})


def test_everything_is_there_after_a_restart(opened: Callable[..., Outbox]) -> None:
    outbox = opened()
    outbox.append([entry(n) for n in range(1, 6)])
    outbox.close()
    assert numbers(opened()) == [1, 2, 3, 4, 5]
    assert opened().counts().pending == 5


def test_a_number_is_never_given_twice_also_after_everything_was_delivered(
    opened: Callable[..., Outbox],
) -> None:
    outbox = opened()
    given = [outbox.next_sequence() for _ in range(3)]
    assert given == [1, 2, 3]
    outbox.append([entry(n) for n in given])
    outbox.delivered(given)
    outbox.close()
    assert opened().next_sequence() == 4


def test_numbers_begin_at_the_time_when_nothing_is_known(path: Path) -> None:
    assert fresh_sequence(0) == 1
    assert fresh_sequence(1_577_836_801_000_000_000) == 1000
    before = fresh_sequence(time.time_ns())
    with Outbox(path, 8 * MB) as outbox:
        assert before <= outbox.next_sequence() <= fresh_sequence(time.time_ns())


def test_numbers_go_on_above_the_mark_when_the_database_is_gone(
    opened: Callable[..., Outbox], path: Path
) -> None:
    outbox = opened()
    outbox.append([entry(5)])
    outbox.close()
    path.unlink()
    assert opened().next_sequence() == 5 + AHEAD + 1


def test_an_unreadable_mark_is_no_mark(opened: Callable[..., Outbox], path: Path) -> None:
    path.parent.mkdir()
    mark_path(path).write_bytes(b"\xffnoise")
    assert opened().next_sequence() == 1


def test_a_full_outbox_loses_the_least_important_first_and_counts_it(
    opened: Callable[..., Outbox], path: Path
) -> None:
    outbox = opened(max_bytes=4 * MB)
    for start in range(0, 9000, 60):
        batch = []
        for n in range(start, start + 60):
            priority = list(Priority)[n % 3]
            batch.append(entry(n, priority.value, priority, size=500))
        outbox.append(batch)
        assert size_of(path) <= 4 * MB
    kept = outbox.pending(9000)
    counts = outbox.counts()
    assert sum(counts.accepted.values()) == 9000
    assert counts.pending == len(kept) > 4000
    assert [e.sequence for e in kept if e.priority is Priority.EVENT] == list(range(2, 9000, 3))
    health = list(range(1, 9000, 3))
    assert [e.sequence for e in kept if e.priority is Priority.HEALTH] == health[counts.evicted["health"] :]
    assert 0 < counts.evicted["health"] < 3000
    # The last batch is less than what one eviction takes, so measures find no room at all.
    assert counts.evicted["measure"] == 3000
    assert [e.sequence for e in kept] == sorted(e.sequence for e in kept)


def test_a_full_outbox_of_events_does_not_take_a_measure_for_one(opened: Callable[..., Outbox]) -> None:
    outbox = opened(max_bytes=MB)
    for start in range(1, 2001, 50):
        outbox.append([entry(n, "impulse", Priority.EVENT, size=500) for n in range(start, start + 50)])
    before = outbox.counts().evicted["impulse"]
    assert before > 0
    outbox.append([entry(5000, "sound_level", Priority.MEASURE, size=60_000)])
    counts = outbox.counts()
    assert counts.evicted["sound_level"] == 1
    assert counts.evicted["impulse"] <= before + 64


def test_the_file_shrinks_when_a_backlog_was_delivered(opened: Callable[..., Outbox], path: Path) -> None:
    outbox = opened(max_bytes=16 * MB)
    for start in range(1, 10_001, 200):
        outbox.append([entry(n, size=600) for n in range(start, start + 200)])
    full = size_of(path)
    while rows := outbox.pending(20):
        outbox.delivered([row.sequence for row in rows])
    outbox.close()
    assert full > 6 * MB
    assert size_of(path) < 2.5 * MB


def test_two_outboxes_on_one_database_see_each_other(opened: Callable[..., Outbox]) -> None:
    sense, publish = opened(), opened()
    sense.append([entry(1), entry(2)])
    assert numbers(publish) == [1, 2]
    publish.delivered([1])
    sense.append([entry(3)])
    assert numbers(sense) == [2, 3]
    assert publish.counts() == sense.counts()


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Make every write beyond `size` bytes of a file fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_nothing_more_is_told_and_nothing_is_lost(opened: Callable[..., Outbox]) -> None:
    outbox = opened()
    outbox.append([entry(1)])
    batch = [entry(n, size=5000) for n in range(2, 60)]
    with files_limited_to(60_000):
        for _ in range(3):
            with pytest.raises(OutboxUnavailable, match=r"outbox .*/outbox\.sqlite: .*; (check|free) "):
                outbox.append(batch)
        assert numbers(outbox) == [1]
    outbox.append(batch)
    assert numbers(outbox) == list(range(1, 60))
    assert outbox.counts().accepted == {"health": 59}


def accept_one_by_one(outbox: Outbox, accepted: list[int]) -> None:
    for n in range(1, 1000):
        outbox.append([entry(n, size=5000)])
        accepted.append(n)


def test_a_disk_that_others_fill_is_told_as_full_and_nothing_is_lost(tmp_path: Path) -> None:
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=2m tmpfs {tmp_path} 2>/dev/null") != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        logs = tmp_path / "logs"
        logs.write_bytes(bytes(MB))
        with Outbox(tmp_path / "outbox.sqlite", 100 * MB, 1) as outbox:
            accepted: list[int] = []
            with pytest.raises(OutboxUnavailable, match="free some space on that disk") as caught:
                accept_one_by_one(outbox, accepted)
            assert caught.value.reason is Reason.DISK_FULL
            assert numbers(outbox) == accepted
            logs.unlink()
            outbox.append([entry(1000, size=5000)])
            outbox.delivered([1])
            assert numbers(outbox) == [*accepted[1:], 1000]
    finally:
        os.system(f"umount {tmp_path}")


@pytest.mark.parametrize("place", ["a directory", "inside a file"])
def test_a_path_that_cannot_be_an_outbox_says_what_to_do(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    path = {"a directory": tmp_path, "inside a file": tmp_path / "file" / "outbox.sqlite"}[place]
    with Outbox(path, 8 * MB, 1) as outbox, pytest.raises(OutboxUnavailable, match="check ") as caught:
        outbox.append([entry(1)])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_programs_database_is_left_alone(opened: Callable[..., Outbox], path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (x)")
    with pytest.raises(
        OutboxUnavailable, match=r"another program's database; give delivery\.outbox another path"
    ):
        opened().append([entry(1)])
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM photos").fetchone() == (0,)


def test_an_outbox_of_another_version_is_left_alone(opened: Callable[..., Outbox], path: Path) -> None:
    outbox = opened()
    outbox.append([entry(1)])
    outbox.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 7")
    with pytest.raises(OutboxUnavailable, match="form 7"):
        opened().pending(1)


def test_a_database_held_by_another_is_told(
    opened: Callable[..., Outbox], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.delivery.outbox_database.BUSY_TIMEOUT_S", 0.05)
    outbox = opened()
    outbox.append([entry(1)])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutboxUnavailable, match="another process holds it") as caught:
            outbox.append([entry(2)])
        assert caught.value.reason is Reason.OVERRUN
        assert numbers(outbox) == [1]
    outbox.append([entry(2)])
    assert numbers(outbox) == [1, 2]


def _accept_until_killed(path: Path, told: Path) -> None:
    with Outbox(path, 100 * MB, 1) as outbox, told.open("a") as log:
        while True:
            batch = [entry(outbox.next_sequence(), size=200) for _ in range(5)]
            outbox.append(batch)
            for e in batch:
                log.write(f"{e.sequence}\n")
            log.flush()


def _deliver_until_killed(path: Path, told: Path) -> None:
    with Outbox(path, 100 * MB, 1) as outbox, told.open("a") as log:
        while True:
            rows = outbox.pending(7)
            for row in rows:
                log.write(f"{row.sequence}\n")
            log.flush()
            outbox.delivered([row.sequence for row in rows])


def _lines(path: Path) -> list[int]:
    # A killed process may leave half a last line.
    return [int(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def test_kill_9_of_both_processes_again_and_again_loses_nothing(path: Path, tmp_path: Path) -> None:
    accepted, delivered = tmp_path / "accepted", tmp_path / "delivered"
    for _ in range(2):
        counts = [len(_lines(f)) if f.exists() else 0 for f in (accepted, delivered)]
        processes = [
            SPAWN.Process(target=_accept_until_killed, args=(path, accepted)),
            SPAWN.Process(target=_deliver_until_killed, args=(path, delivered)),
        ]
        for process in processes:
            process.start()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not all(
            f.exists() and len(_lines(f)) > before + 60
            for f, before in zip((accepted, delivered), counts, strict=True)
        ):
            time.sleep(0.02)
        for process in processes:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            process.close()
    with Outbox(path, 100 * MB, 1) as outbox:
        left = numbers(outbox)
    assert len(set(_lines(accepted))) > 120
    assert set(_lines(accepted)) <= set(_lines(delivered)) | set(left)
    assert len(_lines(accepted)) == len(set(_lines(accepted))), "a number was given twice"
    assert sorted(left) == left


def test_the_settings_have_defaults_for_a_lamppost() -> None:
    assert Config() == Config(path=Path("/var/lib/lamppost/outbox.sqlite"), max_mb=256)


def test_a_crash_in_the_middle_of_an_append_accepts_all_or_nothing(
    opened: Callable[..., Outbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = opened()
    outbox.append([entry(1)])

    def fails(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("edge.delivery.outbox.used_bytes", fails)
        with pytest.raises(KeyboardInterrupt):
            outbox.append([entry(2), entry(3)])
    assert numbers(outbox) == [1]
    outbox.append([entry(2)])
    assert numbers(outbox) == [1, 2]
    assert outbox.counts().accepted == {"health": 2}
