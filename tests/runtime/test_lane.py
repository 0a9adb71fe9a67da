"""A lane outlives whatever its source and its detectors throw, and says so."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

import numpy as np
import pytest

from edge.domain.frames import AudioFrame, Fault, Frame, Idle
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation, SceneMotion
from edge.domain.reports import REPORT_MODELS
from edge.domain.scene_observations import Movers
from edge.domain.stages import Check, SourceError
from edge.domain.time import CaptureTime, Clock
from edge.runtime.bridge import Bridge
from edge.runtime.lane import Fitted, Lane
from edge.runtime.recording_clock import RecordingClock

SOURCE = SourceId("mic", 0, Component.MICROPHONE)
START = CaptureTime(1_700_000_000_000_000_000, 1_000_000_000, 0.0)


def sound(at_s: float) -> AudioFrame:
    return AudioFrame(SOURCE, START.shifted(at_s), np.zeros((4800, 1), np.float32), 48_000)


class Scripted:
    """A source that yields what it is told, one script for each time it is entered."""

    def __init__(self, *scripts: Iterable[Frame | Exception], live: bool) -> None:
        self.live = live
        self._scripts = iter(scripts)
        self.entered = 0
        self.exhausted = threading.Event()

    def __enter__(self) -> Self:
        self.entered += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __iter__(self) -> Iterator[Frame]:
        script = next(self._scripts, None)
        if script is None:
            self.exhausted.set()
            return
        for item in script:
            if isinstance(item, Exception):
                raise item
            yield item

    def check(self) -> Check:
        return Check("scripted", True, "")


class Counting:
    """A detector that says how many frames it has seen when the source ends; fails on demand."""

    def __init__(self, fail_on: int = -1) -> None:
        self.seen = 0
        self._fail_on = fail_on

    def accept(self, frame: Frame) -> Iterable[Observation]:
        self.seen += 1
        if self.seen == self._fail_on:
            raise ZeroDivisionError("a bug")
        return ()

    def finish(self) -> Iterable[Observation]:
        yield SceneMotion(
            source=SOURCE, time=START, duration_s=1, moving_share=0, occupied_share=0, frames=self.seen
        )


class Late(Counting):
    """A detector that keeps how far its lane was behind."""

    def __init__(self) -> None:
        super().__init__()
        self.behind_s: list[float] = []

    def late(self, behind_s: float) -> None:
        self.behind_s.append(behind_s)


class Stopped:
    """A clock that stands at one moment."""

    def __init__(self, at: CaptureTime) -> None:
        self._at = at

    def now(self) -> CaptureTime:
        return self._at

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


def run(source: Scripted, *detectors: Counting, clock: Clock | None = None) -> list[Observation]:
    async def main() -> list[Observation]:
        bridge = Bridge([source.live])
        stop = threading.Event()
        lane = Lane(
            0,
            source,
            source_id=SOURCE,
            detectors=[Fitted(f"d{i}", AudioFrame, d) for i, d in enumerate(detectors)],
            bridge=bridge,
            clock=clock or RecordingClock(START.utc_ns, standing=True),
            stop=stop,
        )
        lane.start()
        if source.live:
            await asyncio.to_thread(source.exhausted.wait, 20)
            stop.set()
        taken = [m.observation async for m in bridge.moments() if m.observation is not None]
        await asyncio.to_thread(lane.join, 10)
        assert lane.ended
        return taken

    return asyncio.run(main())


def reasons(observations: list[Observation]) -> list[Reason]:
    return [o.reason for o in observations if isinstance(o, Health)]


@pytest.mark.parametrize(("live", "expected"), [(True, [2.9, 2.4]), (False, [0, 0])])
def test_a_detector_is_told_how_far_its_lane_is_behind_a_device(live: bool, expected: list[float]) -> None:
    detector = Late()
    run(Scripted([sound(0), sound(0.5)], live=live), detector, clock=Stopped(START.shifted(3)))
    assert detector.behind_s == pytest.approx(expected)


def test_a_recording_runs_to_its_end_and_its_detectors_finish() -> None:
    taken = run(Scripted([sound(0), Idle(SOURCE, START), sound(0.1)], live=False), Counting())
    assert reasons(taken) == [Reason.STARTED, Reason.ENDED]
    assert [o.frames for o in taken if isinstance(o, SceneMotion)] == [2]


def test_what_stays_in_the_lane_reaches_the_other_detectors_and_nobody_else() -> None:
    class Seeing(Counting):
        def accept(self, frame: Frame) -> Iterable[Observation]:
            yield from super().accept(frame)
            yield Movers(source=SOURCE, time=frame.time, movers=(), width=640, height=480)

        def finish(self) -> Iterable[Observation]:
            yield Movers(source=SOURCE, time=START, movers=(), width=640, height=480)

    class Told(Counting):
        def notice(self, observation: Observation) -> None:
            self.seen += isinstance(observation, Movers)

        def accept(self, frame: Frame) -> Iterable[Observation]:
            return ()

    told = Told()
    taken = run(Scripted([sound(0), sound(0.1)], live=False), Seeing(), told)
    assert told.seen == 2
    assert not [o for o in taken if isinstance(o, Movers)]
    assert Movers.kind not in REPORT_MODELS


def test_results_of_a_recording_are_known_when_its_frame_ends() -> None:
    taken = run(Scripted([sound(0), sound(0.1)], live=False), Counting())
    assert taken[-1].result_time_ns == START.shifted(0.2).utc_ns


def test_a_fault_in_band_is_health_and_the_source_goes_on() -> None:
    fault = Fault(SOURCE, START, Reason.TRUNCATED, "cut short")
    taken = run(Scripted([sound(0), fault, sound(0.1)], live=False), Counting())
    assert reasons(taken) == [Reason.STARTED, Reason.TRUNCATED, Reason.ENDED]


def test_a_recording_that_cannot_be_read_is_not_tried_again() -> None:
    source = Scripted([SourceError(Reason.UNREADABLE, "not sound")], live=False)
    taken = run(source, Counting())
    assert reasons(taken) == [Reason.UNREADABLE]
    assert source.entered == 1


def test_a_live_source_is_opened_again_and_recovers() -> None:
    gone = SourceError(Reason.NO_DEVICE, "unplugged")
    source = Scripted([sound(0), gone], [sound(5)], live=True)
    taken = run(source, Counting())
    assert reasons(taken)[:3] == [Reason.STARTED, Reason.NO_DEVICE, Reason.RECOVERED]
    assert [o.frames for o in taken if isinstance(o, SceneMotion)] == [2]


@pytest.mark.parametrize("make", [RuntimeError, OSError, MemoryError])
def test_whatever_a_driver_throws_is_told(make: Callable[[str], Exception]) -> None:
    taken = run(Scripted([sound(0), make("driver bug")], live=False), Counting())
    assert reasons(taken) == [Reason.STARTED, Reason.EXCEPTION]


def test_a_broken_detector_is_switched_off_and_the_others_go_on() -> None:
    healthy = Counting()
    taken = run(Scripted([sound(i / 10) for i in range(5)], live=False), Counting(fail_on=2), healthy)
    broken = [o for o in taken if isinstance(o, Health) and o.component is Component.DETECTOR]
    assert [(o.status, o.reason) for o in broken] == [(Status.FAILED, Reason.EXCEPTION)]
    assert healthy.seen == 5


class Observing(Counting):
    """Observes something in every frame."""

    def accept(self, frame: Frame) -> Iterable[Observation]:
        self.seen += 1
        yield SceneMotion(
            source=SOURCE, time=START, duration_s=1, moving_share=0, occupied_share=0, frames=-1
        )


class Listening(Counting):
    """Notes what the others observed; fails at it on demand."""

    def __init__(self, fail_on: int = -1) -> None:
        super().__init__()
        self.noticed = 0
        self._fail_on_notice = fail_on

    def notice(self, observation: Observation) -> None:
        self.noticed += 1
        if self.noticed == self._fail_on_notice:
            raise ZeroDivisionError("a bug")


def test_a_detector_is_told_what_the_others_observed() -> None:
    listening = Listening()
    run(Scripted([sound(i / 10) for i in range(5)], live=False), Observing(), listening)
    assert listening.noticed == 5


def test_who_fails_at_being_told_is_switched_off_and_not_who_observed() -> None:
    observing, listening = Observing(), Listening(fail_on=2)
    taken = run(Scripted([sound(i / 10) for i in range(5)], live=False), observing, listening)
    broken = [o for o in taken if isinstance(o, Health) and o.component is Component.DETECTOR]
    assert ["d1 is switched off" in o.detail for o in broken] == [True]
    assert (observing.seen, listening.seen) == (5, 1)
