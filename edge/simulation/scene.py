"""A simulated camera: people-sized blocks that walk across a still street, from a seed.

The truth: `walkers` rectangles, each a fifth of the picture's height tall (less when there are many), always
in the picture once they have appeared; they cover `occupied_share()` of it.
"""

from collections.abc import Iterator
from types import TracebackType
from typing import Literal, Self

import numpy as np
from pydantic import Field

from edge.domain.frames import Frame, Image, VideoFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.stages import Check, SourceSection
from edge.domain.time import Clock, seconds_between

COMPONENT = Component.CAMERA

_WALKER = 0.2
_SLIM = 0.35
_SPEED_S = 0.05


class Config(SourceSection):
    """How large, how often, how many walkers, for how long."""

    width: int = Field(768, ge=64, le=4096)
    height: int = Field(576, ge=64, le=4096)
    rate_hz: float = Field(5.0, gt=0, le=60)
    walkers: int = Field(4, ge=0, le=50)
    appear_s: float = Field(10.0, ge=0, description="the street is empty until then")
    duration_s: float = Field(60.0, gt=0)
    seed: int = 0
    pace: Literal["real_time", "max"] = "real_time"


class SimulatedScene:
    """The scene, picture by picture."""

    live = False

    def __init__(self, config: Config, source: SourceId, clock: Clock) -> None:
        self._config = config
        self._source = source
        self._clock = clock
        rng = np.random.default_rng(config.seed)
        texture = rng.integers(70, 180, (config.height // 8 + 1, config.width // 8 + 1, 3), np.uint8)
        self._street = texture.repeat(8, axis=0).repeat(8, axis=1)[: config.height, : config.width].copy()
        # Each walker has a row of its own, so that the occupied share is known.
        self._phases = rng.random(config.walkers)

    def __enter__(self) -> Self:
        """Begin now."""
        self._start = self._clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield pictures until `duration_s`."""
        for number in range(round(self._config.duration_s * self._config.rate_hz)):
            at_s = number / self._config.rate_hz
            time = self._start.shifted(at_s)
            if self._config.pace == "real_time":
                self._clock.sleep(seconds_between(self._clock.now(), time))
            yield VideoFrame(self._source, time, self._picture(at_s))

    def occupied_share(self) -> float:
        """Return the truth: the share of the picture that the walkers cover once they have appeared."""
        height, width = self._walker()
        return self._config.walkers * height * width / (self._config.height * self._config.width)

    def check(self) -> Check:
        """A simulation always works."""
        return Check(f"simulation {self._source.name}", ok=True, detail=f"{self._config.walkers} walkers")

    def _walker(self) -> tuple[int, int]:
        tall = min(_WALKER, 1 / max(self._config.walkers, 1))
        height = int(self._config.height * tall)
        return height, int(height * _SLIM)

    def _picture(self, at_s: float) -> Image:
        picture: Image = self._street.copy()
        if at_s < self._config.appear_s:
            return picture
        height, width = self._walker()
        for row, phase in enumerate(self._phases):
            across = (phase + at_s * _SPEED_S) % 1.0
            left = int(across * (self._config.width - width))
            top = row * self._config.height // self._config.walkers
            picture[top : top + height, left : left + width] = (20, 20, 220)
        return picture


def build(config: Config, source: SourceId, clock: Clock) -> SimulatedScene:
    """Return the source."""
    return SimulatedScene(config, source, clock)
