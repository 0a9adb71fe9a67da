"""The lamp: which scene, how bright, and the limits that no event, command or bug gets past.

* It never gets darker than `lowest_percent`, nor changes faster than `slew_percent_s`.
* It turns from brighter to darker or back at most once in two seconds, so it cannot flicker above 0.5 Hz.
* A scene lasts at most `maximum_s`; then the lamp is normal, and stays so for `rest_s`.
* When the main loop gives no sign of life for `watchdog_s`, and at the end, it returns to normal.
* A local override contact wins over everything: normal.

The devices (`pwm_lamp`, `dali_lamp`, `simulated_lamp`, `mqtt_lamp`) differ in their output only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import Field

from edge.domain.actuator import ActuatorError, Cause, LampAction, SceneCommand
from edge.domain.check import Check
from edge.domain.city import City, LampScene
from edge.domain.contact_observations import Contact, ContactState, Role
from edge.domain.events import Event
from edge.domain.health import Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.scene_observations import Stage
from edge.domain.sections import Section
from edge.domain.time import NS_PER_S, CaptureTime

TURN_S = 2.0
"""From one change of direction to the next: flicker stays below 0.5 Hz, far from what harms anybody."""

_LONGEST_STEP_S = 0.2
"""After a stall the light goes on from where it was; it does not jump to where it would have been."""

_DWELL_S = 2.0
_REOPEN_S = 5.0
_REFRESH_S = 10.0
"""A level is written again: a device may have been switched off and on."""

_RANK = (LampScene.GUIDE, LampScene.BRIGHT, LampScene.CALM)
"""Of scenes that several events ask for, the first wins."""


class LampSection(Section):
    """What the section of every lamp may say."""

    normal_percent: float = Field(60.0, ge=0, le=100, description="of full light, when nothing happens")
    calm_percent: float = Field(45.0, ge=0, le=100)
    bright_percent: float = Field(100.0, ge=0, le=100)
    guide_percent: float = Field(85.0, ge=0, le=100)
    lowest_percent: float = Field(20.0, ge=0, le=100, description="never darker, whatever is asked")
    slew_percent_s: float = Field(15.0, gt=0, le=50, description="never changes faster")
    event_s: float = Field(60.0, ge=5, le=3600, description="so long for an event that tells no end")
    maximum_s: float = Field(300.0, ge=5, le=3600, description="then normal, whatever goes on")
    rest_s: float = Field(60.0, ge=0, le=3600, description="so long normal after that")
    watchdog_s: float = Field(5.0, ge=2, le=60, description="normal after so long without a sign of life")
    unconfirmed: bool = Field(False, description="act on events that nothing confirms yet")

    def level(self, scene: LampScene) -> float:
        """Return the light of a scene, percent."""
        levels = {
            LampScene.NORMAL: self.normal_percent,
            LampScene.CALM: self.calm_percent,
            LampScene.BRIGHT: self.bright_percent,
            LampScene.GUIDE: self.guide_percent,
        }
        return max(levels[scene], self.lowest_percent)


@dataclass
class Dimmer:
    """The light, percent of full: how fast it may change and how often turn.

    Attributes:
        level: now.
    """

    lowest: float
    slew_percent_s: float
    level: float
    _now_ns: int | None = None
    _direction: int = 0
    _turned_ns: int = 0

    def move(self, target: float, now_ns: int) -> float:
        """Return the level at `now_ns` on the way to a target; a clock that goes back stands still."""
        before_ns, self._now_ns = self._now_ns, max(now_ns, self._now_ns or now_ns)
        passed_s = 0.0 if before_ns is None else (self._now_ns - before_ns) / NS_PER_S
        wanted = min(100.0, max(self.lowest, target))
        if wanted == self.level or not self._may_turn(1 if wanted > self.level else -1):
            return self.level
        step = self.slew_percent_s * min(passed_s, _LONGEST_STEP_S)
        reached = abs(wanted - self.level) <= step
        self.level = wanted if reached else self.level + self._direction * step
        return self.level

    def _may_turn(self, direction: int) -> bool:
        assert self._now_ns is not None
        if direction == self._direction:
            return True
        if self._direction and self._now_ns - self._turned_ns < TURN_S * NS_PER_S:
            return False
        self._direction, self._turned_ns = direction, self._now_ns
        return True


@dataclass(frozen=True, slots=True)
class _Wish:
    scene: LampScene
    cause: Cause
    until_ns: int


@dataclass
class Scenes:
    """Which scene it is, of those that events and the centre ask for, within the limits of the section."""

    config: LampSection
    scene: LampScene = LampScene.NORMAL
    cause: Cause = Cause.ENDED
    _asked: Mapping[str, LampScene] = field(default_factory=dict)
    _wishes: dict[str, _Wish] = field(default_factory=dict)
    _override: bool = False
    _changed_ns: int | None = None
    _since_ns: int = 0
    _rest_until_ns: int | None = None

    def obey(self, city: City) -> None:
        """Take which event asks for which scene."""
        self._asked = city.scenes
        self._wishes = {
            kind: wish
            for kind, wish in self._wishes.items()
            if kind == SceneCommand.kind or kind in self._asked
        }

    def notice(self, finding: Event | Observation, now: CaptureTime) -> None:
        """Take what may ask for a scene."""
        if isinstance(finding, Contact):
            if finding.role is Role.LAMP_OVERRIDE:
                self._override = finding.state is ContactState.ACTIVE
        elif isinstance(finding, SceneCommand):
            until_ns = now.monotonic_ns + round(min(finding.duration_s, self.config.maximum_s) * NS_PER_S)
            self._wishes[finding.kind] = _Wish(finding.scene, Cause.COMMAND, until_ns)
        elif isinstance(finding, Event) and finding.kind in self._asked:
            self._ask(finding, now.monotonic_ns)

    def step(self, now_ns: int, heard_ns: int) -> bool:
        """Choose the scene; return whether it has changed."""
        scene, cause = self._choice(now_ns, heard_ns)
        lost = cause is Cause.CONTROL_LOST
        settled = self._changed_ns is None or now_ns - self._changed_ns >= _DWELL_S * NS_PER_S
        if scene is self.scene or not (settled or lost):
            return False
        self._become(scene, cause, now_ns)
        return True

    def release(self, now_ns: int) -> bool:
        """Be normal at once; return whether that is a change."""
        self._wishes.clear()
        changed = self.scene is not LampScene.NORMAL
        if changed:
            self._become(LampScene.NORMAL, Cause.STOPPED, now_ns)
        return changed

    def _become(self, scene: LampScene, cause: Cause, now_ns: int) -> None:
        if self.scene is LampScene.NORMAL:
            self._since_ns = now_ns
        self.scene, self.cause, self._changed_ns = scene, cause, now_ns

    def _ask(self, event: Event, now_ns: int) -> None:
        stage = getattr(event, "stage", None)
        if stage is Stage.END:
            self._wishes.pop(event.kind, None)
        elif event.confirmed or self.config.unconfirmed:
            lasts_s = self.config.event_s if stage is None else self.config.maximum_s
            until_ns = now_ns + round(min(lasts_s, self.config.maximum_s) * NS_PER_S)
            self._wishes[event.kind] = _Wish(self._asked[event.kind], Cause.EVENT, until_ns)

    def _choice(self, now_ns: int, heard_ns: int) -> tuple[LampScene, Cause]:
        self._wishes = {kind: wish for kind, wish in self._wishes.items() if wish.until_ns > now_ns}
        if now_ns - heard_ns > self.config.watchdog_s * NS_PER_S:
            self._wishes.clear()
            return LampScene.NORMAL, Cause.CONTROL_LOST
        if self._override:
            return LampScene.NORMAL, Cause.OVERRIDE
        if self._is_resting(now_ns):
            return LampScene.NORMAL, Cause.MAXIMUM
        command = self._wishes.get(SceneCommand.kind)
        wishes = [command] if command else list(self._wishes.values())
        wish = min(wishes, key=lambda one: _rank(one.scene), default=None)
        return (LampScene.NORMAL, Cause.ENDED) if wish is None else (wish.scene, wish.cause)

    def _is_resting(self, now_ns: int) -> bool:
        lasted = self.scene is not LampScene.NORMAL and (
            now_ns - self._since_ns >= self.config.maximum_s * NS_PER_S
        )
        if lasted:
            self._rest_until_ns = now_ns + round(self.config.rest_s * NS_PER_S)
            self._wishes.clear()
        return lasted or (self._rest_until_ns is not None and now_ns < self._rest_until_ns)


def _rank(scene: LampScene) -> int:
    return _RANK.index(scene) if scene in _RANK else len(_RANK)


class Output(Protocol):
    """A device that makes light."""

    def open(self) -> None:
        """Open it. Raises ActuatorError."""
        ...

    def write(self, percent: float) -> None:
        """Set the light, percent of full. Raises ActuatorError."""
        ...

    def close(self) -> None:
        """Close it; never raises."""
        ...


class Lamp:
    """A lamp whose light this lamppost sets itself."""

    def __init__(self, config: LampSection, source: SourceId, output: Output) -> None:
        self._config = config
        self._source = source
        self._output = output
        self._scenes = Scenes(config)
        normal = config.level(LampScene.NORMAL)
        self._dimmer = Dimmer(config.lowest_percent, config.slew_percent_s, normal)
        self._written: tuple[float, int] | None = None
        self._failed: Reason | None = None
        self._retry_ns: int | None = None
        self._open = False

    def obey(self, city: City) -> None:
        """Take which event asks for which scene."""
        self._scenes.obey(city)

    def notice(self, finding: Event | Observation, now: CaptureTime) -> None:
        """Take what may ask for a scene."""
        self._scenes.notice(finding, now)

    def step(self, now: CaptureTime, heard_ns: int) -> Iterator[Observation]:
        """Choose the scene, and go a step towards its light."""
        if self._scenes.step(now.monotonic_ns, heard_ns):
            yield self._action(now)
        yield from self._shine(now)

    def release(self, now: CaptureTime) -> Iterator[Observation]:
        """Go a step towards normal."""
        if self._scenes.release(now.monotonic_ns):
            yield self._action(now)
        yield from self._shine(now)

    @property
    def at_rest(self) -> bool:
        """Whether it shines as when nothing happens, or cannot be reached."""
        return self._dimmer.level == self._config.level(LampScene.NORMAL) or self._failed is not None

    def close(self) -> None:
        """Close the device, at the light that it has."""
        self._output.close()

    def check(self) -> Check:
        """Set the normal light once."""
        what = f"lamp {self._source.name}"
        try:
            self._output.open()
            self._output.write(self._config.level(LampScene.NORMAL))
        except ActuatorError as error:
            found, _, advice = str(error).partition("; ")
            return Check(what, ok=False, detail=found, advice=advice)
        finally:
            self._output.close()
        return Check(what, ok=True, detail=f"set to {self._config.level(LampScene.NORMAL):g} %")

    def _shine(self, now: CaptureTime) -> Iterator[Observation]:
        level = self._dimmer.move(self._config.level(self._scenes.scene), now.monotonic_ns)
        if self._retry_ns is not None and now.monotonic_ns < self._retry_ns:
            return
        if self._written is not None and self._written[0] == level and not self._is_stale(now):
            return
        try:
            if not self._open:
                self._output.open()
                self._open = True
            self._output.write(level)
        except ActuatorError as error:
            yield from self._fail(now, error)
        else:
            self._written, self._retry_ns = (level, now.monotonic_ns), None
            yield from self._recover(now)

    def _is_stale(self, now: CaptureTime) -> bool:
        assert self._written is not None
        return now.monotonic_ns - self._written[1] >= _REFRESH_S * NS_PER_S

    def _fail(self, now: CaptureTime, error: ActuatorError) -> Iterator[Health]:
        self._output.close()
        self._open = False
        self._retry_ns = now.monotonic_ns + round(_REOPEN_S * NS_PER_S)
        if self._failed is not error.reason:
            self._failed = error.reason
            yield self._health(now, Status.FAILED, error.reason, str(error))

    def _recover(self, now: CaptureTime) -> Iterator[Health]:
        if self._failed is not None:
            self._failed = None
            yield self._health(now, Status.OK, Reason.RECOVERED, "shines again")

    def _health(self, now: CaptureTime, status: Status, reason: Reason, detail: str) -> Health:
        return Health(
            source=self._source,
            time=now,
            component=self._source.component,
            status=status,
            reason=reason,
            detail=f"{self._source.name}: {detail}",
        )

    def _action(self, now: CaptureTime) -> LampAction:
        return LampAction(
            source=self._source,
            time=now,
            scene=self._scenes.scene,
            level_percent=self._config.level(self._scenes.scene),
            cause=self._scenes.cause,
        )
