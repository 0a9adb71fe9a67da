"""A lamp that shines nowhere: for demonstrations and tests, with every limit of a real one."""

from collections import deque

from edge.actuators.lamp import Lamp, LampSection
from edge.domain.health import Component
from edge.domain.identity import SourceId

COMPONENT = Component.LAMP

_MOST_LEVELS = 100_000


class Config(LampSection):
    """Settings of `[actuators.simulated_lamp]`."""


class Light:
    """An output that remembers what it was set to.

    Attributes:
        levels: percent, in order; the latest hundred thousand.
    """

    def __init__(self) -> None:
        self.levels: deque[float] = deque(maxlen=_MOST_LEVELS)

    def open(self) -> None:
        """Nothing has to be opened."""

    def write(self, percent: float) -> None:
        """Remember a level."""
        self.levels.append(percent)

    def close(self) -> None:
        """Nothing has to be closed."""


def build(config: Config, source: SourceId) -> Lamp:
    """Return the actuator."""
    return Lamp(config, source, Light())
