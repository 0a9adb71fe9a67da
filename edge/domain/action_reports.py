"""The contract: what the lamppost itself did."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge.domain.actuator import Announcement, Cause
from edge.domain.city import LampScene
from edge.domain.report_base import EventReport, Quantity, SensorReport

Percent = Annotated[float, Field(ge=0, le=100), Quantity("%", 1)]
PlayTime = Annotated[float, Field(ge=0, le=600), Quantity("s", 1)]
PeakLevel = Annotated[float, Field(ge=-120, le=0), Quantity("dB", 1)]


class ActionReport(EventReport, SensorReport):
    """Something the lamppost did; `sensor` is the number of the actuator."""

    per_minute: ClassVar[int] = 30

    cause: Cause


class LampReport(ActionReport):
    """A lamp changed to a scene."""

    kind: Literal["lamp"] = "lamp"
    scene: LampScene
    level_percent: Percent


class LampRequestReport(ActionReport):
    """A request to the lighting system: this scene, by a fade of so long, until it expires."""

    kind: Literal["lamp_request"] = "lamp_request"
    scene: LampScene
    level_percent: Percent
    fade_s: PlayTime
    expires_s: PlayTime


class LoudspeakerReport(ActionReport):
    """The loudspeaker played a chime or a recorded announcement, so loud at its peak, re full scale."""

    kind: Literal["loudspeaker"] = "loudspeaker"
    announcement: Announcement
    duration_s: PlayTime
    peak_db: PeakLevel
