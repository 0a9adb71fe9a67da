"""The protocol of a fusion rule; free of frames, as everything after the bridge."""

from collections.abc import Iterable
from typing import Protocol

from edge.domain.events import Event
from edge.domain.observations import Observation


class Rule(Protocol):
    """Turns observations, in order of phenomenon time, into events."""

    def accept(self, observation: Observation) -> Iterable[Event]:
        """Take one observation of any kind."""
        ...
