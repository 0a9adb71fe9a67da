"""From settings to lanes: sources with the detectors that they feed."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.stages import Source
from edge.domain.time import Clock
from edge.runtime.bridge import Bridge
from edge.runtime.lane import Fitted, Lane
from edge.runtime.misfits import feeds
from edge.runtime.settings import SOURCE_LAYERS, Entry, Settings

_JOIN_S = 2.0
"""For lanes that were told to stop and were waited for already, or when the daemon ends on an error."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """A source and the detectors that its frames reach, ready to become a lane."""

    source_id: SourceId
    source: Source
    detectors: tuple[Fitted, ...]


def fit(settings: Settings, clock: Clock) -> list[Fitting]:
    """Build every source and every detector (a new one for each lane), on the calling thread."""
    detectors = settings.of("detectors")
    counted: Counter[Component] = Counter()
    fittings: list[Fitting] = []
    for entry in settings.of(*SOURCE_LAYERS):
        component: Component = entry.module.COMPONENT
        source_id = SourceId(entry.name, counted[component], component)
        counted[component] += 1
        source: Source = entry.module.build(entry.config, source_id, clock)
        fittings.append(Fitting(source_id, source, _fitted(entry, detectors)))
    return fittings


def _fitted(source: Entry, detectors: Sequence[Entry]) -> tuple[Fitted, ...]:
    return tuple(
        Fitted(entry.section, entry.module.FRAME, entry.module.build(entry.config))
        for entry in detectors
        if feeds(source, entry)
    )


@contextmanager
def running(
    fittings: Sequence[Fitting], bridge: Bridge, clock: Clock
) -> Iterator[tuple[list[Lane], threading.Event]]:
    """Start a lane for each fitting; on the way out stop and join them.

    Yields:
        The lanes, and the flag that stops them.
    """
    stop = threading.Event()
    lanes = [
        Lane(
            number,
            fitting.source,
            source_id=fitting.source_id,
            detectors=fitting.detectors,
            bridge=bridge,
            clock=clock,
            stop=stop,
        )
        for number, fitting in enumerate(fittings)
    ]
    for lane in lanes:
        lane.start()
    try:
        yield lanes, stop
    finally:
        stop.set()
        bridge.abandon()
        deadline_s = time.monotonic() + _JOIN_S
        for lane in lanes:
            lane.join(max(0.0, deadline_s - time.monotonic()))
