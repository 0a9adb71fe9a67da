"""Who may open a device, and who has it open: what a refusal means for the person under the pole."""

import grp
import os
from contextlib import suppress
from pathlib import Path


def group_of(path: str, default: str) -> str:
    """Return the group whose members may open a device; `default` when only root may or nobody knows."""
    try:
        name = grp.getgrgid(Path(path).stat().st_gid).gr_name
    except (OSError, KeyError):
        name = "root"
    return default if name == "root" else name


def join_group(path: str, default: str) -> str:
    """Return the advice for whoever is refused a device."""
    return f"join the group with `sudo usermod -aG {group_of(path, default)} $USER` and log in again"


def holders(path: str) -> list[str]:
    """Return the other processes that have a device open, as far as this one may see, as `name (pid)`."""
    target = os.path.realpath(path)
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if folder.name == str(os.getpid()):
            continue
        with suppress(OSError):
            if any(os.path.realpath(link) == target for link in (folder / "fd").iterdir()):
                found.append(f"{(folder / 'comm').read_text().strip()} ({folder.name})")
    return found
