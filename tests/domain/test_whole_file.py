"""Small files of a lamppost's state survive a power loss: the old one or the new one, never a half."""

import os
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from edge.delivery.chain_head import Head, HeadFile
from edge.delivery.numbering import Position
from edge.delivery.sequence_mark import write_mark
from edge.delivery.traffic import Traffic
from edge.domain.whole_file import write_whole
from edge.inference.trust import report_false_alarm
from edge.privacy.noise import Ledger
from edge.runtime.command_memory import CommandMemory
from edge.runtime.rule_memory import save_memory
from tests.privacy.test_policy_watch import Node, text


def policy(folder: Path) -> None:
    (folder / "city").mkdir()
    node = Node(folder / "city")
    node.write(text())
    node.look()


WRITERS: dict[str, Callable[[Path], object]] = {
    "commands": lambda folder: CommandMemory().write(folder),
    "false alarms": lambda folder: report_false_alarm(folder / "false_alarms.json", 0),
    "ledger": lambda folder: Ledger(folder / "epsilon.json").spend(
        date(2026, 5, 1), Fraction(1), Fraction(2)
    ),
    "policy": policy,
    "traffic": lambda folder: Traffic(folder / "traffic", 1000).sent(date(2026, 5, 1), "topic", bytes(100)),
    "sequence": lambda folder: write_mark(folder / "outbox.sqlite", 5),
    "chain": lambda folder: HeadFile(folder).write(Head(Position(1), ())),
    "rules": lambda folder: save_memory(folder / "rules.json", {}),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_every_state_is_on_the_disk_before_it_takes_its_name_and_the_name_is_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], object]
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(descriptor: int) -> None:
        done.append("folder" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "file")
        fsync(descriptor)

    def watched_replace(self: Path, target: Path) -> Path:
        done.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    write(tmp_path)
    assert done
    assert done == ["file", "name", "folder"] * (len(done) // 3)
    assert not [*tmp_path.rglob("*.new"), *tmp_path.rglob("*.partial")]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_file_that_others_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_whole(path, b"1", mode=0o644)
    assert path.stat().st_mode & 0o777 == 0o644
