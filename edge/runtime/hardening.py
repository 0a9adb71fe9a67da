"""Keeps the system itself from writing raw sound and images to a disk: as core dumps, or by swapping."""

import ctypes
import resource
from contextlib import suppress
from pathlib import Path

_PR_SET_DUMPABLE = 4  # <linux/prctl.h>
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4  # <asm-generic/mman.h>


def forbid_core_dumps() -> None:
    """Whatever happens to this process, its memory is not written to a file or handed to another program.

    The limit keeps a crash from making a file; not being dumpable keeps the kernel from piping it to a crash
    reporter, which the limit does not, and other processes of the same user from reading it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The C library is in this process already: to look for its file would start ldconfig each time.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def forbid_swapping() -> str:
    """Keep this process's memory out of swap; return why that is not certain, empty when it is.

    Memory is locked as it is touched, so what was only reserved costs nothing.
    """
    if _lock_memory():
        return ""
    if not _swap_exists() or _cgroup_swap_max() == 0:
        return ""
    advice = "run it by its unit (LimitMEMLOCK=infinity, MemorySwapMax=0), or turn swap off"
    return f"memory: not locked, and this machine swaps: raw sound and images may reach the disk; {advice}"


def swap_risk() -> str:
    """Return what keeps memory out of swap on this machine; empty when it has none."""
    if not _swap_exists():
        return ""
    return "this machine swaps: the unit of lamppost-sense locks its memory, `lamppost run` by hand does not"


def _lock_memory() -> bool:
    # With a limit the lock would hold now and a later allocation would fail for want of lockable memory.
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] != resource.RLIM_INFINITY:
        return False
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    library = ctypes.CDLL(None, use_errno=True)
    return bool(library.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)


def _swap_exists(swaps: Path = Path("/proc/swaps")) -> bool:
    try:
        return len(swaps.read_text(encoding="utf-8").splitlines()) > 1
    except OSError:
        return True


def _cgroup_swap_max(
    root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> int | None:
    """Return how much memory of this service may be swapped; None: without a limit, or not known."""
    with suppress(OSError, ValueError):
        for line in own.read_text(encoding="utf-8").splitlines():
            if line.startswith("0::/"):
                return int((root / line[4:] / "memory.swap.max").read_text(encoding="utf-8"))
    return None
