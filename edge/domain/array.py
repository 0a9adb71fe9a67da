"""Where the microphones of an array are: what a direction is computed from."""

import math
from itertools import combinations
from typing import Annotated, Self

from pydantic import Field, model_validator

from edge.domain.sections import Section

# Closer, they hear the same; an onset is looked for on all channels within the time sound takes for 1.4 m.
_CLOSEST_M = 0.01
_LONGEST_M = 1.4

Metres = Annotated[float, Field(ge=-_LONGEST_M, le=_LONGEST_M, allow_inf_nan=False)]
Position = tuple[Metres, Metres, Metres]


class MicrophoneArray(Section):
    """`[sources.microphone.array]`: positions, and how the array stands on the lamppost."""

    positions_m: tuple[Position, ...] = Field(
        min_length=2,
        max_length=8,
        description="[x, y, z] of each microphone, metres: y along heading_deg, x to its right, z up",
    )
    channels: tuple[Annotated[int, Field(ge=0, le=7)], ...] = Field(
        (), description="channel of each position, from 0; empty: position i is channel i"
    )
    heading_deg: float = Field(0.0, ge=-360, le=360, description="azimuth of y, clockwise from true north")
    heading_uncertainty_deg: float = Field(
        2.0, ge=0, le=90, description="one standard deviation; a compass beside steel 5, a map or the sun 1"
    )
    position_uncertainty_m: float = Field(
        0.0003, ge=0, le=0.05, description="one standard deviation of each coordinate, metres"
    )
    temperature_c: float = Field(12.0, ge=-40, le=60, description="of the air: sets the speed of sound")
    temperature_uncertainty_c: float = Field(
        8.0, ge=0, le=40, description="one standard deviation over the year, and the day"
    )

    @property
    def used(self) -> tuple[int, ...]:
        """The channel of each position."""
        return self.channels or tuple(range(len(self.positions_m)))

    def misfit(self, channels: int) -> str:
        """Return why this array is not one of a microphone of so many channels; empty when it is."""
        count = len(self.positions_m)
        if not self.channels and count != channels:
            return (
                f"array: {count} positions, but {channels} channels; "
                "give one position for each channel, or say in `channels` which ones they are"
            )
        if max(self.used) >= channels:
            return f"array: there is no channel {max(self.used)}; {channels} channels, the first is 0"
        return ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.channels and len(self.channels) != len(self.positions_m):
            raise ValueError(f"{len(self.positions_m)} positions, but {len(self.channels)} channels for them")
        if len(set(self.used)) != len(self.used):
            raise ValueError("a channel is given twice; each microphone has a channel of its own")
        for (i, one), (j, other) in combinations(enumerate(self.positions_m), 2):
            distance_m = math.dist(one, other)
            if distance_m < _CLOSEST_M:
                raise ValueError(
                    f"microphones {i} and {j} are {1000 * distance_m:.1f} mm apart; "
                    f"give metres, at least {_CLOSEST_M} apart"
                )
            if distance_m > _LONGEST_M:
                raise ValueError(
                    f"microphones {i} and {j} are {distance_m:.2f} m apart; give metres, at most {_LONGEST_M}"
                )
        return self
