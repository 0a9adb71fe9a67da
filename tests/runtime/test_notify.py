"""Telling systemd, over real unix datagram sockets."""

import secrets
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from edge.runtime.notify import notify


@pytest.fixture
def listener() -> socket.socket:
    """A datagram socket that is not bound yet."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


@pytest.mark.parametrize("state", ["READY=1", "WATCHDOG=1", "STOPPING=1", "STATUS=3 sensors, één zwijgt"])
def test_state_arrives_as_one_datagram(
    state: str, listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    with listener:
        listener.bind(str(path))
        notify(state)
        assert listener.recv(4096) == state.encode()


def test_abstract_socket(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"lamppost-test-{secrets.token_hex(8)}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    with listener:
        listener.bind(f"\0{name}")
        notify("READY=1")
        assert listener.recv(4096) == b"READY=1"


@pytest.mark.parametrize("address", [None, ""])
def test_nothing_happens_without_a_service_manager(
    address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


def test_a_service_manager_that_went_away_is_no_error(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    notify("READY=1")  # never was there
    with listener:
        listener.bind(str(path))
    notify("WATCHDOG=1")  # its socket is still there, but nobody listens


def test_a_socket_nobody_empties_does_not_hold_up_the_daemon(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    with listener:
        listener.bind(str(path))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other, suppress(BlockingIOError):
            other.setblocking(False)
            while True:  # until its queue is full
                other.sendto(b"WATCHDOG=1", str(path))
        notify("WATCHDOG=1")  # returns all the same
