"""The checks of tests/conftest.py themselves: a leaked thread or task fails the test that left it."""

from pathlib import Path

import pytest

LEAKS = """
import asyncio, threading

halt = threading.Event()

def test_leaves_a_thread():
    threading.Thread(target=halt.wait, args=(30,), daemon=True).start()

def test_leaves_a_task():
    async def main():
        asyncio.get_running_loop().create_task(asyncio.sleep(30))
        await asyncio.sleep(0)
    asyncio.run(main())

def test_cleans_up():
    halt.set()
    async def main():
        await asyncio.to_thread(int)
    asyncio.run(main())
"""


def test_a_leaked_thread_or_task_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text())
    pytester.makepyfile(LEAKS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(
        ["*threads still run after the test*", "*tasks still run when the loop is closed*"]
    )
