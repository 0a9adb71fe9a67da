"""What every contact's section says, whether it is wired, recorded or simulated."""

from typing import Literal

from pydantic import Field

from edge.domain.contact_observations import Role
from edge.domain.sections import SourceSection


class ContactSection(SourceSection):
    """What a contact is for and when it counts as active."""

    role: Role = Field(description="help_button, cabinet_door, tamper, presence or lamp_override")
    active: Literal["closed", "open"] = Field(
        "closed", description="a door that closes its contact is active when that is open"
    )
    debounce_s: float = Field(0.05, ge=0.001, le=2, description="a state counts once it lasted so long")
    stuck_s: float | None = Field(
        None, gt=0, le=604_800, description="active for so long is a fault; absent: no such limit"
    )
