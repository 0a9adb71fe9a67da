"""Telling systemd how we are: the protocol of sd_notify(3), one datagram to the socket it names."""

import os
import socket
from contextlib import suppress

# A full queue means a busy service manager; the main loop has more to do than to wait for it.
_PATIENCE_S = 0.2


def notify(state: str) -> None:
    """Send a state such as `READY=1`, `WATCHDOG=1` or `STATUS=...`; nothing happens without NOTIFY_SOCKET."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # A leading @ stands for the null byte of an abstract socket.
    target = "\0" + address[1:] if address.startswith("@") else address
    # A service manager that went away must not take the daemon with it.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.settimeout(_PATIENCE_S)
        sender.sendto(state.encode(), target)
