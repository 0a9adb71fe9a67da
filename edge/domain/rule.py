"""The protocols of a fusion rule; free of frames, as everything after the bridge."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from edge.domain.events import Event
from edge.domain.observations import Observation


class Rule(Protocol):
    """Turns observations, in the order in which they became known, into events, and into what follows.

    What follows are observations (the mean of an hour, a corrected value); they are told to every rule
    like those of detectors; a rule does not answer its own.
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


@runtime_checkable
class Timed(Protocol):
    """A rule that concludes something from time passing: above all that a thing is over.

    What it concludes may depend on the moment only, not on how often it is told.
    """

    def elapse(self, now_ns: int) -> Iterable[Event | Observation]:
        """It is `now_ns` (monotonic); told about once a second, and never backwards."""
        ...

    def finish(self) -> Iterable[Event | Observation]:
        """Nothing more will be observed: end what is still open."""
        ...
