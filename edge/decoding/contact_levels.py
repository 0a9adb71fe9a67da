"""From the levels of a contact's inputs to its states: debounced, supervised, stuck, chattering.

One code path for wired, recorded and simulated contacts; time is an argument.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from edge.decoding.troubles import Troubles
from edge.domain.contact import ContactSection
from edge.domain.contact_observations import ContactState
from edge.domain.frames import ContactFrame, Frame
from edge.domain.health import Reason
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime, seconds_between

Levels = tuple[bool, ...]
"""Whether each input is closed: one, or the normally open and the normally closed one of a change-over."""

_WIRING_S = 0.5
# A change-over contact is open on both sides while it moves, a slow door hinge for some tenths of a second.
_HEARTBEAT_S = 1.0
_WINDOW_S = 10.0
_MOST_EDGES = 80
# A thumb presses seven times a second; four presses a second for ten seconds is no call for help.
_ADVICE = {
    Reason.CONSTANT: "is it jammed, or held down?",
    Reason.CHATTERING: "check plug, cable and contact; keep the cable away from the mains",
    Reason.WIRING: "check the cable between contact and input",
}


def state_of(levels: Levels, active: str) -> ContactState:
    """Return what the levels mean.

    Args:
        levels: one or two; of two, equal ones cannot be unless a wire is cut or shorted.
        active: `closed` or `open`.
    """
    if len(levels) == 2 and levels[0] == levels[1]:
        return ContactState.SHORTED if levels[0] else ContactState.CUT
    return ContactState.ACTIVE if levels[0] == (active == "closed") else ContactState.INACTIVE


class ContactReader:
    """Turns levels into frames, in order of time."""

    def __init__(self, source: SourceId, section: ContactSection, levels: Levels, start: CaptureTime) -> None:
        """Start.

        Args:
            source: named in every frame.
            section: what the contact is for.
            levels: at the start.
            start: now.
        """
        self._source = source
        self._section = section
        self._levels = levels
        self._changed = start
        self._state: ContactState | None = None
        self._since = self._spoken = start
        self._edges: deque[int] = deque()
        self._troubles = Troubles(source, _ADVICE)

    def take(self, levels: Levels, time: CaptureTime) -> list[Frame]:
        """Take the levels after an edge."""
        frames = self.tick(time)
        if levels != self._levels:
            self._levels, self._changed = levels, time
            self._count_edge(time)
        return frames

    def tick(self, time: CaptureTime) -> list[Frame]:
        """Time passed: a state may have lasted long enough to count."""
        state = state_of(self._levels, self._section.active)
        frames: list[Frame] = []
        if state is not self._state and seconds_between(self._changed, time) >= self._hold_s(state):
            self._state, self._since, self._spoken = state, self._changed, time
            frames.append(ContactFrame(self._source, self._changed, self._section.role, state))
        elif state is self._state and seconds_between(self._spoken, time) >= _HEARTBEAT_S:
            self._spoken = time
            frames.append(ContactFrame(self._source, time, self._section.role, state))
        self._note_lasting(time)
        return [*frames, *self._troubles.due(time)]

    def rest_s(self, time: CaptureTime) -> float:
        """Return how long nothing is due unless an edge comes."""
        state = state_of(self._levels, self._section.active)
        if state is self._state:
            return max(0.0, _HEARTBEAT_S - seconds_between(self._spoken, time))
        return max(0.0, self._hold_s(state) - seconds_between(self._changed, time))

    def end(self, time: CaptureTime) -> list[Frame]:
        """The recording ended: tell what was held back."""
        return list(self._troubles.due(time, all_of_them=True))

    def _hold_s(self, state: ContactState) -> float:
        wrong = state in {ContactState.CUT, ContactState.SHORTED}
        return max(_WIRING_S, self._section.debounce_s) if wrong else self._section.debounce_s

    def _count_edge(self, time: CaptureTime) -> None:
        self._edges.append(time.monotonic_ns)
        while self._edges[0] < time.monotonic_ns - _WINDOW_S * NS_PER_S:
            self._edges.popleft()
        if len(self._edges) > _MOST_EDGES:
            self._edges.popleft()
            detail = f"{self._section.role}: more than {_MOST_EDGES} edges within {_WINDOW_S:.0f} s"
            self._troubles.note(Reason.CHATTERING, detail)

    def _note_lasting(self, time: CaptureTime) -> None:
        lasted_s, limit_s = seconds_between(self._since, time), self._section.stuck_s
        if self._state in {ContactState.CUT, ContactState.SHORTED}:
            detail = f"{self._section.role}: its wire is {self._state}"
            self._troubles.lasts(Reason.WIRING, time, detail)
        elif self._state is ContactState.ACTIVE and limit_s is not None and lasted_s >= limit_s:
            self._troubles.lasts(Reason.CONSTANT, time, f"{self._section.role}: active for {lasted_s:.0f} s")


def played(
    source: SourceId,
    section: ContactSection,
    start: CaptureTime,
    edges: Iterable[tuple[float, Levels]],
    end_s: float,
) -> Iterator[tuple[float, list[Frame]]]:
    """Yield the frames of edges that are known beforehand, each step with its time since the start.

    Args:
        source: named in every frame.
        section: what the contact is for.
        start: time of 0 s.
        edges: seconds and levels, in order of time; the first gives the levels at the start.
        end_s: the last edge lasts until then.
    """
    reader: ContactReader | None = None
    levels: Levels = ()
    at_s = 0.0
    for next_s, next_levels in (*edges, (end_s, None)):
        while reader is not None and (due_s := at_s + reader.rest_s(start.shifted(at_s))) < next_s:
            at_s = due_s
            yield at_s, reader.tick(start.shifted(at_s))
        at_s = max(at_s, next_s)
        levels = levels if next_levels is None else next_levels
        if reader is None and next_levels is not None:
            reader = ContactReader(source, section, levels, start.shifted(at_s))
        if reader is not None:
            yield at_s, reader.take(levels, start.shifted(at_s))
    if reader is not None:
        yield at_s, reader.end(start.shifted(at_s))
