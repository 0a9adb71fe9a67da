"""A lamp of the city's lighting system, asked over MQTT.

Anything this lamppost says to another machine goes through the gate and the outbox, so this actuator has no
device: it observes a request (`lamp_request`), which is published like every report, on
`lp/v1/{city}/{node}/event/lamp_request`. A request names the scene, the level, the fade and, as a lighting
system of the TALQ kind expects of an override, when it expires: it is repeated while it holds, and when this
lamppost falls silent the lighting system returns to its own programme.
"""

from collections.abc import Iterator

from pydantic import Field

from edge.actuators.lamp import LampSection, Scenes
from edge.domain.actuator import LampRequest
from edge.domain.check import Check
from edge.domain.city import City, LampScene
from edge.domain.events import Event
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.observations import Observation
from edge.domain.time import NS_PER_S, CaptureTime

COMPONENT = Component.LAMP


class Config(LampSection):
    """Settings of `[actuators.mqtt_lamp]`."""

    expires_s: float = Field(
        60.0, ge=10, le=600, description="a request holds so long; repeated at half of it"
    )


class RequestedLamp:
    """Asks for scenes; the lighting system fades, this asks for no faster a fade than a lamp may do."""

    def __init__(self, config: Config, source: SourceId) -> None:
        self._config = config
        self._source = source
        self._scenes = Scenes(config)
        self._asked_ns = 0

    def obey(self, city: City) -> None:
        """Take which event asks for which scene."""
        self._scenes.obey(city)

    def notice(self, finding: Event | Observation, now: CaptureTime) -> None:
        """Take what may ask for a scene."""
        self._scenes.notice(finding, now)

    def step(self, now: CaptureTime, heard_ns: int) -> Iterator[LampRequest]:
        """Ask for a scene when it changes, and again while it is not normal."""
        before = self._scenes.scene
        changed = self._scenes.step(now.monotonic_ns, heard_ns)
        if changed or (before is not LampScene.NORMAL and self._is_due(now)):
            yield self._request(now, before)

    def release(self, now: CaptureTime) -> Iterator[LampRequest]:
        """Ask for normal."""
        before = self._scenes.scene
        if self._scenes.release(now.monotonic_ns):
            yield self._request(now, before)

    @property
    def at_rest(self) -> bool:
        """Whether normal was asked for last."""
        return self._scenes.scene is LampScene.NORMAL

    def close(self) -> None:
        """There is no device."""

    def check(self) -> Check:
        """There is no device: the broker is checked with the publisher."""
        return Check(f"lamp {self._source.name}", ok=True, detail="asked over MQTT")

    def _is_due(self, now: CaptureTime) -> bool:
        return now.monotonic_ns - self._asked_ns >= self._config.expires_s / 2 * NS_PER_S

    def _request(self, now: CaptureTime, before: LampScene) -> LampRequest:
        self._asked_ns = now.monotonic_ns
        scene, level = self._scenes.scene, self._config.level(self._scenes.scene)
        return LampRequest(
            source=self._source,
            time=now,
            scene=scene,
            level_percent=level,
            fade_s=abs(level - self._config.level(before)) / self._config.slew_percent_s,
            expires_s=self._config.expires_s,
            cause=self._scenes.cause,
        )


def build(config: Config, source: SourceId) -> RequestedLamp:
    """Return the actuator."""
    return RequestedLamp(config, source)
