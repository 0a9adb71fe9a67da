"""Workers: threads that wait where the main loop must not."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")


class Worker:
    """One thread that runs calls in order; `await worker(call)` gives its result.

    The outbox has one because an SD card can stall for seconds, the publisher one to look up and connect to
    its broker, which can stall for minutes.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def __call__(self, call: Callable[[], T]) -> T:
        """Run `call` in the worker's thread and return what it returns."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    def __enter__(self) -> Self:
        """Start."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what was begun and end the thread."""
        self._executor.shutdown(wait=True, cancel_futures=True)
