"""A nudge from whoever fills the outbox to whoever empties it: a datagram on a unix socket beside it.

It carries nothing. When it is lost, the slow look at the outbox finds the reports a little later.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self


def socket_path(outbox: Path) -> Path:
    """Return the path of the socket beside an outbox."""
    return outbox.with_name(outbox.name + ".wakeup")


def notify(outbox: Path) -> None:
    """Wake whoever empties the outbox. Never waits and never fails: nobody may be there."""
    with suppress(OSError), _short(socket_path(outbox)) as address, _datagram_socket() as sender:
        sender.sendto(b"\0", address)


class Receiver:
    """Hears `notify`. Give its `fileno` to the event loop and call `drain` when it is readable.

    Args:
        outbox: the database beside which it listens; whoever listened there before hears nothing any more.

    Raises:
        OSError: the socket cannot be made.
    """

    def __init__(self, outbox: Path) -> None:
        self._path = socket_path(outbox)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._socket = _datagram_socket()
        try:
            with _short(self._path) as address:
                self._socket.bind(address)
            self._path.chmod(0o660)
        except OSError:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def fileno(self) -> int:
        """Return the descriptor that becomes readable."""
        return self._socket.fileno()

    def drain(self) -> int:
        """Take every nudge that came; return how many."""
        count = 0
        with suppress(BlockingIOError):
            while True:
                self._socket.recv(1)
                count += 1
        return count

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
        self._path.unlink(missing_ok=True)


def _datagram_socket() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give an address of the socket that is short enough: the kernel takes 107 bytes."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
