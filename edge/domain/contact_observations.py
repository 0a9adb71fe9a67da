"""Observations of digital inputs: buttons, doors, tamper contacts, presence."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edge.domain.health import Absence
from edge.domain.observations import Observation


class Role(StrEnum):
    """What a contact is for."""

    HELP_BUTTON = "help_button"
    CABINET_DOOR = "cabinet_door"
    TAMPER = "tamper"
    PRESENCE = "presence"
    LAMP_OVERRIDE = "lamp_override"


class ContactState(StrEnum):
    """How a contact is; `cut` and `shorted` only where its wire is supervised."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    CUT = "cut"
    SHORTED = "shorted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact(Observation):
    """A contact changed to `state`; the first one after the start says how it was found.

    Attributes:
        previous_s: how long the state before it lasted; None at the start.
    """

    kind: ClassVar[str] = "contact"
    role: Role
    state: ContactState
    previous_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceContact(Contact):
    """An edge of a presence sensor: for the rules of this lamppost, never for a report."""

    kind: ClassVar[str] = "presence_contact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence(Observation):
    """For which share of an interval somebody was near.

    Attributes:
        present_share: 0..1 of the time that the sensor was heard; None below three quarters of the interval.
        absence: why it is None.
    """

    kind: ClassVar[str] = "presence"
    duration_s: float
    present_share: float | None
    absence: Absence | None = None
