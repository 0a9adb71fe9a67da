"""Observations of digital inputs: buttons, doors, tamper contacts, presence."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edge.domain.observations import Observation


class Role(StrEnum):
    """What a contact is for."""

    HELP_BUTTON = "help_button"
    CABINET_DOOR = "cabinet_door"
    TAMPER = "tamper"
    PRESENCE = "presence"


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
