"""The protocol of a fusion rule; free of frames, as everything after the bridge."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from edge.domain.events import Event
from edge.domain.observations import Observation


class Rule(Protocol):
    """Turns observations, in order of phenomenon time, into events, and into observations that follow.

    What follows (the mean of an hour, a corrected value) is told to every rule like the observations of
    detectors; a rule does not answer its own.
    """

    def accept(self, observation: Observation) -> Iterable[Event | Observation]:
        """Take one observation of any kind."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A rule whose state outlives a restart: small, and nothing but what it made of observations."""

    def remember(self) -> Mapping[str, Any]:
        """Return the state, as JSON can hold it."""
        ...

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take the state of an earlier run. Raises an exception, and stays as it was, if it cannot be."""
        ...
