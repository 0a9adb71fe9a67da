"""The contract: how the lamppost itself is."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.domain.commands import HIGHEST_NUMBER, Action, Outcome, Refusal
from edge.domain.health import Component, Reason, Status
from edge.domain.report_base import Count, Priority, Quantity, SensorReport


class HealthReport(SensorReport):
    """How one component of the lamppost is."""

    priority: ClassVar[Priority] = Priority.HEALTH

    kind: Literal["health"] = "health"
    component: Component
    status: Status
    reason: Reason
    count: Count


class CommandReport(SensorReport):
    """What became of a command from the centre; `number` 0 counts messages that nobody known signed."""

    priority: ClassVar[Priority] = Priority.HEALTH
    per_minute: ClassVar[int] = 30

    kind: Literal["command"] = "command"
    number: Annotated[int, Field(ge=0, le=HIGHEST_NUMBER), Quantity("1", 1)]
    action: Action | None
    outcome: Outcome
    reason: Refusal
    count: Count


class NodeState(BaseModel):
    """The retained state of a node: birth, heartbeat and will. Made by the publisher; holds no observation.

    Attributes:
        online: false in the will and on a clean stop.
        expires_s: a subscriber that has heard nothing for so long takes the node for gone.
        pending: reports waiting in the outbox.
        bytes_today: sent since midnight UTC, what the network adds included.
        evicted: reports dropped from a full outbox, ever.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    online: bool
    time: datetime
    expires_s: Annotated[int, Field(ge=1, le=86_400)]
    pending: Annotated[int, Field(ge=0)] = 0
    delivered: Annotated[int, Field(ge=0)] = 0
    evicted: Annotated[int, Field(ge=0)] = 0
    bytes_today: Annotated[int, Field(ge=0)] = 0
