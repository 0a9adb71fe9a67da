"""The contract: reports of digital inputs."""

from typing import Annotated, Literal

from pydantic import Field

from edge.domain.contact_observations import ContactState, Role
from edge.domain.health import Absence
from edge.domain.report_base import Duration, EventReport, Quantity, SensorReport

LongDuration = Annotated[float, Field(ge=0, le=1e9), Quantity("s", 1.0)]
CoarseShare = Annotated[float, Field(ge=0, le=1), Quantity("1", 0.1)]


class ContactReport(EventReport, SensorReport):
    """A help button, a cabinet door or a tamper contact changed; after the start: how it was found."""

    kind: Literal["contact"] = "contact"
    role: Literal[Role.HELP_BUTTON, Role.CABINET_DOOR, Role.TAMPER, Role.LAMP_OVERRIDE]
    state: ContactState
    previous_s: LongDuration | None = None


class PresenceReport(SensorReport):
    """For which share of at least five minutes somebody was near, in tenths: nobody's coming and going.

    A sensor that was heard for less than three quarters of it has no share (`low_capture`).
    """

    kind: Literal["presence"] = "presence"
    duration_s: Annotated[Duration, Field(ge=300)]
    present_share: CoarseShare | None = None
    absence: Absence | None = None
