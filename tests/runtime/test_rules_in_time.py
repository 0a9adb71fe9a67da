"""Rules conclude the same of a recording at full speed as of one in real time."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from edge.domain.observations import Observation, Sound
from edge.domain.scene_observations import Cue, Stage
from edge.fusion import bang, disturbance_cue, glass_break, sudden_dispersal
from edge.runtime.bridge import Bridge
from tests.fusion.observed import cue, flash, monotonic, motion, onset, sound

HEARD: list[Observation] = [
    onset(1),
    sound(1, Sound.UNCLEAR, after_impulse=True, gunshot=0.6, firework=0.5),
    onset(1.8),
    sound(1.8, Sound.GUNSHOT),
    sound(9, Sound.SCREAM),
    sound(60, Sound.GLASS_BREAK),
]
SEEN: list[Observation] = [
    *(motion(5.0 * i, 0.01 if i != 12 else 0.3) for i in range(12)),
    flash(0.7),
    cue(3, Cue.DISPERSAL),
    cue(10, Cue.RUNNING),
    cue(20, Cue.DISPERSAL, Stage.END),
    cue(25, Cue.RUNNING, Stage.END),
    motion(60, 0.3),
]
LANES = (HEARD, sorted(SEEN, key=lambda o: o.result_time_ns))
END_S = 200


def known_ns(observation: Observation) -> int:
    return observation.result_time_ns - observation.time.utc_ns + observation.time.monotonic_ns


def conclude(module: Any, posts: Sequence[tuple[int, int, Observation | None]]) -> list[Any]:
    """Return the events of a rule behind a bridge on which two recordings post in some order."""

    async def main() -> list[Any]:
        rule: Any = module.build(module.Config())
        bridge = Bridge([False, False])
        events: list[Any] = []

        async def fuse() -> None:
            async for moment in bridge.moments():
                if moment.observation is None:
                    events.extend(rule.elapse(moment.now_ns))
                else:
                    events.extend(rule.accept(moment.observation))

        task = asyncio.create_task(fuse())
        for lane, now_ns, observation in posts:
            bridge.post(lane, now_ns, [] if observation is None else [observation])
            await asyncio.sleep(0)
        for lane in (0, 1):
            bridge.close(lane)
        await task
        return [*events, *rule.finish()]

    return asyncio.run(main())


def one_after_the_other() -> list[tuple[int, int, Observation | None]]:
    posts = [
        (lane, known_ns(observation), observation)
        for lane, observations in enumerate(LANES)
        for observation in observations
    ]
    return [*posts, (0, monotonic(END_S), None), (1, monotonic(END_S), None)]


def side_by_side() -> list[tuple[int, int, Observation | None]]:
    """As in real time: every tenth of a second each lane says how far it has come."""
    idle = [(lane, monotonic(0.1 * i), None) for i in range(10 * END_S + 1) for lane in (0, 1)]
    posts = [(lane, known_ns(o), o) for lane, observations in enumerate(LANES) for o in observations]
    return sorted([*idle, *posts], key=lambda post: (post[1], post[0]))


@pytest.mark.parametrize("module", [bang, disturbance_cue, glass_break, sudden_dispersal])
def test_the_pace_of_a_recording_makes_no_difference(module: Any) -> None:
    fast, slow = conclude(module, one_after_the_other()), conclude(module, side_by_side())
    assert fast == slow
    assert (fast[0].stage, fast[-1].stage) == (Stage.ONSET, Stage.END)
    assert any(event.confirmed for event in fast)
