"""Neither a crash nor a full memory may put raw sound and images on a disk."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge.runtime import hardening
from edge.runtime.hardening import forbid_swapping, swap_risk

PROGRAM = """
import ctypes, resource
from pathlib import Path
from edge.runtime.hardening import forbid_core_dumps, forbid_swapping
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
said = forbid_swapping()
bytearray(50_000_000)
status = Path("/proc/self/status").read_text()
print(status.partition("VmLck:")[2].split()[0], said)
"""


def test_a_process_that_was_hardened(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    core, locked = done.stdout.splitlines()
    assert core == "(0, 0) 0"  # no size, and not dumpable
    kilobytes, _, said = locked.partition(" ")
    assert int(kilobytes) > 0 or said == "" or "LimitMEMLOCK" in said


def test_what_swaps_and_is_not_locked_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardening, "_lock_memory", lambda: False)
    monkeypatch.setattr(hardening, "_swap_exists", lambda: True)
    monkeypatch.setattr(hardening, "_cgroup_swap_max", lambda: None)
    assert "LimitMEMLOCK=infinity" in forbid_swapping()
    assert "locks its memory" in swap_risk()
    monkeypatch.setattr(hardening, "_cgroup_swap_max", lambda: 0)
    assert forbid_swapping() == ""
    monkeypatch.setattr(hardening, "_swap_exists", lambda: False)
    assert swap_risk() == ""


def test_what_the_system_says_of_swapping_is_read(tmp_path: Path) -> None:
    swaps, own = tmp_path / "swaps", tmp_path / "own"
    swaps.write_text("Filename Type Size Used Priority\n")
    assert not hardening._swap_exists(swaps)
    swaps.write_text("Filename Type Size Used Priority\n/dev/zram0 partition 1 0 100\n")
    assert hardening._swap_exists(swaps)
    assert hardening._swap_exists(tmp_path / "none")
    own.write_text("0::/system.slice/lamppost-sense.service\n")
    group = tmp_path / "system.slice" / "lamppost-sense.service"
    group.mkdir(parents=True)
    assert hardening._cgroup_swap_max(tmp_path, own) is None
    for said, limit in (("0\n", 0), ("max\n", None)):
        (group / "memory.swap.max").write_text(said)
        assert hardening._cgroup_swap_max(tmp_path, own) == limit
