"""The protocols of the stages of the one road: source, detector, rule.

A module `edge/<layer>/<name>.py` holds a `Config` (a `Section`) and a `build`; the section `[<layer>.<name>]`
of the settings loads it. Nothing else is edited to add one.

    sources, replay, simulation:  build(config, source: SourceId, clock: Clock) -> Source
                                  and COMPONENT: Component, what kind of sensor it is
    detectors:                    build(config) -> Detector
                                  and FRAME: the class of frame it reads
    actuators:                    see edge.domain.actuator
    fusion:                       build(config) -> Rule
                                  with an `obey` (edge.domain.city.Obedient) it is told the city's policy
    detectors, fusion, if needed: misfits(config, sources: Mapping[str, Section]) -> Iterable[str],
                                  what is wrong beside these sources (sections by name), for a person;
                                  and needs(config) -> Iterable[tuple[str, ...]], sections without any of
                                  which it would hear nothing
"""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from edge.domain.check import Check
from edge.domain.complaint import Complaint
from edge.domain.frames import Frame
from edge.domain.health import Reason
from edge.domain.observations import Observation
from edge.domain.rule import Rule
from edge.domain.sections import SETTINGS_FOLDER, DetectorSection, LocalPath, Section, SourceSection

__all__ = [
    "SETTINGS_FOLDER",
    "Attentive",
    "Check",
    "Detector",
    "DetectorSection",
    "LocalPath",
    "Punctual",
    "Rule",
    "Section",
    "Source",
    "SourceError",
    "SourceSection",
]


class SourceError(Complaint):
    """A source cannot go on. The message says what is wrong, where, and what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Source(Protocol):
    """A device or a recording as a blocking, context-managed iterator of frames.

    Iterating blocks at most about half a second: when nothing came, it yields `Idle`, so that its lane can be
    stopped without a second thread. Trouble it survives is a `Fault` in band; what it does not survive is a
    `SourceError`, after which the lane may enter it again. A source creates no thread.

    Attributes:
        live: frames come at their own pace and cannot be asked for again, so overload sheds.
            A recording waits instead.
    """

    live: bool

    def __enter__(self) -> Self:
        """Open the device. Raises SourceError."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the device."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames in order of capture time; ends only at the end of a recording."""
        ...

    def check(self) -> Check:
        """Try the device briefly, while the daemon is not running."""
        ...


@runtime_checkable
class Attentive(Protocol):
    """A detector that is also told what the other detectors of its lane observed, as soon as they did."""

    def notice(self, observation: Observation) -> None:
        """Take one observation of another detector of the same lane."""
        ...


@runtime_checkable
class Punctual(Protocol):
    """A detector that is told how far its lane is behind, so that it can leave work out."""

    def late(self, behind_s: float) -> None:
        """Take the age of the end of the next frame, seconds; 0 of a recording, which waits."""
        ...


class Detector(Protocol):
    """Turns frames of one source into observations. One instance per lane, so it needs no lock."""

    def accept(self, frame: Frame) -> Iterable[Observation]:
        """Take one frame of the class named by the module's `FRAME`."""
        ...

    def finish(self) -> Iterable[Observation]:
        """The source ended: give what an unfinished interval holds, with its true duration."""
        ...
