"""The lamp's limits hold, whatever it is told: pace, turns, duration, loss of control, override."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.actuators import mqtt_lamp, simulated_lamp
from edge.actuators.lamp import TURN_S, Lamp
from edge.actuators.simulated_lamp import Config, Light
from edge.domain.actuator import ActuatorError, Cause, LampAction, LampRequest, SceneCommand
from edge.domain.city import City, LampScene
from edge.domain.contact_observations import Contact, ContactState, Role
from edge.domain.events import Event, HelpRequest, Impulse
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.scene_observations import Stage
from edge.domain.time import CaptureTime
from edge.domain.trigger import Strength

LAMP = SourceId("lamp", 0, Component.LAMP)
BUTTON = SourceId("key", 0, Component.CONTACT)
START = CaptureTime(1_767_225_600_000_000_000, 5_000_000_000, 1.0)
CITY = City(scenes={"help_request": LampScene.BRIGHT, "impulse": LampScene.CALM})
STEP_S = 0.1


def help_request(*, stage: Stage = Stage.ONSET, confirmed: bool = True) -> HelpRequest:
    return HelpRequest(
        time=START,
        result_time_ns=START.utc_ns,
        confirmed=confirmed,
        because=("help_button",),
        stage=stage,
        lasted_s=0,
        strength=Strength.STRONG,
    )


def impulse() -> Impulse:
    return Impulse(
        time=START, result_time_ns=START.utc_ns, confirmed=True, because=("impulse_onset",), calibrated=False,
        clipped=False, lcpeak_db=0, above_floor_db=30, rise_s=0, duration_s=0.1, impulses=2,
    )  # fmt: skip


def command(scene: LampScene, duration_s: float = 60) -> SceneCommand:
    return SceneCommand(source=LAMP, time=START, scene=scene, duration_s=duration_s)


def override(state: ContactState) -> Contact:
    return Contact(source=BUTTON, time=START, role=Role.LAMP_OVERRIDE, state=state)


class Bench:
    """A simulated lamp with a clock that only moves when told.

    Attributes:
        levels: percent at each step.
    """

    def __init__(self, output: Any = None, **config: Any) -> None:
        self.config = Config(**config)
        self.light = output or Light()
        self.lamp = Lamp(self.config, LAMP, self.light)
        self.lamp.obey(CITY)
        self.now_s = 0.0
        self.heard_s = 0.0
        self.levels: list[float] = []
        self.observed: list[Observation] = []

    @property
    def actions(self) -> list[tuple[float, str, str]]:
        return [
            (round((o.time.monotonic_ns - START.monotonic_ns) / 1e9, 1), o.scene.value, o.cause.value)
            for o in self.observed
            if isinstance(o, LampAction)
        ]

    def tell(self, finding: Event | Observation) -> None:
        self.lamp.notice(finding, START.shifted(self.now_s))

    def run(self, seconds: float, *, alive: bool = True, step_s: float = STEP_S) -> None:
        for _ in range(round(seconds / step_s)):
            self.now_s += step_s
            self.heard_s = self.now_s if alive else self.heard_s
            heard_ns = START.shifted(self.heard_s).monotonic_ns
            self.observed += self.lamp.step(START.shifted(self.now_s), heard_ns)
            self.levels.append(self.lamp._dimmer.level)


def test_an_event_makes_it_bright_at_its_pace_and_its_end_normal_again() -> None:
    bench = Bench()
    bench.run(1)
    assert bench.levels[-1] == 60
    bench.tell(help_request())
    bench.run(1)
    assert 60 < bench.levels[-1] <= 75
    bench.run(3)
    assert bench.levels[-1] == 100
    bench.tell(help_request(stage=Stage.END))
    bench.run(5)
    assert bench.levels[-1] == 60
    assert bench.actions == [(1.1, "bright", "event"), (5.1, "normal", "ended")]
    assert [o.level_percent for o in bench.observed if isinstance(o, LampAction)] == [100, 60]
    assert bench.light.levels[0] == 60
    assert bench.light.levels[-1] == 60


def test_an_event_without_an_end_holds_for_its_time() -> None:
    bench = Bench(event_s=10)
    bench.tell(impulse())
    bench.run(30)
    assert bench.actions == [(0.1, "calm", "event"), (10.0, "normal", "ended")]


def test_unconfirmed_events_and_those_without_a_scene_do_nothing_unless_asked() -> None:
    bench = Bench()
    bench.lamp.obey(City(scenes={"impulse": LampScene.CALM}))
    bench.tell(help_request())
    bench.lamp.obey(CITY)
    bench.tell(help_request(confirmed=False))
    bench.run(10)
    assert bench.actions == []
    eager = Bench(unconfirmed=True)
    eager.tell(help_request(confirmed=False))
    eager.run(1)
    assert eager.actions == [(0.1, "bright", "event")]


def test_after_the_maximum_it_is_normal_and_rests() -> None:
    bench = Bench(maximum_s=20, rest_s=30)
    for _ in range(70):
        bench.tell(help_request())
        bench.run(1)
    assert bench.actions == [(0.1, "bright", "event"), (20.1, "normal", "maximum"), (50.1, "bright", "event")]


def test_without_a_sign_of_life_it_returns_to_normal() -> None:
    bench = Bench(watchdog_s=5)
    bench.tell(help_request())
    bench.run(10)
    bench.run(12, alive=False)
    assert bench.actions[-1] == (15.1, "normal", "control_lost")
    assert bench.levels[-1] == 60
    bench.run(10)
    assert len(bench.actions) == 2


def test_the_local_override_wins_over_event_and_command() -> None:
    bench = Bench()
    bench.tell(override(ContactState.ACTIVE))
    bench.tell(help_request())
    bench.tell(command(LampScene.CALM))
    bench.run(10)
    assert bench.actions == []
    bench.tell(override(ContactState.INACTIVE))
    bench.run(1)
    assert bench.actions == [(10.1, "calm", "command")]


def test_a_command_wins_over_events_for_its_time() -> None:
    bench = Bench()
    bench.tell(help_request())
    bench.run(5)
    bench.tell(command(LampScene.NORMAL, 10))
    bench.run(20)
    assert bench.actions == [(0.1, "bright", "event"), (5.1, "normal", "command"), (15.0, "bright", "event")]


def test_it_is_never_darker_than_allowed() -> None:
    bench = Bench(calm_percent=0, lowest_percent=30)
    bench.tell(impulse())
    bench.run(20)
    assert min(bench.levels) == 30


def test_released_it_goes_back_to_normal_at_its_pace() -> None:
    bench = Bench()
    bench.tell(help_request())
    bench.run(5)
    levels = []
    while not bench.lamp.at_rest:
        bench.now_s += STEP_S
        bench.observed += bench.lamp.release(START.shifted(bench.now_s))
        levels.append(bench.lamp._dimmer.level)
    assert len(levels) * STEP_S == pytest.approx(40 / 15, abs=0.2)
    assert bench.actions[-1][1:] == ("normal", "stopped")


def test_a_stall_makes_no_jump() -> None:
    bench = Bench()
    bench.tell(help_request())
    bench.run(0.2)
    bench.run(60, step_s=30)
    assert bench.levels[-1] - bench.levels[1] <= 2 * 15 * 0.2 + 1e-9


FLOOD = st.lists(
    st.tuples(
        st.sampled_from(
            [
                help_request(),
                help_request(stage=Stage.END),
                impulse(),
                command(LampScene.BRIGHT, 5),
                command(LampScene.CALM, 3),
                command(LampScene.GUIDE, 1000),
                override(ContactState.ACTIVE),
                override(ContactState.INACTIVE),
            ]
        ),
        st.floats(0, 5),
        st.booleans(),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(flood=FLOOD, step_s=st.sampled_from([0.1, 0.37]))
def test_whatever_the_flood_the_light_changes_slowly_turns_seldom_and_returns(
    flood: list[tuple[Any, float, bool]], step_s: float
) -> None:
    bench = Bench(maximum_s=20, rest_s=10, calm_percent=0, slew_percent_s=20)
    for finding, wait_s, alive in flood:
        bench.tell(finding)
        bench.run(wait_s, alive=alive, step_s=step_s)
    bench.run(20 + 10 + 60, step_s=step_s)
    levels = [60.0, *bench.levels]
    changes = [after - before for before, after in pairwise(levels)]
    assert max(abs(change) for change in changes) <= 20 * step_s + 1e-9
    turns = [(i, change) for i, change in enumerate(changes) if change]
    reversals = [i for (_, one), (i, other) in pairwise(turns) if one * other < 0]
    assert all(b - a >= TURN_S / step_s - 1 for a, b in pairwise(reversals))
    assert bench.levels[-1] == 60
    assert min(levels) >= 20
    # A lost loop is the only thing that does not wait its turn, and it is lost once a watchdog's time.
    orderly = [(a, b) for a, b in pairwise(bench.actions) if b[2] != "control_lost"]
    assert all(b[0] - a[0] >= 1.9 for a, b in orderly)


class Broken(Light):
    """An output that fails until it is mended."""

    def __init__(self) -> None:
        super().__init__()
        self.works = False
        self.opened = 0

    def open(self) -> None:
        self.opened += 1
        if not self.works:
            raise ActuatorError(Reason.NO_DEVICE, "no lamp; plug it in")


def test_a_lamp_that_is_gone_is_told_once_tried_again_and_told_when_it_is_back() -> None:
    broken = Broken()
    bench = Bench(broken)
    bench.run(21)
    assert broken.opened == 5
    broken.works = True
    bench.run(6)
    told = [(o.status, o.reason) for o in bench.observed if isinstance(o, Health)]
    assert told == [(Status.FAILED, Reason.NO_DEVICE), (Status.OK, Reason.RECOVERED)]
    assert bench.lamp.check().ok
    broken.works = False
    check = bench.lamp.check()
    assert (check.ok, check.detail, check.advice) == (False, "no lamp", "plug it in")


def test_a_level_is_written_again_now_and_then() -> None:
    bench = Bench()
    bench.run(35)
    assert len(bench.light.levels) == 4


def requested() -> mqtt_lamp.RequestedLamp:
    lamp = mqtt_lamp.build(mqtt_lamp.Config(expires_s=60), LAMP)
    lamp.obey(CITY)
    return lamp


def test_the_lighting_system_is_asked_reminded_and_asked_back() -> None:
    lamp = requested()
    asked: list[tuple[int, LampRequest]] = []
    lamp.notice(help_request(), START)
    for i in range(100):
        if i == 80:
            lamp.notice(help_request(stage=Stage.END), START.shifted(i))
        now = START.shifted(i)
        asked += [(i, r) for r in lamp.step(now, now.monotonic_ns)]
    assert [(i, r.scene.value, r.cause.value) for i, r in asked] == [
        (0, "bright", "event"),
        (30, "bright", "event"),
        (60, "bright", "event"),
        (80, "normal", "ended"),
    ]
    first = asked[0][1]
    assert (first.level_percent, first.expires_s) == (100, 60)
    assert first.fade_s == pytest.approx(40 / 15)
    assert asked[1][1].fade_s == 0
    lamp.notice(help_request(), START.shifted(101))
    now = START.shifted(101)
    list(lamp.step(now, now.monotonic_ns))
    (back,) = lamp.release(START.shifted(102))
    assert (back.scene, back.cause) == (LampScene.NORMAL, Cause.STOPPED)
    assert lamp.at_rest


def test_a_simulated_lamp_is_a_lamp() -> None:
    lamp = simulated_lamp.build(Config(), replace(LAMP, name="demo"))
    assert lamp.check().ok
    assert lamp.at_rest
