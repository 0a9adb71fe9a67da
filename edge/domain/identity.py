"""Who observed: a source on this lamppost."""

from dataclasses import dataclass

from edge.domain.health import Component


@dataclass(frozen=True, slots=True)
class SourceId:
    """A source.

    Attributes:
        name: from the settings; used in logs and by `sources = [...]`, never leaves the lamppost.
        sensor: its position in the settings, counted per component; the only thing a report says of it.
        component: what kind of sensor it is. A recording of a microphone is a microphone.
    """

    name: str
    sensor: int
    component: Component
