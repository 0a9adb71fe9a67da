"""Self-tests of the machine: what a lamppost needs besides its sensors."""

import ctypes.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.domain.check import Check

_MB = 1_000_000
_MEMORY_MB = 900
"""Sense and publish together need well under half of this (see `lamppost bench`)."""


def check_system() -> Iterator[Check]:
    """Yield the checks that need no settings."""
    yield _python()
    yield _memory()
    yield _portaudio()


def check_outbox(path: Path, max_mb: int) -> Check:
    """Return whether the outbox's folder can be written and the disk can hold a full outbox."""
    what = f"outbox {path}"
    folder = path.parent
    if not folder.is_dir():
        return Check(what, ok=False, detail=f"{folder}: no such folder", advice=f"sudo install -d {folder}")
    if not os.access(folder, os.W_OK):
        advice = f"make {folder} writable for the user that runs the daemon"
        return Check(what, ok=False, detail=f"{folder}: not writable", advice=advice)
    free_mb = shutil.disk_usage(folder).free // _MB
    if free_mb < max_mb:
        advice = f"free some space, or lower max_mb in [delivery.outbox] below {free_mb}"
        return Check(what, ok=False, detail=f"{free_mb} MB free, max_mb is {max_mb}", advice=advice)
    return Check(what, ok=True, detail=f"writable, {free_mb} MB free")


def check_clock(uncertainty_ms: float | None) -> Check:
    """Return whether the clock is good enough to place an event in time."""
    if uncertainty_ms is None:
        advice = "run chrony or systemd-timesyncd; locating a bang needs a synchronised clock"
        return Check("clock", ok=False, detail="not synchronised", advice=advice)
    return Check("clock", ok=True, detail=f"synchronised, uncertain by {uncertainty_ms:.1f} ms")


def _python() -> Check:
    version = platform.python_version()
    fine = sys.version_info >= (3, 11)
    return Check(
        "python",
        ok=fine,
        detail=f"{version} on {platform.machine()}",
        advice="" if fine else "install Python 3.11",
    )


def _memory() -> Check:
    total_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MB
    fine = total_mb >= _MEMORY_MB
    advice = "" if fine else "use a machine with at least 1 GB"
    return Check("memory", ok=fine, detail=f"{total_mb} MB", advice=advice)


def _portaudio() -> Check:
    found = ctypes.util.find_library("portaudio")
    if found is None:
        advice = "sudo apt install libportaudio2"
        return Check("portaudio", ok=False, detail="not installed: no microphone can be read", advice=advice)
    return Check("portaudio", ok=True, detail=found)
