"""Changes of a contact, and for which share of an interval a presence sensor saw somebody."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import Field

from edge.domain.contact_observations import Contact, ContactState, Presence, PresenceContact, Role
from edge.domain.frames import ContactFrame, Frame
from edge.domain.health import Absence
from edge.domain.observations import Observation
from edge.domain.stages import DetectorSection
from edge.domain.time import CaptureTime, seconds_between

FRAME = ContactFrame

_LONGEST_STEP_S = 5.0
"""A contact that says nothing for longer was not heard: the time between is nobody's."""

_LEAST_HEARD_SHARE = 0.75
"""Of an interval; a share of less would be a guess, and of seconds that of one person."""


class Config(DetectorSection):
    """Over how long presence is averaged."""

    interval_s: float = Field(
        900.0, ge=300, le=3600, description="presence is told as a share of this; shorter would follow people"
    )


@dataclass
class _Interval:
    """What a presence sensor said since `start`: seconds heard, and of those with somebody near."""

    start: CaptureTime
    heard_s: float = 0.0
    present_s: float = 0.0


class ContactChanges:
    """Tells each change of one contact; of a presence sensor also shares."""

    def __init__(self, config: Config) -> None:
        self._interval_s = config.interval_s
        self._last: ContactFrame | None = None
        self._since: CaptureTime | None = None
        self._open: _Interval | None = None

    def accept(self, frame: Frame) -> Iterable[Observation]:
        """Take how the contact is."""
        if not isinstance(frame, ContactFrame):
            return
        if frame.role is Role.PRESENCE:
            yield from self._share(frame)
        if self._last is None or frame.state is not self._last.state:
            yield self._change(frame)
            self._since = frame.time
        self._last = frame

    def finish(self) -> Iterable[Observation]:
        """Nothing: a share of less than an interval would follow people."""
        return ()

    def _change(self, frame: ContactFrame) -> Contact:
        kind = PresenceContact if frame.role is Role.PRESENCE else Contact
        previous_s = None if self._since is None else seconds_between(self._since, frame.time)
        return kind(
            source=frame.source, time=frame.time, role=frame.role, state=frame.state, previous_s=previous_s
        )

    def _share(self, frame: ContactFrame) -> Iterator[Presence]:
        before, self._open = self._last, self._open or _Interval(frame.time)
        if before is not None:
            self._count(before, frame)
        if seconds_between(self._open.start, frame.time) < self._interval_s:
            return
        share, absence = self._outcome(self._open)
        yield Presence(
            source=frame.source,
            time=self._open.start,
            duration_s=self._interval_s,
            present_share=share,
            absence=absence,
        )
        self._open = _Interval(frame.time)

    def _outcome(self, interval: _Interval) -> tuple[float | None, Absence | None]:
        """Return the share, or why there is none."""
        if not interval.heard_s:
            return None, Absence.SENSOR_FAULT
        if interval.heard_s < _LEAST_HEARD_SHARE * self._interval_s:
            return None, Absence.LOW_CAPTURE
        return interval.present_s / interval.heard_s, None

    def _count(self, before: ContactFrame, frame: ContactFrame) -> None:
        assert self._open is not None
        step_s = seconds_between(before.time, frame.time)
        if before.state in {ContactState.ACTIVE, ContactState.INACTIVE} and step_s <= _LONGEST_STEP_S:
            self._open.heard_s += step_s
            self._open.present_s += step_s * (before.state is ContactState.ACTIVE)


def build(config: Config) -> ContactChanges:
    """Return the detector."""
    return ContactChanges(config)
