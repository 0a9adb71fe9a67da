"""The nudge: never waits, never fails, and an event loop can wait for it."""

import asyncio
import threading
from pathlib import Path

import pytest

from edge.delivery.wakeup import Receiver, notify, socket_path


def test_a_nudge_is_heard_and_taken_once(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox.sqlite"
    with Receiver(outbox) as receiver:
        assert receiver.drain() == 0
        notify(outbox)
        notify(outbox)
        assert receiver.drain() == 2
        assert receiver.drain() == 0


def test_an_event_loop_wakes_at_a_nudge_from_another_thread(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox.sqlite"

    async def wait() -> None:
        woken = asyncio.Event()
        with Receiver(outbox) as receiver:
            asyncio.get_running_loop().add_reader(receiver.fileno(), woken.set)
            thread = threading.Thread(target=notify, args=(outbox,))
            thread.start()
            async with asyncio.timeout(5):
                await woken.wait()
            thread.join()
            asyncio.get_running_loop().remove_reader(receiver.fileno())

    asyncio.run(wait())


def test_nobody_there_is_fine(tmp_path: Path) -> None:
    notify(tmp_path / "outbox.sqlite")
    notify(tmp_path / "absent" / "outbox.sqlite")
    socket_path(tmp_path / "outbox.sqlite").touch()
    notify(tmp_path / "outbox.sqlite")


def test_a_deaf_receiver_does_not_hold_up_the_sender(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox.sqlite"
    with Receiver(outbox) as receiver:
        for _ in range(5000):
            notify(outbox)
        assert 0 < receiver.drain() < 5000


def test_the_path_may_be_longer_than_a_socket_address(tmp_path: Path) -> None:
    outbox = tmp_path / ("d" * 120) / "outbox.sqlite"
    with Receiver(outbox) as receiver:
        notify(outbox)
        assert receiver.drain() == 1


def test_a_receiver_takes_the_place_of_one_that_died(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox.sqlite"
    with Receiver(outbox) as dead, Receiver(outbox) as receiver:
        notify(outbox)
        assert (dead.drain(), receiver.drain()) == (0, 1)
    assert not socket_path(outbox).exists()


def test_a_place_where_no_socket_can_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        Receiver(tmp_path / "file" / "outbox.sqlite")
    with pytest.raises(OSError, match="name too long"):
        Receiver(tmp_path / ("n" * 250))
    with pytest.raises(OSError, match="too long"):
        Receiver(tmp_path / ("n" * 100))
