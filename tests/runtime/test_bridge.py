"""The bridge merges recordings in order, waits for room, sheds on live lanes."""

import asyncio
import threading
from contextlib import aclosing

from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.time import CaptureTime
from edge.runtime.bridge import Bridge, Moment


def observation(number: int, lane: int = 0) -> Health:
    return Health(
        source=SourceId(f"lane{lane}", lane, Component.MICROPHONE),
        time=CaptureTime(number, number),
        component=Component.MICROPHONE,
        status=Status.OK,
        reason=Reason.NONE,
        count=number,
    )


def counts(observations: list[Observation]) -> list[int]:
    return [o.count for o in observations if isinstance(o, Health)]


async def take_all(bridge: Bridge) -> list[Observation]:
    return [m.observation async for m in bridge.moments() if m.observation is not None]


def test_recordings_are_merged_in_order_of_time_known() -> None:
    async def main() -> list[Observation]:
        bridge = Bridge([False, False])
        for t in (1, 3, 5):
            bridge.post(0, t, [observation(t)])
        for t in (2, 3, 4):
            bridge.post(1, t, [observation(t * 10, lane=1)])
        bridge.close(0)
        bridge.close(1)
        return await take_all(bridge)

    assert counts(asyncio.run(main())) == [1, 20, 3, 30, 40, 5]


def test_a_recording_is_not_released_before_the_other_came_as_far() -> None:
    async def main() -> tuple[list[int], list[int]]:
        bridge = Bridge([False, False])
        taken: list[Observation] = []

        async def collect() -> None:
            async for moment in bridge.moments():
                if moment.observation is not None:
                    taken.append(moment.observation)  # noqa: PERF401 - looked at while it grows

        task = asyncio.create_task(collect())
        bridge.post(0, 10, [observation(10)])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        early = counts(taken)
        bridge.post(1, 11)
        bridge.close(0)
        bridge.close(1)
        await task
        return early, counts(taken)

    assert asyncio.run(main()) == ([], [10])


def test_a_live_lane_is_never_waited_for() -> None:
    async def main() -> list[int]:
        bridge = Bridge([True, False])
        bridge.post(0, 10, [observation(10)])
        async with aclosing(bridge.moments()) as moments:
            first = (await anext(moments)).observation
            assert first is not None
            return counts([first])

    assert asyncio.run(main()) == [10]


def test_a_live_lane_sheds_its_oldest_and_counts() -> None:
    async def main() -> tuple[list[int], int, int]:
        bridge = Bridge([True], capacity=3)
        for t in range(5):
            bridge.post(0, t, [observation(t)])
        bridge.close(0)
        return counts(await take_all(bridge)), bridge.shed(), bridge.shed()

    assert asyncio.run(main()) == ([2, 3, 4], 2, 0)


def test_a_recording_waits_for_room_and_loses_nothing() -> None:
    async def main() -> list[int]:
        bridge = Bridge([False, False], capacity=2)

        def lane(number: int) -> None:
            for t in range(200):
                bridge.post(number, t, [observation(t * 2 + number, number)])
            bridge.close(number)

        threads = [threading.Thread(target=lane, args=(n,)) for n in (0, 1)]
        for thread in threads:
            thread.start()
        taken = await take_all(bridge)
        for thread in threads:
            thread.join()
        return counts(taken)

    assert asyncio.run(main()) == list(range(400))


def test_an_abandoned_bridge_lets_the_lane_go() -> None:
    async def main() -> bool:
        bridge = Bridge([False, False], capacity=1)

        def lane() -> None:
            for t in range(5):
                bridge.post(0, t, [observation(t)])

        thread = threading.Thread(target=lane)
        thread.start()
        bridge.abandon()
        await asyncio.to_thread(thread.join, 5)
        return thread.is_alive()

    assert asyncio.run(main()) is False


SECOND = 1_000_000_000


def seconds(moments: list[Moment]) -> list[str]:
    """Ticks as `2`, observations as `o2.5`, in order."""
    return [f"{'' if m.observation is None else 'o'}{m.now_ns / SECOND:g}" for m in moments]


def test_seconds_pass_between_the_observations_of_recordings() -> None:
    async def main() -> list[str]:
        bridge = Bridge([False, False])
        bridge.post(0, round(1.5 * SECOND), [observation(1)])
        bridge.post(1, round(2.5 * SECOND), [observation(2, 1)])
        bridge.post(0, 5 * SECOND)
        bridge.post(1, 4 * SECOND)
        bridge.close(0)
        bridge.close(1)
        return seconds([m async for m in bridge.moments()])

    # What both have come to is lost when they close before the loop looks: nothing more can begin by then.
    assert asyncio.run(main()) == ["o1.5", "2", "o2.5"]


def test_a_recording_without_observations_lets_time_pass_as_far_as_the_slowest() -> None:
    async def main() -> list[str]:
        bridge = Bridge([False, False])
        bridge.post(0, 0, [observation(0)])
        bridge.post(0, 9 * SECOND)
        bridge.post(1, 4 * SECOND)
        async with aclosing(bridge.moments()) as moments:
            return seconds([await anext(moments) for _ in range(5)])

    assert asyncio.run(main()) == ["o0", "1", "2", "3", "4"]


def test_live_lanes_are_on_the_clock_of_the_node() -> None:
    async def main() -> list[str]:
        bridge = Bridge([True])
        bridge.beat(10 * SECOND)
        async with aclosing(bridge.moments()) as moments:
            task = asyncio.ensure_future(anext(moments))
            await asyncio.sleep(0)
            bridge.beat(round(12.2 * SECOND))
            return seconds([await task, await anext(moments)])

    assert asyncio.run(main()) == ["11", "12"]


def test_a_gap_of_years_in_a_recording_is_no_flood_of_seconds() -> None:
    async def main() -> int:
        bridge = Bridge([False])
        bridge.post(0, SECOND, [observation(1)])
        bridge.post(0, 10**9 * SECOND, [observation(2)])
        bridge.close(0)
        return len([m async for m in bridge.moments()])

    assert asyncio.run(main()) == 3602
