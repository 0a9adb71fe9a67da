"""A simulated change-over contact from a seed: it is actuated now and then, bounces, and may lose its wire.

The truth: actuated from each `press_times_s()` on for `held_s`; from `cut_s` on its wire is cut.
"""

from collections.abc import Iterator
from types import TracebackType
from typing import Literal, Self

import numpy as np
from pydantic import Field

from edge.decoding.contact_levels import Levels, played
from edge.domain.contact import ContactSection
from edge.domain.frames import Frame, Idle
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.stages import Check
from edge.domain.time import Clock, seconds_between

COMPONENT = Component.CONTACT

_RESTING: Levels = (False, True)
_ACTUATED: Levels = (True, False)
_MOVING: Levels = (False, False)
_BOUNCE_S = 0.002


class Config(ContactSection):
    """How often, how long, how it bounces."""

    presses: int = Field(3, ge=0, le=10_000)
    held_s: float = Field(1.0, gt=0.1, le=3600)
    bounces: int = Field(4, ge=0, le=20, description="of each press and each release")
    cut_s: float | None = Field(None, ge=0, description="when the wire is cut")
    duration_s: float = Field(60.0, gt=0)
    seed: int = 0
    pace: Literal["real_time", "max"] = "real_time"


class SimulatedContact:
    """The contact, edge by edge."""

    live = False

    def __init__(self, config: Config, source: SourceId, clock: Clock) -> None:
        self._config = config
        self._source = source
        self._clock = clock

    def __enter__(self) -> Self:
        """Begin now."""
        self._start = self._clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield states and faults until `duration_s`."""
        edges, end_s = self._edges(), self._config.duration_s
        for at_s, frames in played(self._source, self._config, self._start, edges, end_s):
            time = self._start.shifted(at_s)
            if self._config.pace == "real_time":
                self._clock.sleep(seconds_between(self._clock.now(), time))
            yield from frames or [Idle(self._source, time)]

    def press_times_s(self) -> list[float]:
        """Return the truth: when it is actuated, one press in each equal part of the time."""
        config = self._config
        part_s = config.duration_s / max(config.presses, 1)
        free_s = max(0.0, part_s - 2 * config.held_s)
        shares = np.random.default_rng(config.seed).random(config.presses)
        return [
            float(number * part_s + config.held_s / 2 + share * free_s) for number, share in enumerate(shares)
        ]

    def check(self) -> Check:
        """A simulation always works."""
        return Check(f"simulation {self._source.name}", ok=True, detail=f"{self._config.presses} presses")

    def _edges(self) -> list[tuple[float, Levels]]:
        edges: list[tuple[float, Levels]] = [(0.0, _RESTING)]
        for press_s in self.press_times_s():
            edges += self._moved(press_s, _ACTUATED)
            edges += self._moved(press_s + self._config.held_s, _RESTING)
        cut_s = self._config.cut_s
        if cut_s is None:
            return edges
        return [*(edge for edge in edges if edge[0] < cut_s), (cut_s, _MOVING)]

    def _moved(self, at_s: float, after: Levels) -> Iterator[tuple[float, Levels]]:
        yield at_s, _MOVING
        for bounce in range(self._config.bounces):
            at_s += _BOUNCE_S
            yield at_s, _MOVING if bounce % 2 else after
        yield at_s + _BOUNCE_S, after


def build(config: Config, source: SourceId, clock: Clock) -> SimulatedContact:
    """Return the source."""
    return SimulatedContact(config, source, clock)
