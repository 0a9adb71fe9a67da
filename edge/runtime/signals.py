"""SIGTERM and SIGINT ask a run to end; a second one is heard by nobody, as the first is being obeyed."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from edge.runtime.notify import notify


@asynccontextmanager
async def stopped_by_signals(stop: Callable[[], None]) -> AsyncIterator[None]:
    """Within: SIGTERM and SIGINT call `stop` instead of killing the process."""
    loop = asyncio.get_running_loop()

    def heard() -> None:
        notify("STOPPING=1")
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heard)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
