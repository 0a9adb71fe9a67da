"""A recorded contact: a text file with one edge a line, `seconds,closed` or `seconds,open side,closed side`.

The first line says how the contact was at the start; `#` begins a comment.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from pydantic import Field

from edge.decoding.contact_levels import Levels, played
from edge.decoding.recording import require_file
from edge.domain.contact import ContactSection
from edge.domain.frames import Frame, Idle
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.stages import Check, LocalPath, SourceError
from edge.domain.time import Clock, seconds_between

COMPONENT = Component.CONTACT

_LEVELS = {"0": False, "1": True}
_LONGEST_S = 1e8
_TAIL_S = 1.0


class Config(ContactSection):
    """Which recording, and how it is played."""

    path: LocalPath = Field(description="lines of seconds and levels: 1 closed, 0 open")
    pace: Literal["real_time", "max"] = Field("real_time", description="max: as fast as it is taken")


class RecordedContact:
    """The recording. It starts, for its own frames, when it is entered."""

    live = False

    def __init__(self, config: Config, source: SourceId, clock: Clock) -> None:
        self._config = config
        self._source = source
        self._clock = clock
        self._edges: list[tuple[float, Levels]] = []

    def __enter__(self) -> Self:
        """Read the file. Raises SourceError."""
        self._edges = read_edges(self._config.path)
        self._start = self._clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept open."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield states and faults until a second after the last edge."""
        end_s = self._edges[-1][0] + _TAIL_S
        for at_s, frames in played(self._source, self._config, self._start, self._edges, end_s):
            time = self._start.shifted(at_s)
            if self._config.pace == "real_time":
                self._clock.sleep(seconds_between(self._clock.now(), time))
            yield from frames or [Idle(self._source, time)]

    def check(self) -> Check:
        """Read the file and count its edges."""
        what = f"recording {self._source.name}"
        try:
            edges = read_edges(self._config.path)
        except SourceError as error:
            return Check(what, False, str(error), "give another file")
        return Check(what, True, f"{self._config.path}: {len(edges) - 1} edges in {edges[-1][0]:g} s")


def read_edges(path: Path) -> list[tuple[float, Levels]]:
    """Return the edges of a recording, in order. Raises SourceError that names the line."""
    require_file(path)
    edges: list[tuple[float, Levels]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        content = line.split("#")[0].strip()
        if not content:
            continue
        if (edge := _edge(content)) is None:
            raise _wrong(path, number, f"'{content[:40]}' is not an edge such as 12.5,1")
        if edges and (edge[0] < edges[-1][0] or len(edge[1]) != len(edges[-1][1])):
            raise _wrong(path, number, "goes back in time, or has another number of levels than before")
        edges.append(edge)
    if not edges:
        raise SourceError(Reason.UNREADABLE, f"{path}: holds no edge; give lines such as 12.5,1")
    return edges


def _edge(content: str) -> tuple[float, Levels] | None:
    first, *rest = (part.strip() for part in content.split(","))
    try:
        at_s = float(first)
    except ValueError:
        return None
    if not 0 <= at_s <= _LONGEST_S or len(rest) not in {1, 2} or not set(rest) <= set(_LEVELS):
        return None
    return at_s, tuple(_LEVELS[level] for level in rest)


def _wrong(path: Path, number: int, what: str) -> SourceError:
    return SourceError(Reason.UNREADABLE, f"{path}: line {number}: {what}; correct it")


def build(config: Config, source: SourceId, clock: Clock) -> RecordedContact:
    """Return the source; the file is read when it is entered."""
    return RecordedContact(config, source, clock)
